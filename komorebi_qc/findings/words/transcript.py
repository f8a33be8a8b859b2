"""The findings about a transcript: whether it is of this call, and whether its times are right. Pure.

A transcript is used only if all of them pass. A limit that is switched off passes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.finding import counted
from komorebi_qc.core.limits import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.measure.transcript_timing import TranscriptTiming
    from komorebi_qc.transcript.placed import PlacedTranscript
    from komorebi_qc.transcript.turns import Transcript

LEAST_STARTS = 3
"""Fewer turns show neither whether a transcript is of this call, nor how exact it is."""
LEAST_SPEECH_S = 3.0
_REMEDY = "It isn't used. Get the transcript of this call audio, or leave out --transcript"
_REMEDY_OF_MODEL = "It isn't used. Name a better model by --speech-model, or leave out --transcribe"


@dataclass(frozen=True, slots=True)
class ComparedTranscript:
    """A transcript, and its comparison with the call's speech.

    Attributes:
        transcript: on the call clock.
        timing: the comparison.
    """

    transcript: Transcript
    timing: TranscriptTiming


def transcript_findings(compared: ComparedTranscript, limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """All findings about a transcript.

    Args:
        compared: the transcript.
        limits: the limits to check against.
    """
    return tuple(_findings(compared, limits))


def is_believed(compared: ComparedTranscript, limits: Limits = DEFAULT) -> bool:
    """Return whether a transcript is used."""
    return all(one.status == "pass" for one in transcript_findings(compared, limits))


def transcript_dict(
    compared: ComparedTranscript | None, placed: PlacedTranscript | None, limits: Limits
) -> dict[str, Any] | None:
    """The key ``transcript`` of a diagnosis and of ``qc.json``: the comparison, without words; None without one.

    Args:
        compared: the transcript.
        placed: the same on the output clock; None if it wasn't used, or nothing was written.
        limits: the limits it was checked against.
    """
    if compared is None:
        return None
    transcript, timing = compared.transcript, compared.timing
    p50_s, p95_s = timing.start_error_s(50), timing.start_error_s(95)
    return {
        "source": transcript.source,
        "language": transcript.language or None,
        "turns": len(transcript.turns),
        "is_used": is_believed(compared, limits),
        "turns_left_out": None if placed is None else placed.left_out,
        "shift_s": round(timing.shift_s, 3),
        "start_error_p50_s": None if p50_s is None else round(p50_s, 3),
        "start_error_p95_s": None if p95_s is None else round(p95_s, 3),
        "correlation": round(timing.correlation, 4),
        "covered": round(timing.covered, 4),
    }


def _findings(compared: ComparedTranscript, limits: Limits) -> Iterator[Finding]:
    transcript, timing = compared.transcript, compared.timing
    remedy = _REMEDY_OF_MODEL if transcript.source in ("faster_whisper", "vosk") else _REMEDY
    name, foreign, offset = transcript.name, limits.of("transcript_foreign"), limits.of("transcript_offset")
    if timing.speech_s < LEAST_SPEECH_S or timing.turns < LEAST_STARTS:
        yield _unchecked(
            "transcript_foreign",
            limits,
            f"{name} can't be checked: the call has {timing.speech_s:.1f} s of speech, and the transcript has "
            f"{counted(timing.turns, 'turn')}. {remedy}.",
        )
        return
    is_swapped = timing.swapped_correlation is not None and timing.swapped_correlation > timing.best_correlation
    # In turns of even lengths, exchanged speakers may fit by chance a turn later.
    differs = 1.0 - (timing.correlation if is_swapped else timing.best_correlation)
    is_foreign = not foreign.is_off and not foreign.warn.holds(round(differs, 6))
    yield foreign.finding(
        "transcript_foreign",
        differs,
        f"{name} isn't of this call: {_how_foreign(timing, limits)}. {remedy}.",
        good=f"The transcript is of this call: its turns and the speech correlate by {timing.best_correlation:.2f}.",
    )
    if is_foreign:
        yield offset.unknown("transcript_offset", "Not measured: the transcript isn't of this call.")
        return
    yield limits.finding(
        "transcript_coverage",
        timing.covered,
        f"{name} isn't complete: {timing.covered:.0%} of the call's speech has words. {remedy}.",
        good=f"{timing.covered:.0%} of the call's speech has words in the transcript.{_beyond(timing)}",
    )
    p50_s, p95_s = timing.start_error_s(50), timing.start_error_s(95)
    if p50_s is None or p95_s is None or len(timing.start_errors_s) < LEAST_STARTS:
        found = counted(len(timing.start_errors_s), "turn")
        yield _unchecked(
            "transcript_offset",
            limits,
            f"{name} has times that can't be checked: speech begins near {found}. {remedy}.",
        )
        return
    side = "late" if timing.shift_s > 0 else "early"
    shifted = f"all of it is {abs(timing.shift_s):.2f} s {side}, and " if timing.shift_s else ""
    yield offset.finding(
        "transcript_offset",
        p50_s,
        f"{name} has wrong times: {shifted}its turns begin {p50_s:.2f} s from their speech, in the median. {remedy}.",
        good=f"The transcript's turns begin {p50_s:.3f} s from their speech in the median, and {p95_s:.3f} s in 95 %.",
    )


def _beyond(timing: TranscriptTiming) -> str:
    if not timing.beyond:
        return ""
    is_one = timing.beyond == 1
    verbs = ("begins", "is") if is_one else ("begin", "are")
    return f" {counted(timing.beyond, 'turn')} {verbs[0]} after the end of the call, and {verbs[1]} left out."


def _unchecked(name: str, limits: Limits, text: str) -> Finding:
    limit = limits.of(name)
    return replace(limit.unknown(name, text), status="pass" if limit.is_off else "warn")


def _how_foreign(timing: TranscriptTiming, limits: Limits) -> str:
    swapped = timing.swapped_correlation
    is_better = swapped is not None and swapped > timing.best_correlation
    if swapped is not None and is_better and limits.of("transcript_foreign").warn.holds(1.0 - swapped):
        return "its speakers are exchanged, because each one's words are at the other one's speech"
    return f"its turns and the speech correlate by {timing.best_correlation:.2f} at best"
