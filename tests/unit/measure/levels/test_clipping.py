"""Clipping, counted and located."""

from __future__ import annotations

import numpy as np
import pytest
from level_signals import levels, sine

from komorebi_qc.measure.levels import clipped_spans


@pytest.mark.parametrize("ceiling", [1.0, 32767 / 32768, 32124 / 32768, 32256 / 32768])
@pytest.mark.parametrize("step", [1600, 3])
def test_clipping_is_counted(ceiling: float, step: int) -> None:
    """Flat tops at full scale and at G.711's loudest are counted sample by sample."""
    rng = np.random.default_rng(3)
    pcm = np.clip(rng.normal(0, 0.1, 4000), -0.5, 0.5).astype(np.float32)
    for at in range(397, 3997, 400):  # every other one over the edge of a hop
        pcm[at : at + 5] = ceiling
        pcm[at - 200 : at - 197] = -ceiling
    channel = levels(pcm, step=step)
    assert (channel.clipped_samples, channel.clipped_runs) == (9 * 5 + 9 * 3, 18)


@pytest.mark.parametrize("hertz", [100.0, 440.0, 1000.0, 3100.0])
def test_a_loud_sine_is_not_clipped(hertz: float) -> None:
    """Loud isn't clipped: a sine that just reaches full scale passes, and one 3 dB over it is found."""
    tone = sine(-0.05, 2, 48000, hertz)
    assert levels(tone, 48000).clipped_runs == 0
    over = np.clip(tone * np.float32(1.41), -1, 1)
    assert levels(over, 48000).clipped_runs == pytest.approx(2 * 2 * hertz, rel=0.02)


@pytest.mark.parametrize("at", [5000, (1 << 20) - 2, 1 << 20])
def test_clipped_runs_are_located(at: int) -> None:
    """Runs 0.1 s apart are one span, a run farther away is another, wherever the blocks end."""
    pcm = np.zeros((1 << 20) + 40_000, np.int16)
    for start in (at, at + 800, at + 20_000):
        pcm[start : start + 4] = 32767
    pcm[at + 10_000 : at + 10_002] = 32767  # two samples are no run
    spans = clipped_spans(pcm, 8000)
    assert [(round(s.start_s * 8000), round(s.end_s * 8000)) for s in spans] == [
        (at, at + 804),
        (at + 20_000, at + 20_004),
    ]


def test_spans_hold_what_is_counted() -> None:
    """Two bursts of a clipped sine are two spans; each span has all clipped samples of its burst, up to the end."""
    pcm = np.clip(sine(3.0, 2.0, hertz=100.0), -0.99, 0.99)
    pcm[6000:12_000] = 0.0
    channel, spans = levels(pcm), clipped_spans(pcm, 8000)
    clipped = np.flatnonzero(np.abs(pcm) >= 0.99)
    assert channel.clipped_samples == len(clipped)
    assert channel.clipped_runs == pytest.approx(2 * 100 * 1.25, abs=2)
    first, second = ((round(s.start_s * 8000), round(s.end_s * 8000)) for s in spans)
    assert first == (clipped[0], clipped[clipped < 6000][-1] + 1)
    assert second == (clipped[clipped >= 12_000][0], clipped[-1] + 1)


def test_a_track_without_samples_has_no_clipping() -> None:
    """An empty track has no spans."""
    assert clipped_spans(np.zeros(0, np.int16), 8000) == []
