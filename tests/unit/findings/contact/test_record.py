"""Findings about a contact's record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from sync_results import sync_result

from komorebi_qc.core.contact.choice import FoundContact
from komorebi_qc.core.contact.record import ContactRecord
from komorebi_qc.core.finding import At, Finding
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.media_info import AudioInfo, MediaInfo
from komorebi_qc.core.timebase import Alignment, CallEnd, Span
from komorebi_qc.findings.contact.record import contact_findings
from komorebi_qc.findings.evidence import PairEvidence, Placement

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CALL = MediaInfo("call.wav", "wav", None, AudioInfo("pcm_s16le", 8000, 2, None, Span(0.0, 60.0)), 0.0, 0, 0.0)


def pair(agent_s: float | None, by: Literal["record", "prefix", "redacted"] = "record") -> PairEvidence:
    """A call of a minute, from 2 s of the recording on, whose record has the agent connected for some time."""
    ended = None if agent_s is None else NOON + timedelta(seconds=agent_s)
    record = ContactRecord("a", connected_at=NOON, disconnected_at=ended)
    placement = Placement(Alignment(2.0), "measured", sync_result())
    pair = PairEvidence(CALL, CALL, CallEnd(62.0, 1.0), placement, None, None, None, None)
    return replace(pair, contact=FoundContact("api", record, (), by, "the reason"))


def found(evidence: PairEvidence) -> dict[str, Finding]:
    """The findings by name."""
    return {one.name: one for one in contact_findings(evidence, DEFAULT)}


@pytest.mark.parametrize(
    ("agent_s", "status"),
    [(60.0, "pass"), (58.0, "pass"), (62.5, "pass"), (64.0, "warn"), (50.0, "warn"), (0.0, "warn")],
)
def test_the_records_end_is_compared_with_the_calls(agent_s: float, status: str) -> None:
    """The value is the record's end minus the call audio's, on the recording clock; it never fails."""
    finding = found(pair(agent_s))["record_disagrees"]
    assert finding.value == pytest.approx(agent_s - 60.0)
    assert finding.status == status
    assert finding.at == At("recording", 62.0)


def test_an_agents_part_is_compared_with_the_agents_time() -> None:
    """An agent who came 20 s into the audio and left after 30 s was connected for 30 s."""
    evidence = pair(30.0)
    placement = Placement(Alignment(2.0, part=Span(20.0, 50.0)), "measured", sync_result())
    finding = found(replace(evidence, placement=placement))["record_disagrees"]
    assert finding.status == "pass"
    assert "the agent's part of the call audio" in finding.text


def test_a_call_without_a_place_is_compared_by_its_length() -> None:
    """For a wrong pair, the record shows whether the audio is of this contact."""
    evidence = replace(pair(300.0), placement=None)
    finding = found(evidence)["record_disagrees"]
    assert (finding.value, finding.status) == (240.0, "warn")
    assert "240.0 s too short" in finding.text


def test_a_record_without_times_is_not_compared() -> None:
    """There is no finding about times that nobody knows."""
    assert list(found(pair(None))) == ["call_audio_not_in_record"]
    assert list(found(replace(pair(60.0), contact=FoundContact("api", None, (), "prefix", "why")))) == [
        "call_audio_not_in_record"
    ]


@pytest.mark.parametrize(("by", "status"), [("record", "pass"), ("redacted", "pass"), ("prefix", "warn")])
def test_audio_that_is_found_by_its_prefix_is_a_finding(
    by: Literal["record", "prefix", "redacted"], status: str
) -> None:
    """The sentence has the reason."""
    finding = found(pair(60.0, by))["call_audio_not_in_record"]
    assert finding.status == status
    assert "the reason" in finding.text


def test_without_records_there_is_no_finding() -> None:
    """A run that doesn't use records has as many findings as before."""
    assert found(replace(pair(60.0), contact=None)) == {}
