"""The evidence of a fit: turns, seconds, the explained share, contradiction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from komorebi_qc.sync.evidence.gather import gather
from komorebi_qc.sync.fit.model import Fit, LagStep
from komorebi_qc.sync.lags.windows import Chain, Windows
from komorebi_qc.sync.vad import FRAME_S, Activity, spans

if TYPE_CHECKING:
    from komorebi_qc.sync.evidence.classify import Evidence

CALL_S = 40.0
LAG_S = 2.0
Span = tuple[float, float]


def activity(seconds: float, *active_s: Span) -> Activity:
    """A track that is active in the spans, each of them a turn."""
    n = round(seconds / FRAME_S)
    active = np.zeros(n, bool)
    for a, b in active_s:
        active[round(a / FRAME_S) : round(b / FRAME_S)] = True
    return Activity(np.zeros(n, np.float32), active, tuple(spans(active)))


def chain(*active_s: Span, off: tuple[Span, ...] = (), unheard: tuple[Span, ...] = (), lag_s: float = LAG_S) -> Chain:
    """Windows of a second, half a second apart, on the spans; `off`: those that don't agree."""
    starts = np.concatenate([np.arange(a, b - 0.9, 0.5) for a, b in active_s]) if active_s else np.zeros(0)
    n = len(starts)
    centre = starts + 0.5
    on, audible = np.ones(n, bool), np.ones(n, bool)
    for a, b in off:
        on[(centre > a) & (centre < b)] = False
    for a, b in unheard:
        audible[(centre > a) & (centre < b)] = False
    w = Windows(0, 1.0, starts, np.full(n, 0.5), np.full((n, 1), lag_s), np.full((n, 1), 50.0), audible)
    return Chain(w, on, np.zeros(n, np.intp))


def fit(*steps_s: float) -> Fit:
    """A fit at the lag with steps of sizes."""
    none = np.zeros(0, bool)
    steps = tuple(LagStep(5.0 * k, 5.0 * k + 1, s, 1e-5) for k, s in enumerate(steps_s, 1))
    return Fit(LAG_S, 1e-5, 0.0, 0.1, steps, (), (LAG_S, LAG_S), (none, none), 1e-5)


CUSTOMER: tuple[Span, ...] = ((0.0, 4.0), (10.0, 14.0), (20.0, 24.0))
AGENT: tuple[Span, ...] = ((5.0, 9.0), (15.0, 19.0), (25.0, 29.0), (30.0, 34.0))


def evidence(
    customer: Chain,
    agent: Chain,
    recording: Activity | None = None,
    present: tuple[bool, bool] = (True, True),
    result: Fit | None = None,
    again: tuple[np.ndarray, np.ndarray] | None = None,
) -> Evidence:
    """The evidence of a call of seven turns, which the recording plays two seconds later."""
    activities = activity(CALL_S, *CUSTOMER), activity(CALL_S, *AGENT)
    if recording is None:
        recording = activity(CALL_S + 6, *((a + LAG_S, b + LAG_S) for a, b in (*CUSTOMER, *AGENT)))
    repeated = again or (np.zeros(len(customer.on), bool), np.zeros(len(agent.on), bool))
    return gather(CALL_S, activities, recording, (customer, agent), list(present), result or fit(), repeated, 2)


def test_full_agreement() -> None:
    """All turns agree, all of the recording's activity is explained, and nothing contradicts."""
    e = evidence(chain(*CUSTOMER), chain(*AGENT))
    assert (e.customer.turns, e.customer.agreed_turns, e.customer.distinct_turns) == (3, 3, 3)
    assert (e.agent.turns, e.agent.agreed_turns, e.agent.distinct_turns) == (4, 4, 4)
    assert (e.customer.active_s, e.customer.agreed_s, e.customer.distinct_s) == (10.5, 10.5, 10.5)
    assert (e.agent.active_s, e.agent.agreed_s) == (14.0, 14.0)
    assert (e.customer.span_support, e.agent.span_support) == (1.0, 1.0)
    assert e.customer.is_present
    assert e.recording_active_s == pytest.approx(28.0)
    assert e.explained == 1.0
    assert e.contradicted == 0.0
    assert e.alternative_offsets == 2
    assert e.jumps == 0
    assert e.overlap == pytest.approx(24.5 / 28.0)


@pytest.mark.parametrize(("off", "turns"), [((2.4, 4.0), 3), ((1.9, 4.0), 3), ((1.4, 4.0), 2), ((0.0, 9.0), 2)])
def test_a_turn_agrees_by_four_tenths(off: Span, turns: int) -> None:
    """A turn agrees if 40 % of its windows do."""
    e = evidence(chain(*CUSTOMER, off=(off,)), chain(*AGENT))
    assert e.customer.turns == 3
    assert e.customer.agreed_turns == turns


def test_windows_of_a_turn_are_inside_it() -> None:
    """A window belongs to a turn if its middle is at most a quarter of a window outside."""
    for offset_s, turns in ((-0.24, 1), (-0.26, 0), (4.24, 1), (4.26, 0)):
        activities = activity(CALL_S, (10.0, 14.0)), activity(CALL_S)
        start = np.array([10.0 + offset_s - 0.5])
        one = np.ones((1, 1))
        w = Windows(0, 1.0, start, np.ones(1), LAG_S * one, 50.0 * one, np.ones(1, bool))
        pair = Chain(w, np.ones(1, bool), np.zeros(1, np.intp)), chain()
        none = np.zeros(1, bool), np.zeros(0, bool)
        recording = activity(CALL_S + 6, (12.0, 16.0))
        e = gather(CALL_S, activities, recording, pair, [True, False], fit(), none, 0)
        assert e.customer.turns == turns


def test_a_window_covers_the_recording_at_its_lag() -> None:
    """The recording's sound is explained where the agreeing window plays, and nowhere else."""
    activities = activity(CALL_S, (10.0, 12.0)), activity(CALL_S)
    customer = chain((10.0, 12.0), lag_s=20.0)
    none = np.zeros(len(customer.on), bool), np.zeros(0, bool)
    at_20 = Fit(20.0, 1e-5, 0.0, 0.1, (), (), (20.0, None), (none[0], none[1]), 1e-5)
    recording = activity(80.0, (30.0, 32.0))
    e = gather(CALL_S, activities, recording, (customer, chain()), [True, False], at_20, none, 0)
    assert e.explained == 1.0
    assert e.recording_active_s == pytest.approx(2.0)
    early = activity(80.0, (8.0, 12.0))
    e = gather(CALL_S, activities, early, (customer, chain()), [True, False], at_20, none, 0)
    assert e.recording_active_s == 0.0


def test_a_turn_without_audio_does_not_count() -> None:
    """Without audio in the recording there is no turn and no activity."""
    e = evidence(chain(*CUSTOMER, unheard=((10.0, 14.0),)), chain(*AGENT))
    assert (e.customer.turns, e.customer.agreed_turns) == (2, 2)
    assert e.customer.active_s == 7.0
    assert e.overlap == pytest.approx(21.0 / 28.0)


def test_a_turn_of_over_15_s_is_music() -> None:
    """A turn that long counts as a turn, never as one that agrees."""
    for end_s, agreed in ((15.0, 1), (15.1, 0)):
        activities = activity(CALL_S, (0.0, end_s)), activity(CALL_S)
        customer, agent = chain((0.0, 15.0)), chain()
        recording = activity(CALL_S + 6, (2.0, end_s + 2.0))
        none = np.zeros(len(customer.on), bool), np.zeros(0, bool)
        e = gather(CALL_S, activities, recording, (customer, agent), [True, False], fit(), none, 0)
        assert (e.customer.turns, e.customer.agreed_turns) == (1, agreed)


def test_windows_that_agree_elsewhere_are_not_distinct() -> None:
    """They agree, but neither their seconds nor their turns count as distinct."""
    customer, agent = chain(*CUSTOMER), chain(*AGENT)
    again = np.zeros(len(customer.on), bool)
    again[:5] = True
    e = evidence(customer, agent, again=(again, np.zeros(len(agent.on), bool)))
    assert (e.customer.agreed_s, e.customer.distinct_s) == (10.5, 8.0)
    assert (e.customer.agreed_turns, e.customer.distinct_turns) == (3, 2)


def test_the_span_is_from_the_first_agreement_to_the_last() -> None:
    """Support within the span leaves out what comes before it and after it."""
    e = evidence(chain(*CUSTOMER, off=((0.0, 4.0), (11.0, 13.0), (20.0, 24.0))), chain(*AGENT, off=((0.0, 40.0),)))
    assert e.customer.span_support == pytest.approx(4 / 7)
    assert e.agent.span_support == 0.0
    assert e.agent.agreed_s == 0.0


@pytest.mark.parametrize(("steps", "count"), [((0.05, -0.06), 1), ((0.051, -0.2), 2), ((0.01,), 0)])
def test_large_jumps_are_counted(steps: tuple[float, ...], count: int) -> None:
    """A jump of over 50 ms is large."""
    assert evidence(chain(*CUSTOMER), chain(*AGENT), result=fit(*steps)).jumps == count


def test_the_explained_share() -> None:
    """Speech without an agreeing window is unexplained; the recording's own sound doesn't matter."""
    own = activity(CALL_S + 6, *((a + LAG_S, b + LAG_S) for a, b in (*CUSTOMER, *AGENT)), (37.0, 40.0))
    e = evidence(chain(*CUSTOMER, off=((20.0, 24.0),)), chain(*AGENT), own)
    assert e.recording_active_s == pytest.approx(31.0)
    # windows beside it cover a second each way
    assert e.explained == pytest.approx(1 - 3.0 / 28.0, abs=0.05)


def test_after_the_call_nothing_counts() -> None:
    """The recording's activity counts within the call alone; a jump ahead makes the call longer there."""
    after = activity(60.0, *((a + LAG_S, b + LAG_S) for a, b in (*CUSTOMER, *AGENT)), (43.0, 50.0), (0.0, 1.0))
    assert evidence(chain(*CUSTOMER), chain(*AGENT), after).recording_active_s == pytest.approx(28.0)
    assert evidence(chain(*CUSTOMER), chain(*AGENT), after, result=fit(3.0)).recording_active_s == pytest.approx(30.0)
    assert evidence(chain(*CUSTOMER), chain(*AGENT), after, result=fit(-1.5)).recording_active_s == pytest.approx(28.52)


def test_an_absent_voice_is_contradicted_by_sound() -> None:
    """Of the seconds that only the absent customer speaks: the share with sound in the recording."""
    played = activity(CALL_S + 6, *((a + LAG_S, b + LAG_S) for a, b in AGENT))
    absent = chain(*CUSTOMER, off=((0.0, 40.0),))
    e = evidence(absent, chain(*AGENT), played, (False, True))
    assert e.contradicted == 0.0
    assert e.explained == 1.0
    assert not e.customer.is_present
    sounding = activity(CALL_S + 6, *((a + LAG_S, b + LAG_S) for a, b in AGENT), (LAG_S + 1.0, LAG_S + 4.0))
    assert evidence(absent, chain(*AGENT), sounding, (False, True)).contradicted == pytest.approx(0.25, abs=0.06)


def test_a_recording_without_activity_takes_the_calls() -> None:
    """Steady music counts as noise: if the recording seems silent, the call's own speech is the base."""
    silent = activity(CALL_S + 6)
    e = evidence(chain(*CUSTOMER), chain(*AGENT), silent)
    assert e.recording_active_s == 0.0
    assert e.explained == 1.0
    half = evidence(chain(*CUSTOMER, off=((0.0, 40.0),)), chain(*AGENT), silent)
    assert 0.5 < half.explained < 0.85


def test_nothing_at_all() -> None:
    """Without windows and activity all numbers are 0."""
    silent = activity(CALL_S)
    none = np.zeros(0, bool)
    e = gather(CALL_S, (silent, silent), silent, (chain(), chain()), [False, False], fit(), (none, none), 0)
    assert (e.recording_active_s, e.explained, e.contradicted, e.overlap) == (0.0, 0.0, 0.0, 0.0)
