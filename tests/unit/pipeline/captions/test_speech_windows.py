"""A recogniser gets one side's speech, and nothing of private spans, of hold music or of the other side."""

from __future__ import annotations

import numpy as np
import pytest

from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Span
from komorebi_qc.pipeline.captions.speech_windows import LONGEST_S, SpeechWindow, speech_windows
from komorebi_qc.sync.vad import FRAME_S

LENGTH_S = 120


def windows(
    *spoken: tuple[float, float], private: tuple[Span, ...] = (), music: tuple[Span, ...] = ()
) -> list[SpeechWindow]:
    """The agent's windows of a call in which sample ``i`` of the agent is ``i % 999 + 1``, and the customer's is -1."""
    n = LENGTH_S * RATE
    call = np.column_stack([np.full(n, -1), np.arange(n) % 999 + 1]).astype(np.int16)
    active = np.zeros(round(LENGTH_S / FRAME_S), np.bool_)
    for from_s, to_s in spoken:
        active[round(from_s / FRAME_S) : round(to_s / FRAME_S)] = True
    return list(speech_windows(call, 1, active, private=private, music=music))


def given_s(found: list[SpeechWindow]) -> list[tuple[float, float]]:
    """The spans of the call that the engine gets, after a check that they are the agent's own samples."""
    out = np.zeros(LENGTH_S * RATE, np.int16)
    for window in found:
        first = round(window.from_s * RATE)
        out[first : first + len(window.samples)] += window.samples
    at = np.flatnonzero(out)
    assert np.array_equal(out[at], at % 999 + 1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], out != 0, [0]])))
    return [(round(a / RATE, 2), round(b / RATE, 2)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def test_only_speech_is_given_with_a_pad() -> None:
    """Short pauses belong to it; a long one is silent."""
    assert given_s(windows((1.0, 2.0), (2.2, 4.0), (6.0, 8.0))) == [(0.8, 4.2), (5.8, 8.2)]


def test_a_private_span_is_left_out_with_the_margin_of_a_mask() -> None:
    """Its times are rounded."""
    assert given_s(windows((1.0, 20.0), private=(Span(8.0, 10.0),))) == [(0.8, 7.48), (10.52, 20.2)]


def test_music_on_hold_is_left_out() -> None:
    """It has no words, and engines invent some."""
    assert given_s(windows((1.0, 20.0), music=(Span(5.0, 20.0),))) == [(0.8, 5.2)]


@pytest.mark.parametrize("spoken", [((0.0, 119.0),), tuple((float(at), at + 1.5) for at in range(0, 118, 3))])
def test_a_window_is_as_long_as_an_engine_takes(spoken: tuple[tuple[float, float], ...]) -> None:
    """In a monologue without a pause, and in a conversation; nothing is lost or given twice."""
    found = windows(*spoken)
    assert len(found) > 3
    assert all(len(one.samples) <= LONGEST_S * RATE for one in found)
    last_s = spoken[-1][1]
    given = given_s(found)
    assert all(any(a <= from_s and to_s <= b for a, b in given) for from_s, to_s in spoken)
    assert given[-1][1] == pytest.approx(last_s + 0.2, abs=0.05)


def test_a_click_is_not_given() -> None:
    """A side that is silent has no windows."""
    assert windows() == []
