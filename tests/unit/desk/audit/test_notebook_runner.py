"""Notebooks that fail: the status is right, although papermill's copy isn't."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desk import read_json

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.desk.audit import AuditStatus


def test_a_failing_cell_is_located(failed_audit: tuple[AuditStatus, Path]) -> None:
    """Number, heading, first line and exception of the cell are recorded, in the copy as well."""
    status, out = failed_audit
    bad = status.notebooks[0]
    assert (bad.state, bad.done, bad.cells, bad.kernel_died) == ("failed", 1, 3, False)
    assert bad.failed is not None
    assert (bad.failed.number, bad.failed.heading) == (2, "Part 2")
    assert bad.failed.source.startswith("raise ValueError")
    assert bad.failed.error == "ValueError: <no & such>"
    top = "".join(read_json(out / "bad.ipynb")["cells"][0]["source"])
    assert "ended early" in top
    assert "ValueError" in top


def test_a_killed_kernel_is_a_failure(failed_audit: tuple[AuditStatus, Path]) -> None:
    """Papermill marks every cell as completed after a killed kernel; the status and the copy's top don't."""
    status, out = failed_audit
    killed = status.notebooks[1]
    assert (killed.state, killed.kernel_died, killed.done) == ("failed", True, 1)
    assert killed.failed is not None
    assert (killed.failed.number, killed.failed.heading) == (2, "Part 2")
    assert "the kernel died" in killed.failed.error
    written = read_json(out / "killed.ipynb")
    assert "the kernel died" in "".join(written["cells"][0]["source"])
    states = [cell["metadata"]["papermill"]["status"] for cell in written["cells"] if "papermill" in cell["metadata"]]
    assert "failed" not in states  # so the copy can't be the source of the status


def test_a_notebook_that_exits_is_not_done(failed_audit: tuple[AuditStatus, Path]) -> None:
    """`sys.exit()` is no error to papermill, but cells are missing."""
    exits = failed_audit[0].notebooks[2]
    assert exits.state == "failed"
    assert exits.done < exits.cells


def test_the_next_notebook_still_runs(failed_audit: tuple[AuditStatus, Path]) -> None:
    """A failed notebook doesn't stop the others, and every copy is signed."""
    status, _ = failed_audit
    good = status.notebooks[3]
    assert (good.state, good.done, good.cells, good.failed) == ("done", 1, 1, None)
    assert all(one.is_signed for one in status.notebooks)
