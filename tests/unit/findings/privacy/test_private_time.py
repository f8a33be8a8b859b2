"""Findings and JSON about suspensions, and about conversation outside of the call audio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from made_sync import result

from komorebi_qc.core.finding import At
from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.core.media_info import MediaInfo
from komorebi_qc.core.privacy.masks import MaskChoice, Masks, PrivateSpan
from komorebi_qc.core.timebase import Alignment, CallEnd, Jump, Span
from komorebi_qc.findings.evidence import PairEvidence
from komorebi_qc.findings.privacy.private_time import (
    private_findings,
    redactions_among,
    redactions_list,
    suspended_min_s,
    suspensions_list,
)
from komorebi_qc.sync import OutsideSpan

if TYPE_CHECKING:
    from komorebi_qc.core.finding import Finding
    from komorebi_qc.sync import SyncResult

INFO = MediaInfo("call.wav", "wav", None, None, 0.0, 0, 0.0)
TWICE = (PrivateSpan(Span(8.0, 12.0), "suspended"), PrivateSpan(Span(30.0, 36.5), "suspended"))
REDACTED = PrivateSpan(Span(20.0, 21.0), "redacted")
AFTER = OutsideSpan(62.6, 90.0, "after", 21.4, 9.3)


def findings(
    private: tuple[PrivateSpan, ...] | None = (),
    masks: Masks | None = None,
    sync: SyncResult | None = None,
    limits: Limits = DEFAULT,
    *,
    redactions: tuple[PrivateSpan, ...] | None = None,
    awaits_analysis: bool = False,
) -> dict[str, Finding]:
    """The findings of a pair, by name."""
    evidence = PairEvidence(
        *(INFO, INFO, CallEnd(62.0, 1.0), None, sync, None, None, None, private, masks, redactions, awaits_analysis)
    )
    return {finding.name: finding for finding in private_findings(evidence, limits)}


def test_a_suspension_warns_with_its_spans() -> None:
    """How often, how long and at which times; a redaction isn't one."""
    found = findings((*TWICE, REDACTED))["recording_suspended"]
    assert (found.value, found.status, found.unit, found.at) == (6.5, "warn", "s", At("call", 8.0))
    assert found.text == (
        "Recording was suspended in Connect 2 times, for 10.5 s in all: from 00:00:08.000 to 00:00:12.000 of the call; "
        "from 00:00:30.000 to 00:00:36.500 of the call."
    )


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("none", "The recording's sound and picture are not masked there."),
        ("sound", "The recording's sound is masked there, its picture isn't."),
        ("picture", "The recording's sound and picture are masked there."),
    ],
)
def test_a_run_says_what_is_masked(choice: MaskChoice, words: str) -> None:
    """In the written file."""
    assert findings(TWICE, Masks(choice))["recording_suspended"].text.endswith(f"of the call. {words}")


def test_no_suspension_passes() -> None:
    """If somebody looked; otherwise there is no finding."""
    found = findings()["recording_suspended"]
    assert (found.value, found.status, found.at) == (0.0, "pass", None)
    assert found.text == "No suspension found."
    assert findings(None) == {}


@pytest.mark.parametrize(
    ("choice", "status", "words"),
    [
        (None, "pass", ""),
        ("picture", "pass", " The recording's sound and picture are masked there."),
        ("sound", "warn", " The recording's sound is masked there, its picture isn't."),
        ("none", "warn", " The recording's sound and picture are not masked there."),
    ],
)
def test_redactions_are_listed_and_warn_if_the_output_shows_them(
    choice: MaskChoice | None, status: str, words: str
) -> None:
    """Contact Lens redacts most calls, so a masked redaction passes. Nobody needs to have looked for suspensions."""
    spans = (REDACTED, PrivateSpan(Span(40.0, 40.5), "redacted"))
    (found,) = findings(None, None if choice is None else Masks(choice), redactions=spans).values()
    assert (found.name, found.value, found.status) == ("recording_redacted", 1.5, status)
    assert (found.unit, found.at) == ("s", At("call", 20.0))
    assert found.text == (
        "Contact Lens redacted 2 spans of the call, for 1.5 s in all: from 00:00:20.000 to 00:00:21.000 of the call; "
        f"from 00:00:40.000 to 00:00:40.500 of the call.{words}"
    )


def test_an_analysis_without_redactions_passes_and_a_missing_one_is_no_finding() -> None:
    """Only an analysis that was read shows that nothing was redacted."""
    found = findings(redactions=())["recording_redacted"]
    assert (found.value, found.status, found.at) == (0.0, "pass", None)
    assert found.text == "Contact Lens redacted nothing of the call."
    off = DEFAULT.changed_by("recording_redacted=off")
    assert findings(masks=Masks("none"), limits=off, redactions=(REDACTED,))["recording_redacted"].status == "pass"
    assert "recording_redacted" not in findings()


def test_an_expected_analysis_that_is_missing_warns() -> None:
    """The redactions that it will bring aren't masked."""
    found = findings(awaits_analysis=True)["redaction_pending"]
    assert (found.value, found.status, found.unit) == (1, "warn", "analyses")
    assert "Process the recording again" in found.text
    assert "redaction_pending" not in findings()


def test_the_limit_is_the_shortest_suspension() -> None:
    """It is the detector's setting as well; switched off, it leaves the length as it is."""
    assert suspended_min_s(DEFAULT) == 2.0
    assert suspended_min_s(DEFAULT.changed_by("recording_suspended=5")) == 5.0
    off = DEFAULT.changed_by("recording_suspended=off")
    assert suspended_min_s(off) == 2.0
    assert findings(TWICE, limits=off)["recording_suspended"].status == "pass"
    exact = (PrivateSpan(Span(8.0, 10.0), "suspended"),)
    assert findings(exact)["recording_suspended"].status == "warn"


def test_conversation_outside_of_the_call_warns() -> None:
    """With its span, and the customer's part of it."""
    found = findings(sync=result(outside=(AFTER,)))["conversation_outside_call"]
    assert (found.value, found.status, found.at) == (27.4, "warn", At("recording", 62.6))
    assert found.text == (
        "The recording has the same conversation outside of the call audio: 21.4 s of speech after the call audio "
        "ends, 9.3 s of it by the customer, from 00:01:02.600 to 00:01:30.000 of the recording."
    )


def test_the_part_before_the_call_has_its_own_words() -> None:
    """The customer isn't named if the voices can't be distinguished."""
    found = findings(sync=result(outside=(OutsideSpan(0.4, 2.4, "before", 1.9, None),)))
    assert "1.9 s of speech before the call audio begins, from 00:00:00.400" in found["conversation_outside_call"].text


def test_only_an_aligned_pair_has_an_outside() -> None:
    """Nothing is outside of a call without a place."""
    assert findings(sync=result())["conversation_outside_call"].status == "pass"
    assert "conversation_outside_call" not in findings(sync=result("ambiguous"))


def test_a_suspension_has_three_clocks() -> None:
    """Shifted by the output's shift; a jump within it makes it longer."""
    alignment = Alignment(-2.0, 0.0, (Jump(10.0, 0.5),))
    found = suspensions_list((TWICE[0], REDACTED), alignment, Masks("sound"))
    assert found is not None
    (one,) = found
    assert one == {
        "call_from_s": 8.0,
        "call_to_s": 12.0,
        "recording_from_s": 6.0,
        "recording_to_s": 10.5,
        "output_from_s": 8.0,
        "output_to_s": 12.5,
        "masked": "sound",
    }


def test_clocks_that_nobody_knows_are_null() -> None:
    """Of a call without a place; and null instead of a list if nobody looked."""
    found = suspensions_list(TWICE[:1], None, None)
    assert found is not None
    (one,) = found
    assert [one[key] for key in one] == [8.0, 12.0, None, None, None, None, None]
    assert suspensions_list((), Alignment(0.0), None) == []
    assert suspensions_list(None, Alignment(0.0), None) is None


def test_redactions_are_listed_if_an_analysis_was_read() -> None:
    """On the clocks of a suspension; null without an analysis, because then nobody knows."""
    found = redactions_list(redactions_among((*TWICE, REDACTED)), Alignment(2.0), Masks("picture"))
    assert found is not None
    (one,) = found
    assert (one["call_from_s"], one["recording_from_s"], one["masked"]) == (20.0, 22.0, "picture")
    assert redactions_list((), Alignment(0.0), None) == []
    assert redactions_list(None, Alignment(0.0), None) is None
