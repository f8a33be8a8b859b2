"""The finding about the call against the recording's own sound."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from sentences import numbers
from sync_results import sync_result

from komorebi_qc.core.finding import At, Finding
from komorebi_qc.core.limits import DEFAULT, UNDETERMINED
from komorebi_qc.core.media_info import AudioInfo, MediaInfo, VideoInfo
from komorebi_qc.core.output import Rendered, RenderPlan
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, CallEnd, Span
from komorebi_qc.findings.alignment_residual import alignment_residual_findings
from komorebi_qc.findings.evidence import Evidence, Placement
from komorebi_qc.findings.families import run_findings
from komorebi_qc.measure.alignment_residual import AlignmentResidual, VoiceLag
from komorebi_qc.measure.residual_lag import Residual
from komorebi_qc.measure.result import ResultCheck
from komorebi_qc.sync.result import FoundJump

if TYPE_CHECKING:
    from komorebi_qc.measure.alignment_residual import Voice

CALL_AUDIO = AudioInfo("pcm_s16le", 8000, 2, None, Span(0.0, 60.0))
OWN = AudioInfo("opus", 48000, 1, 3000, Span(0.0, 75.0))
VIDEO = VideoInfo("h264", 1280, 720, 1500, Span(0.0, 75.0), 0, Fraction(1, 1000))
RUN = Evidence(
    MediaInfo("call.wav", "wav", None, CALL_AUDIO, 0.0, 0, 0.0),
    CALL_AUDIO,
    MediaInfo("agent.mp4", "mp4", VIDEO, OWN, 0.0, 0, 0.0),
    VIDEO,
    CallEnd(62.0, 1.0),
    Placement(Alignment(2.0), "measured", sync_result(jumps=())),
    splice(Alignment(2.0), call_s=60.0, recording_audio=OWN.span),
    Span(62.0, 75.0),
    RenderPlan("mp4", "h264", copies_video=True, audio_rate=16_000, audio_bit_rate=64_000),
    Rendered(1500, 75.0, 0),
)


def checked(residual: AlignmentResidual | None, run: Evidence = RUN) -> Evidence:
    """A run whose file was compared with the recording's own sound."""
    return replace(run, check=ResultCheck((), Residual(()), Residual(()), (), residual))


def residual(*lags_ms: float, voice: Voice = "agent", missed: int = 0) -> AlignmentResidual:
    """Windows found at lags, two seconds apart from the second one on, and windows that weren't found."""
    windows = tuple(VoiceLag(4.0 + 2 * k, 2.0 + 2 * k, lag / 1000) for k, lag in enumerate(lags_ms))
    return AlignmentResidual(voice, windows, len(windows) + missed)


def finding(found: AlignmentResidual, run: Evidence = RUN) -> Finding:
    """The finding about it."""
    (one,) = alignment_residual_findings(checked(found, run))
    return one


@pytest.mark.parametrize(
    ("lag_ms", "status"), [(0.03, "pass"), (3.0, "pass"), (3.01, "warn"), (20.0, "warn"), (20.01, "fail")]
)
def test_the_larger_the_worse(lag_ms: float, status: str) -> None:
    """Over 3 ms warns, over 20 ms fails, to either side."""
    for sign in (1.0, -1.0):
        found = finding(residual(*[sign * lag_ms] * 10))
        assert (found.name, found.unit, found.limit, found.status) == ("alignment_residual", "s", 0.003, status)
        assert found.value == pytest.approx(lag_ms / 1000, abs=1e-9)
    assert ("doesn't follow" in found.text) == (status != "pass")


def test_the_sentence_has_both_numbers_and_the_place() -> None:
    """The value is that of 95 %; the sentence also has the count, the worst window, and where to look."""
    found = finding(residual(*[4.0] * 19, -9.0))
    assert numbers(found.text)[:4] == ["4.3", "95", "20", "9.0"]
    assert "00:00:42.000" in found.text
    assert found.at == At("output", 42.0)
    assert "the agent's voice" in found.text


def test_the_customers_voice_is_named_with_its_delay() -> None:
    """The customer's median delay is subtracted, and the sentence mentions it."""
    found = finding(residual(*[180.0] * 10, voice="customer"))
    assert (found.value, found.status) == (0.0, "pass")
    assert "the customer's voice is within 0.0 ms of it in 95 % of 10 windows, less its median delay" in found.text


def test_few_found_windows_warn() -> None:
    """If most windows with sound aren't found, the others don't speak for the call; half of them may be missing."""
    assert finding(residual(*[0.0] * 5, missed=5)).status == "pass"
    found = finding(residual(*[0.0] * 5, missed=6))
    assert (found.value, found.status) == (0.0, "warn")
    assert "only 5 of the 11 windows" in found.text
    assert finding(residual(*[30.0] * 5, missed=6)).status == "fail"


def test_an_unmeasured_residual_has_no_value() -> None:
    """Without sound it passes; sound that lacks the voices warns."""
    silent = finding(AlignmentResidual("agent", (), 0))
    assert (silent.value, silent.status, silent.at) == (UNDETERMINED, "pass", None)
    assert silent.text == "Not measured: the call and the recording have no sound at the same time."
    other = finding(residual(missed=7))
    assert (other.value, other.status) == (UNDETERMINED, "warn")
    assert "in any of 7 windows" in other.text
    assert "only 2 windows" in finding(residual(0.0, 0.0)).text


def test_steps_of_one_voice_alone_are_other_findings() -> None:
    """A known step of the agent's channel alone isn't a fault of the alignment; a jump of the clock is."""
    step = FoundJump(10.0, 0.05, (0.05, 0.05), (9.0, 11.0), agent_only=True)
    lags = residual(0.0, 0.0, 0.0, 0.0, *[50.0] * 10)
    for jump, status in ((step, "pass"), (replace(step, agent_only=False), "fail")):
        placement = Placement(Alignment(2.0), "measured", sync_result(jumps=(jump,)))
        assert finding(lags, replace(RUN, placement=placement)).status == status
    manual = Placement(Alignment(2.0), "manual", sync_result(jumps=(step,)))
    assert finding(lags, replace(RUN, placement=manual)).status == "fail"
    delayed = replace(sync_result(jumps=()), customer_steps=(step,))
    customer = replace(lags, voice="customer")
    assert finding(customer, replace(RUN, placement=Placement(Alignment(2.0), "measured", delayed))).status == "pass"


def test_only_a_compared_file_has_the_finding() -> None:
    """Without a check, or without decoded inputs, there isn't one; a run's findings end with it."""
    assert not list(alignment_residual_findings(RUN))
    assert not list(alignment_residual_findings(checked(None)))
    assert run_findings(checked(residual(*[0.0] * 5)))[-1].name == "alignment_residual"


def test_it_can_be_switched_off() -> None:
    """Switched off, it neither warns nor fails, however few windows were found."""
    limits = DEFAULT.changed_by("alignment_residual=off")
    for found in (residual(*[50.0] * 5), residual(*[0.0] * 5, missed=9), residual(missed=9)):
        (one,) = alignment_residual_findings(checked(found), limits)
        assert one.status == "pass"
