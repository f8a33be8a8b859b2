"""The packets of some spans of an MP4's audio, reached by its index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from av.stream import Discard

from komorebi_qc.core.timestamps.steps import AHEAD
from komorebi_qc.media.demux import PacketDemuxer, packets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from av.container import InputContainer

    from komorebi_qc.core.timebase import Span

PREROLL_S = 0.35
"""Decoded before a span: an encoder's memory, and packets of any length."""


class SeekingDemuxer(PacketDemuxer):
    """Reads the first packets of the audio, which show how its timestamps begin, and those of the spans.

    Args:
        container: a file whose index lists its packets.
        spans: in order, on the file's own clock.
    """

    def __init__(self, container: InputContainer, spans: Sequence[Span]) -> None:
        super().__init__(container)
        self._file, self._spans = container, spans

    def subscribe(
        self,
        stream: Any,
        wants: Callable[[Any], bool] | None = None,  # noqa: ARG002  the spans decide
        resumes_at_s: Callable[[], float] | None = None,  # noqa: ARG002
    ) -> Iterator[Any]:
        """Yield the packets of one track. None stands for those between."""
        for other in self._file.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        return self._wanted(stream)

    def _wanted(self, stream: Any) -> Iterator[Any]:
        base = float(stream.time_base)
        stream.codec_context.flush_buffers()
        self._file.seek(stream.start_time or 0, stream=stream)
        for number, packet in enumerate(packets(self._file, [stream])):
            if number >= AHEAD:
                break
            yield packet
        for span in self._spans:
            yield None
            low, high = int((span.start_s - PREROLL_S) / base), int((span.end_s + PREROLL_S) / base)
            self._file.seek(max(low, stream.start_time or 0), stream=stream)
            for packet in packets(self._file, [stream]):
                if packet.pts is not None and packet.pts > high:
                    break
                if packet.pts is None or packet.pts >= low:
                    yield packet
