"""A quick diagnosis says what a diagnosis says, and what it can't know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from captures import CAPTURES
from made import Shape, recording, wav
from talkers import RATE, place, talk

from komorebi_qc.core.errors import InputError, MediaError
from komorebi_qc.core.timebase import CallEnd, parse_call_end
from komorebi_qc.pipeline.diagnose import diagnose
from komorebi_qc.pipeline.quick import diagnosis
from komorebi_qc.pipeline.quick.diagnosis import LEFT_OUT, OF_A_FILE_WITHOUT_INDEX, QuickDiagnosis, quick_diagnose
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from pathlib import Path

CALL_S, OFFSET_S = 130.0, 2.25
SHAPE = Shape(seconds=CALL_S + 8, fps=1, size=(64, 36), video="libx264", audio="aac")
CLUSTERS = (("cluster_time_limit", "1000"),)


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Connect's file of a conversation."""
    return wav(tmp_path_factory.mktemp("call") / "call.wav", (talk(31, CALL_S) / 32768.0).astype(np.float32))


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """The sound of the recording, at 48 kHz."""
    own = place(talk(31, CALL_S), OFFSET_S) / 32768.0
    at = np.arange(round(SHAPE.seconds * 48_000)) / 48_000 * RATE
    return np.interp(at, np.arange(len(own)), own, right=0.0).astype(np.float32)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, sound: np.ndarray) -> Path:
    """The recording, with an index."""
    return recording(tmp_path_factory.mktemp("own") / "own.mp4", SHAPE, sound)


def quick(call: Path, own: Path, end: CallEnd) -> QuickDiagnosis:
    """A quick diagnosis of two files."""
    with opened_file(call) as ours, opened_file(own) as theirs:
        return quick_diagnose(ours, theirs, end)


def test_a_call_whose_header_has_no_length_is_read_once(call: Path, indexed: Path, tmp_path: Path) -> None:
    """A pipe's WAV is decoded as a whole; the result says that all of it was read."""
    data, piped = bytearray(call.read_bytes()), tmp_path / "piped.wav"
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff" * 4
    piped.write_bytes(data)
    found = quick(piped, indexed, CallEnd(OFFSET_S + CALL_S, 1.0))
    assert found.measured == "pieces"
    assert found.call_read_s == pytest.approx(CALL_S)
    assert len(data) < found.read_bytes < len(data) + indexed.stat().st_size


def test_a_clean_call_is_settled_by_its_pieces(call: Path, indexed: Path) -> None:
    """The place is that of the diagnosis, the JSON has its fields, and says what is left out."""
    end = CallEnd(OFFSET_S + CALL_S, 1.0)
    found = quick(call, indexed, end)
    with opened_file(call) as ours, opened_file(indexed) as theirs:
        whole = diagnose(ours, theirs, end)
    assert found.is_settled
    assert (found.measured, found.doubts) == ("pieces", ())
    assert found.sync.status == whole.sync.status == "aligned"
    assert whole.sync.offset_s is not None
    assert found.sync.offset_s == pytest.approx(whole.sync.offset_s, abs=1e-4)
    assert found.verdict == "pass"
    document, fields = json.loads(json.dumps(found.to_dict())), whole.to_dict()
    assert set(document) == {*fields, "quick"}
    assert set(document["sync"]) == set(fields["sync"])
    assert document["quick"]["left_out"] == list(LEFT_OUT)
    assert any(text.startswith("other places at which the same speech also agrees") for text in LEFT_OUT[3:])
    assert document["suspensions"] is None
    assert document["levels"] == {}
    assert 0 < document["quick"]["recording_read_s"] < 0.5 * CALL_S
    names = {finding["name"] for finding in document["findings"]}
    assert names < {finding["name"] for finding in fields["findings"]}
    assert "unexplained_speech" not in names
    assert "recording_missing" in names


def test_a_file_without_an_index_leaves_out_more(tmp_path: Path, call: Path, sound: np.ndarray) -> None:
    """A browser's WebM isn't read to its end, so nobody counts its packets."""
    shape = Shape(seconds=SHAPE.seconds, fps=1, size=(64, 36), options=CLUSTERS)
    found = quick(call, recording(tmp_path / "own.webm", shape, sound), CallEnd(OFFSET_S + CALL_S, 1.0))
    assert (found.measured, found.sync.status) == ("pieces", "aligned")
    assert found.sync.offset_s == pytest.approx(OFFSET_S, abs=1e-3)
    assert found.left_out[-1] == OF_A_FILE_WITHOUT_INDEX
    assert "recording_missing" not in {finding.name for finding in found.findings}


def test_a_call_with_a_doubt_is_measured_whole(call: Path, indexed: Path) -> None:
    """A wrong call end is settled by all of both files, and the doubt is named."""
    found = quick(call, indexed, CallEnd(OFFSET_S + CALL_S - 25, 1.0))
    assert (found.measured, found.sync.status) == ("whole", "aligned")
    assert found.doubts == ("nothing agrees at the reported call end",)
    assert found.left_out == LEFT_OUT[:3]
    assert found.sync.offset_s == pytest.approx(OFFSET_S, abs=1e-4)


def test_another_call_is_a_wrong_pair(tmp_path: Path, indexed: Path) -> None:
    """As in a diagnosis, and its findings fail."""
    other = wav(tmp_path / "other.wav", (talk(32, CALL_S) / 32768.0).astype(np.float32))
    found = quick(other, indexed, CallEnd(OFFSET_S + CALL_S, 1.0))
    assert (found.measured, found.sync.status, found.verdict) == ("whole", "wrong_pair", "fail")


def test_damage_in_the_middle_leads_to_a_whole_reading(
    call: Path, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole reading goes as far as the file does, and the doubt is named."""

    def broken(*_: object) -> None:
        raise MediaError("a part is damaged")

    monkeypatch.setattr(diagnosis, "settle", broken)
    found = quick(call, indexed, CallEnd(OFFSET_S + CALL_S, 1.0))
    assert (found.measured, found.sync.status) == ("whole", "aligned")
    assert found.doubts == ("a part of the recording can't be read",)


def test_short_captures_are_measured_whole() -> None:
    """Real recordings by Chromium are as exact as in a diagnosis."""
    for capture in CAPTURES.values():
        found = quick(capture.call, capture.recording, parse_call_end(capture.call_end))
        assert found.measured == "whole"
        assert found.sync.offset_s == pytest.approx(capture.offset_s, abs=0.0015)


def test_refused_files(tmp_path: Path, call: Path, indexed: Path) -> None:
    """The same file twice, and a file that isn't media."""
    end = CallEnd(30.0, 1.0)
    with pytest.raises(InputError, match="same file"):
        quick(call, call, end)
    text = tmp_path / "text.webm"
    text.write_text("no media" * 100)
    with pytest.raises(MediaError):
        quick(call, text, end)
    with pytest.raises(MediaError):
        quick(text, indexed, end)
