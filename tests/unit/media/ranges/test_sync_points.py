"""Places where reading may begin, found without reading all of a file."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest

from komorebi_qc.core.source import Source
from komorebi_qc.media.ranges.blocks import BlockFile
from komorebi_qc.media.ranges.sync_points import SyncPoint, SyncPoints

MARK = b"<POINT:"
SIZE = 24 << 20


class _Marks:
    """Finds ``<POINT:`` and ten digits: milliseconds."""

    def __init__(self, *, has_ends: bool) -> None:
        self._has_ends = has_ends
        self.ends: dict[int, int] = {}

    def find(self, data: bytes, start: int) -> SyncPoint | None:
        at = data.find(MARK)
        digits = data[at + len(MARK) : at + len(MARK) + 10]
        if at < 0 or len(digits) < 10:
            return None
        return SyncPoint(start + at, int(digits) / 1000, self.ends.get(start + at, 0) if self._has_ends else 0)


def _file(places: list[tuple[int, float]], *, has_ends: bool) -> tuple[SyncPoints, BlockFile]:
    content = bytearray(SIZE)
    for at, time_s in places:
        content[at : at + len(MARK) + 10] = MARK + f"{round(time_s * 1000):010d}".encode()
    marks = _Marks(has_ends=has_ends)
    marks.ends = dict(pairwise([at for at, _ in places] + [SIZE]))
    blocks = BlockFile(Source("a", io.BytesIO(bytes(content)), SIZE))
    first = SyncPoint(places[0][0], places[0][1], marks.ends[places[0][0]] if has_ends else 0)
    return SyncPoints(blocks, SIZE, marks, first), blocks


def _places(seed: int) -> list[tuple[int, float]]:
    """Points of very different sizes: a picture that changes takes more bytes a second."""
    rng = np.random.default_rng(seed)
    places, at, time_s = [], 5000, 0.0
    while at < SIZE - 1000:
        places.append((at, time_s))
        at += int(rng.choice([30_000, 120_000, 400_000]))
        time_s += float(rng.choice([0.5, 1.0, 2.0]))
    return places


@pytest.mark.parametrize("has_ends", [True, False])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_points_around_a_time(seed: int, *, has_ends: bool) -> None:
    """They are those that a whole reading finds, for times in any order."""
    places = _places(seed)
    points, _ = _file(places, has_ends=has_ends)
    last = points.last()
    assert (last.at, last.time_s) == places[-1]
    end_s = places[-1][1]
    for time_s in [-1.0, 0.0, end_s, end_s + 9, *np.random.default_rng(3).uniform(0, end_s, 25)]:
        before = max((p for p in places if p[1] <= time_s), default=places[0])
        after = min((p for p in places if p[1] > time_s and p != before), default=None)
        assert points.before(time_s).at == before[0]
        found = points.after(time_s)
        assert (None if found is None else found.at) == (None if after is None else after[0])


def test_little_of_the_file_is_read_for_one_time() -> None:
    """The bytes between the known points are guessed, not read."""
    points, blocks = _file(_places(4), has_ends=True)
    last_s = points.last().time_s
    points.before(last_s / 2)
    points.after(last_s / 2)
    assert blocks.fetched_bytes < SIZE / 8


def test_a_mark_across_two_reads_is_found() -> None:
    """A point whose first bytes are in two pieces isn't lost."""
    edge = 5000 + (128 << 10)
    points, _ = _file([(5000, 0.0), (edge - 6, 7.0), (SIZE - 5000, 20.0)], has_ends=False)
    assert points.last().time_s == 20.0
    assert points.before(8.0).at == edge - 6


def test_one_point_alone() -> None:
    """All times are after it, and nothing follows."""
    points, _ = _file([(5000, 3.0)], has_ends=False)
    assert points.last() == points.first
    assert points.before(1.0).at == points.before(9.0).at == 5000
    assert points.after(9.0) is None
