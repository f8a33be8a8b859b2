"""The audio track of a joined file: packets copied at their places, and nothing between them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from komorebi_qc.media.opening import audio_stream, codec_name, video_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.container import InputContainer, OutputContainer


class JoinedSound:
    """The audio track of the joined file: packets copied, silence between files."""

    def __init__(self, output: OutputContainer, opened: Sequence[InputContainer]) -> None:
        self._output = output
        template = next((stream for one in opened if (stream := audio_stream(one)) is not None), None)
        self._stream: Any = None
        self._last_dts: int | None = None
        if template is not None:
            self._codec = codec_name(template)
            self._stream = output.add_stream_from_template(template, opaque=True)
            is_mp4 = "mp4" in output.format.name
            self._base = Fraction(1, int(template.rate or 48_000)) if is_mp4 else Fraction(1, 1000)
            self._stream.time_base = self._base

    def streams(self, container: InputContainer) -> list[Any]:
        """The tracks of a file that are read."""
        own = audio_stream(container)
        return [video_stream(container), *([] if own is None or self._stream is None else [own])]

    def take(self, packet: Any, shift_s: float, until_s: float) -> None:
        """Write a packet at its place, unless a later file plays then."""
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None:
            return
        unit_s = float(packet.time_base)
        at_s = pts * unit_s + shift_s
        at = round(at_s / float(self._base))
        if at_s >= until_s or (self._last_dts is not None and at <= self._last_dts):
            return
        packet.duration = round((packet.duration or 0) * unit_s / float(self._base))
        packet.pts = packet.dts = self._last_dts = at
        packet.time_base, packet.stream = self._base, self._stream
        self._output.mux(packet)
