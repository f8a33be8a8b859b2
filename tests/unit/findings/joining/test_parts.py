"""Findings about a recording of several files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from komorebi_qc.core.joining.part import Part
from komorebi_qc.core.media_info import AudioInfo, MediaInfo
from komorebi_qc.core.timebase import Alignment, CallEnd, Span
from komorebi_qc.findings.evidence import PairEvidence, Placement
from komorebi_qc.findings.joining.parts import parts_findings, parts_list

if TYPE_CHECKING:
    from komorebi_qc.core.finding import Finding

FIRST = Part("a.webm", 0.0, Span(0.0, 20.0), 20.0, "sound", 0.0001)
SECOND = Part("b.webm", 25.0, Span(25.0, 70.0), 70.0, "sound", 0.0002)


def found(*parts: Part, offset_s: float = 2.0) -> dict[str, Finding]:
    """The findings of a call of a minute in these files."""
    call = MediaInfo("call.wav", "wav", None, AudioInfo("pcm_s16le", 8000, 2, None, Span(0.0, 60.0)), 0.0, 0, 0.0)
    recording = MediaInfo("a.webm and 1 more", "webm", None, None, 0.0, 0, None, tuple(parts))
    placement = Placement(Alignment(offset_s), "measured", None)
    evidence = PairEvidence(call, recording, CallEnd(62.0, 1.0), placement, None, None, None, None)
    return {finding.name: finding for finding in parts_findings(evidence)}


def test_a_recording_of_one_file_has_none_of_them() -> None:
    """The number of its findings is as before."""
    assert found() == {}
    assert parts_list(()) is None


def test_a_gap_in_the_call_warns_with_its_times() -> None:
    """The sentence says what the video shows there."""
    finding = found(FIRST, SECOND)["recorder_off"]
    assert finding.value == pytest.approx(5.0)
    assert finding.status == "warn"
    assert "joined of 2 files. For 5.000 s of the call no recorder ran: 00:00:20.000 to 00:00:25.000" in finding.text
    assert "plain picture" in finding.text


def test_a_gap_after_the_call_passes() -> None:
    """Only the call is to be seen as a whole."""
    finding = found(FIRST, SECOND, offset_s=-45.0)["recorder_off"]
    assert (finding.value, finding.status) == (0.0, "pass")


def test_a_file_placed_by_its_start_time_warns() -> None:
    """It names the file and how far off its picture may be."""
    placed = found(FIRST, replace(SECOND, placed_by="start_time", bound_s=1.0))["file_placement"]
    assert (placed.value, placed.status) == (1.0, "warn")
    assert placed.text == "b.webm is placed by the start time in its header alone, and its picture may be 1.000 s off."
    assert found(FIRST, SECOND)["file_placement"].status == "pass"
