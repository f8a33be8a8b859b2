"""Findings about the two input files."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from sentences import numbers

from komorebi_qc.core.joining.part import Part
from komorebi_qc.core.media_info import AudioInfo, MediaInfo, VideoInfo
from komorebi_qc.core.timebase import Span
from komorebi_qc.findings.inputs import call_findings, recording_findings

if TYPE_CHECKING:
    from komorebi_qc.core.finding import Finding

CALL = MediaInfo("call.wav", "wav", None, AudioInfo("pcm_s16le", 8000, 2, None, Span(0.0, 60.0)), 0.0, 0, 0.0)
VIDEO = VideoInfo("h264", 1280, 720, 1500, Span(0.0, 75.0), 0, Fraction(1, 1000))
AUDIO = AudioInfo("opus", 48000, 1, 3000, Span(0.02, 74.98))
RECORDING = MediaInfo("agent.mp4", "mp4", VIDEO, AUDIO, 0.0, 0, 0.0)


def of_call(call: MediaInfo) -> dict[str, Finding]:
    """The call's findings by name."""
    return {f.name: f for f in call_findings(call)}


def of_recording(recording: MediaInfo) -> dict[str, Finding]:
    """The recording's findings by name."""
    return {f.name: f for f in recording_findings(recording)}


def test_a_complete_pair_passes() -> None:
    """Both files are whole: every finding passes."""
    assert [(f.name, f.value, f.status) for f in call_findings(CALL)] == [
        ("call_channels", 2, "pass"),
        ("call_audio_missing", 0.0, "pass"),
    ]
    assert [(f.name, f.value, f.status) for f in recording_findings(RECORDING)] == [
        ("recording_missing", 0, "pass"),
        ("recording_length_missing", 0.0, "pass"),
        ("recording_start_pts", 0.0, "pass"),
        ("recording_audio_channels", 1, "pass"),
        ("video_dts_non_monotonic", 0, "pass"),
    ]


@pytest.mark.parametrize(("channels", "said"), [(1, "1 channel."), (3, "3 channels.")])
def test_a_call_without_two_channels(channels: int, said: str) -> None:
    """Customer and agent can't be told apart."""
    audio = AudioInfo("pcm_s16le", 8000, channels, None, Span(0.0, 60.0))
    found = of_call(replace(CALL, audio=audio))["call_channels"]
    assert (found.value, found.status, found.limit) == (channels, "warn", 2)
    assert said in found.text
    none = of_call(replace(CALL, audio=None))["call_channels"]
    assert (none.value, none.status) == (0, "warn")
    assert "0 channels" in none.text


@pytest.mark.parametrize(("missing_s", "status"), [(0.01, "pass"), (0.011, "fail"), (12.3456, "fail"), (None, "pass")])
def test_a_call_that_is_cut_off(missing_s: float | None, status: str) -> None:
    """More than a hundredth of a second fails; the sentence names the file and the seconds."""
    found = of_call(replace(CALL, missing_s=missing_s))["call_audio_missing"]
    assert (found.value, found.status) == (missing_s or 0.0, status)
    assert ("call.wav" in found.text) is (status == "fail")
    if status == "fail":
        assert numbers(found.text) == [f"{missing_s:.3f}"]


@pytest.mark.parametrize(("count", "noun"), [(1, "1 byte is"), (4096, "4096 bytes are")])
def test_missing_bytes(count: int, noun: str) -> None:
    """Any missing byte fails, and the sentence states the file's end."""
    found = of_recording(replace(RECORDING, missing_bytes=count))["recording_missing"]
    assert (found.value, found.status) == (count, "fail")
    assert noun in found.text
    assert "agent.mp4" in found.text
    assert "00:01:15.000" in numbers(found.text)


@pytest.mark.parametrize(("missing_s", "status"), [(0.5, "pass"), (0.501, "fail")])
def test_missing_length(missing_s: float, status: str) -> None:
    """Half a second is rounding, more is lost; without a length in the header nothing is known."""
    found = of_recording(replace(RECORDING, missing_s=missing_s))["recording_length_missing"]
    assert (found.value, found.status, found.limit) == (missing_s, status, 0.5)
    if status == "fail":
        assert numbers(found.text.replace("agent.mp4", "")) == ["00:01:15.000", "0.501"]
    unknown = of_recording(replace(RECORDING, missing_s=None))["recording_length_missing"]
    assert (unknown.value, unknown.status) == ("undetermined", "pass")


def test_the_first_timestamp() -> None:
    """The earliest track's start; the origin where one was subtracted; 0 without tracks."""
    late = replace(RECORDING, video=replace(VIDEO, span=Span(1.5, 75.0)), audio=replace(AUDIO, span=Span(1.25, 75.0)))
    found = of_recording(late)["recording_start_pts"]
    assert (found.value, found.status, found.limit) == (1.25, "warn", 1.0)
    assert numbers(found.text) == ["1.250"]
    assert "later" in found.text
    moved = of_recording(replace(late, origin_s=7200.0))["recording_start_pts"]
    assert (moved.value, moved.status) == (7200.0, "warn")
    assert "later" not in moved.text
    assert of_recording(replace(late, audio=None))["recording_start_pts"].value == 1.5
    assert of_recording(replace(RECORDING, audio=None, video=None))["recording_start_pts"].value == 0.0
    soon = replace(RECORDING, video=replace(VIDEO, span=Span(1.0, 75.0)), audio=None)
    assert of_recording(soon)["recording_start_pts"].status == "pass"


def test_a_recording_without_audio_warns() -> None:
    """A recording without an audio track is a warning."""
    found = of_recording(replace(RECORDING, audio=None))["recording_audio_channels"]
    assert (found.value, found.status, found.limit) == (0, "warn", 1)
    assert "no audio" in found.text


@pytest.mark.parametrize(("count", "words"), [(1, ("1 video packet ", "was", "its")), (3, ("3 video packets", "were"))])
def test_decoding_timestamps_that_run_backwards(count: int, words: tuple[str, ...]) -> None:
    """Any of them warns; a recording without video has no such finding."""
    found = of_recording(replace(RECORDING, video=replace(VIDEO, disordered=count)))["video_dts_non_monotonic"]
    assert (found.value, found.status) == (count, "warn")
    assert all(word in found.text for word in words)
    assert "video_dts_non_monotonic" not in of_recording(replace(RECORDING, video=None))


def test_of_several_files_the_one_that_is_cut_off_is_named() -> None:
    """With its own end on the recording clock."""
    whole = Part("a.webm", 0.0, Span(0.0, 20.0), 20.0, "sound", 0.0001)
    cut = Part("b.webm", 25.0, Span(25.0, 70.0), 70.0, "sound", 0.0001, missing_bytes=100)
    info = MediaInfo("a.webm and 1 more", "webm", VIDEO, None, 0.0, 100, None, (whole, cut))
    found = {finding.name: finding for finding in recording_findings(info)}["recording_missing"]
    assert found.text.startswith("b.webm is cut off: it ends at 00:01:10.000, and at least 100 bytes are missing.")
