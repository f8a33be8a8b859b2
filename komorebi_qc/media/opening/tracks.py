"""The tracks of a file that are used: its first video track, or the one that was named, and its first audio track."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from av.stream import Disposition

from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from av.container import InputContainer


_LEFT_OUT = Disposition.still_image
"""Marks, in an opened file, the video tracks in place of which another one was named."""


def video_streams(container: InputContainer) -> list[Any]:
    """All video tracks with a decoder that aren't cover pictures, in the file's order."""
    videos = (s for s in container.streams.video if not s.disposition & Disposition.attached_pic)
    return [s for s in videos if s.codec_context is not None]


def video_stream(container: InputContainer) -> Any:
    """The video track in use: the first one, or the one that `use_video` chose; None without one."""
    videos = video_streams(container)
    return next((s for s in videos if not s.disposition & _LEFT_OUT), videos[0] if videos else None)


def use_video(name: str, container: InputContainer, number: int) -> None:
    """Let `video_stream` return the video track of a number, from 1 on; 0 changes nothing.

    Raises:
        InputError: there is no such track.
    """
    if number == 0:
        return
    videos = video_streams(container)
    if number > len(videos):
        count = f"{len(videos)} video track{'' if len(videos) == 1 else 's'}"
        raise InputError(f"{name} has {count}, and track {number} was named: name another one, or none")
    for at, stream in enumerate(videos, 1):
        left_out = stream.disposition & ~_LEFT_OUT if at == number else stream.disposition | _LEFT_OUT
        stream.disposition = left_out


def audio_stream(container: InputContainer) -> Any:
    """The first audio track that has a decoder; None without one."""
    return next((s for s in container.streams.audio if s.codec_context is not None), None)


def codec_name(stream: Any) -> str:
    """FFmpeg's name of the codec, independent of the decoder: ``av1``, not ``libdav1d``."""
    context = stream.codec_context
    return "unknown" if context is None else str(context.codec.canonical_name)
