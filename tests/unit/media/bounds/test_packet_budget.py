"""The packets of one file are bounded: their number, their rate and their bytes."""

from __future__ import annotations

import io
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import bombs
import pytest

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.source import Source
from komorebi_qc.media.bounds.packet_budget import PacketBudget
from komorebi_qc.media.bounds.table import BURST_PACKETS, MOST_SAMPLES, PACKETS_PER_S
from komorebi_qc.media.demux import packets
from komorebi_qc.media.opening import RECORDING_FORMATS, open_container


def packet(at_s: float | None, pts_s: float | None = None) -> Any:
    """A packet with a timestamp in milliseconds."""
    dts, pts = (None if s is None else round(1000 * s) for s in (at_s, pts_s))
    return SimpleNamespace(dts=dts, pts=pts, time_base=Fraction(1, 1000))


def budget(size: int = 10**9) -> PacketBudget:
    """The budget of a file of a size."""
    return PacketBudget(Source("a.webm", io.BytesIO(), size))


def test_the_bytes_of_packets_may_be_twice_the_file() -> None:
    """More of them are the same bytes again."""
    small = budget(1000)
    small.check(5, 2000, packet(0.0))
    with pytest.raises(MediaError, match=r"has packets of 2,001 bytes by its index, and a file of 1,000 bytes can't"):
        small.check(6, 2001, packet(0.0))


def test_a_burst_is_allowed() -> None:
    """A clock may stay for a quarter of an hour, and go on."""
    one = budget()
    one.check(BURST_PACKETS, 1, packet(5.0))
    with pytest.raises(MediaError, match=r"has 100,001 packets in 0\.0 s, and no recorder writes more than 640 a sec"):
        one.check(BURST_PACKETS + 1, 1, packet(None, 5.0))


def test_the_rate_counts_from_the_first_timestamp() -> None:
    """A recorder's clock may begin at any time."""
    one, far_s = budget(), 1e6
    one.check(1, 1, packet(far_s))
    one.check(BURST_PACKETS + 10 * PACKETS_PER_S, 1, packet(far_s + 10))
    with pytest.raises(MediaError, match=r"packets in 10\.0 s"):
        one.check(BURST_PACKETS + 10 * PACKETS_PER_S + 1, 1, packet(far_s + 9))
    one.check(5, 1, packet(None))


def test_there_is_a_number_for_all() -> None:
    """Of 12 h at the rate of the fastest recorder."""
    one = budget()
    one.check(1, 1, packet(0.0))
    one.check(MOST_SAMPLES, 1, packet(43_200.0))
    with pytest.raises(
        MediaError, match=r"more than 5,184,001 packets, and 12 h of the fastest recorder have 5,184,000"
    ):
        one.check(MOST_SAMPLES + 1, 1, packet(43_200.0))


def test_laced_packets_of_one_moment_are_refused() -> None:
    """A block of Matroska has up to 256 packets, of a byte and a half each."""
    content = bombs.laced(500)
    with open_container(Source("a.webm", io.BytesIO(content), len(content)), RECORDING_FORMATS) as container:
        some = packets(container, [container.streams[0]])
        with pytest.raises(MediaError, match=r"a\.webm has 10\d,\d\d\d packets in \d\d?\.\d s"):
            assert sum(1 for _ in some) < 0
