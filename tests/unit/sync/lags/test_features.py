"""Band levels and their comparison over every lag, against plain computations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from talkers import RATE, burst

from komorebi_qc.sync.lags import features

FRAME = 320
EDGES = (300, 570, 950, 1500, 2300, 3400)


def plain_levels(x: np.ndarray, frames: int) -> np.ndarray:
    """log10 power in each band of the first 256 samples of each frame, the upper edge not included."""
    freq = np.fft.rfftfreq(256, 1 / RATE)
    out = np.zeros((5, frames))
    for i in range(frames):
        power = np.abs(np.fft.rfft(x[i * FRAME : i * FRAME + 256] * np.hanning(256))) ** 2
        out[:, i] = [power[(freq >= lo) & (freq < hi)].sum() for lo, hi in itertools.pairwise(EDGES)]
    return np.log10(out + 1e-7)


def noise(seconds: float, seed: int = 1) -> np.ndarray:
    """Speech-like noise, float32."""
    return burst(np.random.default_rng(seed), seconds).astype(np.float32)


def test_band_levels() -> None:
    """The five bands' levels are those of a plain computation; frames outside of the track are silent."""
    x = noise(2.0)
    expected = plain_levels(x, 50)
    assert features.band_levels(x, 0, 50) == pytest.approx(expected, abs=1e-3)
    assert features.band_levels(x, 10, 20) == pytest.approx(expected[:, 10:30], abs=1e-3)
    assert features.band_levels(x, 48, 4)[:, 2:] == pytest.approx(np.full((5, 2), -7.0))
    stereo = np.stack([np.zeros_like(x), x], axis=1)
    assert features.band_levels(stereo, 0, 50, 1) == pytest.approx(expected, abs=1e-3)


def test_band_levels_of_a_long_track() -> None:
    """A track of more than 2000 frames, which is read in parts, has the same levels throughout."""
    x = np.tile(noise(0.04 * 7), 301)
    found = features.band_levels(x, 0, 2107)
    assert found == pytest.approx(np.tile(found[:, :7], 301), abs=1e-4)


def test_the_floor_of_each_band() -> None:
    """Each band is cut off 0.2 over its own 15th percentile; without frames nothing happens."""
    levels = np.stack([np.linspace(0, 1, 101), np.linspace(5, 7, 101)]).astype(np.float32)
    found = features.floored(levels)
    assert found.min(axis=1) == pytest.approx([0.35, 5.5], abs=1e-5)
    assert found[:, 50:] == pytest.approx(levels[:, 50:])
    assert features.floored(np.zeros((5, 0), np.float32)).shape == (5, 0)


def test_the_running_mean() -> None:
    """Three seconds to either side are averaged, fewer at both ends."""
    levels = np.random.default_rng(2).normal(0, 1, (2, 400)).astype(np.float32)
    found = features.running_mean_removed(levels)
    for i in (0, 10, 74, 75, 200, 324, 325, 399):
        near = levels[:, max(i - 75, 0) : i + 76]
        assert found[:, i] == pytest.approx(levels[:, i] - near.mean(axis=1), abs=1e-5)
    assert features.running_mean_removed(np.zeros((5, 0), np.float32)).shape == (5, 0)


def similarity(recording: np.ndarray, block: np.ndarray, mask: np.ndarray, at: int) -> float:
    """The similarity at one place, from its definition."""
    raw = np.clip(
        features.running_mean_removed(features.floored(plain_levels(recording, len(recording) // FRAME))), -3, 3
    )
    n, weight = block.shape[1], mask.astype(float)
    total = weight.sum()
    padded = np.pad(raw, ((0, 0), (n, n)))[:, at + n : at + 2 * n]
    shape = np.clip((block - (block * weight).sum(axis=1, keepdims=True) / total) * weight, -3, 3)
    under = (padded**2 * weight).sum() - ((padded * weight).sum(axis=1) ** 2 / total).sum()
    return float((padded * shape).sum() / np.sqrt(max(under, 0.15 * total) * (shape**2).sum() + 1e-6))


def test_the_similarity_at_every_place() -> None:
    """The block is most similar at its own place; each place's similarity is the one of the definition."""
    recording = noise(12.0, 4)
    block = features.floored(features.band_levels(recording, 100, 80))
    mask = np.ones(80, bool)
    mask[30:45] = False
    places, score = features.Haystack(recording, 80).search(block, mask)
    assert list(places) == list(range(-40, 300 - 40))
    assert places[score.argmax()] == 100
    assert score.max() > 0.9
    for at in (-40, -3, 0, 57, 100, 101, 230, 259):
        expected = similarity(recording, block.astype(float), mask, at)
        assert score[at + 40] == pytest.approx(expected, abs=2e-3)


def test_flat_places_look_like_nothing() -> None:
    """In a recording of steady noise no place looks like speech."""
    steady = np.random.default_rng(5).normal(0, 0.05, 10 * RATE).astype(np.float32)
    block = features.floored(features.band_levels(noise(4.0), 0, 100))
    _, score = features.Haystack(steady, 100).search(block, np.ones(100, bool))
    assert score.max() < 0.35


def test_an_empty_recording_has_no_places() -> None:
    """A recording shorter than a frame gives no place."""
    block = features.floored(features.band_levels(noise(4.0), 0, 100))
    places, score = features.Haystack(np.zeros(100, np.float32), 100).search(block, np.ones(100, bool))
    assert len(places) == len(score) == 0
