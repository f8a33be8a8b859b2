"""The files of an earlier audit in the same folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from aws_fixtures import OUTPUT

from komorebi_qc.desk.audit.earlier import earlier_audit
from komorebi_qc.desk.session import AuditRequest

if TYPE_CHECKING:
    from pathlib import Path

    from aws_fixtures import World

REQUEST = AuditRequest()
STATUS = json.dumps({"state": "done", "notebooks": [{"file": "mine.ipynb"}, {"file": "../other.ipynb"}, {"file": 3}]})
FILES = ("recording.mp4", "agent-recording.webm", "audio/both.m4a", "audio/left_out_1.m4a", "mine.ipynb", "report.html")


def left_files(folder: Path) -> set[str]:
    """The names of all files."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def made(folder: Path, status: str = STATUS) -> Path:
    """A folder with an earlier audit's files, and a file of the user's own."""
    for name in (*FILES, "notes.txt", "status.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(status if name == "status.json" else name)
    (folder.parent / "other.ipynb").write_text("not in the folder")
    return folder


def test_an_audits_own_files_are_removed(tmp_path: Path) -> None:
    """Its notebooks too. Files to keep stay, and files of the user's own."""
    folder = made(tmp_path / "out")
    earlier_audit(str(folder), REQUEST).remove(keep=("report.html",))
    assert left_files(folder) == {"notes.txt", "status.json", "report.html"}
    assert (tmp_path / "other.ipynb").is_file()


@pytest.mark.parametrize("status", ["", "[]", "{}", json.dumps({"state": "done", "notebooks": 3})])
def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, status: str) -> None:
    """Without an audit's status file, a file named recording.mp4 isn't an audit's."""
    folder = made(tmp_path / "out", status)
    before = left_files(folder)
    earlier_audit(str(folder), REQUEST).remove()
    assert left_files(folder) == before


def test_an_input_is_never_removed(tmp_path: Path) -> None:
    """Somebody audits the copy that an earlier audit left."""
    folder = made(tmp_path / "out")
    call, recording = str(folder / "audio" / "both.m4a"), str(folder / "agent-recording.webm")
    earlier_audit(str(folder), AuditRequest(call, recording, call_end="3")).remove()
    assert left_files(folder) == {"audio/both.m4a", "agent-recording.webm", "notes.txt", "status.json"}


def test_a_prefix_on_s3(world: World) -> None:
    """Objects go the same way. A prefix without an audit is left alone."""
    for name in (*FILES, "notes.txt"):
        world.s3.put_object(Bucket=OUTPUT, Key=f"a/{name}", Body=b"")
    earlier_audit(f"s3://{OUTPUT}/a", REQUEST).remove()
    assert len(world.keys(OUTPUT)) == len(FILES) + 1
    world.s3.put_object(Bucket=OUTPUT, Key="a/status.json", Body=STATUS.encode())
    earlier_audit(f"s3://{OUTPUT}/a", REQUEST).remove(keep=("recording.mp4",))
    assert set(world.keys(OUTPUT)) == {"a/notes.txt", "a/status.json", "a/recording.mp4"}


def test_an_analysts_work_stays(tmp_path: Path) -> None:
    """Notes and a correction are there for the next report."""
    folder = made(tmp_path / "out")
    for name in ("notes.json", "correction.json"):
        (folder / name).write_text("{}")
    earlier_audit(str(folder), REQUEST).remove()
    assert left_files(folder) == {"notes.txt", "status.json", "notes.json", "correction.json"}
