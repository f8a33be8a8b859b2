"""FFmpeg's allocations are bounded, each of them."""

from __future__ import annotations

import sys

import av
import pytest

from komorebi_qc.media.bounds.allocation import bound_allocations
from komorebi_qc.media.bounds.table import ALLOCATION_BYTES


@pytest.mark.skipif(sys.platform == "win32", reason="FFmpeg's function can't be reached on Windows")
def test_more_at_once_is_refused_by_ffmpeg() -> None:
    """A packet of just over the bound can't be made, one of a megabyte can."""
    assert bound_allocations()
    assert av.Packet(1 << 20).size == 1 << 20
    with pytest.raises(MemoryError):
        av.Packet(ALLOCATION_BYTES + 1)
