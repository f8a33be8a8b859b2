"""The main job: from an order to the unified recording in its place, in nine steps.

`process` is the one place where reading, deciding and writing meet; what runs it (the Lambda, the command line, a
notebook) hands it a table and a media store, and learns the rest from its outcome.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from komorebi_qc.core.errors import InputError, MediaError
from komorebi_qc.core.finding import Finding, Status, verdict
from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.core.output import AUDIO_RATES, ENCODED_AS, Container, RenderPlan, plan_container
from komorebi_qc.core.progress import MARK, PUBLISH, SILENT, Progress
from komorebi_qc.core.splice import after_call_audio, splice
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.findings.evidence import Evidence, Placement
from komorebi_qc.findings.inputs import judge
from komorebi_qc.findings.qc_document import item_summary, qc_document
from komorebi_qc.findings.seams import seam_findings
from komorebi_qc.findings.timing import timing_findings
from komorebi_qc.measure.result_check import KEEP_S, check_result, check_tapped, heard_at, places_of
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.decode_8khz import buffer_in_memory, decode_call_8khz, exact_call
from komorebi_qc.media.demux import CALL_FORMATS, open_container
from komorebi_qc.media.mux import RenderJob, write_output
from komorebi_qc.media.packet_timing import measure_timing
from komorebi_qc.media.probe import probe_call, probe_recording
from komorebi_qc.media.thumbnail import png_at
from komorebi_qc.pipeline.diagnose import ProbedRecording, look, measure_pair, refuse_the_same, with_decoded_audio
from komorebi_qc.pipeline.placement import place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.core.media_info import AudioInfo, MediaInfo, VideoInfo
    from komorebi_qc.core.output import CaptureSpans, Rendered
    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.core.timebase import Alignment, CallEnd
    from komorebi_qc.core.timing import Timing
    from komorebi_qc.measure.residual_lag import Block
    from komorebi_qc.measure.result import ResultCheck
    from komorebi_qc.pipeline.diagnose import DecodedPair
    from komorebi_qc.storage.protocols import Draft, MediaStore, Published, RecordingsTable

ContainerChoice = Literal["auto", "mp4", "webm"]
AlignChoice = Literal["auto", "told"]
STEPS = (
    "read the item",
    "fetch the call's audio",
    "fetch the agent recording",
    "separate picture and sound",
    "take the after-call audio",
    "join the audio",
    "mux picture and sound",
    PUBLISH,
    MARK,
)
THUMBNAIL_AT_S = 1.0
FAR_AWAY_S = 3600.0
MIN_BIT_RATE, MAX_BIT_RATE = 16_000, 256_000


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for.

    Attributes:
        recording_id: whose recording.
        call_end: as told by the backend.
        alignment: where the call lies on the recording's clock; None to measure it, or to place it as told.
    """

    recording_id: str
    call_end: CallEnd
    alignment: Alignment | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """How it is to be made.

    Attributes:
        container: ``auto`` follows the picture's codec.
        audio_rate: output samples a second, one that AAC and Opus both take.
        audio_bit_rate: output bits a second, both channels together.
        thumbnail: whether one is wanted.
        align: ``auto`` measures where the call lies, uses it where it is sure, and measures the result again; ``told``
            goes by the call end and measures nothing.
        force: join a call and a recording that don't belong together all the same.
        limits: what findings are judged by.
        keep: whether the outcome keeps what was heard and measured, for pictures; an hour of it takes 115 MB.

    Raises:
        InputError: where a value can't be used.
    """

    container: ContainerChoice = "auto"
    audio_rate: int = 16_000
    audio_bit_rate: int = 64_000
    thumbnail: bool = True
    align: AlignChoice = "auto"
    force: bool = False
    limits: Limits = DEFAULT
    keep: bool = False

    def __post_init__(self) -> None:
        if self.container not in get_args(ContainerChoice):
            raise InputError(f"the container {self.container!r} is none of auto, mp4, webm")
        if self.align not in get_args(AlignChoice):
            raise InputError(f"the alignment {self.align!r} is none of auto, told")
        if self.audio_rate not in AUDIO_RATES:
            rates = ", ".join(map(str, AUDIO_RATES))
            raise InputError(f"the audio rate {self.audio_rate} is none of {rates} Hz, which AAC and Opus both take")
        if not MIN_BIT_RATE <= self.audio_bit_rate <= MAX_BIT_RATE:
            raise InputError(
                f"the audio bit rate {self.audio_bit_rate} isn't between {MIN_BIT_RATE} and "
                f"{MAX_BIT_RATE} bits a second"
            )


def inputs_fingerprint(order: Order, versions: tuple[str, ...]) -> str:
    """What tells a result made of the same inputs for the same told call end; empty where inputs have no versions.

    Neither the options nor the software's version are in it: a message that comes again must neither be work again
    after an update nor undo what an operator has made by an alignment of their own, or forced.
    """
    if not versions:
        return ""
    told = json.dumps([*versions, *asdict(order.call_end).values()])
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def is_done(order: Order, *, table: RecordingsTable, media: MediaStore) -> bool:
    """Whether this order has been carried out: processed from the inputs that lie there now, and its video there.

    Raises:
        PermanentError: where the item or an input isn't there, or can't be asked for.
        PassingError: where that may change.
    """
    item = table.get(order.recording_id)
    if not (item.is_processed and item.inputs_fingerprint and item.container):
        return False
    same = item.inputs_fingerprint == inputs_fingerprint(order, media.input_versions(item))
    return same and media.has_video(item, item.container)


@dataclass(frozen=True, slots=True)
class StepReport:
    """One of the nine steps, done.

    Attributes:
        name: as in `STEPS`.
        seconds: wall time.
        bytes: read or written; 0 where that says nothing.
    """

    name: str
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What a run knew when it was done, for whoever wants to show it.

    Attributes:
        evidence: inputs, alignment, splice and what was written.
        heard: both sides' sound at 8 kHz, and the measurement; None where nothing was measured.
        timing: the recording's time stamps; None as well.
        check: what was measured on the produced file; None as well.
    """

    evidence: Evidence
    heard: DecodedPair | None
    timing: Timing | None
    check: ResultCheck | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out, and what there is to say about it.

    Attributes:
        recording_id: whose recording.
        published: where the files are.
        placed: the alignment that was used, and what was measured.
        findings: in the order in which an analyst asks.
        document: what ``qc.json`` says.
        steps: the nine.
        kept: what it was made of; None unless the options ask for it.
    """

    recording_id: str
    published: Published
    placed: Placement
    findings: tuple[Finding, ...]
    document: dict[str, Any]
    steps: tuple[StepReport, ...]
    kept: Kept | None = None

    @property
    def verdict(self) -> Status:
        """The worst of all findings."""
        return verdict(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The outcome for JSON: the document, where the files are, and each step's seconds and bytes."""
        return {
            "output": self.published.video,
            "thumbnail": self.published.thumbnail,
            "qc": self.published.qc,
            **self.document,
            "steps": [asdict(step) for step in self.steps],
        }


def process(
    order: Order,
    *,
    table: RecordingsTable,
    media: MediaStore,
    options: Options = Options(),
    progress: Progress = SILENT,
) -> Outcome:
    """Make the unified recording of one call and publish it.

    Nothing is published, and the item stays as it is, unless all of it has succeeded.

    Raises:
        PermanentError: where trying again can't help; see `komorebi_qc.core.errors`.
        PassingError: where it may.
    """
    steps = _Steps(progress)
    with ExitStack() as stack:
        with steps.next() as step:
            recording = table.get(order.recording_id)

        with steps.next() as step:
            call = buffer_in_memory(stack.enter_context(media.call_audio(recording)))
            call_info = probe_call(call)
            call_audio = _audio_of(call_info)
            step.bytes = call.size

        with steps.next() as step:
            source = stack.enter_context(media.agent_recording(recording))
            inputs = inputs_fingerprint(order, call.version + source.version)
            step.bytes = source.size

        with steps.next() as step:
            refuse_the_same(call, source)
            looked = _looked(source, order, options, progress)
            info = looked.info
            video = _video_of(info)
            plan = _plan(video, options)
            thumbnail = png_at(source, THUMBNAIL_AT_S, info.origin_s)

        with steps.next() as step:
            call_s = call_audio.span.end_s
            looked, heard = _heard(call, call_info, source, looked, order, options, progress)
            timing = _timing(source, looked, options)
            samples = exact_call(call, call_info, _call_heard(call, call_info, heard, options, progress))
            placed = place(
                order.call_end,
                call_s,
                given=order.alignment,
                measured=heard.result if heard is not None else None,
                force=options.force,
            )
            _refuse_far_away(placed.alignment, call_s, info)
            own_audio = info.audio.span if info.audio is not None else None
            after_call = after_call_audio(placed.alignment, call_s=call_s, recording_audio=own_audio)

        with steps.next() as step:
            laid = splice(placed.alignment, call_s=call_s, recording_audio=own_audio)
            wanted, own = _to_tap(laid, looked) if _is_tapped(source, options) else (None, ())
            heard = heard.in_memory() if heard is not None and options.keep else None  # an hour's sound takes 115 MB
            del looked

        with steps.next() as step:
            draft = stack.enter_context(media.draft(recording, plan.container, _expected_bytes(source, plan, laid)))
            job = RenderJob(laid, plan, call, source, info, video, samples, wanted)
            rendered = write_output(job, draft.begin, progress.advance)
            step.bytes = rendered.size
            check = _checked(draft, rendered, job, own, progress) if options.align == "auto" else None

        evidence = Evidence(
            call_info, call_audio, info, video, order.call_end, placed, laid, after_call, plan, rendered
        )
        findings = (
            *judge(evidence, options.limits),
            *(timing_findings(timing, options.limits) if timing is not None else ()),
            *(seam_findings(check, options.limits) if check is not None else ()),
        )
        document = qc_document(order.recording_id, evidence, findings, options.limits)

        with steps.next() as step:
            published = draft.publish(
                thumbnail=thumbnail if options.thumbnail else None, qc=json.dumps(document, indent=1).encode()
            )
            step.bytes = published.video_bytes + published.thumbnail_bytes

        with steps.next() as step:
            table.mark_processed(recording, {**item_summary(document), **({"qcInputs": inputs} if inputs else {})})

    kept = Kept(evidence, heard, timing, check) if options.keep else None
    return Outcome(order.recording_id, published, placed, findings, document, tuple(steps.done), kept)


def _looked(source: Source, order: Order, options: Options, progress: Progress) -> ProbedRecording:
    if _is_measured(order, options) or _is_tapped(source, options):
        return look(source, progress.check)
    return ProbedRecording(probe_recording(source))


def _heard(
    call: Source,
    call_info: MediaInfo,
    source: Source,
    looked: ProbedRecording,
    order: Order,
    options: Options,
    progress: Progress,
) -> tuple[ProbedRecording, DecodedPair | None]:
    """The recording with its sound, and what both sides' gives, as far as either is asked for."""
    is_measured = _is_measured(order, options)
    if is_measured or _is_tapped(source, options):
        looked = with_decoded_audio(source, looked, progress.check)
    if not is_measured:
        return looked, None
    return looked, measure_pair(call, call_info, source, looked, order.call_end, progress.check)


def _is_measured(order: Order, options: Options) -> bool:
    return options.align == "auto" and order.alignment is None


def _is_tapped(source: Source, options: Options) -> bool:
    """Whether the result is checked by what is kept of it on its way, and the recording heard for that at least."""
    return options.align == "auto" and source.is_remote


def _to_tap(laid: Splice, looked: ProbedRecording) -> tuple[CaptureSpans, Sequence[Block]]:
    """What has to be kept on the way for the check, and what was heard before of the recording's own audio there."""
    return places_of(laid).wanted(laid), heard_at(looked.sound, laid) if looked.sound is not None else ()


def _timing(source: Source, looked: ProbedRecording, options: Options) -> Timing | None:
    """The recording's time stamps: noted while it was heard, else read for themselves."""
    if looked.timing is not None:
        return looked.timing
    return measure_timing(source) if options.align == "auto" else None


def _call_heard(
    call: Source, info: MediaInfo, heard: DecodedPair | None, options: Options, progress: Progress
) -> Track | None:
    """What has been heard of the call; from a network it is heard for the check alone, so that it is read once."""
    if heard is not None:
        return heard.call
    return decode_call_8khz(call, info, progress.check) if options.align == "auto" and call.is_remote else None


def _expected_bytes(source: Source, plan: RenderPlan, laid: Splice) -> int:
    """About how large the output gets: the picture as it is, and its own sound."""
    return source.size + round(laid.output_end_s * plan.audio_bit_rate / 8)


def _checked(
    draft: Draft, rendered: Rendered, job: RenderJob, own: Sequence[Block], progress: Progress
) -> ResultCheck | None:
    """The produced file measured: read again where it lies, else by what was kept of it on its way.

    `own` is the recording's own audio at the places that are looked at, as it was heard before.
    """
    progress.check()
    written = draft.written()
    if written is not None:
        return check_result(written, job.call, job.recording, job.info, job.splice)
    if rendered.tapped is None:
        return None
    if job.samples is not None:
        return check_tapped(rendered.tapped, job.samples, job.splice, draft.front(), own)
    with open_container(job.call.reopen(), CALL_FORMATS) as container:
        track = AudioDecoder(container, origin_s=None, keep_s=KEEP_S)
        return check_tapped(rendered.tapped, track, job.splice, draft.front(), own)


def _audio_of(info: MediaInfo) -> AudioInfo:
    if info.audio is None:
        raise MediaError(f"{info.name} has no audio track")
    return info.audio


def _video_of(info: MediaInfo) -> VideoInfo:
    if info.video is None:
        raise MediaError(f"{info.name} has no video track")
    return info.video


def _refuse_far_away(alignment: Alignment, call_s: float, info: MediaInfo) -> None:
    """A slip in the call end or the offset must not cost hours of silence."""
    from_s, to_s = alignment.to_recording(0.0), alignment.to_recording(call_s)
    if from_s > info.end_s + FAR_AWAY_S or to_s < -FAR_AWAY_S:
        raise InputError(
            f"the call would lie from {clock_text(from_s)} to {clock_text(to_s)}, over an hour away from the recording "
            f"{info.name} (which ends at {clock_text(info.end_s)}): check the call end, or the offset"
        )


def _plan(video: VideoInfo, options: Options) -> RenderPlan:
    wanted: Container | None = None if options.container == "auto" else options.container
    container, copies = plan_container(video.codec, wanted)
    codec = video.codec if copies else ENCODED_AS[container]
    return RenderPlan(container, codec, copies, options.audio_rate, options.audio_bit_rate)


@dataclass(slots=True)
class _Step:
    bytes: int = 0


@dataclass(slots=True)
class _Steps:
    """Announces each step, and keeps its time."""

    progress: Progress
    done: list[StepReport] = field(default_factory=list)

    @contextmanager
    def next(self) -> Iterator[_Step]:
        number, step, began = len(self.done) + 1, _Step(), time.monotonic()
        name = STEPS[number - 1]
        self.progress.step(number, len(STEPS), name)
        yield step
        self.done.append(StepReport(name, round(time.monotonic() - began, 4), step.bytes))
