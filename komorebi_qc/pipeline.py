"""The main job: from an order to the unified recording in its place, in nine steps.

`process` is the one place where reading, deciding and writing meet; what runs it (the Lambda, the command line, a
notebook) hands it a table and a media store, and learns the rest from its outcome.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from komorebi_qc import __version__
from komorebi_qc.errors import InputError, MediaError
from komorebi_qc.findings import Evidence, judge
from komorebi_qc.probe import probe_call, probe_recording
from komorebi_qc.progress import SILENT, Progress
from komorebi_qc.render import (
    AUDIO_CODEC,
    AUDIO_RATES,
    ENCODED_AS,
    Container,
    RenderJob,
    RenderPlan,
    plan_container,
    render,
)
from komorebi_qc.splice import after_call_audio, align_as_told, splice
from komorebi_qc.thumbnail import png_at
from komorebi_qc.verdict import Finding, Status, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.probe import AudioInfo, MediaInfo, VideoInfo
    from komorebi_qc.stores import MediaStore, Published, RecordingsTable
    from komorebi_qc.timebase import Alignment, CallEnd

ContainerChoice = Literal["auto", "mp4", "webm"]
STEPS = (
    "read the item",
    "fetch the call's audio",
    "fetch the agent recording",
    "separate picture and sound",
    "take the after-call audio",
    "join the audio",
    "mux picture and sound",
    "publish",
    "mark the item processed",
)
THUMBNAIL_AT_S = 1.0
MIN_BIT_RATE, MAX_BIT_RATE = 16_000, 256_000


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for.

    Attributes:
        recording_id: whose recording.
        call_end: as told by the backend.
        alignment: where the call lies on the recording's clock; None to place it as told.
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

    Raises:
        InputError: where a value can't be used.
    """

    container: ContainerChoice = "auto"
    audio_rate: int = 16_000
    audio_bit_rate: int = 64_000
    thumbnail: bool = True

    def __post_init__(self) -> None:
        if self.container not in get_args(ContainerChoice):
            raise InputError(f"the container {self.container!r} is none of auto, mp4, webm")
        if self.audio_rate not in AUDIO_RATES:
            rates = ", ".join(map(str, AUDIO_RATES))
            raise InputError(f"the audio rate {self.audio_rate} is none of {rates} Hz, which AAC and Opus both take")
        if not MIN_BIT_RATE <= self.audio_bit_rate <= MAX_BIT_RATE:
            raise InputError(
                f"the audio bit rate {self.audio_bit_rate} isn't between {MIN_BIT_RATE} and "
                f"{MAX_BIT_RATE} bits a second"
            )


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
class Outcome:
    """What came out, and what there is to say about it.

    Attributes:
        recording_id: whose recording.
        published: where the files are.
        call: Connect's audio.
        recording: the agent recording.
        plan: container and codecs.
        call_end: as told.
        alignment: by which the call was placed.
        alignment_source: ``told`` (the call end) or ``given`` (by the caller).
        output_s: the output's length.
        after_call_s: how much of it follows the call.
        findings: in the order in which an analyst asks.
        steps: the nine.
    """

    recording_id: str
    published: Published
    call: MediaInfo
    recording: MediaInfo
    plan: RenderPlan
    call_end: CallEnd
    alignment: Alignment
    alignment_source: Literal["told", "given"]
    output_s: float
    after_call_s: float
    findings: tuple[Finding, ...]
    steps: tuple[StepReport, ...]

    @property
    def verdict(self) -> Status:
        """The worst of all findings."""
        return verdict(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The outcome for JSON: seconds and bytes, each time with its clock in its name."""
        call_s = self.call.audio.span.end_s if self.call.audio is not None else 0.0
        return {
            "version": __version__,
            "recording_id": self.recording_id,
            "verdict": self.verdict,
            "output": self.published.video,
            "thumbnail": self.published.thumbnail,
            "container": self.plan.container,
            "durations": {
                "call_s": round(call_s, 6),
                "recording_s": round(self.recording.end_s, 6),
                "after_call_s": round(self.after_call_s, 6),
                "output_s": round(self.output_s, 6),
            },
            "codecs": {
                "video": self.plan.video_codec,
                "video_in": self.recording.video.codec if self.recording.video is not None else None,
                "video_copied": self.plan.copies_video,
                "audio": AUDIO_CODEC[self.plan.container],
                "audio_in": self.recording.audio.codec if self.recording.audio is not None else None,
                "call": self.call.audio.codec if self.call.audio is not None else None,
                "audio_rate_hz": self.plan.audio_rate,
                "audio_bit_rate": self.plan.audio_bit_rate,
            },
            "alignment": {
                "source": self.alignment_source,
                "offset_s": round(self.alignment.offset_s, 6),
                "drift_ppm": self.alignment.drift_ppm,
                "jumps": [asdict(jump) for jump in self.alignment.jumps],
                "output_shift_s": round(self.alignment.output_shift_s, 6),
            },
            "call_end": {
                "told_s": self.call_end.recording_s,
                "resolution_s": self.call_end.resolution_s,
                "used_s": round(self.alignment.to_recording(call_s), 6),
            },
            "findings": [asdict(finding) for finding in self.findings],
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
        PermanentError: where trying again can't help; see `komorebi_qc.errors`.
        PassingError: where it may.
    """
    steps = _Steps(progress)
    with ExitStack() as stack:
        with steps.next() as step:
            recording = table.get(order.recording_id)

        with steps.next() as step:
            call = stack.enter_context(media.call_audio(recording))
            call_info = probe_call(call)
            call_audio = _audio_of(call_info)
            step.bytes = call.size

        with steps.next() as step:
            source = stack.enter_context(media.agent_recording(recording))
            step.bytes = source.size

        with steps.next() as step:
            info = probe_recording(source)
            video = _video_of(info)
            plan = _plan(video, options)
            thumbnail = png_at(source, THUMBNAIL_AT_S, info.origin_s)

        with steps.next() as step:
            call_s = call_audio.span.end_s
            alignment = order.alignment or align_as_told(order.call_end, call_s)
            own_audio = info.audio.span if info.audio is not None else None
            after_call = after_call_audio(alignment, call_s=call_s, recording_audio=own_audio)

        with steps.next() as step:
            laid = splice(alignment, call_s=call_s, recording_audio=own_audio)

        with steps.next() as step:
            scratch = stack.enter_context(media.scratch())
            job = RenderJob(laid, plan, call, source, info, video)
            rendered = render(job, scratch, progress.advance)
            step.bytes = scratch.seek(0, 2)

        with steps.next() as step:
            published = media.publish(recording, plan.container, scratch, thumbnail if options.thumbnail else None)
            step.bytes = published.video_bytes + published.thumbnail_bytes

        with steps.next() as step:
            table.mark_processed(recording, {"outputContainer": plan.container})

    is_told = order.alignment is None
    evidence = Evidence(call_info, call_audio, info, video, order.call_end, is_told, laid, after_call, plan, rendered)
    return Outcome(
        recording_id=order.recording_id,
        published=published,
        call=call_info,
        recording=info,
        plan=plan,
        call_end=order.call_end,
        alignment=alignment,
        alignment_source="told" if is_told else "given",
        output_s=max(laid.output_end_s, video.span.end_s + alignment.output_shift_s),
        after_call_s=after_call.length_s,
        findings=judge(evidence),
        steps=tuple(steps.done),
    )


def _audio_of(info: MediaInfo) -> AudioInfo:
    if info.audio is None:
        raise MediaError(f"{info.name} has no audio track")
    return info.audio


def _video_of(info: MediaInfo) -> VideoInfo:
    if info.video is None:
        raise MediaError(f"{info.name} has no video track")
    return info.video


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
