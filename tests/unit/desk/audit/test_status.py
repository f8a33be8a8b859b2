"""The status file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from desk import read_json

from komorebi_qc.desk.audit.status import AuditStatus, FailedCell, NotebookStatus

if TYPE_CHECKING:
    from pathlib import Path


def test_a_status_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """A later status replaces the earlier one, and no other file remains."""
    status = AuditStatus(recording="one")
    status.write(tmp_path)
    assert read_json(tmp_path / "status.json")["state"] == "running"
    status.state = "done"
    status.write(tmp_path)
    written = read_json(tmp_path / "status.json")
    assert (written["state"], written["recording"]) == ("done", "one")
    assert written["began_at"] <= written["updated_at"]
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


@pytest.mark.parametrize(
    ("notebook", "sentence"),
    [
        (NotebookStatus("n", "n.ipynb", "waiting"), "n: waiting"),
        (
            NotebookStatus("n", "n.ipynb", "failed", failed=FailedCell(0, "", "", "no kernel")),
            "n: before its first cell: no kernel",
        ),
        (
            NotebookStatus("n", "n.ipynb", "failed", 5, 1, failed=FailedCell(2, "", "f()", "E: why")),
            "n: code cell 2 of 5 (f()): E: why",
        ),
    ],
)
def test_a_failure_is_one_sentence(notebook: NotebookStatus, sentence: str) -> None:
    """The sentence locates the cell."""
    assert notebook.failure_text() == sentence
