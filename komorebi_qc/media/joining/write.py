"""One file of several: their packets on one clock, and a plain picture in the gaps.

The joined file is an intermediate one: it is read as an agent recording is, and never published. Timestamps are exact
to the container's unit: 1 ms in Matroska, as browsers write WebM, and 0.02 ms in MP4.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO

import av
from av.error import FFmpegError

from komorebi_qc.core.errors import MaskError, MediaError, StorageError
from komorebi_qc.core.joining.part import LEAST_GAP_S
from komorebi_qc.core.output import can_mask_in_place
from komorebi_qc.core.timebase import Span
from komorebi_qc.media.demux import packets
from komorebi_qc.media.joining.sound import JoinedSound
from komorebi_qc.media.joining.video import JoinedVideo
from komorebi_qc.media.mux.sink import OutputSink
from komorebi_qc.media.opening import RECORDING_FORMATS, open_container, video_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from av.container import InputContainer, OutputContainer

    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.source import Source

VIDEO_BASES = {"mp4": Fraction(1, 240_000), "matroska": Fraction(1, 1000)}
"""In 1/240,000 s, a shift of 1/48,000 s is exact for the picture and for the sound."""
SEAM_S = 0.1
"""Silence before a file that begins at once after another. Readers take a smaller step of the timestamps for a tremble,
and would count the second file's sound from the first one's."""
_CHECK_EVERY = 256
"""Packets between two checks whether the run goes on."""


@dataclass(frozen=True, slots=True)
class FileAtPlace:
    """A file to be joined.

    Attributes:
        source: the file.
        info: its tracks.
        shift_s: joined time minus the file's own.
        used: the span in which it plays, on the joined clock.
    """

    source: Source
    info: MediaInfo
    shift_s: float
    used: Span


def joined_unit_s(info: MediaInfo) -> float:
    """The unit of the shifts that a joined file takes exactly, if it begins with such a file."""
    return 1 / 48_000 if info.container == "mp4" else 1e-3


def write_joined(
    files: Sequence[FileAtPlace], file: BinaryIO, check_cancelled: Callable[[], None] = lambda: None
) -> tuple[bool, ...]:
    """Write several files as one.

    Args:
        files: in the order of their places, the first one with a shift of 0.
        file: empty, for the result.
        check_cancelled: called now and then; its exception ends the work.

    Returns:
        For each file, whether its picture was copied.

    Raises:
        MediaError: the files' tracks don't go together.
        StorageError: the file can't be written (a full disk).
    """
    require_joinable(files)
    kind = "mp4" if files[0].info.container == "mp4" else "matroska"
    sink = OutputSink(file)
    try:
        with ExitStack() as stack:
            opened = [stack.enter_context(_opened(one.source)) for one in files]
            output = stack.enter_context(
                av.open(sink, "w", format=kind, options={"movie_timescale": "48000"} if kind == "mp4" else {})
            )
            return _join(output, files, opened, VIDEO_BASES[kind], sink, check_cancelled)
    except FFmpegError as error:
        raise_write_error(sink)
        names = " and ".join(one.source.name for one in files)
        raise MediaError(
            f"{names} can't be joined ({(error.strerror or type(error).__name__).lower()}): their timestamps are "
            "damaged, or their formats differ. Process them one by one"
        ) from error
    finally:
        raise_write_error(sink)


def require_joinable(files: Sequence[FileAtPlace]) -> None:
    """Check that the files' tracks go together.

    Raises:
        MediaError: names the file, the difference and the remedy.
    """
    first = files[0]
    if first.info.video is None or not can_mask_in_place(first.info.video):
        found = "no video" if (video := first.info.video) is None else f"{video.codec} ({video.pixel_format})"
        raise MediaError(
            f"{first.source.name} has {found}, which can't be joined with another file: only H.264, VP8, VP9 and AV1 "
            "of 8 bits can. Process the files one by one"
        )
    sounds = [one for one in files if one.info.audio is not None]
    for before, after in pairwise(sounds):
        one, other = before.info.audio, after.info.audio
        # Each packet of Opus says how many channels it has.
        if one is not None and other is not None and _sound(one) != _sound(other):
            raise MediaError(
                f"{after.source.name} has {other.codec} audio of {other.rate} Hz and {other.channels} channels, and "
                f"{before.source.name} has {one.codec} of {one.rate} Hz and {one.channels}: they can't be joined. "
                "Process the files one by one"
            )


def _sound(audio: Any) -> tuple[Any, ...]:
    return (audio.codec,) if audio.codec == "opus" else (audio.codec, audio.rate, audio.channels)


def _opened(source: Source) -> Any:
    return open_container(source.reopen(), RECORDING_FORMATS, is_read_through=True)


def _join(
    output: OutputContainer,
    files: Sequence[FileAtPlace],
    opened: Sequence[InputContainer],
    base: Fraction,
    sink: OutputSink,
    check_cancelled: Callable[[], None],
) -> tuple[bool, ...]:
    try:
        joined = JoinedVideo(video_stream(opened[0]), base)
        video: Any = output.add_stream_from_template(video_stream(opened[0]), opaque=True)
        video.time_base = base
        if joined.header is not None:
            video.codec_context.extradata = joined.header
        sound = JoinedSound(output, opened)
        copies = []
        for number, (one, container) in enumerate(zip(files, opened, strict=True)):
            gap = Span(files[number - 1].used.end_s, max(one.used.start_s, files[number - 1].used.end_s))
            if number and gap.length_s >= LEAST_GAP_S:
                _mux(output, video, joined.gap(gap))
            shift_s = one.shift_s - one.info.origin_s
            following_s = files[number + 1].used.start_s if number + 1 < len(files) else math.inf
            until_s = min(one.used.end_s, following_s - SEAM_S)
            picture = joined.of_file(video_stream(container), shift_s, one.used)
            copies.append(picture.copies)
            for count, packet in enumerate(packets(container, sound.streams(container))):
                if not count % _CHECK_EVERY:
                    check_cancelled()
                    sink.raise_error()
                if packet.stream.type == "video":
                    _mux(output, video, picture.take(packet))
                else:
                    sound.take(packet, shift_s, until_s)
            _mux(output, video, picture.finish())
        return tuple(copies)
    except MaskError as error:
        raise MediaError(
            f"{files[0].source.name} can't be joined with other files: {str(error).partition(':')[2].strip()}"
        ) from error


def _mux(output: OutputContainer, stream: Any, made: Iterator[Any]) -> None:
    for packet in made:
        packet.stream = stream
        output.mux(packet)


def raise_write_error(sink: OutputSink) -> None:
    """Raise what went wrong when the joined file was written.

    Raises:
        StorageError: the disk is full, or gone.
    """
    try:
        sink.raise_error()
    except OSError as error:
        raise StorageError(
            f"the files can't be joined in the folder for temporary files ({error.strerror or type(error).__name__}): "
            "it needs as much room as all of them together"
        ) from error
