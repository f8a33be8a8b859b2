"""The strip of sources."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from desk import sample_session
from examinations import bent, held, in_parts

from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.report.first_screen.sources import sources_of
from komorebi_qc.desk.report.left_out import left_out_spans


def test_each_second_has_a_source() -> None:
    """The stretches follow each other from the start to the end of the sound, also where the rate changes."""
    for found in (sample_session().examined, bent(), in_parts()):
        audio = ["a.m4a"] * len(left_out_spans(found))
        spans = [one for one in sources_of(found, audio) if one.kind in ("call", "recording", "silence")]
        assert spans[0].from_s == 0.0
        assert spans[-1].to_s == pytest.approx(found.timeline.output_end_s)
        for before, after in pairwise(spans):
            assert after.from_s == pytest.approx(before.to_s)


def test_left_out_audio_is_at_its_moment() -> None:
    """The 3 s that the recording lost are marked at the moment of the jump, with their audio."""
    found = in_parts()
    (one,) = [one for one in sources_of(found, ["audio/left_out_1.m4a"]) if one.kind == "left_out"]
    assert one.from_s == one.to_s == pytest.approx(found.alignment.to_output(10.0))
    assert one.audio == "audio/left_out_1.m4a"
    assert "(3.0 s)" in one.label


def test_masks_are_named() -> None:
    """A mask has its own stretch over its source."""
    found = sample_session().examined
    masked = replace(found, timeline=replace(found.timeline, masked=(Span(5.0, 7.0),)))
    assert [(one.from_s, one.to_s) for one in sources_of(masked, []) if one.kind == "masked"] == [(5.0, 7.0)]


def test_without_a_unified_recording_there_is_no_strip() -> None:
    """A held pair has no sound of its own."""
    assert list(sources_of(held(), [])) == []
