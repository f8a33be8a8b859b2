"""The nine steps of a run. Each takes the result of the one before, and does exactly what its name describes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.contact.screen import call_end_on
from komorebi_qc.core.errors import ConcurrentRunError, MediaError
from komorebi_qc.core.output import (
    ENCODED_AS,
    CaptureSpans,
    Container,
    RenderPlan,
    can_mask_in_place,
    plan_container,
)
from komorebi_qc.core.privacy.redactions import beeps_of, private_spans, redactions_of
from komorebi_qc.core.provenance.digest import digested
from komorebi_qc.core.provenance.seal import sealed, sealed_bytes
from komorebi_qc.core.splice import after_call_audio, splice
from komorebi_qc.findings.qc_document import item_summary
from komorebi_qc.measure.check_spans import capture_spans
from komorebi_qc.measure.mask_level import mask_levels, require_silence
from komorebi_qc.measure.result_check import STEP_BACK_S, check_result, followed_sound, reference_blocks
from komorebi_qc.media import mux
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.decode_8khz import buffer_in_memory, decode_call_8khz, exact_call
from komorebi_qc.media.opening import CALL_FORMATS, open_container
from komorebi_qc.media.probe import probe_call, probe_recording
from komorebi_qc.media.thumbnail import png_at
from komorebi_qc.pipeline.captions.call_words import caption, compare_words, holds_of, read_words
from komorebi_qc.pipeline.correction.corrected_order import correction_attributes
from komorebi_qc.pipeline.idempotency import inputs_fingerprint
from komorebi_qc.pipeline.joining.monitors import all_monitors
from komorebi_qc.pipeline.joining.recording import open_recording
from komorebi_qc.pipeline.pair import (
    ProbedRecording,
    decode_audio,
    measure_levels,
    measure_pair,
    read_recording,
    refuse_same_file,
)
from komorebi_qc.pipeline.placement import place, refuse_far_away, without_call_end
from komorebi_qc.pipeline.private_spans import place_masks, require_agreement, suspensions_at
from komorebi_qc.pipeline.provenance.record import RecordedResults, record_run
from komorebi_qc.pipeline.provenance.run_id import mark_when_complete, marked_png
from komorebi_qc.pipeline.step_results import (
    FetchedCall,
    FetchedPair,
    LocatedCall,
    PlannedAudio,
    PublishedOutput,
    SeparatedPair,
    WrittenOutput,
)
from komorebi_qc.transcript.chapters import chapters_of
from komorebi_qc.transcript.write_webvtt import captions_webvtt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

    from komorebi_qc.core.media_info import VideoInfo
    from komorebi_qc.core.output import Rendered
    from komorebi_qc.core.privacy.masks import Masks, PrivateSpan
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.findings.evidence import Placement
    from komorebi_qc.measure.alignment_residual import OwnSound
    from komorebi_qc.measure.residual_lag import Block
    from komorebi_qc.measure.result import MaskLevel, ResultCheck
    from komorebi_qc.pipeline.options import MeasurementPlan, Options, Order
    from komorebi_qc.pipeline.pair import DecodedAudio, DecodedPair
    from komorebi_qc.storage.protocols import Draft, MediaStore, RecordingsTable

THUMBNAIL_AT_S = 1.0
HELD_BYTES = 20 << 20
"""Without a measurement, a far call's first 11 minutes stay in memory between the search for suspensions and mixing."""


@dataclass(frozen=True, slots=True)
class Run:
    """The setting of a run, the same for every step.

    Attributes:
        order: the recording to process.
        options: how it is processed.
        plan: the measurements, decided before the first step.
        table: the table of recordings.
        media: the stores of the media.
        progress: shows how far the run is; its `check` ends the run.
        opened: closes inputs and draft when the run ends.
        run_id: the run, which all its results name.
        replaces: the findings that were published when the run began, as the media store identifies them.
    """

    order: Order
    options: Options
    plan: MeasurementPlan
    table: RecordingsTable
    media: MediaStore
    progress: Progress
    opened: ExitStack
    run_id: str = ""
    replaces: str | None = None


def read_item(run: Run) -> Recording:
    """Step 1: read the recording's item from the table."""
    return run.table.get(run.order.recording_id)


def fetch_call(run: Run, item: Recording) -> FetchedCall:
    """Step 2: open the call audio, and read what Contact Lens redacted of it."""
    opened, digest = digested(run.opened.enter_context(run.media.call_audio(item)))
    source = buffer_in_memory(opened)
    info = probe_call(source)
    if info.audio is None:
        raise MediaError(f"{info.name} has no audio track")
    analyses = run.media.analyses(item)
    version = tuple(part for analysis in analyses for part in analysis.version)
    redactions = redactions_of(source, info.audio.span.end_s, analyses)
    given = run.order.transcript or run.media.transcript(item)
    words = read_words(given, analyses, run.options.transcript, source.name)
    contact = run.media.contact(item)
    return FetchedCall(item, source, info, info.audio, digest, redactions, version, analyses, given, words, contact)


def fetch_recording(run: Run, call: FetchedCall) -> FetchedPair:
    """Step 3: open the agent recording; several files of one recording are joined."""
    beeps, check_cancelled = beeps_of(call.source.name, call.redactions or ()), run.progress.check
    monitors = run.options.monitors
    opened = open_recording(
        *(run.media, call.item, call.source), beeps=beeps, monitors=monitors, check_cancelled=check_cancelled
    )
    source, digest = digested(run.opened.enter_context(opened))
    original = source if source.parts else replace(source, video_track=run.options.video_track)
    source = run.opened.enter_context(all_monitors(original, monitors, check_cancelled))
    if source.monitors is not None:  # nobody reads the rest of it any more
        digest.finish(original.reopen().file, check_cancelled)
    versions = call.source.version + source.version + call.analysis_version
    record = None if call.contact is None else call.contact.record
    call_end = call_end_on(source.screen, run.order.call_end, record, source.name)
    if call_end is None and run.order.alignment is None and not run.plan.measures_sync:
        raise without_call_end("it isn't measured")
    is_reported = source.screen is None or (call_end is not None and call_end.source == "reported")
    fingerprint = inputs_fingerprint(call_end if is_reported else None, versions)
    return FetchedPair(call, source, fingerprint, digest, call_end)


def separate(run: Run, fetched: FetchedPair) -> SeparatedPair:
    """Step 4: probe the recording, decode both sides to 8 kHz, and measure packet timestamps and levels."""
    call, recording, check_cancelled = fetched.call, fetched.recording, run.progress.check
    refuse_same_file(call.source, recording)
    is_measured = run.plan.measures_inputs
    probed = read_recording(recording, check_cancelled) if is_measured else ProbedRecording(probe_recording(recording))
    info = probed.info
    if info.video is None:
        raise MediaError(f"{info.name} has no video track")
    thumbnail = png_at(recording, THUMBNAIL_AT_S, info.origin_s, check_cancelled=check_cancelled)
    audio = decode_audio(call.source, call.info, recording, probed, check_cancelled) if is_measured else None
    timing = None if audio is None else audio.timing
    levels = None if audio is None else measure_levels(audio, info)
    call_8khz = None if audio is None else audio.call
    has_words = call.transcript is not None or run.order.recogniser is not None
    if call_8khz is None and (run.options.mask != "none" or has_words):
        call_8khz = decode_call_8khz(call.source, call.info, check_cancelled, HELD_BYTES)
    return SeparatedPair(fetched, info, info.video, thumbnail, audio, timing, levels, call_8khz)


def locate_call(run: Run, separated: SeparatedPair) -> LocatedCall:
    """Step 5: measure sync, choose the alignment, and find the after-call audio and the masks."""
    audio, call_end, call = separated.audio, separated.fetched.call_end, separated.fetched.call
    beeps = beeps_of(call.source.name, call.redactions or ())
    is_measured = run.plan.measures_sync and audio is not None
    pair = (
        measure_pair(audio, call_end, run.progress.check, limits=run.options.limits, beeps=beeps)
        if is_measured and audio is not None
        else None
    )
    call_s = call.audio.span.end_s
    if run.order.correction is not None:
        run.order.correction.check_call(call_s)
    placement = place(
        call_end,
        call_s,
        manual=run.order.alignment,
        measured=None if pair is None else pair.result,
        force=run.options.force,
        unconfirmed=run.options.unconfirmed,
        whole_call=run.options.whole_call,
    )
    refuse_far_away(placement.alignment, call_s, separated.info)
    after_call = after_call_audio(placement.alignment, call_s=call_s, recording_audio=separated.audio_span)
    private = _private_spans(run, separated, placement, pair)
    masks = place_masks(private, placement, call_s, run.options)
    if private and run.options.mask != "none" and (placement.measured is None or placement.source == "manual"):
        measured = placement.measured
        if measured is None:
            compared = audio or _decoded(run, separated)
            found = measure_pair(compared, call_end, run.progress.check, limits=run.options.limits, beeps=beeps)
            measured = found.result
        require_agreement(private, placement, measured, call_s)
    return LocatedCall(separated, pair, placement, after_call, private, masks)


def _decoded(run: Run, separated: SeparatedPair) -> DecodedAudio:
    """The audio of a pair whose place isn't measured otherwise."""
    call, recording = separated.fetched.call, separated.fetched.recording
    probed = read_recording(recording, run.progress.check)
    return decode_audio(call.source, call.info, recording, probed, run.progress.check)


def plan_audio(run: Run, located: LocatedCall) -> PlannedAudio:
    """Step 6: lay out which source plays when, and release the decoded audio: an hour of it takes 115 MB."""
    separated, audio = located.separated, located.separated.audio
    call = separated.fetched.call
    timeline = splice(
        located.placement.alignment,
        call_s=call.audio.span.end_s,
        recording_audio=separated.audio_span,
        outside_call=run.options.outside_call,
        masked=located.masks.output if located.masks.masks_sound else (),
    )
    words = call.transcript or run.order.recogniser
    compared = compare_words(
        words, separated.call_8khz, separated.levels, located.private, check_cancelled=run.progress.check
    )
    placed = caption(compared, timeline, located.private, run.options.limits)
    samples = exact_call(call.source, call.info, separated.call_8khz)
    capture = CaptureSpans((), timeline.masked) if timeline.masked else None
    own_blocks: Sequence[Block] = ()
    sound: Sequence[OwnSound] | None = None
    if run.plan.checks_output:
        capture = capture_spans(timeline)
        if audio is not None:
            own_blocks = reference_blocks(audio.recording, timeline)
            sound = followed_sound(audio.call, audio.recording, timeline)
    pair = located.pair.in_memory() if located.pair is not None and run.plan.retains_artifacts else None
    thumbnail = _masked_thumbnail(run, separated, located.masks)
    separated = replace(separated, audio=None, call_8khz=None, thumbnail=thumbnail)
    released = replace(located, separated=separated, pair=pair)
    chapters = chapters_of(
        timeline,
        call_s=call.audio.span.end_s,
        end_s=max(timeline.output_end_s, separated.video.span.end_s + located.placement.alignment.output_shift_s),
        private=located.private,
        holds=holds_of(separated.levels),
    )
    return PlannedAudio(released, timeline, samples, capture, own_blocks, sound, compared, placed, chapters)


def write_output(run: Run, planned: PlannedAudio) -> WrittenOutput:
    """Step 7: mix and encode the audio, mux it with the video, check the written file, and record its digest."""
    separated = planned.located.separated
    call, recording = separated.fetched.call, separated.fetched.recording
    plan = _render_plan(separated.video, run.options, planned.masks)
    draft = run.opened.enter_context(run.media.draft(call.item, plan.container, run.run_id, run.replaces))
    job = mux.RenderJob(
        planned.splice,
        plan,
        call.source,
        recording,
        separated.info,
        separated.video,
        planned.samples,
        planned.capture,
        planned.masks,
        run.run_id,
        planned.chapters,
    )
    rendered = mux.write_output(job, draft.begin, run.progress.advance)
    levels = _silent_masks(rendered, planned)
    check = _checked(draft, rendered, job, planned, run.progress) if run.plan.checks_output else None
    captions = None if planned.placed is None else captions_webvtt(planned.placed, run.run_id).encode()
    results = RecordedResults(draft.record(), _thumbnail(run, planned), captions)
    record = record_run(separated.fetched, results, run.options, run.progress.check, run_id=run.run_id)
    if run.order.correction is not None:
        run.order.correction.check_inputs(record.call_audio.digest.sha256, record.agent_recording.digest.sha256)
    return WrittenOutput(draft, plan, rendered, check, record, levels, captions)


def publish(run: Run, planned: PlannedAudio, written: WrittenOutput, document: dict[str, Any]) -> PublishedOutput:
    """Step 8: seal the findings, and put video, thumbnail, captions and findings in their places.

    A masked result replaces all that an earlier run left, which may not be masked.
    """
    _refuse_corrected(run, planned.located.separated.fetched.call.item)
    document = sealed(document, run.options.signer)
    content = sealed_bytes(document)
    is_masked = planned.masks.masks_sound or planned.masks.masks_picture
    files = written.draft.publish(
        thumbnail=_thumbnail(run, planned), qc=content, captions=written.captions, replaces_all=is_masked
    )
    return PublishedOutput(files, document, hashlib.sha256(content).hexdigest())


def mark_processed(run: Run, planned: PlannedAudio, published: PublishedOutput) -> None:
    """Step 9: write the summary to the recording's item, and see that all results are of this run."""
    fetched, files = planned.located.separated.fetched, published.files
    versions = {
        "qcInputsFingerprint": fetched.fingerprint,
        "qcRunId": run.run_id,
        "qcDocumentSha256": published.document_sha256,
        "qcVideoETag": files.video_etag,
        "qcVideoVersionId": files.video_version_id,
    }
    known = {name: value for name, value in versions.items() if value}
    mark_when_complete(
        fetched.call.item,
        published.document["container"],
        {**correction_attributes(run.order, fetched.call.item), **item_summary(published.document), **known},
        table=run.table,
        media=run.media,
        check_cancelled=run.progress.check,
    )


def _refuse_corrected(run: Run, item: Recording) -> None:
    """Check that nobody has corrected the recording, or undone its correction, since this run read its item.

    Raises:
        ConcurrentRunError: somebody has.
    """
    if run.table.get(item.recording_id).correction != item.correction:
        raise ConcurrentRunError(
            f"recording {item.recording_id} was corrected while this run worked on it, and nothing was overwritten: "
            "run it again, and it begins with that correction"
        )


def _masked_thumbnail(run: Run, separated: SeparatedPair, masks: Masks) -> bytes:
    """The thumbnail, or a plain picture if its moment is masked."""
    if not masks.masks_picture:
        return separated.thumbnail
    recording, origin_s = separated.fetched.recording, separated.info.origin_s
    return png_at(recording, THUMBNAIL_AT_S, origin_s, masks.of_picture, run.progress.check)


def _thumbnail(run: Run, planned: PlannedAudio) -> bytes | None:
    """The thumbnail as it is recorded and published."""
    return marked_png(planned.located.separated.thumbnail, run.run_id) if run.options.thumbnail else None


def _render_plan(video: VideoInfo, options: Options, masks: Masks) -> RenderPlan:
    wanted: Container | None = None if options.container == "auto" else options.container
    container, copies = plan_container(video.codec, wanted)
    copies = copies and (not masks.masks_picture or can_mask_in_place(video))
    codec = video.codec if copies else ENCODED_AS[container]
    return RenderPlan(container, codec, copies, options.audio_rate, options.audio_bit_rate)


def _private_spans(
    run: Run, separated: SeparatedPair, placement: Placement, pair: DecodedPair | None
) -> tuple[PrivateSpan, ...]:
    """The spans not to be recorded: suspensions, which a sync measurement has found already, and redactions."""
    call, audio = separated.call_8khz, separated.audio
    found = () if pair is None else pair.result.suspended
    own = None if audio is None else audio.recording
    suspensions = set(found) if call is None else suspensions_at(found, call, own, placement, run.options.limits)
    return private_spans(suspensions, separated.fetched.call.redactions or ())


def _silent_masks(rendered: Rendered, planned: PlannedAudio) -> tuple[MaskLevel, ...]:
    """Measure the sound that the written file has in each mask.

    Raises:
        MaskError: a mask isn't silent.
    """
    if not planned.splice.masked:
        return ()
    levels = mask_levels(rendered.captured, planned.splice.masked)
    require_silence(levels)
    return levels


def _checked(
    draft: Draft, rendered: Rendered, job: mux.RenderJob, planned: PlannedAudio, progress: Progress
) -> ResultCheck | None:
    """Measure the captured audio of the written file."""
    progress.check()
    if rendered.captured is None:
        return None
    own_blocks, sound = planned.own_blocks, planned.own_sound
    if job.call_pcm is not None:
        return check_result(rendered.captured, job.call_pcm, job.splice, draft.front(), own_blocks, sound)
    with open_container(job.call.reopen(), CALL_FORMATS) as container:
        decoder = AudioDecoder(container, origin_s=None, step_back_s=STEP_BACK_S)
        return check_result(rendered.captured, decoder, job.splice, draft.front(), own_blocks, sound)
