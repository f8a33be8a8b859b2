"""Masks in qc.json and in the findings."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from importlib.resources import files

from jsonschema import Draft202012Validator
from sync_results import sync_result

from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.media_info import AudioInfo, MediaInfo, VideoInfo
from komorebi_qc.core.output import Rendered, RenderPlan
from komorebi_qc.core.privacy.masks import PrivateSpan, masks
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, CallEnd, Span
from komorebi_qc.findings.evidence import Evidence, Placement
from komorebi_qc.findings.privacy.masks import mask_findings, masks_dict
from komorebi_qc.measure.mask_level import MOST_DB
from komorebi_qc.measure.result import MaskLevel

CALL_AUDIO = AudioInfo("pcm_s16le", 8000, 2, None, Span(0.0, 60.0))
VIDEO = VideoInfo("h264", 1280, 720, 1500, Span(0.0, 75.0), 0, Fraction(1, 1000))
OWN = AudioInfo("opus", 48000, 1, 3000, Span(0.0, 75.0))
PLACED = Alignment(2.0)
PRIVATE = (PrivateSpan(Span(8.0, 12.0), "suspended"), PrivateSpan(Span(30.0, 31.5), "redacted"))
MASKS = masks(PRIVATE, PLACED, call_s=60.0, choice="picture")
UNMASKED = Evidence(
    MediaInfo("call.wav", "wav", None, CALL_AUDIO, 0.0, 0, 0.0),
    CALL_AUDIO,
    MediaInfo("agent.mp4", "mp4", VIDEO, OWN, 0.0, 0, 0.0),
    VIDEO,
    CallEnd(62.0, 1.0),
    Placement(PLACED, "measured", sync_result()),
    splice(PLACED, call_s=60.0, recording_audio=OWN.span, masked=MASKS.output),
    Span(62.0, 75.0),
    RenderPlan("mp4", "h264", copies_video=True, audio_rate=16_000, audio_bit_rate=64_000),
    Rendered(1500, 75.0, 0),
)
MASKED = replace(
    UNMASKED,
    private=PRIVATE,
    masks=MASKS,
    mask_levels=(MaskLevel(MASKS.output[0], -120.0), MaskLevel(MASKS.output[1], -104.26)),
)


def test_the_document_has_every_mask_on_each_clock() -> None:
    """With the spans as they were found, the choice, the margin, and the sound that the file has in each mask."""
    found = masks_dict(MASKED)
    assert found == {
        "choice": "picture",
        "margin_s": 0.5,
        "private": [
            {"reason": "suspended", "call_from_s": 8.0, "call_to_s": 12.0},
            {"reason": "redacted", "call_from_s": 30.0, "call_to_s": 31.5},
        ],
        "call": [{"call_from_s": 7.5, "call_to_s": 12.5}, {"call_from_s": 29.5, "call_to_s": 32.0}],
        "recording": [
            {"recording_from_s": 9.5, "recording_to_s": 14.5},
            {"recording_from_s": 31.5, "recording_to_s": 34.0},
        ],
        "picture": [
            {"recording_from_s": 9.5, "recording_to_s": 14.5},
            {"recording_from_s": 31.5, "recording_to_s": 34.0},
        ],
        "output": [
            {"output_from_s": 9.5, "output_to_s": 14.5, "level_db": -120.0},
            {"output_from_s": 31.5, "output_to_s": 34.0, "level_db": -104.3},
        ],
    }
    schema = json.loads(files("komorebi_qc.findings").joinpath("qc.schema.json").read_text())
    Draft202012Validator(schema["properties"]["masks"]).validate(json.loads(json.dumps(found)))


def test_spans_that_are_not_masked_are_listed_too() -> None:
    """By the choice `none` they are in the document, without a level and without a finding."""
    found = replace(MASKED, masks=masks(PRIVATE, PLACED, call_s=60.0, choice="none"), mask_levels=())
    assert [mask["level_db"] for mask in masks_dict(found)["output"]] == [None, None]
    assert list(mask_findings(found)) == []


def test_a_run_without_masks_has_no_finding_about_them() -> None:
    """Most calls were recorded as a whole."""
    assert list(mask_findings(UNMASKED)) == []
    assert masks_dict(UNMASKED)["private"] == []


def test_silent_masks_pass_with_the_loudest_as_the_value() -> None:
    """The finding says what is masked, and for how long."""
    (finding,) = mask_findings(MASKED)
    assert (finding.name, finding.status, finding.value, finding.unit) == ("mask_level", "pass", -104.3, "dBFS")
    assert finding.text == (
        "Sound and picture are masked in 2 spans of the output, 7.500 s in all. The written file is silent there."
    )
    assert finding.at is not None
    assert (finding.at.clock, finding.at.s) == ("output", 31.5)


def test_sound_in_a_mask_fails() -> None:
    """A run refuses to publish such a file; the limit is the same."""
    loud = (MaskLevel(MASKS.output[0], -31.0), MaskLevel(MASKS.output[1], -120.0))
    (finding,) = mask_findings(replace(MASKED, mask_levels=loud))
    assert (finding.status, finding.limit) == ("fail", MOST_DB)
    assert "-31.0 dBFS from 00:00:09.500 to 00:00:14.500" in finding.text
    assert DEFAULT.of("mask_level").fail.high == MOST_DB
