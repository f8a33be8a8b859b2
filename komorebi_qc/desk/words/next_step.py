"""The next step for an analyst: a sentence, and the command to run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.words.verdict import is_held, shown_verdict
from komorebi_qc.pipeline.local import LOCAL_ID

if TYPE_CHECKING:
    from komorebi_qc.pipeline.examine import Examined

NOTHING = "Nothing needs to be done."
CORRECTION_FILE = "correction.json"


def next_step(examined: Examined, worst_s: float | None) -> tuple[str, str]:
    """Return a sentence, and a command; the command is empty if there is nothing to run.

    Args:
        examined: the examination.
        worst_s: output time of the worst finding; None if no finding has a position.
    """
    if examined.refused is not None and not is_held(examined):
        return "Find the recording that belongs to this call, and compare the two:", other_pair_command(examined)
    is_unsure = is_held(examined) or examined.placement.source in ("candidate", "call_end")
    if is_unsure and examined.diagnosis.recording.audio is None:
        return (
            "The recording has no audio. Compare its picture with the call. If they don't fit, give the call's start:",
            offset_command(examined),
        )
    if is_unsure:
        return (
            "Listen to each place in the player. If no place fits, move the call. Save the correction, then run:",
            correction_command(examined),
        )
    if shown_verdict(examined) == "pass":
        return NOTHING, ""
    if worst_s is None:
        return "Read the findings below. The alignment needs no correction.", ""
    at = clock_text(worst_s)
    clip = f"komorebi-qc clip {pair_arguments(examined)} --at {at} --out clip.mp4"
    return f"Listen at {at}. To send a short video of that moment:", clip


def correction_command(examined: Examined) -> str:
    """Return the command that applies a saved correction."""
    if examined.recording_id != LOCAL_ID:
        return f"komorebi-qc correct {shlex.quote(examined.recording_id)} --from {CORRECTION_FILE} --publish"
    return f"komorebi-qc audit {pair_arguments(examined)} --from {CORRECTION_FILE} --out corrected"


def offset_command(examined: Examined) -> str:
    """Return the command that places the call by hand."""
    if examined.recording_id != LOCAL_ID:
        return f"komorebi-qc process {pair_arguments(examined)} --offset SECONDS"
    return f"komorebi-qc audit {pair_arguments(examined)} --offset SECONDS --out corrected"


def pair_arguments(examined: Examined) -> str:
    """Return the arguments that name the pair and its reported end."""
    end = clock_text(examined.diagnosis.call_end.recording_s).removesuffix(".000")
    if examined.recording_id != LOCAL_ID:
        return f"{shlex.quote(examined.recording_id)} --call-end {end}"
    found = examined.diagnosis
    return f"--connect {shlex.quote(found.call.name)} --recording {shlex.quote(found.recording.name)} --call-end {end}"


def other_pair_command(examined: Examined) -> str:
    """Return the command that compares the call with another recording."""
    if examined.recording_id != LOCAL_ID:
        return f"komorebi-qc status {shlex.quote(examined.recording_id)}"
    end = clock_text(examined.diagnosis.call_end.recording_s).removesuffix(".000")
    call = shlex.quote(examined.diagnosis.call.name)
    return f"komorebi-qc diagnose --connect {call} --recording OTHER.webm --call-end {end}"
