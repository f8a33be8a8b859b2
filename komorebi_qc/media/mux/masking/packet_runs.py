"""Packets in runs that can be taken apart: all frames of a run are shown before all frames of the next one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_HELD = 256
"""Packets that wait for a run's end. H.264 reorders 16 frames at most: timestamps that need more are damaged."""


def packet_runs(
    packets: Iterator[Any], is_hidden: Callable[[Any], bool] = lambda _: False
) -> Iterator[tuple[list[Any], int | None]]:
    """Yield runs of packets, each as short as possible, with the next frame's timestamp (None after the last).

    Without B-frames, a run is a packet. Packets without any timestamp are dropped. Of PTS and DTS, a missing one is set
    to the other.

    Args:
        packets: in file order.
        is_hidden: whether a packet is a frame that is never shown.
    """
    held: list[Any] = []
    shown: list[int | None] = []
    """When each is shown."""
    for packet in packets:
        if packet.pts is None and packet.dts is None:
            continue
        packet.pts = packet.dts if packet.pts is None else packet.pts
        packet.dts = packet.pts if packet.dts is None else packet.dts
        held.append(packet)
        shown.append(None if is_hidden(packet) else packet.pts)
        while count := _closed(shown, packet.dts):
            run, held, shown = held[:count], held[count:], shown[count:]
            yield run, min((pts for pts in shown if pts is not None), default=None)
    if held:
        yield held, None


def _closed(shown: list[int | None], decoded_to: int) -> int:
    """How many packets from the first on are a run; 0 if that is still open.

    Args:
        shown: when each held packet is shown; None if never.
        decoded_to: the DTS of the last one. Later packets are decoded, and so shown, after it.
    """
    least: list[float] = []
    for pts in reversed(shown):
        least.append(min(math.inf if pts is None else pts, least[-1] if least else math.inf))
    most = -math.inf
    for count in range(1, len(shown)):
        pts = shown[count - 1]
        most = max(most, -math.inf if pts is None else pts)
        if most < least[-1 - count] <= decoded_to:  # so the next frame is known for sure
            return count
    return len(shown) - 1 if len(shown) > MOST_HELD else 0
