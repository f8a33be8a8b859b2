"""Tracks that are read span by span."""

from __future__ import annotations

import numpy as np
from talkers import RATE, talk

from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.quick.sparse import Condensed, SparseTrack, busiest, only_within
from komorebi_qc.sync.vad import FRAME_S, of_recording


def _filled(samples: np.ndarray, *spans: Span) -> SparseTrack:
    track = SparseTrack(len(samples), samples.shape[1] if samples.ndim > 1 else 0)
    for span in spans:
        first = round(span.start_s * RATE)
        track.fill([span], [(first, samples[first : round(span.end_s * RATE)])])
    return track


def test_samples_that_were_not_read_are_silent() -> None:
    """A slice holds the samples of all spans that it touches, in any order of reading."""
    samples = np.arange(1, 4 * RATE + 1, dtype=np.int16)
    track = _filled(samples, Span(2.0, 3.0), Span(0.5, 1.0))
    whole = track[0 : 4 * RATE]
    read = np.zeros(4 * RATE, bool)
    read[RATE // 2 : RATE] = read[2 * RATE : 3 * RATE] = True
    assert np.array_equal(whole, np.where(read, samples, 0))
    assert np.array_equal(track[RATE - 10 : RATE + 10], whole[RATE - 10 : RATE + 10])
    assert track.read_s == 1.5


def test_only_missing_parts_are_read() -> None:
    """Parts that are known, or outside of the track, aren't asked for again."""
    track = _filled(np.ones(10 * RATE, np.int16), Span(2.0, 3.0), Span(5.0, 6.0))
    assert track.missing([Span(1.0, 7.0)]) == [Span(1.0, 2.0), Span(3.0, 5.0), Span(6.0, 7.0)]
    assert track.missing([Span(2.2, 2.8), Span(9.5, 12.0), Span(12.0, 13.0)]) == [Span(9.5, 10.0)]


def test_runs_are_cut_to_the_spans_that_were_asked_for() -> None:
    """A decoder returns more than a span, in runs of any length."""
    track = SparseTrack(4 * RATE)
    runs = [(0, np.full(RATE, 1, np.int16)), (RATE, np.full(2 * RATE, 2, np.int16))]
    track.fill([Span(0.5, 1.5), Span(2.5, 2.75)], runs)
    whole = track[0 : 4 * RATE]
    assert set(whole[: RATE // 2]) == {0}
    assert set(whole[RATE // 2 : RATE]) == {1}
    assert set(whole[RATE : 3 * RATE // 2]) == {2}
    assert set(whole[3 * RATE // 2 : 5 * RATE // 2]) == {0}
    assert np.count_nonzero(whole[5 * RATE // 2 :]) == RATE // 4


def test_the_speech_of_the_read_spans_is_at_its_own_places() -> None:
    """The condensed track's activity is that of the spans, and nothing is active between them."""
    samples = talk(3, 40).sum(axis=1).astype(np.int16)
    track = _filled(samples, Span(4.0, 12.0), Span(24.0, 32.0))
    view = Condensed(track)
    found = view.spread(of_recording(view.samples))
    whole = of_recording(samples)
    inside = np.zeros(len(whole.active), bool)
    for a, b in ((4.0, 12.0), (24.0, 32.0)):
        inside[round(a / FRAME_S) : round(b / FRAME_S)] = True
    assert not found.active[~inside].any()
    assert np.mean(found.active[inside] == whole.active[inside]) > 0.95


def test_sound_without_a_pause_is_no_turn() -> None:
    """Music fills its span from edge to edge; speech that ends within it is a turn."""
    rng = np.random.default_rng(1)
    samples = np.zeros(40 * RATE, np.int16)
    samples[5 * RATE : 15 * RATE] = rng.normal(0, 3000, 10 * RATE)
    samples[25 * RATE : 27 * RATE] = rng.normal(0, 3000, 2 * RATE)
    track = _filled(samples, Span(6.0, 14.0), Span(22.0, 30.0))
    view = Condensed(track)
    turns = view.spread(of_recording(view.samples)).turns
    assert [(round(a * FRAME_S), round(b * FRAME_S)) for a, b in turns] == [(25, 27)]


def test_activity_within_spans() -> None:
    """Activity outside of the spans is dropped, and the turns stay."""
    activity = of_recording(talk(5, 20).sum(axis=1).astype(np.int16))
    part = only_within(activity, [Span(2.0, 4.0)])
    assert not part.active[: round(2.0 / FRAME_S)].any()
    assert not part.active[round(4.0 / FRAME_S) :].any()
    assert np.array_equal(part.active[50:100], activity.active[50:100])
    assert part.turns == activity.turns


def test_the_busiest_run() -> None:
    """The run with the largest sum is found; a short track is one run."""
    weights = np.array([0, 1, 2, 2, 0, 1], np.float32)
    assert busiest(weights, 2) == (2, 4.0)
    assert busiest(weights, 10) == (0, 6.0)
