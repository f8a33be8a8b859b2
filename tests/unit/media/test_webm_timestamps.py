"""Timestamps from a WebM's bytes, in any pieces."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from made import Shape, recording

from komorebi_qc.media.webm_timestamps import BlockStamps

if TYPE_CHECKING:
    from pathlib import Path


def fed(data: bytes, piece: int) -> BlockStamps:
    """The bytes, piece by piece."""
    blocks = BlockStamps()
    for at in range(0, len(data), piece):
        blocks.feed(data[at : at + piece])
    return blocks


@pytest.mark.parametrize("piece", [1, 13, 4096, 1 << 30])
@pytest.mark.parametrize("options", [(), (("live", "1"),)])
def test_every_block_is_seen_in_whatever_pieces_the_bytes_come(
    piece: int, options: tuple[tuple[str, str], ...], tmp_path: Path
) -> None:
    """As many stamps as a demuxer finds, of both tracks, at the same times; with lengths above the blocks or none."""
    path = recording(tmp_path / "a.webm", Shape(seconds=12.0, start_s=0.25, options=options))
    blocks = fed(path.read_bytes(), piece)
    for track, kind, lead_in_s in ((1, "video", 0.0), (2, "audio", 0.0065)):
        with av.open(str(path), "r") as container:
            coming: Any = container.demux(getattr(container.streams, kind)[0])
            expected = [float(p.pts * p.time_base) + lead_in_s for p in coming if p.size]
        found = blocks.seconds(track)
        assert len(found) == len(expected) > 100
        assert np.abs(found - expected).max() <= 0.0011
    assert len(blocks.seconds(7)) == 0


def test_other_files_have_no_timestamps_and_arent_buffered() -> None:
    """Bytes without structure are skipped: none of them stays in memory."""
    data = b"\0" * 1_000_000
    tracemalloc.start()
    try:
        blocks = fed(data, 1000)
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(blocks.seconds(1)) == 0
    assert kept_bytes < 50_000


def test_the_last_block_may_be_short() -> None:
    """A block of silence has three bytes, and nothing follows it: it is seen, in its Cluster's time."""
    segment, cluster, stamp = "18538067 01ffffffffffffff", "1f43b675 90", "e7 82 0102"
    block = "a3 87 82 0003 80 fcfffe"
    blocks = fed(bytes.fromhex(f"1a45dfa3 81 00 {segment} {cluster} {stamp} {block}"), 1 << 30)
    assert blocks.seconds(2) == pytest.approx([0.261])
