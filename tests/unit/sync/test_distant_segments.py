"""Parts of a call far from the rest: found, or left unchanged, on recordings with known cuts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from talkers import RATE, burst, place, talk

from komorebi_qc.sync.channels import follow_channels, is_present
from komorebi_qc.sync.distant_segments import extend
from komorebi_qc.sync.lags.coarse import Course
from komorebi_qc.sync.lags.windows import Chain
from komorebi_qc.sync.vad import FRAME_S, of_call

LAG_S = 1.5
SIZE, REACH = 8192, 4096
CALL = talk(31, 110)
WHOLE = place(CALL, LAG_S)
COURSE = Course(np.array([0.0]), np.array([LAG_S]), 1.0)
Pair = tuple[Chain, Chain]


def extended(call: np.ndarray, recording: np.ndarray, present: list[bool] | None = None) -> tuple[Pair, Pair, Course]:
    """The chains along the main course, and the chains and the course with the distant segments."""
    activities = of_call(call)
    chains = follow_channels(call, activities, recording, COURSE, SIZE, REACH)
    present_voices = [is_present(c) for c in chains] if present is None else present
    after, course = extend(call, activities, recording, COURSE, chains, present_voices, REACH)
    return chains, after, course


def lags(chains: Pair, from_s: float, to_s: float) -> np.ndarray:
    """The lags of all agreeing windows of a part of the call."""
    inside = [c.on & (c.windows.centre_s > from_s) & (c.windows.centre_s < to_s) for c in chains]
    return np.concatenate([c.lag_s[i] for c, i in zip(chains, inside, strict=True)])


def agreed(chains: Pair, from_s: float, to_s: float) -> float:
    """The share of the windows of a part of the call that agree."""
    parts = [(c.windows.centre_s > from_s) & (c.windows.centre_s < to_s) for c in chains]
    return sum(int(c.on[p].sum()) for c, p in zip(chains, parts, strict=True)) / sum(int(p.sum()) for p in parts)


def cut(recording: np.ndarray, from_s: float, to_s: float) -> np.ndarray:
    """The recording without a part."""
    return np.concatenate([recording[: int(from_s * RATE)], recording[int(to_s * RATE) :]])


@pytest.mark.parametrize("pause_s", [12.0, 40.0])
def test_a_recorder_that_paused(pause_s: float) -> None:
    """The part after the pause is found under its own lag; the part before it stays."""
    before, after, course = extended(CALL, cut(WHOLE, 26.5, 26.5 + pause_s))
    rest_s = 25.0 + pause_s
    assert agreed(before, rest_s + 2, 109.0) < 0.1
    assert agreed(after, rest_s + 2, 109.0) > 0.9
    assert lags(after, rest_s + 2, 109.0) == pytest.approx(LAG_S - pause_s, abs=1e-3)
    assert lags(after, 0.0, 24.0) == pytest.approx(lags(before, 0.0, 24.0))
    assert agreed(after, 0.0, 24.0) > 0.9
    assert (np.diff(course.time_s) >= 0).all()
    assert np.abs(course.lag_s[course.time_s > rest_s + 8] - LAG_S + pause_s).max() < 0.1
    assert course.score > COURSE.score


@pytest.mark.parametrize("kept_s", [4.0, 7.0])
def test_a_few_words_between_two_pauses(kept_s: float) -> None:
    """The words that were recorded between two pauses are found, although they are less than a conversation."""
    once = cut(WHOLE, 31.5, 49.5)
    _, after, _ = extended(CALL, cut(once, 31.5 + kept_s, 31.5 + kept_s + 21.0))
    between = lags(after, 48.5, 47.5 + kept_s)
    assert len(between) > 2
    assert between == pytest.approx(LAG_S - 18.0, abs=1e-3)
    assert lags(after, 71.0 + kept_s, 109.0) == pytest.approx(LAG_S - 39.0, abs=1e-3)
    assert lags(after, 0.0, 29.0) == pytest.approx(LAG_S, abs=1e-3)


def test_lost_speech_is_not_asked_to_agree() -> None:
    """Speech during the pause can't agree, so it doesn't count as audible."""
    _, after, _ = extended(CALL, cut(WHOLE, 26.5, 46.5))
    for chain in after:
        lost = (chain.windows.centre_s > 27.0) & (chain.windows.centre_s < 43.0)
        assert lost.sum() > 3
        assert not chain.windows.audible[lost].any()
        assert not chain.on[lost].any()


@pytest.mark.parametrize("what", ["another call", "silence", "the same twice"])
def test_a_part_that_is_not_found_stays_as_it_was(what: str) -> None:
    """Audio of another call, silence, and a part that fits two places: no segment is taken."""
    recording = WHOLE.copy()
    from_s = 60.0
    first = int(from_s * RATE)
    if what == "another call":
        recording[first:] = place(talk(32, 110), LAG_S)[first : len(recording)]
    elif what == "silence":
        recording[first:] = 0
    else:
        part = WHOLE[first : first + 20 * RATE]
        gap = np.zeros(5 * RATE, np.int16)
        recording = np.concatenate([WHOLE[:first], gap, gap, part, gap, part, gap])
    call = CALL if what != "the same twice" else CALL[: int((from_s + 20 - LAG_S) * RATE)]
    before, after, course = extended(call, recording)
    assert after is before or all(np.array_equal(a.on, b.on) for a, b in zip(after, before, strict=True))
    assert course.lag_s.tolist() == [LAG_S]
    assert agreed(after, from_s + 3, len(call) / RATE - 1) < 0.15


def test_little_speech_is_not_searched() -> None:
    """Less than five seconds of speech after the pause prove nothing."""
    call = CALL[: 49 * RATE]
    recording = cut(WHOLE, 42.0, 62.0)
    recording = np.concatenate([recording[: 42 * RATE], WHOLE[int(47.5 * RATE) : int(50.5 * RATE)]])
    before, after, course = extended(call, recording)
    assert all(np.array_equal(a.on, b.on) for a, b in zip(after, before, strict=True))
    assert course is COURSE


def last_two_turns() -> tuple[float, float]:
    """The start and the end (call_s) of two turns after the first minute that hold six seconds of speech."""
    turns = sorted((a * FRAME_S, b * FRAME_S) for activity in of_call(CALL) for a, b in activity.turns)
    pairs = ((a, b) for a, b in pairwise(turns) if a[0] > 60.0 and a[1] - a[0] + b[1] - b[0] >= 6.0)
    first, second = next(pairs)
    return first[0], second[1]


@pytest.mark.parametrize("is_pause", [True, False], ids=["a pause", "time inserted"])
def test_two_turns_after_the_last_pause(*, is_pause: bool) -> None:
    """Two turns that end the call count after a pause, for they are where the call would be; later there is other work.

    At the call's start it is the same.
    """
    from_s, to_s = last_two_turns()
    call, at_s, moved_s = CALL[: int((to_s + 0.5) * RATE)], from_s + LAG_S - 0.3, -12.0
    if is_pause:
        recording = cut(WHOLE, at_s - 12.0, at_s)
    else:
        recording, moved_s = np.insert(WHOLE, int(at_s * RATE), np.zeros(12 * RATE, np.int16)), 12.0
    _, after, _ = extended(call, recording)
    found = lags(after, from_s + 0.5, to_s - 0.5)
    if is_pause:
        assert len(found) > 5
        assert found == pytest.approx(LAG_S + moved_s, abs=1e-3)
    else:
        assert not np.any(np.abs(found - LAG_S - moved_s) < 1.0)


def test_two_turns_before_the_first_pause() -> None:
    """The call's first two turns are found before a pause of the recorder."""
    from_s, _ = last_two_turns()
    first = int((from_s - 0.3) * RATE)
    call, recording = CALL[first:], place(CALL[first:], 12.0 + LAG_S)
    _, to_s = last_two_turns()
    at_s = to_s - from_s + 0.6 + 12.0 + LAG_S
    _, after, _ = extended(call, cut(recording, at_s, at_s + 12.0))
    found = lags(after, 0.7, to_s - from_s - 0.5)
    assert len(found) > 5
    assert found == pytest.approx(LAG_S + 12.0, abs=1e-3)


def test_without_a_present_voice_nothing_is_searched() -> None:
    """No voice is present: the chains and the course come back unchanged."""
    before, after, course = extended(CALL, cut(WHOLE, 26.5, 46.5), [False, False])
    assert after is before
    assert course is COURSE


def test_music_is_no_segment_of_its_own() -> None:
    """A loop on hold fits many places: alone, without turns of speech, it is not taken."""
    call = CALL.copy()
    loop = np.tile(burst(np.random.default_rng(5), 4.0), 13)[: 50 * RATE]
    call[60 * RATE :] = 0
    call[60 * RATE :, 0] = (loop * 32767).astype(np.int16)[: len(call) - 60 * RATE]
    _, after, course = extended(call, cut(place(call, LAG_S), 61.5, 74.5))
    assert course.lag_s.tolist() == [LAG_S]
    assert np.abs(lags(after, 0.0, 58.0) - LAG_S).max() < 1e-3
