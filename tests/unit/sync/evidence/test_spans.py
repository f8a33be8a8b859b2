"""Stretches of the call, speech of the recording that the call lacks, and the agent's part of the call."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from komorebi_qc.core.timebase import Alignment, Jump, Span
from komorebi_qc.sync.evidence.spans import CallSpan, agent_part, call_spans, overlap_s, recording_spans, speech_frames
from komorebi_qc.sync.lags.windows import Chain, Windows
from komorebi_qc.sync.vad import FRAME_S, Activity, spans

CALL_S, OFFSET_S = 120.0, 2.0
BOTH = [True, True]
PLAIN = Alignment(OFFSET_S)
SPEECH, NOISE, DEAD = -25.0, -75.0, -120.0
Pieces = tuple[tuple[float, float], ...]


def voices(*off: tuple[float, float]) -> tuple[Chain, Chain]:
    """Turns of three seconds with two seconds between them, a window each second; those inside of `off` don't agree."""
    out = []
    for channel in (0, 1):
        starts = np.array([t for t in range(int(CALL_S)) if t % 5 < 3 and t // 5 % 2 == channel], float)
        n = len(starts)
        on = np.array([not any(a <= t + 0.5 < b for a, b in off) for t in starts], bool)
        lag, peak = np.full((n, 1), OFFSET_S), np.where(on, 50.0, 7.0)[:, None]
        windows = Windows(channel, 1.0, starts, np.ones(n), lag, peak, np.ones(n, bool))
        out.append(Chain(windows, on, np.zeros(n, np.intp)))
    return out[0], out[1]


def activity(length_s: float, *pieces: tuple[float, float, float], base: float = NOISE) -> Activity:
    """A track of one level but for some pieces: (from, to, level)."""
    level = np.full(int(length_s / FRAME_S), base, np.float32)
    for from_s, to_s, db in pieces:
        level[int(from_s / FRAME_S) : int(to_s / FRAME_S)] = db
    active = level > -50.0
    return Activity(level, active, tuple(spans(active)))


TURNS: Pieces = tuple((float(t), t + 3.0) for t in range(0, int(CALL_S), 5))


def spoken(turns: Pieces, shift_s: float = 0.0) -> tuple[tuple[float, float, float], ...]:
    """Pieces of speech at some turns."""
    return tuple((a + shift_s, b + shift_s, SPEECH) for a, b in turns)


def call() -> tuple[Activity, Activity]:
    """Both voices of the call, in turn."""
    return activity(CALL_S, *spoken(TURNS[::2])), activity(CALL_S, *spoken(TURNS[1::2]))


def recorded(*changes: tuple[float, float, float], turns: Pieces = TURNS, length_s: float = 150.0) -> Activity:
    """The recording of the call: its turns at the offset, then the changes."""
    return activity(length_s, *spoken(turns, OFFSET_S), *changes)


def without(from_s: float, to_s: float) -> Pieces:
    """The turns that begin outside of a stretch of the call."""
    return tuple(turn for turn in TURNS if not from_s <= turn[0] < to_s)


def states(found: tuple[CallSpan, ...]) -> list[tuple[str, int, int]]:
    """Each stretch's state, with its ends in whole seconds."""
    return [(s.state, round(s.from_s), round(s.to_s)) for s in found]


def test_a_call_that_agrees_is_one_stretch() -> None:
    """From its start to its end, with all of its speech; the pauses between the turns belong to it."""
    found = call_spans(voices(), BOTH, recorded(), PLAIN, CALL_S)
    assert states(found) == [("agrees", 0, 120)]
    assert found[0].speech_s == 72.0


def test_a_muted_stretch_is_silent() -> None:
    """The call has speech there, and the recording none: between two agreeing stretches, with the speech of each."""
    found = call_spans(voices((40.0, 60.0)), BOTH, recorded(turns=without(40, 60)), PLAIN, CALL_S)
    assert states(found) == [("agrees", 0, 38), ("silent", 38, 60), ("agrees", 60, 120)]
    assert [s.speech_s for s in found] == [24.0, 12.0, 36.0]
    assert not found[1].has_other_speech


def test_other_speech_contradicts() -> None:
    """The recording has speech there, too, and it is other speech."""
    found = call_spans(voices((40.0, 60.0)), BOTH, recorded(), PLAIN, CALL_S)
    assert [s.state for s in found] == ["agrees", "contradicts", "agrees"]
    assert found[1].has_other_speech


def test_a_word_that_is_not_found_is_no_stretch() -> None:
    """One window may fail by an overlap of voices or a noise."""
    assert states(call_spans(voices((41.0, 42.0)), BOTH, recorded(), PLAIN, CALL_S)) == [("agrees", 0, 120)]


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        ((70.0, 120.0), [("agrees", 0, 68), ("absent", 68, 120)]),
        ((0.0, 50.0), [("absent", 0, 50), ("agrees", 50, 120)]),
    ],
    ids=["leaves", "joins"],
)
@pytest.mark.parametrize("is_other_speech", [True, False])
def test_an_agent_who_leaves_or_joins_is_absent(
    off: tuple[float, float], expected: list[tuple[str, int, int]], *, is_other_speech: bool
) -> None:
    """Many turns at one end of the call are missing while the recording goes on, with other speech or without."""
    recording = recorded(turns=TURNS if is_other_speech else without(*off))
    found = call_spans(voices(off), BOTH, recording, PLAIN, CALL_S)
    assert states(found) == expected
    assert next(s for s in found if s.state == "absent").has_other_speech is is_other_speech


def test_a_voice_that_is_there_is_not_absent() -> None:
    """If one voice has sharp peaks at one lag to the end of the call, only the other one's microphone was off."""
    customer, agent = voices((70.0, 120.0))
    there = replace(agent, windows=replace(agent.windows, z=np.full_like(agent.windows.z, 50.0)))
    found = call_spans((customer, there), BOTH, recorded(), PLAIN, CALL_S)
    assert "absent" not in {s.state for s in found}


def test_a_recorder_that_died_says_nothing_about_the_agent() -> None:
    """Digital silence at the end of the recording is no absence."""
    found = call_spans(voices((70.0, 120.0)), BOTH, recorded((70.0, 150.0, DEAD)), PLAIN, CALL_S)
    assert [s.state for s in found] == ["agrees", "silent"]


def test_a_recording_that_begins_late_or_ends_early_is_no_absence() -> None:
    """There is no sound at all outside of the recording."""
    short = activity(60.0, *spoken(TURNS[:11], OFFSET_S))
    assert [s.state for s in call_spans(voices((55.0, 120.0)), BOTH, short, PLAIN, CALL_S)] == ["agrees", "silent"]
    late = activity(70.0, *spoken(TURNS[11:], -50.0))
    found = call_spans(voices((0.0, 52.0)), BOTH, late, Alignment(-50.0), CALL_S)
    assert [s.state for s in found] == ["silent", "agrees"]


def test_a_window_across_the_recordings_start_contradicts_nothing() -> None:
    """Music in it can't agree, because the recording has a part of it only."""
    begins_s = 2.2
    recording = activity(70.0, (0.0, 70.0, SPEECH))
    found = call_spans(voices((0.0, 3.0)), BOTH, recording, Alignment(-begins_s), CALL_S)
    assert [s.state for s in found] == ["silent", "agrees"]


def test_time_that_the_recording_lost_contradicts_nothing() -> None:
    """Before a jump backwards the call has no place in the recording: the other sound there is the call's own."""
    lost = Alignment(OFFSET_S, jumps=(Jump(60.0, -20.0),))
    found = call_spans(voices((40.0, 60.0)), BOTH, recorded(), lost, CALL_S)
    assert [s.state for s in found] == ["agrees", "silent", "agrees"]


def test_a_call_that_never_agrees_is_one_stretch_and_no_absence() -> None:
    """If nothing agrees, nobody left or joined."""
    found = call_spans(voices((0.0, 120.0)), BOTH, recorded(), PLAIN, CALL_S)
    assert states(found) == [("contradicts", 0, 120)]
    assert agent_part(found, CALL_S, None) is None


def test_a_voice_that_is_not_in_the_recording_is_not_asked() -> None:
    """Of a headset that the microphone doesn't pick up nothing is missing."""
    customer, agent = voices()
    mute = Chain(customer.windows, np.zeros(len(customer.on), bool), customer.choice)
    found = call_spans((mute, agent), [False, True], recorded(turns=TURNS[1::2]), PLAIN, CALL_S)
    assert states(found) == [("agrees", 0, 120)]
    assert found[0].speech_s == 36.0


quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
stretches_off = st.lists(st.tuples(st.integers(0, 119), st.integers(1, 60)).map(lambda p: (p[0], p[0] + p[1])))
maps = st.builds(
    Alignment,
    st.floats(-150.0, 150.0),
    st.floats(-200.0, 200.0),
    st.lists(st.builds(Jump, st.floats(0.0, CALL_S), st.floats(-30.0, 30.0)), max_size=3).map(
        lambda jumps: tuple(sorted(jumps, key=lambda j: j.call_s))
    ),
)
recordings = st.builds(
    lambda length_s, changes: recorded(*changes, length_s=length_s),
    st.floats(1.0, 200.0),
    st.lists(
        st.tuples(st.floats(0.0, 150.0), st.floats(0.0, 150.0), st.sampled_from([SPEECH, NOISE, DEAD])), max_size=4
    ),
)


@quick
@given(stretches_off, recordings, maps)
def test_the_stretches_cover_the_call(off: list[tuple[int, int]], recording: Activity, alignment: Alignment) -> None:
    """For any agreement, recording and map: in order, without a gap or an overlap, and with no more speech than is."""
    found = call_spans(voices(*off), BOTH, recording, alignment, CALL_S)
    assert (found[0].from_s, found[-1].to_s) == (0.0, CALL_S)
    assert all(s.from_s < s.to_s for s in found)
    assert all(earlier.to_s == later.from_s for earlier, later in itertools.pairwise(found))
    assert all(math.isfinite(s.speech_s) and s.speech_s >= 0.0 for s in found)
    assert sum(s.speech_s for s in found) <= 72.0
    assert all(s.state in ("agrees", "silent", "absent", "contradicts") for s in found)
    part = agent_part(found, CALL_S, None)
    if part is not None:
        assert 0.0 <= part.start_s < part.end_s <= CALL_S
        assert part.length_s < CALL_S


@quick
@given(stretches_off, recordings, maps)
def test_unexplained_speech_is_speech_of_the_recording(
    off: list[tuple[int, int]], recording: Activity, alignment: Alignment
) -> None:
    """In order, apart, inside of the recording, on the named side of the call, and with no more speech than is."""
    stretches = call_spans(voices(*off), BOTH, recording, alignment, CALL_S)
    found = recording_spans(call(), recording, alignment, CALL_S, stretches)
    end_s = len(recording.level_db) * FRAME_S
    begins_s, ends_s = alignment.to_recording(0.0), alignment.to_recording(CALL_S)
    assert all(0.0 <= s.from_s < s.to_s <= end_s + 1e-6 for s in found)
    assert all(0.0 < s.speech_s <= s.to_s - s.from_s + FRAME_S for s in found)
    for s in found:
        low, high = {"before": (0.0, begins_s), "during": (begins_s, ends_s), "after": (ends_s, end_s)}[s.part]
        assert low - 1e-6 <= s.from_s
        assert s.to_s <= high + 1e-6


def test_a_recording_of_the_call_alone_is_explained() -> None:
    """Every word of it is in the call audio."""
    stretches = call_spans(voices(), BOTH, recorded(), PLAIN, CALL_S)
    assert recording_spans(call(), recorded(), PLAIN, CALL_S, stretches) == ()


def test_speech_around_and_inside_of_the_call_is_named() -> None:
    """Before it, during it while the call audio is silent, and after it; each with its seconds."""
    turns = (*TURNS[:8], *TURNS[16:])
    both = activity(CALL_S, *spoken(turns[::2])), activity(CALL_S, *spoken(turns[1::2]))
    others = ((2.0, 7.0, SPEECH), (60.0, 75.0, SPEECH), (136.0, 144.0, SPEECH))
    recording = activity(150.0, *spoken(turns, 10.0), *others)
    alignment = Alignment(10.0)
    found = recording_spans(both, recording, alignment, CALL_S, (CallSpan(0.0, CALL_S, "agrees", 48.0),))
    assert [(s.part, round(s.from_s), round(s.to_s)) for s in found] == [
        ("before", 2, 7),
        ("during", 60, 75),
        ("after", 136, 144),
    ]
    assert [s.speech_s for s in found] == pytest.approx([5.0, 15.0, 8.0], abs=0.1)


def test_other_speech_is_unexplained_even_while_the_call_speaks() -> None:
    """In a stretch that contradicts, the call's speech explains nothing."""
    stretches = call_spans(voices((40.0, 60.0)), BOTH, recorded(), PLAIN, CALL_S)
    found = recording_spans(call(), recorded(), PLAIN, CALL_S, stretches)
    assert {s.part for s in found} == {"during"}
    assert found[0].from_s == pytest.approx(42.0, abs=1.0)
    assert found[-1].to_s == pytest.approx(60.0, abs=1.0)
    assert sum(s.speech_s for s in found) == pytest.approx(12.0, abs=1.0)


AGREES, ABSENT = CallSpan(0.0, 70.0, "agrees", 40.0), CallSpan(70.0, 120.0, "absent", 30.0)


@pytest.mark.parametrize(
    ("stretches", "reported_call_s", "part"),
    [
        ((AGREES, ABSENT), None, (0.0, 70.0)),
        ((AGREES, ABSENT), 71.5, (0.0, 71.5)),
        ((AGREES, ABSENT), 60.0, (0.0, 70.0)),
        ((AGREES, ABSENT), 110.0, (0.0, 70.0)),
        ((CallSpan(0.0, 50.0, "absent", 30.0), CallSpan(50.0, 120.0, "agrees", 40.0)), 51.0, (50.0, 120.0)),
        (
            (
                CallSpan(0.0, 30.0, "absent", 20.0),
                CallSpan(30.0, 80.0, "agrees", 30.0),
                CallSpan(80.0, 120.0, "absent", 25.0),
            ),
            None,
            (30.0, 80.0),
        ),
    ],
    ids=["leaves", "leaves at the reported end", "reported too early", "reported far off", "joins", "consult"],
)
def test_the_agents_part(
    stretches: tuple[CallSpan, ...], reported_call_s: float | None, part: tuple[float, float]
) -> None:
    """It ends with the last word that agrees, or at the reported end if that is right after it."""
    assert agent_part(stretches, CALL_S, reported_call_s) == Span(*part)


@pytest.mark.parametrize(
    "stretches",
    [
        (),
        (CallSpan(0.0, 120.0, "agrees", 70.0),),
        (AGREES, CallSpan(70.0, 120.0, "silent", 30.0)),
        (AGREES, CallSpan(70.0, 120.0, "contradicts", 30.0)),
        (CallSpan(0.0, 120.0, "absent", 70.0),),
    ],
)
def test_the_whole_call_is_no_part(stretches: tuple[CallSpan, ...]) -> None:
    """A muted agent is part of the call; so is one of whom nothing is known."""
    assert agent_part(stretches, CALL_S, 71.0) is None


def test_a_track_of_one_level_has_no_speech() -> None:
    """Noise, digital silence and an empty track hold no speech, at any level."""
    for level in (SPEECH, NOISE, DEAD):
        assert not speech_frames(activity(10.0, base=level).level_db).any()
    assert len(speech_frames(np.zeros(0, np.float32))) == 0
    found = np.flatnonzero(speech_frames(recorded((100.0, 150.0, DEAD)).level_db))
    assert found[0] * FRAME_S == pytest.approx(OFFSET_S, abs=0.1)


def test_overlap_counts_a_voice_alone_while_the_recording_speaks() -> None:
    """Each voice where the other one is silent, at one offset; outside of the recording there is no overlap."""
    assert overlap_s(call(), recorded(), OFFSET_S) == pytest.approx((36.0, 36.0), abs=1.0)
    assert overlap_s(call(), recorded(turns=TURNS[::2]), OFFSET_S) == pytest.approx((36.0, 0.0), abs=1.0)
    assert overlap_s(call(), recorded(), 500.0) == (0.0, 0.0)
    same = activity(CALL_S, *spoken(TURNS))
    assert overlap_s((same, same), recorded(), OFFSET_S) == (0.0, 0.0)
