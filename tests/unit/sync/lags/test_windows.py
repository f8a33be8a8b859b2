"""Windows on a channel's speech: their plan, their candidates, their chain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from talkers import RATE, place, talk

from komorebi_qc.sync.lags import windows as fine
from komorebi_qc.sync.lags.coarse import Course
from komorebi_qc.sync.lags.windows import Chain, Windows
from komorebi_qc.sync.vad import FRAME_S, Activity, of_call


def activity(seconds: float, *active_s: tuple[float, float]) -> Activity:
    """A channel that is active in the spans."""
    n = round(seconds / FRAME_S)
    active = np.zeros(n, bool)
    for a, b in active_s:
        active[round(a / FRAME_S) : round(b / FRAME_S)] = True
    return Activity(np.zeros(n, np.float32), active, ())


def windows(z: np.ndarray, lag_s: np.ndarray | float = 1.0, audible: np.ndarray | None = None) -> Windows:
    """Windows of a second, half a second apart, with one candidate each."""
    n = len(z)
    return Windows(
        0,
        1.0,
        0.5 * np.arange(n, dtype=np.float64),
        np.full(n, 0.5),
        np.broadcast_to(np.asarray(lag_s, float), (n,)).copy()[:, None],
        z[:, None].astype(float),
        np.ones(n, bool) if audible is None else audible,
    )


@pytest.mark.parametrize(
    ("call_s", "size"),
    [
        (3.99, (4096, 2048)),
        (4.0, (8192, 4096)),
        (150.0, (8192, 4096)),
        (150.01, (12288, 2048)),
    ],
)
def test_longer_calls_have_longer_windows(call_s: float, size: tuple[int, int]) -> None:
    """Half a second below 4 s, a second up to 150 s, 1.5 s above; with twice the reach it is a power of two."""
    assert fine.window_size(call_s) == size
    assert (size[0] + 2 * size[1]).bit_count() == 1


def test_windows_are_on_speech() -> None:
    """Windows half overlap; those active for 40 % are taken, and share all of the activity by their own."""
    starts, weight = fine.plan(activity(10.0, (2.0, 4.4), (6.0, 6.36)), 10 * RATE, 8000)
    assert list(starts / RATE) == [1.5, 2.0, 2.5, 3.0, 3.5, 4.0]
    assert weight.sum() == pytest.approx(2.76)
    assert weight / weight.max() == pytest.approx([0.5, 1.0, 1.0, 1.0, 0.9, 0.4], abs=0.06)


def test_the_last_window_may_be_half_outside() -> None:
    """Windows begin up to half a window before the call's end."""
    starts, _ = fine.plan(activity(10.0, (0.0, 10.0)), 10 * RATE, 8000)
    assert starts[0] == 0
    assert starts[-1] / RATE == 9.0
    assert list(fine.plan(activity(0.4, (0.0, 0.4)), 3200, 8000)[0]) == [0]
    assert len(fine.plan(activity(10.0), 10 * RATE, 8000)[0]) == 0


def test_a_long_call_has_so_many_windows() -> None:
    """Of more windows than allowed an even selection is taken, the first and the last among them."""
    starts, weight = fine.plan(activity(100.0, (0.0, 100.0)), 100 * RATE, 8000, 21)
    assert len(starts) == 21
    assert (starts[0], starts[-1]) == (0, 99 * RATE)
    assert np.ptp(np.diff(starts)) <= 4000
    assert weight.sum() == pytest.approx(100.0)
    assert len(fine.plan(activity(100.0, (0.0, 100.0)), 100 * RATE, 8000, 199)[0]) == 199


def test_a_candidates_worth() -> None:
    """Below a peak of 6.5 nothing; 3 from 24.5 on; from 25 on the logarithm adds up to 2."""
    found = fine.gains(np.array([0.0, 6.5, 12.5, 24.5, 25.0, 25.0 * np.e, 1000.0]))
    assert list(found) == pytest.approx([0.0, 0.0, 1.0, 3.0, 3.0, 4.0, 5.0])


def test_the_chain_takes_the_candidates_of_one_lag() -> None:
    """Of two candidates the one on the common lag is taken, though another is as sharp."""
    w = windows(np.full(6, 20.0))
    lags = np.column_stack([np.full(6, 1.0), np.full(6, 2.0)])
    lags[2] = [5.0, 1.0]
    w = replace(w, lag_s=lags, z=np.column_stack([np.full(6, 20.0), np.full(6, 10.0)]))
    on, choice = fine.follow(w)
    assert on.all()
    assert list(choice) == [0, 0, 1, 0, 0, 0]
    assert list(Chain(w, on, choice).lag_s) == [1.0] * 6
    assert list(Chain(w, on, choice).z) == [20, 20, 10, 20, 20, 20]
    assert Chain(w, on, choice).score == pytest.approx(float(fine.gains(np.array([20.0] * 5 + [10.0])).sum()))


def test_the_gate_bounds_the_chain() -> None:
    """Candidates outside of the gate are not taken; its ends belong to it."""
    w = windows(np.full(6, 20.0), np.array([1.0, 1.0, 1.0, 1.0004, 1.0004, 1.0004]))
    assert list(fine.follow(w, np.tile([[1.0, 1.0004]], (6, 1)))[0]) == [True] * 6
    assert list(fine.follow(w, np.tile([[1.0, 1.0003]], (6, 1)))[0]) == [True] * 3 + [False] * 3
    assert list(fine.follow(w, np.tile([[1.0001, 1.0004]], (6, 1)))[0]) == [False] * 3 + [True] * 3
    assert not fine.follow(windows(np.full(6, 6.0)))[0].any()


def test_an_empty_chain() -> None:
    """Without windows there are no lags, and no score."""
    empty = Chain(windows(np.zeros(0)), np.zeros(0, bool), np.zeros(0, np.intp))
    assert len(empty.lag_s) == len(empty.z) == 0
    assert empty.score == 0.0
    assert len(empty.points().time_s) == 0


def test_points_are_the_accepted_windows() -> None:
    """A point is at its window's centre; a sharper peak has a smaller sigma, and a peak below 1 counts as 1."""
    chain = Chain(windows(np.array([10.0, 50.0, 0.5])), np.array([True, False, True]), np.zeros(3, np.intp))
    points = chain.points()
    assert list(points.time_s) == [0.5, 1.5]
    assert list(points.lag_s) == [1.0, 1.0]
    assert list(points.sigma_s) == pytest.approx([2e-5 + 1.5e-4, 2e-5 + 1.5e-3])
    assert points.half_s == 0.5


CALL = talk(60, 40)
RECORDING = place(CALL, 2.0)


def measured(course: Course, channel: int = 1) -> tuple[Windows, np.ndarray]:
    """The agent's windows along a course, and their starts."""
    starts, weight = fine.plan(of_call(CALL)[channel], len(CALL), 8192)
    return fine.measure(CALL, channel, RECORDING, course, starts, weight, 8192, 4096), starts


def test_windows_along_a_course() -> None:
    """Each window has its best candidates along the course, its start and its weight."""
    found, starts = measured(Course(np.array([0.0]), np.array([2.1]), 1.0))
    assert found.channel == 1
    assert found.size_s == 8192 / RATE
    assert list(found.start_s) == list(starts / RATE)
    assert found.centre_s == pytest.approx(starts / RATE + 0.512)
    assert found.audible.all()
    sharp = found.z[:, 0] > 20
    assert sharp.mean() > 0.7
    assert found.lag_s[sharp, 0] == pytest.approx(np.full(sharp.sum(), 2.0), abs=1e-3)
    assert (found.z[:, 3:] == 0).all()


def test_two_searches_at_a_jump_of_the_course() -> None:
    """At a jump of the course both lags are searched, and the candidates of both are kept."""
    found, _ = measured(Course(np.array([0.0, 100.0]), np.array([2.0, 9.0]), 1.0))
    assert (found.z[:, 3:] > 0).all()
    assert found.lag_s[:, 3:] == pytest.approx(np.full_like(found.lag_s[:, 3:], 9.0), abs=0.6)
    assert (found.z[:, :3].max(axis=1) > 20).mean() > 0.7


def test_windows_outside_of_the_recording_are_not_audible() -> None:
    """Six tenths of the window must have audio in the recording."""
    starts = np.array([0, 16000, len(CALL) - 8000])
    course = Course(np.array([0.0]), np.array([7.0]), 1.0)
    recording = RECORDING[: 7 * RATE + 16000 + 5000]
    found = fine.measure(CALL, 1, recording, course, starts, np.ones(3), 8192, 4096)
    assert list(found.audible) == [True, True, False]
    short = fine.measure(CALL, 1, recording[:-200], course, starts, np.ones(3), 8192, 4096)
    assert list(short.audible) == [True, False, False]


def test_a_missed_segment_is_found_again() -> None:
    """Windows that fail together beside others that agree are searched within 2.5 s, and found at a jump."""
    recording = place(CALL, 2.0, jumps=((20.0, 1.5),))
    starts, weight = fine.plan(of_call(CALL)[1], len(CALL), 8192)
    w = fine.measure(CALL, 1, recording, Course(np.array([0.0]), np.array([2.0]), 1.0), starts, weight, 8192, 4096)
    on, choice = fine.follow(w)
    assert not on[w.centre_s > 21].any()
    again = fine.look_again(CALL, recording, w, on, Chain(w, on, choice).lag_s)
    assert again is not None
    late = again.start_s > 20.0
    sharp = late & (again.z.max(axis=1) > 20)
    assert sharp[late].mean() > 0.7
    assert again.lag_s[sharp, 0] == pytest.approx(np.full(sharp.sum(), 3.5), abs=1e-3)
    early = again.start_s < 18.0
    assert again.lag_s[early] == pytest.approx(w.lag_s[early], abs=1e-6)
    assert fine.follow(again)[0].sum() > on.sum()


def test_when_nothing_is_searched_again() -> None:
    """Too few windows agree, none fails, or single ones fail: there is nothing to search for."""
    on = np.array([True] * 6 + [False] * 4)
    w = windows(np.full(10, 20.0))
    w = replace(w, lag_s=np.tile(w.lag_s, (1, 3)), z=np.tile(w.z, (1, 3)))
    lags = np.full(10, 2.0)
    few = np.array([True] * 3 + [False] * 7)
    assert fine.look_again(CALL, RECORDING, w, few, lags) is None
    assert fine.look_again(CALL, RECORDING, w, np.ones(10, bool), lags) is None
    alone = np.array([True, False, True, True, False, True, True, True, False, True])
    assert fine.look_again(CALL, RECORDING, w, alone, lags) is None
    unheard = replace(w, audible=on)
    assert fine.look_again(CALL, RECORDING, unheard, on, lags) is None
    assert fine.look_again(CALL, RECORDING, w, on, lags) is not None


def test_a_better_hypothesis_scores_higher() -> None:
    """The right offset is worth more than a wrong one, by both voices."""
    both = of_call(CALL)
    right, wrong = (
        fine.probe(CALL, both, RECORDING, Course(np.array([0.0]), np.array([lag]), 1.0), 8192, 4096)
        for lag in (2.0, 9.0)
    )
    assert right > 20 * max(wrong, 1.0) or wrong == 0.0
    alone = (both[0], activity(40.0))
    assert 0 < fine.probe(CALL, alone, RECORDING, Course(np.array([0.0]), np.array([2.0]), 1.0), 8192, 4096) < right


def course(lag_s: float, score: float) -> Course:
    """A course at one lag."""
    return Course(np.array([0.0]), np.array([lag_s]), score)


@pytest.mark.parametrize(
    ("courses", "best_s"),
    [
        ([course(9.0, 2.0), course(2.0, 1.9)], 2.0),
        ([course(9.0, 2.0), course(2.0, 0.49)], 9.0),
        ([course(9.0, 2.0), course(11.0, 1.9)], 9.0),
        ([course(9.0, 2.0)], 9.0),
    ],
    ids=["the windows decide", "the blocks are clear", "no window agrees", "one course"],
)
def test_the_best_of_several_courses(courses: list[Course], best_s: float) -> None:
    """Windows decide between courses whose blocks are about as similar; if none agrees, the blocks do."""
    best = fine.best_course(CALL, of_call(CALL), RECORDING, courses, 8192, 4096)
    assert best.lag_s.tolist() == [best_s]
