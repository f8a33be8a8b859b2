"""Opening a media file (through PyAV)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import av
from av.error import FFmpegError

from komorebi_qc.core.errors import DoesNotFitError, MediaError
from komorebi_qc.media.bounds.allocation import bound_allocations
from komorebi_qc.media.bounds.table import (
    ALLOCATION_BYTES,
    MOST_PIXELS,
    MOST_SAMPLES,
    MOST_TRACKS,
    PROBED_BYTES,
    PROBED_PIXELS,
    refused,
)
from komorebi_qc.media.opening.input_file import InputFile, read_head
from komorebi_qc.media.opening.not_media import not_media
from komorebi_qc.media.opening.pictures import allowed_decoders, check_picture, is_large
from komorebi_qc.media.opening.sounds import check_sound
from komorebi_qc.media.opening.tracks import codec_name, use_video

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer

    from komorebi_qc.core.source import Source

BUFFER_BYTES = 1 << 18
"""A read of a Python file object costs the same whatever its size: FFmpeg's 32 KiB make an hour's file cost 14,000."""
_ONE_FRAME = {"max_pixels": str(MOST_PIXELS), "probesize": "32"}
"""The options for a large picture: FFmpeg decodes one frame of it while it opens the file."""
_SMALL_INDEX = 10_000
"""Samples of an index that fits into any memory."""


@contextmanager
def open_container(
    source: Source, formats: str, *, is_read_through: bool = False, buffer_bytes: int | None = None
) -> Iterator[InputContainer]:
    """Open a file object as one of the given container formats, with no other protocol allowed.

    Args:
        source: the file.
        formats: FFmpeg's names, with commas between them.
        is_read_through: the caller won't seek. Otherwise FFmpeg scans all of a fragmented MP4 when it opens it, to know
            where to seek.
        buffer_bytes: the bytes of one read; fewer for a reader that goes from place to place. None for the usual ones.

    Raises:
        MediaError: The file is empty, has another format, or exceeds a bound.
        InputError: It has no video track of the number that was named.
        DoesNotFitError: Its index doesn't fit into the memory.
    """
    head = read_head(source)
    reading = InputFile(source, head)
    bound_allocations()
    options = _options(formats, is_read_through=is_read_through)
    try:
        container = _opened(reading, options, buffer_bytes)
        if is_large(container):
            container.close()
            reading.seek(0)
            container = _opened(reading, {**options, **_ONE_FRAME}, buffer_bytes)
    except FFmpegError as error:
        reading.raise_error()
        if isinstance(error, MemoryError):
            raise too_much_memory(source.name) from None
        raise MediaError(not_media(source, head, error, formats)) from None
    with container:
        try:
            reading.raise_error()
            use_video(source.name, container, source.video_track)
            check_picture(source.name, container)
            check_sound(source.name, container)
            _check_index(source.name, container)
            yield container
        except Exception:
            reading.raise_error()
            raise
    reading.raise_error()


def _opened(reading: InputFile, options: dict[str, str], buffer_bytes: int | None) -> InputContainer:
    return av.open(reading, "r", options=options, buffer_size=buffer_bytes or BUFFER_BYTES, metadata_errors="replace")


def _options(formats: str, *, is_read_through: bool) -> dict[str, str]:
    options = {
        "format_whitelist": formats,
        "protocol_whitelist": "none",
        "codec_whitelist": allowed_decoders(),
        "max_pixels": str(PROBED_PIXELS),
        "max_streams": str(MOST_TRACKS),
        "max_size": "16384",
        "probesize": str(PROBED_BYTES),
    }
    return {**options, "fflags": "+ignidx"} if is_read_through else options


def _check_index(name: str, container: InputContainer) -> None:
    """Check the numbers of samples that FFmpeg found, and that it has an index for them.

    Raises:
        MediaError: there are more than 12 h of the fastest recorder have.
        DoesNotFitError: FFmpeg left an index away.
    """
    if "mp4" not in container.format.name:
        return
    for stream in container.streams:
        # A sample of PCM is a single number.
        if codec_name(stream).startswith("pcm_"):
            continue
        if stream.frames > MOST_SAMPLES:
            bound = f"12 h of the fastest recorder have at most {MOST_SAMPLES:,}"
            raise refused(name, f"declares {stream.frames:,} samples in its table of times", bound)
        if stream.frames > _SMALL_INDEX and not len(stream.index_entries):
            raise DoesNotFitError(
                f"{name} has an index of {stream.frames:,} samples, and FFmpeg couldn't take it into memory: give the "
                "process more memory, or get the file again"
            )


def too_much_memory(name: str) -> DoesNotFitError:
    """The error for a file for which FFmpeg can't allocate memory."""
    return DoesNotFitError(
        f"{name} needs more memory than FFmpeg gets ({ALLOCATION_BYTES >> 20} MiB at once, and the limit of the "
        "process): it is damaged, or the process needs more memory"
    )
