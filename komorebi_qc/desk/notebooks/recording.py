"""The start of both notebooks about one recording: open it, and show the verdict."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.isolated_session import open_isolated
from komorebi_qc.desk.notebooks.notebook_output import NotebookOutput, combined, fact_table, paragraph, status_line
from komorebi_qc.desk.notebooks.readable_errors import readable_errors
from komorebi_qc.desk.plots.diagnosis.figure import diagnosis_figure
from komorebi_qc.desk.plots.figure import image_of
from komorebi_qc.desk.session import AuditRequest, AuditSession, load_session
from komorebi_qc.desk.words.placement import NOT_MEASURED, bound_text
from komorebi_qc.desk.words.rates import rate_changes, rates_sentence
from komorebi_qc.desk.words.verdict import (
    BELONGING,
    belonging,
    headline,
    shown_verdict,
    unmeasured_start,
    verdict_sentence,
)
from komorebi_qc.pipeline.options import MaskRequest
from komorebi_qc.storage.temporary_folder import begin_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.timebase import Span
    from komorebi_qc.pipeline.examine import Examined

Text = str | float
"""papermill turns a value such as 22 into a number: both are taken."""


@readable_errors
def open_recording(
    *,
    connect: str = "",
    recording: str = "",
    recording_id: Text = "",
    call_end: Text = "",
    analysis: str = "",
    transcript: str = "",
    redacted: str = "",
    mask: str = "",
    mask_margin: Text = "",
    outside_call: str = "",
    out: Text = "",
    examined: str = "",
) -> AuditSession:
    """Examine a recording in a folder, without publishing anything.

    Args:
        connect: path of the call audio; with `recording`.
        recording: path of the agent recording.
        recording_id: a recording of the configured table, instead of the two files. Without either: the sample call.
        call_end: the end of the call, counted from the recording's start.
        analysis: path of Contact Lens' analysis of the two files: its redactions are masked.
        transcript: path of a transcript of the call.
        redacted: ``ignore``, ``prefer`` or ``require``, with `recording_id`; empty for the environment's.
        mask: ``none``, ``sound`` or ``picture``; empty for the environment's.
        mask_margin: seconds by which a mask is wider than its span; empty for the environment's.
        outside_call: ``own``, ``after`` or ``silence``; empty for the environment's.
        out: the folder for the results; if it is empty, a temporary one that is removed with this process.
        examined: folder of an examination that an audit saved; ignored if it no longer exists.

    Raises:
        InputError: A parameter can't be used.
        KomorebiError: See `komorebi_qc.pipeline.process.process` and `komorebi_qc.wiring`.
    """
    if examined and Path(examined).is_dir():
        return load_session(Path(examined))
    named = (parameter_text("recording_id", recording_id), parameter_text("call_end", call_end))
    request = AuditRequest(connect, recording, *named, analysis, redacted, transcript=transcript)
    masks = MaskRequest(mask, _seconds("mask_margin", mask_margin), outside_call)
    folder = parameter_text("out", out)
    return open_isolated(request, Path(folder) if folder else begin_folder("desk").path, masks=masks)


def _seconds(name: str, value: Text) -> float | None:
    text = parameter_text(name, value)
    try:
        return float(text) if text else None
    except ValueError:
        raise InputError(f"{name} is {text!r}: it must be a number of seconds") from None


def parameter_text(name: str, value: object) -> str:
    """A parameter as text, which papermill may have turned into a number.

    Raises:
        InputError: The value is neither a text nor a number.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:.15g}" if isinstance(value, float) else str(value)
    raise InputError(f"{name} is {reprlib.repr(value)}: it must be a text or a number")


def verdict(session: AuditSession) -> NotebookOutput:
    """The verdict, every finding that doesn't pass (the worst first), and the main numbers."""
    examined = session.examined
    findings = examined.document["findings"]
    others = [finding for finding in findings if finding["name"] != BELONGING]
    bad = [finding for kind in ("fail", "warn") for finding in others if finding["status"] == kind]
    parts = [status_line(shown_verdict(examined), f"{verdict_sentence(examined)} {headline(examined)}")]
    status, text = belonging(examined)
    parts.append(paragraph(sentence(text)) if status == "pass" else status_line(status, sentence(text)))
    parts += [status_line(finding["status"], sentence(finding["text"])) for finding in bad]
    return combined([*parts, fact_table(_summary(session))])


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def _summary(session: AuditSession) -> Iterator[tuple[str, str]]:
    examined = session.examined
    sync, call_end = examined.document["sync"], examined.diagnosis.call_end
    yield "Recording", session.title
    if sync is not None:
        yield "Sync", str(sync["status"]).replace("_", " ")
    alignment, placement = examined.alignment, examined.placement
    if placement.source == "measured":
        yield "Call start", f"{alignment.offset_s:.4f} s on the recording clock"
        changes = rate_changes(alignment, examined.call_s)
        yield "Clock drift", rates_sentence(changes) or f"{round(alignment.drift_ppm, 2) + 0.0:.2f} ppm"
        sizes = ", ".join(f"{1000 * jump.size_s:+.1f} ms" for jump in alignment.jumps)
        yield "Clock jumps", sizes or "no clock jumps found"
    else:
        yield "Call start", unmeasured_start(examined)
        if placement.bound_s is not None:
            yield "Largest error of that place", f"{bound_text(placement.bound_s)}, if the reported end is right"
        yield "Clock drift", NOT_MEASURED
        yield "Clock jumps", NOT_MEASURED
    if alignment.part is not None:
        yield "End of the agent's part", f"{clock_text(alignment.end_s(examined.call_s))} on the recording clock"
    yield "Reported call end", clock_text(call_end.recording_s)
    measured_s = examined.document["call_end"]["measured_s"]
    yield "Measured call end", NOT_MEASURED if measured_s is None else clock_text(measured_s)
    error_s = examined.document["call_end"]["error_s"]
    if error_s is not None:
        yield "Error of the reported end", f"{abs(error_s):.3f} s too {'late' if error_s > 0 else 'early'}"


def no_result(session: AuditSession) -> NotebookOutput:
    """The output of a cell about the unified recording if the pair was refused."""
    reason = str(session.examined.refused).partition(" (")[0].partition(":")[0]
    return status_line("fail", f"No recording was written: {reason}.")


def masked_spans(examined: Examined, clock: Literal["call", "recording", "output"]) -> tuple[Span, ...]:
    """The spans of a clock whose sound is masked."""
    masks = examined.masks
    spans = {"call": masks.call, "recording": masks.recording, "output": masks.output}
    return spans[clock] if masks.masks_sound else ()


def report_figure(session: AuditSession) -> tuple[bytes, str]:
    """The diagnosis figure as an image file, and its media type."""
    pair = session.examined.diagnosis.pair
    figure = diagnosis_figure(
        pair.call,
        pair.recording,
        pair.result,
        call_end=session.call_end,
        title=session.title,
        placement=session.examined.placement,
        masked=masked_spans(session.examined, "recording"),
    )
    return image_of(figure, "webp"), "image/webp"
