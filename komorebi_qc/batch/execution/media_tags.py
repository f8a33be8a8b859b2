"""What a recording's header tells of itself: container, codecs, and who wrote it; nothing is decoded."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import av
from av.error import FFmpegError

if TYPE_CHECKING:
    from typing import BinaryIO

_HEAD_BYTES = 1 << 16
_SEGMENT, _INFO, _MUXING_APP, _WRITING_APP = 0x18538067, 0x1549A966, 0x4D80, 0x5741
_BROWSER = re.compile(
    r"((Google|Microsoft|Mobile|Mozilla) )?(Headless)?"
    r"(Chrome|Chromium|Firefox|Mozilla|Edge|Edg|Safari|Opera|WebKit)(?![A-Za-z])"
)
"""How a browser's name begins; that of an encoder (``Lavf61.7.103``) or of a tool for a browser's files is none."""
_LONGEST_NAME = 200


def read_tags(file: BinaryIO) -> dict[str, Any]:
    """The columns ``container`` to ``writing_app``, and ``browser``; of what can't be read there is none.

    The file's position is restored.
    """
    place = file.tell()
    try:
        file.seek(0)
        told = _apps(file.read(_HEAD_BYTES))
        file.seek(0)
        with suppress(FFmpegError, ValueError, OSError):  # whoever measures it has said, or will say, what is wrong
            told = {**_tracks(file), **told}
    finally:
        file.seek(place)
    if _BROWSER.match(told.get("writing_app", "")):
        told["browser"] = told["writing_app"]
    return told


def _tracks(file: BinaryIO) -> dict[str, Any]:
    with av.open(file, metadata_errors="ignore") as container:
        told: dict[str, Any] = {"container": "mp4" if "mp4" in container.format.name else "webm"}
        if container.metadata.get("encoder"):
            told["muxing_app"] = container.metadata["encoder"][:_LONGEST_NAME]
        for stream in container.streams.video[:1]:
            context = stream.codec_context
            told |= {
                "video_codec": context.codec.canonical_name,
                "width_px": context.width,
                "height_px": context.height,
            }
        for sound in container.streams.audio[:1]:
            told["audio_codec"] = sound.codec_context.codec.canonical_name
        return told


def _apps(head: bytes) -> dict[str, Any]:
    """MuxingApp and WritingApp of a Matroska file (RFC 9559, 5.1.2): FFmpeg tells only one of the two."""
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return {}
    told: dict[str, Any] = {}
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
            told[name] = head[body:end].rstrip(b"\0").decode(errors="replace")[:_LONGEST_NAME]
        if len(told) == 2:
            break
        at = end
    return told


def _number(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int] | None:
    """An EBML number (RFC 8794, section 4) and where what follows begins; None where it isn't whole."""
    if at >= len(data) or data[at] == 0:
        return None
    length = 9 - data[at].bit_length()
    if at + length > len(data):
        return None
    value = int.from_bytes(data[at : at + length], "big")
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), at + length
