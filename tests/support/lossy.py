"""A demuxer that loses packets without a trace, as a broken decoder would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.media.demux import PacketDemuxer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from komorebi_qc.core.timebase import Span


def losing_audio(lost: Span) -> type[PacketDemuxer]:
    """A demuxer without the audio packets of a span."""

    class LosingDemuxer(PacketDemuxer):
        def subscribe(
            self,
            stream: Any,
            wants: Callable[[Any], bool] | None = None,
            resumes_at_s: Callable[[], float] | None = None,
        ) -> Iterator[Any]:
            packets = super().subscribe(stream, wants, resumes_at_s)
            return packets if stream.type != "audio" else (p for p in packets if not is_lost(p))

    def is_lost(packet: Any) -> bool:
        return packet is not None and lost.start_s <= packet.pts * packet.time_base < lost.end_s

    return LosingDemuxer
