"""One recording processed into a folder for an analyst: the result, its findings, and the audio behind them.

An examination changes nothing in production: it publishes nothing else, and changes no item.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.core.errors import HeldError, InputError, WrongPairError
from komorebi_qc.core.privacy.masks import UNMASKED
from komorebi_qc.core.privacy.redactions import redactions_of
from komorebi_qc.core.progress import SILENT
from komorebi_qc.core.provenance.parts import whole_digest
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.splice import align_to_call_end, splice
from komorebi_qc.findings.evidence import Placement
from komorebi_qc.media.decode_8khz import decode_output_8khz
from komorebi_qc.media.thumbnail import png_at
from komorebi_qc.pipeline.captions.call_words import caption, read_words
from komorebi_qc.pipeline.correction.before import Before, on_clock
from komorebi_qc.pipeline.correction.given import order_with
from komorebi_qc.pipeline.diagnose import diagnose, diagnose_pair
from komorebi_qc.pipeline.local import LOCAL_ID, local_item
from komorebi_qc.pipeline.options import Options
from komorebi_qc.pipeline.placement import place
from komorebi_qc.pipeline.privacy.masked_inputs import masked_pair, write_masked_recording
from komorebi_qc.pipeline.private_spans import place_masks
from komorebi_qc.pipeline.process import process
from komorebi_qc.pipeline.steps import THUMBNAIL_AT_S
from komorebi_qc.storage.atomic_file import new_part_file, write_atomically
from komorebi_qc.storage.input_file import opened_file
from komorebi_qc.storage.local import LocalFiles, LocalTable
from komorebi_qc.transcript.chapters import chapters_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from komorebi_qc.core.contact.choice import FoundContact
    from komorebi_qc.core.output import Chapter
    from komorebi_qc.core.privacy.masks import Masks, PrivateSpan
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.core.timebase import Alignment, CallEnd
    from komorebi_qc.pipeline.correction.delivered import Delivered
    from komorebi_qc.pipeline.correction.given import GivenAlignment
    from komorebi_qc.pipeline.diagnose import Diagnosis
    from komorebi_qc.pipeline.outcome import Outcome
    from komorebi_qc.transcript.placed import PlacedTranscript
    from komorebi_qc.transcript.recogniser import Recogniser

VIDEO_NAME, AGENT_NAME, THUMBNAIL_NAME = "recording", "agent-recording", "thumbnail.png"
CAPTIONS_NAME = f"{VIDEO_NAME}.vtt"
_BLOCK = 60 * RATE


@dataclass(frozen=True, slots=True, eq=False)
class AlignedTracks:
    """The audio of all sides at 8 kHz on the output clock: sample ``i`` at ``output_s = i / 8000``.

    Attributes:
        customer: the call audio's left channel, ``(n,)``.
        agent: the call audio's right channel.
        recording: the agent recording's own audio.
        output: the unified recording's audio, both channels mixed; None if no file was written.
    """

    customer: NDArray[np.int16]
    agent: NDArray[np.int16]
    recording: NDArray[np.int16]
    output: NDArray[np.int16] | None


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """The result of an examination.

    Attributes:
        recording_id: the recording's ID.
        folder: the folder with the files.
        video: the unified recording; a copy of the agent recording if the pair was refused or held.
        document: the content of ``qc.json``; the diagnosis if the pair was refused or held.
        diagnosis: of the two inputs, with levels.
        placement: the alignment in use; of a refused pair, the one by the reported call end.
        timeline: which source plays when, by this placement.
        tracks: the audio of all sides.
        outcome: of the run; None if the pair was refused or held.
        refused: the reason; None if the pair was neither refused nor held.
        private: the spans that were not to be recorded, on the call clock.
        masks: their masks. The samples of `diagnosis`, `tracks` and `outcome` are silent there, and `video` is masked.
        transcript: the call's words on the output clock; None without a transcript, or if it was refused.
        chapters: of the output, in order.
        before: the call without the alignment that a person gave; None without one, or if nothing else places it.
        delivered: a delivered file, measured against call and recording; None without one.
        call_sha256: SHA-256 of the call audio, in hexadecimal.
        recording_sha256: SHA-256 of the agent recording.
    """

    recording_id: str
    folder: Path
    video: Path
    document: dict[str, Any]
    diagnosis: Diagnosis
    placement: Placement
    timeline: Splice
    tracks: AlignedTracks
    outcome: Outcome | None
    refused: str | None
    private: tuple[PrivateSpan, ...] = ()
    masks: Masks = UNMASKED
    transcript: PlacedTranscript | None = None
    chapters: tuple[Chapter, ...] = ()
    before: Before | None = None
    delivered: Delivered | None = None
    call_sha256: str = ""
    recording_sha256: str = ""

    @property
    def alignment(self) -> Alignment:
        """The call's position on the recording clock."""
        return self.timeline.alignment

    @property
    def call_s(self) -> float:
        """The call's length on its own clock."""
        call = self.diagnosis.call.audio
        return 0.0 if call is None else call.span.end_s


class _OpenInputs(LocalFiles):
    """Inputs that are open already, from any store; outputs in files."""

    def __init__(
        self,
        call: Source,
        recording: Source,
        out: Path,
        thumbnail: Path,
        analyses: tuple[Source, ...],
        words: Source | None,
        found: FoundContact | None,
    ) -> None:
        super().__init__(Path(call.name), Path(recording.name), out, thumbnail)
        self._call, self._own, self._analyses, self._words = call, recording, analyses, words
        self._contact = found

    def check(self) -> None:
        self.check_outputs()

    @contextmanager
    def call_audio(self, recording: Recording) -> Iterator[Source]:  # noqa: ARG002  the same file for every item
        yield self._call.reopen()

    def analyses(self, recording: Recording) -> tuple[Source, ...]:  # noqa: ARG002  the same files for every item
        return self._analyses

    def contact(self, recording: Recording) -> FoundContact | None:  # noqa: ARG002  the same for every item
        return self._contact

    def transcript(self, recording: Recording) -> Source | None:  # noqa: ARG002  the same file for every item
        return self._words

    @contextmanager
    def agent_recording(self, recording: Recording) -> Iterator[Source]:  # noqa: ARG002  the same file for every item
        yield self._own.reopen()

    @contextmanager
    def further_recordings(self, recording: Recording) -> Iterator[tuple[Source, ...]]:  # noqa: ARG002  joined already
        yield ()


def examine(
    call: Source,
    recording: Source,
    call_end: CallEnd,
    folder: Path,
    *,
    recording_id: str = LOCAL_ID,
    options: Options | None = None,
    analyses: tuple[Source, ...] = (),
    transcript: Source | None = None,
    contact: FoundContact | None = None,
    recogniser: Recogniser | None = None,
    given: GivenAlignment | None = None,
    progress: Progress = SILENT,
) -> Examined:
    """Process a pair into `folder`. A pair that is refused or held is shown side by side.

    Writes ``recording.mp4`` (or ``.webm``), ``recording.qc.json``, ``thumbnail.png``, and ``recording.vtt`` if the
    transcript is used. For such a pair it writes ``agent-recording.*``, a copy of the input with its masks, and its
    ``thumbnail.png``.

    Args:
        call: the call audio.
        recording: the agent recording.
        call_end: the reported call end.
        folder: the folder for the files; it exists.
        recording_id: the recording's ID.
        options: how it is processed.
        analyses: Contact Lens' analyses of the call.
        transcript: a transcript of the call; None without one.
        contact: the contact's record; None if records aren't used.
        recogniser: makes the transcript, if there is no file; None without one.
        given: the alignment in place of the measured one; None to use that.
        progress: shows each step; its `check` ends the run.

    Raises:
        MaskError: the call has spans that were not to be recorded, and their place in the recording isn't known.
        KomorebiError: see `komorebi_qc.pipeline.process.process`.
    """
    chosen = replace(options or Options(), retain_artifacts=True)
    files = _OpenInputs(call, recording, folder / VIDEO_NAME, folder / THUMBNAIL_NAME, analyses, transcript, contact)
    order, table = order_with(recording_id, call_end, given), LocalTable(local_item(recording_id))
    order = replace(order, recogniser=recogniser)
    words = read_words(transcript, analyses, chosen.transcript, call.name)
    try:
        outcome = process(order, table=table, media=files, options=chosen, progress=progress)
    except (WrongPairError, HeldError) as error:
        pair = (call.reopen(), recording.reopen())
        diagnosis = diagnose(
            *(*pair, call_end, chosen.limits), analyses=analyses, words=words or recogniser, contact=contact
        )
        found = _refused(diagnosis, recording, folder, recording_id, str(error), chosen)
        digests = [whole_digest(source.reopen().file).sha256 for source in (call, recording)]
        return replace(found, call_sha256=digests[0], recording_sha256=digests[1])
    artifacts = outcome.artifacts
    if artifacts is None:
        raise InputError("an examination needs the artifacts of the run: `retain_artifacts` can't be switched off")
    evidence = artifacts.evidence
    if words is None and evidence.transcript is not None:  # the recogniser's
        words = evidence.transcript.transcript
    # A run by the reported call end measures nothing, so its diagnosis has to decode both inputs.
    diagnosis = (
        diagnose(
            *(call.reopen(), recording.reopen(), call_end, chosen.limits),
            analyses=analyses,
            words=words,
            given=given,
            contact=contact,
        )
        if artifacts.pair is None
        else diagnose_pair(
            evidence.call,
            evidence.recording,
            artifacts.pair,
            evidence.call_end or call_end,
            chosen.limits,
            evidence.levels,
            redactions_of(call, evidence.call_audio.span.end_s, analyses),
            words,
            given,
            contact,
        )
    )
    diagnosis = _masked(diagnosis, evidence.masks)
    video = Path(outcome.published.video)
    with opened_file(video) as written:
        tracks = _aligned_tracks(diagnosis, evidence.splice, decode_output_8khz(written))
    placement, timeline = evidence.placement, evidence.splice
    document, private, masks = outcome.document, evidence.private or (), evidence.masks
    inputs = document["provenance"]["inputs"]
    # Only masked samples are saved for another process.
    if artifacts.pair is not None:
        outcome = replace(outcome, artifacts=replace(artifacts, pair=diagnosis.pair))
    return Examined(
        *(recording_id, folder, video, document, diagnosis, placement, timeline, tracks, outcome, None, private, masks),
        transcript=evidence.placed,
        chapters=evidence.chapters,
        before=None if given is None else _before(diagnosis, timeline, len(tracks.recording), chosen),
        call_sha256=inputs["call_audio"]["sha256"] or "",
        recording_sha256=inputs["agent_recording"]["sha256"] or "",
    )


def _masked(diagnosis: Diagnosis, masks: Masks) -> Diagnosis:
    return replace(diagnosis, pair=masked_pair(diagnosis.pair, masks))


def _call_s(diagnosis: Diagnosis) -> float:
    return 0.0 if diagnosis.call.audio is None else diagnosis.call.audio.span.end_s


def _refused(
    diagnosis: Diagnosis,
    recording: Source,
    folder: Path,
    recording_id: str,
    why: str,
    options: Options,
) -> Examined:
    own, call_s = diagnosis.recording.audio, _call_s(diagnosis)
    placement = _refused_placement(diagnosis, call_s)
    private = diagnosis.private
    masks = place_masks(private, placement, call_s, options)
    diagnosis = _masked(diagnosis, masks)
    timeline = splice(
        placement.alignment,
        call_s=call_s,
        recording_audio=None if own is None else own.span,
        outside_call=options.outside_call,
        masked=masks.output if masks.masks_sound else (),
    )
    video = folder / f"{AGENT_NAME}.{'webm' if diagnosis.recording.container == 'webm' else 'mp4'}"
    if masks.masks_sound or masks.masks_picture:
        write_masked_recording(recording.reopen(), diagnosis.recording, masks, options, video)
    else:
        _copy(recording.reopen(), video)
    masked = masks.of_picture if masks.masks_picture else ()
    thumbnail = png_at(recording.reopen(), THUMBNAIL_AT_S, diagnosis.recording.origin_s, masked)
    write_atomically(folder / THUMBNAIL_NAME, thumbnail)
    return Examined(
        recording_id,
        folder,
        video,
        diagnosis.to_dict(),
        diagnosis,
        placement,
        timeline,
        _aligned_tracks(diagnosis, timeline, None),
        None,
        why,
        private,
        masks,
        caption(diagnosis.transcript, timeline, private, options.limits),
        chapters_of(
            timeline,
            call_s=call_s,
            end_s=max(timeline.output_end_s, diagnosis.recording.end_s + placement.alignment.output_shift_s),
            private=private,
            holds=[one.span for levels in diagnosis.levels["call"].values() for one in levels.hold_music],
        ),
    )


def _copy(source: Source, place: Path) -> None:
    with new_part_file(place) as copy:
        shutil.copyfileobj(source.file, copy.file, 1 << 20)
        copy.sync()
        copy.move_to(place)


def _refused_placement(diagnosis: Diagnosis, call_s: float) -> Placement:
    """The placement that an operator who releases a held pair gets; for different calls, by the reported call end."""
    if diagnosis.sync.status == "wrong_pair":
        reported = align_to_call_end(diagnosis.call_end, call_s)
        return Placement(reported, "call_end", diagnosis.sync, is_confirmed=False)
    return place(diagnosis.call_end, call_s, manual=None, measured=diagnosis.sync, force=True)


def _before(diagnosis: Diagnosis, timeline: Splice, length: int, options: Options) -> Before | None:
    """The call at its place without the given alignment, on the output clock of the timeline with it."""
    placement, own = diagnosis.measured_placement, diagnosis.recording.audio
    if placement is None:
        return None
    try:
        earlier = splice(
            placement.alignment,
            call_s=_call_s(diagnosis),
            recording_audio=None if own is None else own.span,
            outside_call=options.outside_call,
        )
    except InputError:  # its jumps leave no place for the call
        return None
    tracks = _aligned_tracks(diagnosis, earlier, None)
    shift_s = timeline.alignment.output_shift_s - earlier.alignment.output_shift_s
    customer, agent = (on_clock(samples, shift_s, length) for samples in (tracks.customer, tracks.agent))
    return Before(placement, earlier, customer, agent)


def _aligned_tracks(diagnosis: Diagnosis, timeline: Splice, output: NDArray[np.int16] | None) -> AlignedTracks:
    pair = diagnosis.pair
    shift = round(timeline.alignment.output_shift_s * RATE)
    own = pair.recording
    n = max(round(timeline.output_end_s * RATE), shift + len(own), 0 if output is None else len(output))
    moved = np.zeros(n, np.int16)
    moved[shift : shift + len(own)] = own[: n - shift]
    call = np.zeros((n, 2), np.int16)
    samples: NDArray[np.int16] = np.asarray(pair.call)
    for piece in timeline.pieces:
        if piece.source == "call":
            first, last = round(piece.fade_in.start_s * RATE), min(round(piece.fade_out.end_s * RATE), n)
            for start in range(first, last, _BLOCK):
                stop = min(start + _BLOCK, last)
                at = np.rint(piece.source_s(0.0) * RATE + np.arange(start, stop) / piece.rate).astype(np.intp)
                call[start:stop] = samples[np.clip(at, 0, len(samples) - 1)]
    both = None if output is None else ((output[:, 0].astype(np.int32) + output[:, 1]) // 2).astype(np.int16)
    return AlignedTracks(call[:, 0].copy(), call[:, 1].copy(), moved, both)
