"""A request, and the session that an examination makes of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from analyses import analysis, as_json, times, turn
from captures import CAPTURES
from desk import sample_session

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.samples import RATE
from komorebi_qc.desk.session import SESSION_FILE, AuditRequest, load_session, open_session

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = CAPTURES["sample"]


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
        ({"recording_id": "x", "call_end": "59", "analysis": "a.json"}, "analysis is named without files"),
        ({"recording_id": "x", "call_end": "59", "redacted": "always"}, "one of ignore, prefer, require"),
        ({"connect": "a", "recording": "b", "call_end": "59", "redacted": "prefer"}, "with a recording_id"),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(values: dict[str, Any], words: str) -> None:
    """One sentence, before any work."""
    with pytest.raises(InputError, match=words):
        AuditRequest(**values)


def test_a_long_text_is_shown_in_part() -> None:
    """A parameter of a notebook may be anything, and its error stays a sentence."""
    with pytest.raises(InputError) as raised:
        AuditRequest(recording_id="r1", redacted="a" * 9000)
    assert len(str(raised.value)) < 200


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


def test_an_analysis_is_examined_with_the_files(tmp_path: Path) -> None:
    """Its redactions are masked in all tracks, apart from the codec's ringing; one that can't be read is an error."""
    path = tmp_path / "analysis.json"
    request = AuditRequest(str(SAMPLE.call), str(SAMPLE.recording), call_end=SAMPLE.call_end, analysis=str(path))
    path.write_bytes(b"{}")
    with pytest.raises(InputError, match="known form"):
        open_session(request, tmp_path / "out")
    path.write_bytes(as_json(analysis(turn(13_000, 17_000, "", times(14_000, 16_000)))))
    examined = open_session(request, tmp_path / "out").examined
    assert [(one.call.start_s, one.call.end_s, one.reason) for one in examined.private] == [(14.0, 16.0, "redacted")]
    (mask,) = examined.masks.output
    first, last = (round(at * RATE) for at in (mask.start_s, mask.end_s))
    for track in (examined.tracks.customer, examined.tracks.recording, examined.tracks.output):
        assert track is not None
        assert abs(track[first + 400 : last - 400]).max() <= (track is examined.tracks.output)
        assert track[:first].max() > 1000
