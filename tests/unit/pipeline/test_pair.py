"""Both sides of a pair, decoded and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.media.packet_timing import measure_timing
from komorebi_qc.media.probe import probe_call, probe_recording
from komorebi_qc.pipeline.pair import (
    ProbedRecording,
    decode_audio,
    measure_levels,
    measure_pair,
    read_recording,
    refuse_same_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from captures import Capture

    from komorebi_qc.core.source import Source


class Cancelled(Exception):  # noqa: N818  a run that was stopped
    """The run was stopped."""


def test_both_passes_over_a_recording_give_the_same(capture: Capture, source: Callable[[Path], Source]) -> None:
    """A file without an index is decoded while it is probed; the audio and timestamps equal those of a second pass."""
    call, own = source(capture.call), source(capture.recording)
    info = probe_call(call)
    probed = read_recording(own)
    once = decode_audio(call, info, own, probed)
    again = decode_audio(call, info, own, ProbedRecording(probe_recording(own)))
    assert probed.info == probe_recording(own)
    assert (probed.audio is None) == (probed.timing is None)
    assert once.timing == again.timing == measure_timing(own)
    assert np.array_equal(once.recording, again.recording)
    assert np.array_equal(once.call[0 : once.call.shape[0]], again.call[0 : again.call.shape[0]])


def test_a_measured_pair_holds_its_audio(sample: Capture, source: Callable[[Path], Source]) -> None:
    """The measurement comes with the audio it was made on, and the copy in memory needs no file."""
    call, own = source(sample.call), source(sample.recording)
    audio = decode_audio(call, probe_call(call), own, read_recording(own))
    pair = measure_pair(audio, CallEnd(sample.call_end_s, 1.0))
    assert pair.result.status == "aligned"
    assert pair.result.offset_s == pytest.approx(sample.offset_s, abs=0.0015)
    assert pair.recording is audio.recording
    held = pair.in_memory()
    assert isinstance(held.call, np.ndarray)
    assert np.array_equal(held.call, audio.call[0 : audio.call.shape[0]])


def test_a_stopped_run_measures_nothing(sample: Capture, source: Callable[[Path], Source]) -> None:
    """The check between two blocks ends decoding and measuring."""

    def stop() -> None:
        raise Cancelled

    call, own = source(sample.call), source(sample.recording)
    audio = decode_audio(call, probe_call(call), own, read_recording(own))
    with pytest.raises(Cancelled):
        measure_pair(audio, CallEnd(sample.call_end_s, 1.0), stop)
    with pytest.raises(Cancelled):
        decode_audio(call, probe_call(call), own, ProbedRecording(probe_recording(own)), stop)


def test_levels_are_of_each_channel(sample: Capture, source: Callable[[Path], Source]) -> None:
    """Customer and agent have a level of their own, and the recording one for its mix."""
    call, own = source(sample.call), source(sample.recording)
    probed = read_recording(own)
    levels = measure_levels(decode_audio(call, probe_call(call), own, probed), probed.info)
    assert levels.has_recording_audio
    tracks = levels.by_track()
    assert tracks == {
        "call": {"customer": levels.customer, "agent": levels.agent},
        "recording": {"mixed": levels.mixed},
    }
    assert levels.customer != levels.agent
    assert all(channel.speech_dbfs is not None for channel in (levels.customer, levels.agent, levels.mixed))


def test_only_equal_files_are_refused(tmp_path: Path, source: Callable[[Path], Source]) -> None:
    """Two files of one size differ if one byte does; equal content under two names is the same file."""
    one, other, equal = (tmp_path / name for name in ("a", "b", "c"))
    content = bytes(3 << 20)
    one.write_bytes(content)
    equal.write_bytes(content)
    other.write_bytes(content[:-1] + b"\1")
    refuse_same_file(source(one), source(other))
    with pytest.raises(InputError, match="the same file"):
        refuse_same_file(source(one), source(equal))
