"""Packets in runs that can be taken apart: all frames of a run are shown before all frames of the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_HELD = 256
"""Packets that wait for a run's end. H.264 reorders 16 frames at most: timestamps that need more are damaged."""


def packet_runs(packets: Iterator[Any]) -> Iterator[tuple[list[Any], int | None]]:
    """Yield runs of packets, each as short as possible, with the next frame's timestamp (None after the last).

    Without B-frames, a run is a packet. Packets without any timestamp are dropped. Of PTS and DTS, a missing one is set
    to the other.
    """
    held: list[Any] = []
    for packet in packets:
        if packet.pts is None and packet.dts is None:
            continue
        packet.pts = packet.dts if packet.pts is None else packet.pts
        packet.dts = packet.pts if packet.dts is None else packet.dts
        held.append(packet)
        while count := _closed(held):
            run, held = held[:count], held[count:]
            yield run, min(p.pts for p in held)
    if held:
        yield held, None


def _closed(held: list[Any]) -> int:
    """How many packets from the first on are a run; 0 if that is still open."""
    decoded_to = held[-1].dts  # whatever follows is decoded, and hence shown, later
    least: list[int] = []
    for packet in reversed(held):
        least.append(min(packet.pts, least[-1]) if least else packet.pts)
    most = held[0].pts
    for count in range(1, len(held)):
        if most <= decoded_to and most < least[-1 - count]:
            return count
        most = max(most, held[count].pts)
    return len(held) - 1 if len(held) > MOST_HELD else 0
