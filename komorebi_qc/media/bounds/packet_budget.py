"""A bound on the packets that are read from one file: their number, their rate and their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.media.bounds.table import BURST_PACKETS, MOST_SAMPLES, PACKETS_PER_S, refused

if TYPE_CHECKING:
    from komorebi_qc.core.source import Source

EVERY = 4096
"""The number and the rate are checked every so many packets; a power of 2."""


class PacketBudget:
    """The packets that a file may have.

    Attributes:
        most_bytes: of all packets together.
    """

    def __init__(self, source: Source) -> None:
        self._name = source.name
        self.most_bytes = 2 * source.size
        self._first_s: float | None = None
        self._length_s = 0.0

    def check(self, packets: int, size: int, packet: Any) -> None:
        """Check the packets read so far.

        Args:
            packets: their number.
            size: their bytes.
            packet: the last one.

        Raises:
            MediaError: there are too many, or they come too close together, or they have more bytes than the file.
        """
        if size > self.most_bytes:
            found = f"has packets of {size:,} bytes by its index"
            raise refused(self._name, found, f"a file of {self.most_bytes // 2:,} bytes can't hold them")
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is not None and packet.time_base:
            at_s = float(stamp * packet.time_base)
            self._first_s = at_s if self._first_s is None else min(self._first_s, at_s)
            self._length_s = max(self._length_s, at_s - self._first_s)
        if packets > MOST_SAMPLES:
            found, bound = f"has more than {packets:,} packets", f"12 h of the fastest recorder have {MOST_SAMPLES:,}"
            raise refused(self._name, found, bound)
        if packets > BURST_PACKETS + PACKETS_PER_S * self._length_s:
            found = f"has {packets:,} packets in {self._length_s:.1f} s"
            raise refused(self._name, found, f"no recorder writes more than {PACKETS_PER_S} a second")
