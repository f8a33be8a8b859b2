"""One output file from one job: tracks opened, audio mixed and encoded, both tracks interleaved, index in front."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO

import av
from av.error import ArgumentError, FFmpegError, InvalidDataError

from komorebi_qc.core.errors import MaskError, MediaError, StorageError
from komorebi_qc.core.output import CONTAINERS, Container, Rendered
from komorebi_qc.core.timebase import merged
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.demux import PacketDemuxer
from komorebi_qc.media.malloc import return_freed_blocks
from komorebi_qc.media.mixer import STEP_BACK_S, mix
from komorebi_qc.media.mux.audio_track import AudioMuxer, AudioTrack
from komorebi_qc.media.mux.job import chapter_marks, index_room
from komorebi_qc.media.mux.masking.picture_mask import picture_mask
from komorebi_qc.media.mux.sink import OutputSink
from komorebi_qc.media.mux.video_track import CopiedVideo, EncodedVideo, FrameCounts
from komorebi_qc.media.mux.webm_timestamps import BlockStamps
from komorebi_qc.media.opening import CALL_FORMATS, RECORDING_FORMATS, open_container, video_stream
from komorebi_qc.media.output_tap import OutputCapture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.container import InputContainer, OutputContainer

    from komorebi_qc.core.output import CapturedAudio
    from komorebi_qc.core.samples import Readable
    from komorebi_qc.core.splice import SourceName
    from komorebi_qc.media.mux.job import RenderJob

MORE_ROOM = 16
"""The factor by which the room for the index grows, if it was too small."""
_BLOCKS_AHEAD = 2
_BUFFER_BYTES = 1 << 20
"""A write to a Python file object costs the same whatever its size."""
_BEFORE_INDEX_BYTES = 4096
"""Space before the index: MP4's ``ftyp`` and the head of ``mdat``; WebM's header, seek head and ``Info``."""


def write_output(job: RenderJob, begin: Callable[[int], BinaryIO], advance: Callable[[float], None]) -> Rendered:
    """Write the unified recording.

    Args:
        job: its inputs.
        begin: gives an empty file. Its argument is the number of bytes at the front that will be written again at the
            end. It is called a second time if they were too few.
        advance: called with the fraction done, 0 to 1.

    Raises:
        MediaError: The inputs can't be written into this container.
        MaskError: The picture is to be masked, and can't be.
        StorageError: The file can't be written (a full disk), or an input can't be read on.
    """
    return_freed_blocks()  # FFmpeg takes even more for an index of hours while it reads it
    room = index_room(job)
    try:
        return _write(job, begin(room + _BEFORE_INDEX_BYTES), room, advance)
    except _IndexTooLargeError:
        room *= MORE_ROOM
    try:
        return _write(job, begin(room + _BEFORE_INDEX_BYTES), room, advance)
    except _IndexTooLargeError as error:
        raise _cannot_be_written(job, error.__cause__) from error


class _IndexTooLargeError(Exception):
    """The room for the index was too small, so the file is spoiled."""


def _cannot_be_written(job: RenderJob, error: BaseException | None) -> MediaError:
    """The reason behind a muxer's bare "invalid argument"."""
    kind, other = job.plan.container, next(c for c in CONTAINERS if c != job.plan.container)
    reason = (isinstance(error, FFmpegError) and error.strerror) or type(error).__name__
    return MediaError(
        f"{job.recording.name} can't be written as {kind} ({reason.lower()}). Usually its timestamps leap further than "
        f"{kind} allows, or are damaged. Choose the other container (--container {other}), or get the file again"
    )


def _write(job: RenderJob, file: BinaryIO, room: int, advance: Callable[[float], None]) -> Rendered:
    with ExitStack() as stack:
        recording_files = stack.enter_context(ExitStack())

        def opened() -> InputContainer:
            return recording_files.enter_context(
                open_container(job.recording.reopen(), RECORDING_FORMATS, is_read_through=True)
            )

        recording = opened()
        return_freed_blocks()  # the blocks that reading its index took
        demuxer = PacketDemuxer(recording, open_apart=opened)
        video = video_stream(recording)
        video_packets = demuxer.subscribe(video)
        tracks: dict[SourceName, Readable] = {"call": _call_track(job, stack)}
        own_audio = _own_audio(job, recording, demuxer)
        if own_audio is not None:
            tracks["recording"] = own_audio
        is_webm = job.plan.container == "webm"
        sink = OutputSink(file, BlockStamps() if job.capture is not None and is_webm else None)
        output = av.open(
            sink,
            "w",
            format=job.plan.container,
            options=muxer_options(job.plan.container, room),
            buffer_size=_BUFFER_BYTES,
        )
        if job.run_id:
            output.metadata["comment"] = f"komorebi_qc run {job.run_id}"
        output.set_chapters(chapter_marks(job.chapters))

        def go_on(fraction: float) -> None:
            sink.raise_error()
            advance(fraction)

        try:
            written, counts, capture = _mux(output, job, video, video_packets, tracks, go_on)
            _require_mask(job, written, counts)
            if own_audio is not None and capture is not None:
                own_audio.read_to_end()  # spans to capture behind the last seam
            recording_files.close()  # an index of hours takes as much memory as the output's, which is written next
        except BaseException as error:
            _abandon(output)
            sink.raise_error()
            # Other errors (no memory) aren't the input's fault.
            if isinstance(error, (ArgumentError, InvalidDataError)):
                raise _cannot_be_written(job, error) from error
            raise
        _close(output, sink)
        failures = 0 if own_audio is None else own_audio.failures
        captured = None if capture is None else _captured(capture, own_audio, sink)
        return Rendered(written, job.splice.output_end_s, failures, sink.size, captured, counts.masked, counts.remade)


def _require_mask(job: RenderJob, written: int, counts: FrameCounts) -> None:
    """A mask that overlaps the video has a frame on show in it, so at least one has to be plain.

    Raises:
        MaskError: Not one is.
    """
    is_masked = job.masks.masks_picture and any(span.overlap_s(job.video.span) for span in job.masks.of_picture)
    if is_masked and written and not counts.masked:
        raise MaskError(
            f"{job.recording.name} has frames in a part that was not to be recorded, and not one was masked. "
            "Its timestamps are damaged; get it again. Nothing was published"
        )


def _call_track(job: RenderJob, stack: ExitStack) -> Readable:
    if job.call_pcm is not None:
        return job.call_pcm
    return AudioDecoder(stack.enter_context(open_container(job.call.reopen(), CALL_FORMATS)), origin_s=None)


def _own_audio(job: RenderJob, recording: InputContainer, demuxer: PacketDemuxer) -> AudioDecoder | None:
    if job.info.audio is None:
        return None
    captured = () if job.capture is None else job.capture.recording
    spans = merged([*job.played_spans(), *captured])
    return AudioDecoder(
        recording, origin_s=job.info.origin_s, step_back_s=STEP_BACK_S, spans=spans, demuxer=demuxer, captured=captured
    )


def _captured(capture: OutputCapture, own_audio: AudioDecoder | None, sink: OutputSink) -> CapturedAudio:
    block_pts_s = None if sink.blocks is None else sink.blocks.seconds(capture.track_number)
    if own_audio is None:
        return capture.finish(0, [], block_pts_s)
    return capture.finish(own_audio.rate, own_audio.captured(), block_pts_s)


def muxer_options(container: Container, room: int) -> dict[str, str]:
    """Return the muxer's options: room for the index at the file's front, and writes of full buffers only."""
    # By default each packet is written at once, a few hundred bytes of audio as well.
    buffered = {"flush_packets": "0"}
    if container == "webm":
        return {**buffered, "reserve_index_space": str(room)}
    # A late start is kept in the movie's time scale, by default whole milliseconds: 1/48,000 s is exact enough.
    return {**buffered, "moov_size": str(room), "movie_timescale": "48000"}


def _close(output: OutputContainer, sink: OutputSink) -> None:
    try:
        output.close()
    except (FFmpegError, OSError) as error:
        _abandon(output)
        sink.raise_error()
        # The muxer reports EINVAL ("Invalid argument") or ENOSPC for an index larger than its room.
        if isinstance(error, (ArgumentError, InvalidDataError)):
            raise _IndexTooLargeError from error
        raise StorageError(f"the video can't be finished: {error.strerror or error}") from error
    sink.raise_error()


def _abandon(output: OutputContainer) -> None:
    try:
        output.close()
    except (FFmpegError, OSError):
        return  # closing after an error raises it again


def _mux(
    output: OutputContainer,
    job: RenderJob,
    video: Any,
    video_packets: Iterator[Any],
    tracks: dict[SourceName, Readable],
    advance: Callable[[float], None],
) -> tuple[int, FrameCounts, OutputCapture | None]:
    """Mix and encode the audio, and interleave it with the video.

    Returns:
        The number of video packets written (frames that are never shown count too), the frames that aren't copies,
        and the capture of the audio packets, if the job asks for one.
    """
    splice, plan = job.splice, job.plan
    shift_s = splice.alignment.output_shift_s - job.info.origin_s
    mask = picture_mask(job.masks, job.video.time_base, job.info.origin_s)
    video_track = (CopiedVideo if plan.copies_video else EncodedVideo)(
        output, video, video_packets, job.video, shift_s, plan, mask
    )
    audio_track = AudioTrack(output, plan)
    output.start_encoding()
    capture = None if job.capture is None else OutputCapture(plan.container, audio_track.stream, job.capture.output)
    audio = AudioMuxer(output, capture)
    timed_packets = iter(video_track)
    following = next(timed_packets, None)
    written, samples = 0, 0
    total_s = max(splice.output_end_s, job.video.span.end_s + shift_s, 1e-3)
    with ThreadPoolExecutor(1, "audio-encoder") as encoder:
        encoding: deque[Future[list[Any]]] = deque()
        for block in mix(splice, tracks, plan.audio_rate, audio_track.block_size):
            encoding.append(encoder.submit(audio_track.encode, block, samples))
            samples += len(block)
            upto_s = samples / plan.audio_rate
            while following is not None and following[0] <= upto_s:
                written += _mux_video(output, following[1])
                following = next(timed_packets, None)
            while len(encoding) > _BLOCKS_AHEAD:
                written -= audio.write(encoding.popleft().result())
            advance(min(1.0, upto_s / total_s))
        for done in encoding:
            written -= audio.write(done.result())
    written -= audio.write(audio_track.flush())
    while following is not None:
        written += _mux_video(output, following[1])
        advance(min(1.0, following[0] / total_s))
        following = next(timed_packets, None)
    return written + video_track.counts.hidden, video_track.counts, capture


def _mux_video(output: OutputContainer, packet: Any) -> bool:
    """Write a video packet; False if the muxer finds it damaged and drops it."""
    try:
        output.mux(packet)
    except InvalidDataError:
        return False
    return True
