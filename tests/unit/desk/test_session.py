"""A request, and the session that an examination makes of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from desk import sample_session

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.session import SESSION_FILE, AuditRequest, load_session, open_session

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"connect": "a.wav"}, "recording is missing"),
        ({"recording": "a.webm"}, "connect is missing"),
        ({"connect": "a.wav", "recording": "a.webm"}, "call_end is missing"),
        ({"connect": "a.wav", "recording": "a.webm", "call_end": 59}, "it must be a text in quotes"),
        ({"recording_id": "x", "connect": "a.wav"}, "name one or the other"),
        ({"recording_id": "../x", "call_end": "59"}, "recording ID"),
        ({"recording_id": "x", "call_end": "soon"}, "soon"),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(values: dict[str, Any], words: str) -> None:
    """One sentence, before any work."""
    with pytest.raises(InputError, match=words):
        AuditRequest(**values)


def test_an_empty_request_is_the_sample_call() -> None:
    """The origin follows from the named values."""
    assert AuditRequest().origin == "demo"
    assert AuditRequest(recording_id="x", call_end="59").origin == "aws"
    request = AuditRequest("calls/a.wav", "calls/a.webm", call_end="59")
    assert (request.origin, request.name) == ("files", "a.webm")


def test_a_saved_session_reads_back_equal(tmp_path: Path) -> None:
    """Another process gets the same findings and the same audio."""
    session = sample_session()
    session.save(tmp_path / "saved")
    again = load_session(tmp_path / "saved")
    assert again.examined.document == session.examined.document
    assert (again.examined.tracks.agent == session.examined.tracks.agent).all()
    assert again.title == session.title == "recording.mp4"


def test_a_file_that_others_can_write_is_not_read(tmp_path: Path) -> None:
    """A pickle can run code, so folder and file must be private."""
    sample_session().save(tmp_path / "saved")
    (tmp_path / "saved").chmod(0o777)
    with pytest.raises(InputError, match="others can write"):
        load_session(tmp_path / "saved")
    (tmp_path / "saved").chmod(0o700)
    (tmp_path / "saved" / SESSION_FILE).chmod(0o666)
    with pytest.raises(InputError, match="others can write"):
        load_session(tmp_path / "saved")
    with pytest.raises(InputError, match="can't be read"):
        load_session(tmp_path / "nowhere")


def test_a_session_is_read_without_user_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no `os.getuid`."""
    sample_session().save(tmp_path / "saved")
    monkeypatch.delattr(os, "getuid")
    assert load_session(tmp_path / "saved").title == "recording.mp4"


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """The error names the folder for the results."""
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="can't be the folder for the results"):
        open_session(AuditRequest(), tmp_path / "out")
