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

_MOST_STRETCH_BYTES = 8 << 20
"""A file whose sound isn't beside its picture has longer stretches."""
PREROLL_S = 0.35
"""Decoded before a span: an encoder's memory, and packets of any length."""


def _fetch_nothing(_start: int, _stop: int) -> None:
    pass


class SeekingDemuxer(PacketDemuxer):
    """Reads the first packets of the audio, which show how its timestamps begin, and those of the spans.

    Args:
        container: a file whose index lists its packets.
        spans: in order, on the file's own clock.
        prefetch: fetches the bytes between two places of the file.
    """

    def __init__(
        self, container: InputContainer, spans: Sequence[Span], prefetch: Callable[[int, int], None] = _fetch_nothing
    ) -> None:
        super().__init__(container)
        self._file, self._spans, self._prefetch = container, spans, prefetch

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
            self._announce(stream, low, high)
            self._file.seek(max(low, stream.start_time or 0), stream=stream)
            for packet in packets(self._file, [stream]):
                if packet.pts is not None and packet.pts > high:
                    break
                if packet.pts is None or packet.pts >= low:
                    yield packet

    def _announce(self, stream: Any, low: int, high: int) -> None:
        """Have the bytes of a span fetched at once: with the picture between, they are one stretch of the file."""
        entries = stream.index_entries
        first, last = (entries.search_timestamp(pts, backward=True, any_frame=True) for pts in (max(low, 0), high))
        if 0 <= first <= last and 0 < entries[last].pos - entries[first].pos <= _MOST_STRETCH_BYTES:
            self._prefetch(entries[first].pos, entries[last].pos + entries[last].size)
