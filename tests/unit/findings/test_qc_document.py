"""The document `qc.json`, and the summary in a recording's item."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from importlib.resources import files
from typing import Any

import pytest
from contact_shapes import BUCKET, SHAPES, Shape
from jsonschema import Draft202012Validator
from made_sync import result

import komorebi_qc
from komorebi_qc.core.contact.choice import FoundContact, choose_audio
from komorebi_qc.core.contact.parse import parse_contact
from komorebi_qc.core.finding import At, Finding
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.media_info import AudioInfo, MediaInfo, VideoInfo
from komorebi_qc.core.output import Rendered, RenderPlan
from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.core.provenance.record import FileRecord, Provenance
from komorebi_qc.core.provenance.seal import sealed
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, CallEnd, Jump, Span
from komorebi_qc.findings.evidence import Evidence, Placement
from komorebi_qc.findings.qc_document import SCHEMA, item_summary, qc_document

SCHEMA_FILE = json.loads(files("komorebi_qc.findings").joinpath("qc.schema.json").read_text())
CALL_AUDIO = AudioInfo("pcm_s16le", 8000, 2, None, Span(0.0, 60.0))
CALL = MediaInfo("call.wav", "wav", None, CALL_AUDIO, 0.0, 0, 0.0)
VIDEO = VideoInfo("vp8", 1280, 720, 1500, Span(0.0, 75.5), 0, Fraction(1, 1000))
OWN = AudioInfo("opus", 48000, 1, 3000, Span(0.0, 75.0))
RECORDING = MediaInfo("agent.webm", "webm", VIDEO, OWN, 0.0, 0, 0.0)
PLACED = Alignment(2.0)
RECORD = Provenance(
    FileRecord("s3://calls/a.wav", digest_of_bytes(b"call"), '"e1"', "v1"),
    FileRecord("../agent.webm", digest_of_bytes(b"own")),
    FileRecord("unified.webm", digest_of_bytes(b"video")),
)
PASSES = Finding("drift", 1.0, "ppm", "pass", "A sentence.", 100.0, "drift")
WARNS = Finding("jumps", 0.1, "s", "warn", "A sentence.", 0.045, "jumps", At("call", 30.0))


def run(alignment: Alignment = PLACED, **changes: Any) -> Evidence:
    """A call of a minute in a recording of 75 s, measured and copied into WebM."""
    timeline = splice(alignment, call_s=60.0, recording_audio=OWN.span)
    evidence = Evidence(
        CALL,
        CALL_AUDIO,
        RECORDING,
        VIDEO,
        CallEnd(62.0, 1.0),
        Placement(alignment, "measured", result(offset_s=2.0, measured_call_end_s=62.25)),
        timeline,
        Span(62.0, 75.0),
        RenderPlan("webm", "vp8", copies_video=True, audio_rate=16_000, audio_bit_rate=64_000),
        Rendered(1500, 75.0, 0),
    )
    return replace(evidence, **changes)


def document(evidence: Evidence, *findings: Finding) -> dict[str, Any]:
    """The document of a run, as it is read from JSON."""
    made = sealed(qc_document("one", evidence, findings, DEFAULT, RECORD))
    read: dict[str, Any] = json.loads(json.dumps(made, allow_nan=False))
    return read


def test_a_document_is_valid_and_complete() -> None:
    """It has every key of the schema, its own schema number and the package's version."""
    found = document(run(), PASSES, WARNS)
    Draft202012Validator(SCHEMA_FILE).validate(found)
    assert set(found) == set(SCHEMA_FILE["properties"])
    assert found["schema"] == SCHEMA == SCHEMA_FILE["properties"]["schema"]["const"]
    assert SCHEMA_FILE["$id"].endswith(f":{SCHEMA}")
    assert found["version"] == komorebi_qc.__version__
    assert found["recording_id"] == "one"


def test_durations_and_codecs_are_those_of_the_files() -> None:
    """The output lasts as long as its longer track: here the video."""
    found = document(run())
    assert found["durations"] == {"call_s": 60.0, "recording_s": 75.5, "after_call_s": 13.0, "output_s": 75.5}
    assert found["container"] == "webm"
    assert found["codecs"] == {
        "video": "vp8",
        "video_in": "vp8",
        "video_copied": True,
        "audio": "opus",
        "audio_in": "opus",
        "call": "pcm_s16le",
        "audio_rate_hz": 16_000,
        "audio_bit_rate": 64_000,
    }
    assert document(run(recording=replace(RECORDING, audio=None)))["codecs"]["audio_in"] is None


def test_a_call_before_the_recording_shifts_the_output() -> None:
    """The output clock begins with the call, and the video ends that much later."""
    found = document(run(Alignment(-1.5)))
    assert found["alignment"]["output_shift_s"] == 1.5
    assert found["durations"]["output_s"] == 77.0


def test_the_alignment_in_use_is_written() -> None:
    """Offset, drift and jumps are rounded to microseconds and 0.0001 ppm; the map has both sides of the jump."""
    alignment = Alignment(2.12345678, 1.23456, (Jump(30.0, 0.2),))
    found = document(run(alignment, placement=Placement(alignment, "measured", result(), 0.00012345678)))["alignment"]
    assert found == {
        "source": "measured",
        "offset_s": 2.123457,
        "drift_ppm": 1.2346,
        "jumps": [{"call_s": 30.0, "size_s": 0.2}],
        "segments": [
            {"call_s": 0.0, "recording_s": 2.123457},
            {"call_s": 30.0, "recording_s": 32.123494},
            {"call_s": 30.0, "recording_s": 32.323494},
            {"call_s": 60.0, "recording_s": 62.323531},
        ],
        "agent_part": None,
        "left_out": [],
        "bound_s": 0.000123,
        "output_shift_s": 0.0,
    }


@pytest.mark.parametrize("source", ["call_end", "candidate", "manual"])
def test_nothing_is_stated_that_was_not_measured(source: Any) -> None:
    """A call without a measured place has no drift and no jumps: zero and an empty list would be numbers."""
    found = document(run(placement=Placement(Alignment(2.0), source, None, 1.3)))
    assert (found["alignment"]["drift_ppm"], found["alignment"]["jumps"]) == (None, None)
    assert found["alignment"]["bound_s"] == 1.3
    assert "qcDriftPpm" not in item_summary(found)
    Draft202012Validator(SCHEMA_FILE).validate(found)


def test_a_given_drift_is_written() -> None:
    """The caller's own drift and jumps are those in use."""
    given = Alignment(2.0, 15.0, (Jump(30.0, 0.2),))
    found = document(run(given, placement=Placement(given, "manual", None)))["alignment"]
    assert (found["drift_ppm"], found["jumps"]) == (15.0, [{"call_s": 30.0, "size_s": 0.2}])


def test_call_audio_that_is_left_out_is_written() -> None:
    """Time that the recording lost, and the call without the agent; the used end is that of the agent's part."""
    alignment = Alignment(2.0, 0.0, (Jump(30.0, -4.0),), part=Span(10.0, 50.0))
    found = document(run(alignment))
    assert found["alignment"]["agent_part"] == {"call_from_s": 10.0, "call_to_s": 50.0}
    assert found["alignment"]["left_out"] == [
        {"call_from_s": 26.0, "call_to_s": 30.0, "reason": "lost_time"},
        {"call_from_s": 0.0, "call_to_s": 10.0, "reason": "agent_absent"},
        {"call_from_s": 50.0, "call_to_s": 60.0, "reason": "agent_absent"},
    ]
    assert found["call_end"]["used_s"] == 48.0
    Draft202012Validator(SCHEMA_FILE).validate(found)


def test_the_call_end_has_three_times() -> None:
    """Reported, measured and used; the error is reported minus measured."""
    assert document(run())["call_end"] == {
        "reported_s": 62.0,
        "reported_resolution_s": 1.0,
        "source": "reported",
        "measured_s": 62.25,
        "error_s": -0.25,
        "used_s": 62.0,
    }


@pytest.mark.parametrize("measured", [None, result(status="ambiguous", measured_call_end_s=62.25)])
def test_an_unaligned_pair_has_no_measured_end(measured: Any) -> None:
    """A measured end without an alignment would be taken for a fact."""
    found = document(run(placement=Placement(Alignment(2.0), "call_end", measured)))
    assert (found["call_end"]["measured_s"], found["call_end"]["error_s"]) == (None, None)
    assert (found["sync"] is None) == (measured is None)
    Draft202012Validator(SCHEMA_FILE).validate(found)


def test_findings_and_their_limits_are_written() -> None:
    """The verdict is the worst status, and each finding's limit is in the table of limits."""
    found = document(run(), PASSES, WARNS)
    assert found["verdict"] == "warn"
    assert found["findings"][1] == {
        "name": "jumps",
        "value": 0.1,
        "unit": "s",
        "status": "warn",
        "text": "A sentence.",
        "limit": 0.045,
        "limit_name": "jumps",
        "at": {"clock": "call", "s": 30.0},
    }
    assert set(found["limits"]) == {"drift", "jumps"}


def test_the_summary_has_only_known_numbers() -> None:
    """The item gets the container, verdict and sync status, and each number that was measured."""
    assert item_summary(document(run(), WARNS)) == {
        "outputContainer": "webm",
        "qcVerdict": "warn",
        "qcSyncStatus": "aligned",
        "qcOffsetSeconds": 2.0,
        "qcDriftPpm": 0.0,
        "qcCallEndErrorSeconds": -0.25,
    }
    unmeasured = item_summary(document(run(placement=Placement(Alignment(2.0), "call_end", None))))
    assert unmeasured["qcSyncStatus"] == "unmeasured"
    assert "qcCallEndErrorSeconds" not in unmeasured


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
def test_a_contacts_record_is_valid(shape: Shape) -> None:
    """Every shape of a record gives a document that the schema allows, also without a record."""
    record = parse_contact(shape.document)
    choice = choose_audio(record, BUCKET)
    for contact in (
        FoundContact("export", record, choice.named, "record", choice.why),
        FoundContact("api", None, (), "prefix", "there is no record of the contact"),
    ):
        evidence = run(contact=contact)
        found = document(evidence, PASSES)
        Draft202012Validator(SCHEMA_FILE).validate(found)
        assert found["contact"]["source"] == contact.source
