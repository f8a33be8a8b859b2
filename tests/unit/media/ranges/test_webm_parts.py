"""The head and the clusters of WebM files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from captures import CAPTURES
from made import Shape, recording

from komorebi_qc.media.ranges.webm_parts import read_clusters

if TYPE_CHECKING:
    from pathlib import Path

CLUSTER = b"\x1f\x43\xb6\x75"


def test_a_browsers_file_has_a_head_and_clusters() -> None:
    """Chromium writes clusters without a length, and each has its time."""
    data = CAPTURES["vp8.webm"].recording.read_bytes()
    found = read_clusters(data)
    assert found is not None
    assert data[found.begin : found.begin + 4] == CLUSTER
    assert CLUSTER not in found.head
    first = found.find(data, 0)
    assert first is not None
    assert (first.at, first.end) == (found.begin, 0)
    assert 0.0 <= first.time_s < 0.1


def test_clusters_of_a_tool_have_ends_and_rising_times(tmp_path: Path) -> None:
    """Each one ends where the next one begins."""
    options = (("cluster_time_limit", "1000"),)
    path = recording(tmp_path / "a.webm", Shape(seconds=6.0, fps=4, options=options))
    data = path.read_bytes()
    found = read_clusters(data)
    assert found is not None
    points, at = [], found.begin
    while (point := found.find(data[at:], at)) is not None:
        points.append(point)
        at = point.at + 4
    assert len(points) >= 5
    assert [p.end for p in points[:-1]] == [p.at for p in points[1:]]
    times = [p.time_s for p in points]
    assert times == sorted(times)
    assert 0.5 < times[1] < 2.5


@pytest.mark.parametrize("data", [b"", b"\x1a\x45\xdf\xa3", b"RIFF" + bytes(400), bytes(400)])
def test_other_bytes_have_no_clusters(data: bytes) -> None:
    """A file of another kind, or of its first bytes only, is left to a whole reading."""
    assert read_clusters(data) is None


def test_an_id_within_a_picture_is_no_cluster() -> None:
    """The four bytes of a cluster's ID also occur by chance."""
    found = read_clusters(CAPTURES["vp8.webm"].recording.read_bytes())
    assert found is not None
    assert found.find(bytes(50) + CLUSTER + b"\x85abcdefgh" + bytes(50), 0) is None
    real = CLUSTER + b"\x01\xff\xff\xff\xff\xff\xff\xff" + b"\xe7\x82\x04\xd2"
    point = found.find(CLUSTER + b"\x85abcdefgh" + real, 1000)
    assert point is not None
    assert point.at == 1013
    assert point.time_s == pytest.approx(1.234)
