"""A person's diagnosis of a recording, with its plot; and a moment that must be within the unified recording."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.errors import InputError, MaskError, missing_extra
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.privacy.masks import masks
from komorebi_qc.core.samples import RATE, length
from komorebi_qc.core.timebase import Alignment, clock_text
from komorebi_qc.jobs.given_alignment import check_inputs
from komorebi_qc.jobs.selection import reported_end
from komorebi_qc.media.probe import probe_recording
from komorebi_qc.pipeline.captions.call_words import read_words
from komorebi_qc.pipeline.captions.speech_model import recogniser_in
from komorebi_qc.pipeline.diagnose import Diagnosis, diagnose
from komorebi_qc.pipeline.joining.monitors import all_monitors
from komorebi_qc.pipeline.joining.recording import open_recording
from komorebi_qc.pipeline.local import local_item
from komorebi_qc.pipeline.options import Options
from komorebi_qc.pipeline.placement import place
from komorebi_qc.pipeline.privacy.masked_inputs import masked_pair
from komorebi_qc.pipeline.private_spans import place_masks, require_agreement
from komorebi_qc.pipeline.quick.diagnosis import quick_diagnose
from komorebi_qc.storage.input_file import MAX_WORDS_BYTES, opened_file, read_analysis_file, read_small_file
from komorebi_qc.storage.local import LocalFiles, check_output
from komorebi_qc.wiring import read_local

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from komorebi_qc.core.contact.choice import FoundContact
    from komorebi_qc.core.joining.monitors import MonitorsChoice
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.timebase import Span
    from komorebi_qc.jobs.selection import Selection
    from komorebi_qc.pipeline.correction.given import GivenAlignment
    from komorebi_qc.pipeline.pair import DecodedPair
    from komorebi_qc.pipeline.quick.diagnosis import QuickDiagnosis

_HIDDEN = "Not shown: a part of this call was not to be recorded, and its place in the recording isn't known"


def diagnose_selection(
    selection: Selection,
    environ: Mapping[str, str],
    *,
    plot: Path | None,
    limits: Limits = DEFAULT,
    given: GivenAlignment | None = None,
) -> Diagnosis:
    """Diagnose a recording, and draw the diagnosis if `plot` names a PNG.

    Args:
        selection: the recording.
        environ: the settings.
        plot: a PNG file; None for no plot.
        limits: of the findings.
        given: the alignment to check in place of the measured one.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.diagnose.diagnose` and `komorebi_qc.wiring`.
    """
    check_plot(plot, *selection.files)
    with ExitStack() as stack:
        call, opened, analyses, contact = stack.enter_context(_opened(selection, environ))
        end, named = reported_end(selection.call_end), selection.transcript
        options = Options(**read_local(environ))
        choice = options.transcript
        recording = opened if opened.parts else replace(opened, video_track=options.video_track)
        recording = stack.enter_context(all_monitors(recording, options.monitors))
        check_inputs(given, call, recording)
        file = None if named is None else read_small_file(named, MAX_WORDS_BYTES)
        model = selection.speech_model
        words = read_words(file, analyses, choice, call.name) if model is None else recogniser_in(model)
        found = diagnose(call, recording, end, limits, analyses=analyses, given=given, words=words, contact=contact)
        return _with_plot(found, plot, environ)


def quick_diagnose_selection(
    selection: Selection, environ: Mapping[str, str], *, limits: Limits = DEFAULT
) -> QuickDiagnosis:
    """Look at a few pieces of a recording and its call.

    Args:
        selection: the recording.
        environ: the settings.
        limits: of the findings.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.quick.diagnosis.quick_diagnose` and `komorebi_qc.wiring`.
    """
    with _opened(selection, environ) as (call, recording, *_):
        return quick_diagnose(call, recording, reported_end(selection.call_end), limits)


@contextmanager
def _opened(
    selection: Selection, environ: Mapping[str, str]
) -> Iterator[tuple[Source, Source, tuple[Source, ...], FoundContact | None]]:
    """Open the call audio and the recording, and read the analyses of the call and the contact's record."""
    monitors: MonitorsChoice = read_local(environ).get("monitors", "first")
    if selection.connect is not None and selection.recording is not None:
        analyses = () if selection.analysis is None else (read_analysis_file(selection.analysis),)
        files = LocalFiles(selection.connect, selection.recording, selection.recording, further=selection.further)
        with (
            opened_file(selection.connect) as call,
            open_recording(files, local_item(), call, monitors=monitors) as recording,
        ):
            yield call, recording, analyses, None
        return
    wired = selection.wired(environ)
    item = wired.table.get(selection.recording_id)
    with (
        wired.media.call_audio(item) as call,
        open_recording(wired.media, item, call, monitors=monitors) as recording,
    ):
        yield call, recording, wired.media.analyses(item), wired.media.contact(item)


def check_moment(
    selection: Selection, at_s: float, environ: Mapping[str, str], given: GivenAlignment | None = None
) -> None:
    """Check, before anything is rendered, that a moment is within the unified recording.

    Only a moment after the recording's own end needs a measurement: the call may go on longer.

    Raises:
        InputError: the moment is after the end; the text names the length.
        KomorebiError: the inputs can't be read.
    """
    with _opened(selection, environ) as (call, recording, *_):
        info = probe_recording(recording)
        end_s = max(track.span.end_s for track in (info.video, info.audio) if track is not None)
        if at_s <= end_s:
            return
        call_end = reported_end(selection.call_end)
        found = diagnose(call, recording, call_end)
        call_s = found.call.audio.span.end_s if found.call.audio is not None else 0.0
        is_wrong_pair = found.pair.result.status == "wrong_pair"
        measured = None if is_wrong_pair else found.pair.result
        manual = None if given is None else given.alignment
        alignment = place(call_end, call_s, manual=manual, measured=measured, force=is_wrong_pair).alignment
    length_s = max(end_s + alignment.output_shift_s, alignment.to_output(call_s))
    if at_s > length_s:
        raise InputError(f"{clock_text(at_s)} is after the end: the unified recording is {clock_text(length_s)} long")


def check_plot(path: Path | None, *inputs: Path) -> None:
    """Check, before any work, that a plot can be written to `path`.

    Raises:
        InputError: it isn't named .png, it is one of the inputs, or its folder can't be written to.
    """
    if path is None:
        return
    if path.suffix.lower() != ".png":
        raise InputError(f"{path} doesn't end in .png: the plot is a PNG")
    check_output(path, *inputs)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A pair as a plot may show it.

    Attributes:
        pair: with silence in its masks.
        masked: the recording's masks, on its clock.
        hidden: why the recording isn't shown at all; empty if it is.
    """

    pair: DecodedPair
    masked: tuple[Span, ...] = ()
    hidden: str = ""


def _shown(found: Diagnosis, options: Options) -> _Shown:
    """The pair with its masks. If nothing places the call, its private spans may be anywhere in the recording."""
    if not found.private or options.mask == "none":
        return _Shown(found.pair)
    call_s, placement = length(found.pair.call) / RATE, found.placement
    if placement is not None:
        with suppress(MaskError):
            if placement.source == "manual":
                require_agreement(found.private, placement, found.sync, call_s)
            placed = place_masks(found.private, placement, call_s, options)
            return _Shown(masked_pair(found.pair, placed), placed.recording)
    spans = masks(found.private, Alignment(0.0), call_s=call_s, choice=options.mask, margin_s=options.mask_margin_s)
    pair = masked_pair(found.pair, replace(spans, recording=()))
    return _Shown(replace(pair, recording=np.zeros_like(pair.recording)), hidden=_HIDDEN)


def _with_plot(found: Diagnosis, path: Path | None, environ: Mapping[str, str]) -> Diagnosis:
    """Draw the diagnosis while its media are open: the plot reads them piece by piece.

    Raises:
        InputError: matplotlib isn't installed, or the file can't be written.
    """
    if path is None:
        return found
    try:
        from komorebi_qc.desk.plots.diagnosis.figure import diagnosis_figure  # noqa: PLC0415  plots are an extra
        from komorebi_qc.desk.plots.figure import save_png  # noqa: PLC0415
    except ImportError:
        raise missing_extra("view", "matplotlib", needed_by="--plot") from None
    shown = _shown(found, Options(**read_local(environ)))
    figure = diagnosis_figure(
        shown.pair.call,
        shown.pair.recording,
        shown.pair.result,
        call_end=found.call_end,
        title=found.recording.name,
        masked=shown.masked,
        hidden=shown.hidden,
    )
    try:
        save_png(figure, path, Path(found.recording.name).name)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror or error}") from None
    return found
