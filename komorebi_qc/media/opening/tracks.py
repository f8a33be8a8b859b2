"""The tracks of a file that are used: its first video track and its first audio track."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from av.stream import Disposition

if TYPE_CHECKING:
    from av.container import InputContainer


def video_stream(container: InputContainer) -> Any:
    """The first video track with a decoder that isn't a cover picture; None without one."""
    videos = (s for s in container.streams.video if not s.disposition & Disposition.attached_pic)
    return next((s for s in videos if s.codec_context is not None), None)


def audio_stream(container: InputContainer) -> Any:
    """The first audio track that has a decoder; None without one."""
    return next((s for s in container.streams.audio if s.codec_context is not None), None)


def codec_name(stream: Any) -> str:
    """FFmpeg's name of the codec, independent of the decoder: ``av1``, not ``libdav1d``."""
    context = stream.codec_context
    return "unknown" if context is None else str(context.codec.canonical_name)
