"""The outline of a track at any zoom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import noise

from komorebi_qc.measure.waveform import Peaks, PeaksBuilder

ROUNDING = 1 / 127


def _built(pcm: np.ndarray[tuple[int, int], np.dtype[np.float32]], rate: int, step: int) -> Peaks:
    builder = PeaksBuilder(rate, pcm.shape[1])
    for low in range(0, len(pcm), step):
        builder.add(pcm[low : low + step])
    return builder.result()


@given(
    seed=st.integers(0, 1000),
    rate=st.sampled_from([8000, 11025, 48000]),
    step=st.integers(1, 5000),
    start=st.floats(-0.5, 1.0),
    length=st.floats(0.001, 2.0),
    pixels=st.integers(1, 300),
)
def test_outline_holds_every_sample_and_hardly_more(
    seed: int, rate: int, step: int, start: float, length: float, pixels: int
) -> None:
    """Each pixel's outline holds its samples, and nothing from further than a bin away, for any span and blocks."""
    rng = np.random.default_rng(seed)
    pcm = rng.uniform(-1, 1, (rate, 2)).astype(np.float32) * rng.uniform(0, 1)
    peaks = _built(pcm, rate, max(step, 200))
    low, high = peaks.outline(start, start + length, pixels)
    assert low.shape == high.shape == (2, pixels)
    edges = np.linspace(start * rate, (start + length) * rate, pixels + 1)
    slack = max(peaks.levels[0].bin_samples, int(length * rate / pixels / 4) + 1)
    for pixel in range(0, pixels, 7):
        inner = pcm[max(0, int(np.ceil(edges[pixel]))) : max(0, int(edges[pixel + 1]))]
        outer = pcm[max(0, int(edges[pixel]) - slack) : max(0, int(edges[pixel + 1]) + slack + 1)]
        if len(inner):
            assert (low[:, pixel] <= inner.min(axis=0) + 1e-6).all()
            assert (high[:, pixel] >= inner.max(axis=0) - 1e-6).all()
        if len(outer):
            assert (low[:, pixel] >= np.minimum(outer.min(axis=0) - ROUNDING - 1e-6, 0)).all()
            assert (high[:, pixel] <= np.maximum(outer.max(axis=0) + ROUNDING + 1e-6, 0)).all()
        else:
            assert not low[:, pixel].any()
            assert not high[:, pixel].any()


@pytest.mark.parametrize("step", [1, 7, 800, 100_000])
def test_blocks_make_no_difference(step: int) -> None:
    """The outline is the same however the track is cut into blocks."""
    pcm = noise(1.0, 8000)[:, None]
    whole, cut = _built(pcm, 8000, len(pcm)), _built(pcm, 8000, step)
    for a, b in zip(whole.levels, cut.levels, strict=True):
        assert np.array_equal(a.low, b.low)
        assert np.array_equal(a.high, b.high)


def test_each_level_is_ten_times_coarser() -> None:
    """There are bins of 1, 10, 100 and 1000 ms, and each level's extremes are those of the finer one."""
    peaks = _built(noise(3.21, 8000)[:, None], 8000, 999)
    assert [level.bin_samples for level in peaks.levels] == [8, 80, 800, 8000]
    assert [level.low.shape[1] for level in peaks.levels] == [3210, 321, 33, 4]
    assert all(level.low.min() == peaks.levels[0].low.min() for level in peaks.levels)
    assert peaks.length_s == pytest.approx(3.21)


def test_silence_stays_silence() -> None:
    """Zeros are drawn as zeros, and the faintest sound is not."""
    pcm = np.zeros((8000, 1), np.float32)
    pcm[4000] = 1e-4
    low, high = _built(pcm, 8000, 8000).outline(0, 1, 10)
    assert not low.any()
    assert np.flatnonzero(high[0]).tolist() == [5]


def test_no_numbers_are_drawn_as_zero() -> None:
    """What isn't a number counts as 0, and what is beyond full scale as full scale."""
    pcm = np.array([[np.nan], [np.inf], [-3e38], [0.5]], np.float32)
    low, high = _built(np.repeat(pcm, 8, axis=0), 8000, 100).outline(0, 0.004, 4)
    assert low[0].tolist() == [0, 1, -1, pytest.approx(0.5, abs=ROUNDING)]
    assert high[0].tolist() == [0, 1, -1, pytest.approx(0.5, abs=ROUNDING)]


def test_an_empty_track_has_an_empty_outline() -> None:
    """A track without samples is drawn as silence."""
    low, high = PeaksBuilder(8000, 2).result().outline(0, 1, 5)
    assert not low.any()
    assert not high.any()


def test_outline_can_be_asked_for_while_the_track_grows() -> None:
    """The outline so far doesn't disturb what comes, and can't be written to."""
    builder = PeaksBuilder(8000, 1)
    pcm = noise(0.5, 8000)[:, None]
    builder.add(pcm[:1003])
    first = builder.result()
    builder.add(pcm[1003:])
    assert first.samples == 1003
    assert np.array_equal(builder.result().levels[0].low, _built(pcm, 8000, 5000).levels[0].low)
    with pytest.raises(ValueError, match="read-only"):
        first.levels[0].low[0, 0] = 1


def test_an_hour_takes_little_memory() -> None:
    """A minute costs less than 0.15 MB a channel."""
    builder = PeaksBuilder(8000, 1)
    for _ in range(60):
        builder.add(np.zeros((8000, 1), np.float32))
    assert sum(level.low.nbytes + level.high.nbytes for level in builder.result().levels) < 150_000


@pytest.mark.parametrize(("start", "end", "pixels"), [(1, 1, 5), (2, 1, 5), (0, 1, 0), (0, float("nan"), 5)])
def test_an_outline_of_nothing_is_refused(start: float, end: float, pixels: int) -> None:
    """A span that runs backwards, and no pixels, are slips of the caller."""
    with pytest.raises(ValueError, match="an outline"):
        PeaksBuilder(8000, 1).result().outline(start, end, pixels)


def test_wrong_shapes_are_refused() -> None:
    """A block of another number of channels is a slip of the caller."""
    with pytest.raises(ValueError, match="shape"):
        PeaksBuilder(8000, 2).add(np.zeros((5, 1), np.float32))
    with pytest.raises(ValueError, match="rate"):
        PeaksBuilder(0, 2)
