"""The installed command's audit: its files, its exit codes, and a stop in the middle."""

from __future__ import annotations

import contextlib
import html
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from captures import CAPTURES
from child_process import child_process
from desk import made_notebook, read_json, wrong_call
from jupyter_home import jupyter_environment

if TYPE_CHECKING:
    from collections.abc import Callable

CLI = Path(sys.executable).with_name("komorebi-qc")
SAMPLE = CAPTURES["sample"]
FILES = ("--connect", SAMPLE.call, "--recording", SAMPLE.recording, "--call-end", SAMPLE.call_end)


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Jupyter without this user's home."""
    return jupyter_environment(tmp_path_factory.mktemp("home"))


def audit(environ: dict[str, str], cwd: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [str(CLI), "audit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environ, check=False, timeout=250, cwd=cwd)


def test_an_audit_writes_every_file(environ: dict[str, str], tmp_path: Path) -> None:
    """Report, findings, video and both notebooks, executed and trusted, in a folder below the working directory.

    The steps are the audit's own: it publishes nothing and marks no item.
    """
    done = audit(environ, tmp_path, *FILES, "--out", "here")
    out = tmp_path / "here"
    assert done.returncode == 0, done.stderr
    assert "11/11 run the notebook sync_diagnostics" in done.stderr
    assert "publish" not in done.stderr
    assert "mark" not in done.stderr
    assert "here/report.html" in done.stdout
    status = read_json(out / "status.json")
    assert (status["state"], status["error"]) == ("done", None)
    assert [(one["state"], one["done"] == one["cells"], one["is_signed"]) for one in status["notebooks"]] == [
        ("done", True, True)
    ] * 2
    assert set(status["files"]) == {
        "report.html",
        "qc.json",
        "thumbnail.png",
        "process_recording.ipynb",
        "sync_diagnostics.ipynb",
        "recording.mp4",
    }
    assert all((out / name).is_file() for name in status["files"])
    assert not [path.name for path in out.iterdir() if path.suffix in (".part", ".pickle", ".komorebi-part")]
    document = read_json(out / "qc.json")
    assert document["verdict"] == status["verdict"]
    report = (out / "report.html").read_text()
    assert len(report.encode()) < 1_000_000
    assert html.escape(document["findings"][0]["text"]) in report
    for name in ("process_recording", "sync_diagnostics"):
        assert is_trusted(out / f"{name}.ipynb", environ)
        cells = [cell for cell in read_json(out / f"{name}.ipynb")["cells"] if cell["cell_type"] == "code"]
        assert all(cell["outputs"] and "text/html" in cell["outputs"][-1]["data"] for cell in cells[3:])


def is_trusted(path: Path, environ: dict[str, str]) -> bool:
    """Whether this user's JupyterLab would trust it."""
    code = (
        "import nbformat, sys; from nbformat.sign import NotebookNotary; "
        "sys.exit(not NotebookNotary().check_signature(nbformat.read(sys.argv[1], 4)))"
    )
    return subprocess.run([sys.executable, "-c", code, str(path)], env=environ, check=False).returncode == 0


def test_exit_codes_follow_the_result(environ: dict[str, str], tmp_path: Path) -> None:
    """3 for failed findings, 2 for bad input, in one sentence."""
    good = made_notebook(tmp_path / "good.ipynb", "1 + 1")
    files = ("--connect", wrong_call(tmp_path), "--recording", SAMPLE.recording, "--call-end", SAMPLE.call_end)
    done = audit(environ, tmp_path, *files, "--out", tmp_path / "wrong", "--notebook", good)
    assert done.returncode == 3, done.stdout + done.stderr
    status = read_json(tmp_path / "wrong" / "status.json")
    assert (status["state"], status["verdict"]) == ("done", "fail")
    assert "thumbnail.png" in status["files"]
    (tmp_path / "empty.wav").write_bytes(b"")
    files = ("--connect", tmp_path / "empty.wav", "--recording", SAMPLE.recording, "--call-end", "20")
    done = audit(environ, tmp_path, *files, "--out", tmp_path / "empty", "--json")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]["text"]
    assert read_json(tmp_path / "empty" / "status.json")["error"] == error


def test_a_stopped_audit_leaves_no_kernel(environ: dict[str, str], tmp_path: Path) -> None:
    """After SIGTERM inside a notebook the status isn't `running`, and the kernel is gone."""
    mark = tmp_path / "kernel.pid"
    slow = made_notebook(
        tmp_path / "slow.ipynb",
        f"import os, pathlib; pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))",
        "import time; time.sleep(120)",
    )
    command = [str(CLI), "audit", *map(str, FILES), "--out", str(tmp_path / "out"), "--notebook", str(slow)]
    with child_process(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        wait_for(lambda: mark.is_file() and mark.read_text() != "")
        time.sleep(0.5)
        assert read_json(tmp_path / "out" / "status.json")["state"] == "running"
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) != 0
    status = read_json(tmp_path / "out" / "status.json")
    assert status["state"] in ("stopped", "failed")
    assert status["notebooks"][0]["state"] in ("stopped", "failed")
    wait_for(lambda: not is_alive(int(mark.read_text())))


def wait_for(happened: Callable[[], bool]) -> None:
    """Wait until it happened, at most 60 s."""
    ends = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < ends
        time.sleep(0.1)


def is_alive(pid: int) -> bool:
    """Whether a process still runs; a zombie doesn't."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
