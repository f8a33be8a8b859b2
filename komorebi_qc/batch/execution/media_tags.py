"""Properties in a recording's header: container, codecs, and the programs that wrote it. Nothing is decoded."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from av.error import FFmpegError

from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.core.source import Source
from komorebi_qc.media.opening import RECORDING_FORMATS, open_container

if TYPE_CHECKING:
    from typing import BinaryIO

_HEAD_BYTES = 1 << 16
_SEGMENT, _INFO, _MUXING_APP, _WRITING_APP = 0x18538067, 0x1549A966, 0x4D80, 0x5741
_BROWSER = re.compile(
    r"((Google|Microsoft|Mobile|Mozilla) )?(Headless)?"
    r"(Chrome|Chromium|Firefox|Mozilla|Edge|Edg|Safari|Opera|WebKit)(?![A-Za-z])"
)
"""The start of a browser's name; encoders (``Lavf61.7.103``) and tools for browsers' files don't match."""
_MAX_CHARACTERS = 200


def read_tags(file: BinaryIO) -> dict[str, Any]:
    """The columns ``container`` to ``writing_app``, and ``browser``; unreadable ones are missing.

    The file's position is restored.
    """
    place = file.tell()
    try:
        file.seek(0)
        tags = _apps(file.read(_HEAD_BYTES))
        file.seek(0)
        # The measurement reports what is wrong with the file.
        with suppress(KomorebiError, FFmpegError, ValueError, OSError):
            tags = {**_tracks(file), **tags}
    finally:
        file.seek(place)
    if _BROWSER.match(tags.get("writing_app", "")):
        tags["browser"] = tags["writing_app"]
    return tags


def _tracks(file: BinaryIO) -> dict[str, Any]:
    source = Source("the recording", file, file.seek(0, os.SEEK_END))
    with open_container(source, RECORDING_FORMATS, is_read_through=True) as container:
        tags: dict[str, Any] = {"container": "mp4" if "mp4" in container.format.name else "webm"}
        if container.metadata.get("encoder"):
            tags["muxing_app"] = container.metadata["encoder"][:_MAX_CHARACTERS]
        for video in container.streams.video[:1]:
            if (context := video.codec_context) is not None:  # None: no decoder of FFmpeg is for it
                tags |= {
                    "video_codec": context.codec.canonical_name,
                    "width_px": context.width,
                    "height_px": context.height,
                }
        for audio in container.streams.audio[:1]:
            if audio.codec_context is not None:
                tags["audio_codec"] = audio.codec_context.codec.canonical_name
        return tags


def _apps(head: bytes) -> dict[str, Any]:
    """MuxingApp and WritingApp of a Matroska file (RFC 9559, 5.1.2): FFmpeg reports only one of the two."""
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return {}
    tags: dict[str, Any] = {}
    at = 0
    while at < len(head):
        element = _number(head, at, keep_marker=True)
        size = _number(head, element[1], keep_marker=False) if element else None
        if element is None or size is None:
            break
        body, end = size[1], size[1] + size[0]
        if element[0] in (_SEGMENT, _INFO):
            at = body
            continue
        if element[0] in (_MUXING_APP, _WRITING_APP):
            name = "muxing_app" if element[0] == _MUXING_APP else "writing_app"
            tags[name] = head[body:end].rstrip(b"\0").decode(errors="replace")[:_MAX_CHARACTERS]
        if len(tags) == 2:
            break
        at = end
    return tags


def _number(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int] | None:
    """An EBML number (RFC 8794, section 4) and the position after it; None if it is incomplete."""
    if at >= len(data) or data[at] == 0:
        return None
    length = 9 - data[at].bit_length()
    if at + length > len(data):
        return None
    value = int.from_bytes(data[at : at + length], "big")
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), at + length
