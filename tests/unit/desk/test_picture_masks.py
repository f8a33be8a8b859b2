"""The masks of a picture on the output clock."""

from __future__ import annotations

from dataclasses import replace

from desk import sample_session

from komorebi_qc.core.privacy.masks import Masks
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Span
from komorebi_qc.desk.picture_masks import picture_masks

SOUND, PICTURE = (Span(1.0, 2.0),), (Span(0.5, 2.5),)


def test_the_pictures_own_masks_are_moved_to_the_output_clock() -> None:
    """The call began 2 s before the recording. Without masks of its own the picture has those of the sound."""
    timeline = splice(Alignment(-2.0), call_s=20.0, recording_audio=Span(0.0, 30.0))
    found = replace(sample_session().examined, timeline=timeline)
    masks = Masks("picture", recording=SOUND, output=(Span(3.0, 4.0),), picture=PICTURE)
    assert picture_masks(replace(found, masks=masks)) == (Span(2.5, 4.5),)
    assert picture_masks(replace(found, masks=replace(masks, picture=()))) == (Span(3.0, 4.0),)
    assert picture_masks(replace(found, masks=replace(masks, choice="sound"))) == ()
