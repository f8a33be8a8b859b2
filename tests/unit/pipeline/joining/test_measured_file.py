"""One of several files, measured against the call by itself."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from captures import CAPTURES, SOFTPHONE
from made import Shape, noise, recording

from komorebi_qc.core.errors import HeldError, WrongPairError
from komorebi_qc.core.source import Source
from komorebi_qc.media.decode_8khz import decode_call_8khz
from komorebi_qc.media.probe import probe_call
from komorebi_qc.pipeline.joining.measured_file import measure_file

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.core.samples import Track

SAMPLE = CAPTURES["sample"]


def source_of(path: Path) -> Source:
    """A file in memory."""
    data = path.read_bytes()
    return Source(path.name, io.BytesIO(data), len(data))


@pytest.fixture(scope="module")
def call() -> Track:
    """The sample's call."""
    source = source_of(SAMPLE.call)
    return decode_call_8khz(source, probe_call(source))


def test_a_file_of_the_call_is_placed_by_its_sound(call: Track) -> None:
    """Without any reported call end: of several files nobody knows whose clock it counts on."""
    found = measure_file(call, source_of(SAMPLE.recording)).measured
    assert found.placed_by == "sound"
    assert found.alignment is not None
    assert found.alignment.offset_s == pytest.approx(SAMPLE.offset_s, abs=1e-3)
    assert found.bound_s < 1e-3


def test_a_file_of_another_call_is_refused(call: Track) -> None:
    """The sentence names the file, and the other files may still be right."""
    other = SOFTPHONE["firefox-pause.webm"].recording
    with pytest.raises(
        WrongPairError, match=r"firefox-pause\.webm and the call audio belong to different calls.*the other"
    ):
        measure_file(call, source_of(other))


def test_a_file_that_may_be_of_another_call_is_held(call: Track) -> None:
    """Two calls may share what a machine says."""
    other = SOFTPHONE["chromium-rtc.webm"].recording
    with pytest.raises(HeldError, match=r"chromium-rtc\.webm may belong to another call"):
        measure_file(call, source_of(other))


def test_a_file_without_speech_has_no_place_of_its_own(call: Track, tmp_path: Path) -> None:
    """Its start time has to place it."""
    silent = recording(tmp_path / "silent.webm", Shape(seconds=5.0), noise(5.0, 48_000) * 0.0)
    found = measure_file(call, source_of(silent)).measured
    assert (found.alignment, found.placed_by, found.started_at) == (None, "start_time", None)
    assert "silent" in found.reason
