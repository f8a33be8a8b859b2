"""Timestamps from a WebM's bytes, in any pieces."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from made import Shape, recording

from komorebi_qc.media.mux.webm_timestamps import BlockStamps

if TYPE_CHECKING:
    from pathlib import Path


def fed(data: bytes, piece: int) -> BlockStamps:
    """The bytes, piece by piece."""
    blocks = BlockStamps()
    for at in range(0, len(data), piece):
        blocks.feed(data[at : at + piece])
    return blocks


@pytest.fixture(scope="module", params=[(), (("live", "1"),)], ids=["lengths", "live"])
def webm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WebM of 12 s, with lengths above the blocks, and without them."""
    path = tmp_path_factory.mktemp("webm") / "a.webm"
    return recording(path, Shape(seconds=12.0, start_s=0.25, options=request.param))


@pytest.mark.parametrize("piece", [1, 13, 4096, 1 << 30])
def test_every_block_is_found_in_pieces_of_any_size(piece: int, webm: Path) -> None:
    """As many timestamps as a demuxer finds, of both tracks, at the same times."""
    blocks = fed(webm.read_bytes(), piece)
    for track, kind, preskip_s in ((1, "video", 0.0), (2, "audio", 0.0065)):
        with av.open(str(webm), "r") as container:
            coming: Any = container.demux(getattr(container.streams, kind)[0])
            expected = [float(p.pts * p.time_base) + preskip_s for p in coming if p.size]
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
    """A final block of silence with three bytes is found, at its Cluster's time."""
    segment, cluster, stamp = "18538067 01ffffffffffffff", "1f43b675 90", "e7 82 0102"
    block = "a3 87 82 0003 80 fcfffe"
    blocks = fed(bytes.fromhex(f"1a45dfa3 81 00 {segment} {cluster} {stamp} {block}"), 1 << 30)
    assert blocks.seconds(2) == pytest.approx([0.261])
