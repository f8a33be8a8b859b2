"""Blocks searched in the whole recording: their candidates, the courses, other places."""

from __future__ import annotations

import numpy as np
import pytest
from talkers import RATE, place, talk

from komorebi_qc.sync.lags import coarse
from komorebi_qc.sync.lags.coarse import Course, Hits
from komorebi_qc.sync.vad import of_call

CALL = talk(61, 60)
BOTH = of_call(CALL)


def hits(lag_s: list[list[float]], score: list[list[float]], every_s: float = 10.0) -> Hits:
    """Blocks with candidates, padded with zeros."""
    n = len(lag_s)
    lags, scores = np.zeros((n, coarse.CANDIDATES)), np.zeros((n, coarse.CANDIDATES))
    for i, (row, worth) in enumerate(zip(lag_s, score, strict=True)):
        lags[i, : len(row)], scores[i, : len(worth)] = row, worth
    return Hits(every_s * np.arange(n, dtype=float), np.zeros(n, np.intp), lags, scores)


def test_blocks_find_their_place() -> None:
    """Most blocks of both channels have the offset as their best candidate, to a twentieth of a second."""
    found = coarse.search(CALL, BOTH, place(CALL, 7.3))
    assert set(found.channel) == {0, 1}
    assert (np.diff(found.time_s) >= 0).all()
    right = np.abs(found.lag_s[:, 0] - 7.3) < 0.05
    assert right.mean() > 0.8
    assert (np.diff(found.score, axis=1) <= 0).all()
    assert found.lag_s.shape == found.score.shape == (len(found.time_s), coarse.CANDIDATES)


@pytest.mark.parametrize(("call_s", "block_s"), [(40.0, 8.0), (100.0, 12.5)])
def test_the_length_of_a_block(call_s: float, block_s: float) -> None:
    """An eighth of the call, from 8 to 30 s; a block's time is its middle."""
    call = talk(67, call_s)
    found = coarse.search(call, of_call(call), place(call, 1.0))
    size = round(block_s / 0.04 - 0.5)
    whole = found.time_s[found.time_s < call_s - block_s] / 0.04
    assert len(whole) > 4
    assert np.round(whole - size / 2, 6) % size == pytest.approx(np.zeros(len(whole)), abs=1e-6)


def test_a_long_stretch_has_a_limited_number_of_blocks() -> None:
    """Sixteen blocks of 15 s a channel, spread over the stretch."""
    call = np.tile(talk(62, 100), (7, 1))
    found = coarse.search(call, of_call(call), place(call[: 60 * RATE], 1.0), (20.0, 680.0), (0.0, 70.0))
    for channel in (0, 1):
        times = found.time_s[found.channel == channel]
        assert len(times) == coarse.MOST_BLOCKS
        assert (times.min() < 60.0, times.max() > 640.0) == (True, True)
        assert (times - 20.0) % 15.0 == pytest.approx(np.full(16, 7.5), abs=0.05)


def test_fewer_places_than_candidates() -> None:
    """In a room for one place the other candidates have a score of 0."""
    found = coarse.search(CALL, BOTH, place(CALL, 7.3), (20.0, 25.0), (29.5, 30.5))
    assert len(found.time_s)
    assert found.score[:, 0].max() > 0.4
    assert (found.score[:, 3:] == 0.0).all()


def test_blocks_of_a_stretch() -> None:
    """A quarter of the stretch, from 5 to 15 s."""
    recording = place(CALL, 7.3)
    for stretch_s, size_s in (((10.0, 50.0), 10.0), ((10.0, 22.0), 5.0)):
        found = coarse.search(CALL, BOTH, recording, stretch_s, (0.0, 100.0))
        offsets = (found.time_s - stretch_s[0] - size_s / 2) % size_s
        assert np.minimum(offsets, size_s - offsets).max() < 1.01 * size_s / 2
        inner = found.time_s < stretch_s[1] - size_s
        assert np.minimum(offsets, size_s - offsets)[inner] == pytest.approx(np.zeros(inner.sum()), abs=1e-6)


def test_candidates_are_apart() -> None:
    """No two candidates of a block lie within a quarter of a second."""
    found = coarse.search(CALL, BOTH, place(CALL, 7.3))
    for row, score in zip(found.lag_s, found.score, strict=True):
        lags = np.sort(row[score > 0])
        assert (np.diff(lags) > 0.2).all()


def test_a_stretch_and_its_room() -> None:
    """Only the blocks of the stretch are searched, and their middles are inside the given part of the recording."""
    recording = place(CALL, 7.3)
    found = coarse.search(CALL, BOTH, recording, (20.0, 40.0), (25.0, 50.0))
    assert (found.time_s > 20.0).all()
    assert (found.time_s < 40.0).all()
    middle = (found.time_s[:, None] + found.lag_s)[found.score > 0]
    assert (middle >= 25.0 - 0.05).all()
    assert (middle <= 50.0 + 0.05).all()
    assert np.median(found.lag_s[:, 0]) == pytest.approx(7.3, abs=0.05)
    elsewhere = coarse.search(CALL, BOTH, recording, (20.0, 40.0), (50.0, 70.0))
    assert not (np.abs(elsewhere.lag_s - 7.3) < 0.5)[elsewhere.score > 0].any()


def test_silence_has_no_blocks() -> None:
    """A silent call gives no block, and no course."""
    silent = np.zeros((20 * RATE, 2), np.int16)
    found = coarse.search(silent, of_call(silent), place(CALL, 1.0))
    assert found.lag_s.shape == (0, coarse.CANDIDATES)
    assert coarse.courses(found) == []


def test_a_long_call_has_a_limited_number_of_blocks() -> None:
    """Sixteen blocks a channel, spread over the call."""
    call = np.tile(talk(62, 100), (7, 1))
    found = coarse.search(call, of_call(call), place(call[: 60 * RATE], 1.0))
    for channel in (0, 1):
        times = found.time_s[found.channel == channel]
        assert len(times) == coarse.MOST_BLOCKS
        assert np.ptp(times) > 500
        # blocks of 30 s, by their middles
        assert times % 30.0 == pytest.approx(np.full(16, 15.0))


def test_courses_come_best_first() -> None:
    """Each course has the blocks that agree on it; a fainter one, half a second off, comes after it."""
    found = coarse.courses(hits([[3.0, 8.0]] * 5, [[0.6, 0.5]] * 5))
    assert [c.lag_s.tolist() for c in found[:2]] == [[3.0] * 5, [8.0] * 5]
    assert found[0].score == pytest.approx(5 * 3.8)
    assert found[1].score == pytest.approx(5 * 2.8)
    assert found[0].time_s.tolist() == [0.0, 10.0, 20.0, 30.0, 40.0]
    assert len(coarse.courses(hits([[3.0, 8.0]] * 5, [[0.6, 0.5]] * 5), 1)) == 1


def test_faint_blocks_are_on_no_course() -> None:
    """A similarity of 0.22 and less is no agreement."""
    assert coarse.courses(hits([[3.0]] * 4, [[0.22]] * 4)) == []
    (found,) = coarse.courses(hits([[3.0]] * 4, [[0.6], [0.22], [0.23], [0.6]]))
    assert found.time_s.tolist() == [0.0, 20.0, 30.0]


def test_a_course_follows_jumps() -> None:
    """A jump of 2.5 s is followed, one of 2.7 s isn't."""
    for size_s, blocks in ((2.5, 8), (2.7, 4)):
        (found, *_) = coarse.courses(hits([[3.0]] * 4 + [[3.0 + size_s]] * 4, [[0.7]] * 8))
        assert len(found.lag_s) == blocks


@pytest.mark.parametrize(
    ("at_s", "expected"),
    [(5.0, (1.0,)), (15.0, (1.0, 4.0)), (25.0, (4.1,)), (-1.0, (1.0,)), (99.0, (4.2,))],
)
def test_the_lags_around_a_moment(at_s: float, expected: tuple[float, ...]) -> None:
    """Between two blocks it is their mean; both lags if they are more than a quarter of a second apart."""
    course = Course(np.array([0.0, 10.0, 20.0, 30.0]), np.array([1.0, 1.0, 4.0, 4.2]), 1.0)
    which, lags = course.around(np.array([at_s]))
    assert which.tolist() == [0] * len(expected)
    assert lags == pytest.approx(expected)


def test_two_lags_a_quarter_of_a_second_apart_are_one() -> None:
    """Up to 0.25 s the mean is tried."""
    moments = np.array([5.0, 6.0])
    which, lags = Course(np.array([0.0, 10.0]), np.array([1.0, 1.25]), 1.0).around(moments)
    assert (which.tolist(), lags.tolist()) == ([0, 1], [1.125, 1.125])
    which, lags = Course(np.array([0.0, 10.0]), np.array([1.0, 1.26]), 1.0).around(moments)
    assert (which.tolist(), lags.tolist()) == ([0, 0, 1, 1], [1.0, 1.26, 1.0, 1.26])


def test_other_places() -> None:
    """Shifts at which blocks are nearly as similar, with the share of blocks; the strongest first."""
    course = Course(np.array([0.0, 100.0]), np.array([3.0, 3.0]), 1.0)
    found = coarse.offsets_elsewhere(
        hits([[3.0, 11.0, 20.0]] * 3 + [[3.0, 11.04]] + [[3.0]], [[0.8, 0.6, 0.5]] * 3 + [[0.8, 0.6]] + [[0.8]]), course
    )
    assert [round(s, 3) for s, _ in found] == [8.01, 17.0]
    assert [share for _, share in found] == pytest.approx([0.8, 0.6])


def test_places_a_second_apart_are_two() -> None:
    """Places within 0.3 s are one, with the weighted mean; a second apart they are two."""
    course = Course(np.array([0.0, 100.0]), np.array([3.0, 3.0]), 1.0)
    found = coarse.offsets_elsewhere(hits([[3.0, 11.0, 12.0]] * 4, [[0.8, 0.7, 0.6]] * 4), course)
    assert [round(s, 3) for s, _ in found] == [8.0, 9.0]
    near = coarse.offsets_elsewhere(hits([[3.0, 11.0], [3.0, 11.07]], [[0.8, 0.5], [0.8, 0.75]]), course)
    assert [round(s, 3) for s, _ in near] == [round(8.0 + 0.07 * 0.75 / 1.25, 3)]
    assert near[0][1] == pytest.approx(1.0)
    apart = coarse.offsets_elsewhere(hits([[3.0, 11.0], [3.0, 11.25]], [[0.8, 0.5], [0.8, 0.75]]), course)
    assert [round(s, 3) for s, _ in apart] == [8.25]


def test_no_other_places() -> None:
    """Near the course, under 60 % of its similarity, or under 0.22: no other place."""
    course = Course(np.array([0.0, 100.0]), np.array([3.0, 3.0]), 1.0)
    assert coarse.offsets_elsewhere(hits([[3.0, 3.59]] * 4, [[0.8, 0.7]] * 4), course) == []
    assert coarse.offsets_elsewhere(hits([[3.0, 9.0]] * 4, [[0.8, 0.48]] * 4), course) == []
    assert len(coarse.offsets_elsewhere(hits([[3.0, 9.0]] * 4, [[0.8, 0.49]] * 4), course)) == 1
    assert coarse.offsets_elsewhere(hits([[3.0, 9.0]] * 4, [[0.3, 0.22]] * 4), course) == []
    assert len(coarse.offsets_elsewhere(hits([[9.0]] * 4, [[0.23]] * 4), course)) == 1
    many = hits([[3.0, *np.arange(10.0, 15.0)], [3.0, *np.arange(20.0, 25.0)]], [[0.8] + [0.7] * 5] * 2)
    assert len(coarse.offsets_elsewhere(many, course)) == 8
