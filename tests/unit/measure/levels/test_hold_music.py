"""Music on hold, and audio that isn't music."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from captures import CAPTURES
from level_signals import levels, metered, read_wav, white

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Floats


def _music(seconds: float, rate: int = 8000, seed: int = 5) -> Floats:
    """Chords of three notes, half a second each, that ring on."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round((seconds + 2) * rate))
    t = np.arange(round(1.5 * rate)) / rate
    for at in np.arange(0, seconds, 0.5):
        notes = 220 * 2 ** (rng.integers(0, 24, 3) / 12)
        start = round(at * rate)
        out[start : start + len(t)] += np.sin(2 * np.pi * notes[:, None] * t).sum(axis=0) * np.exp(-t)
    return (out[: round(seconds * rate)] * 0.05).astype(np.float32)


def test_music_on_hold_is_found_with_its_period() -> None:
    """A loop of chords between voices is found where it is, and its period to 0.1 s."""
    voices, rate = read_wav(CAPTURES["vp8.webm"].call)
    loop = np.tile(_music(8), 5)
    pcm = np.concatenate([voices[:, 0], loop, voices[:, 0]])
    (found,) = levels(pcm).hold_music
    start = len(voices) / rate
    assert found.span.start_s == pytest.approx(start, abs=1.0)
    assert found.span.end_s == pytest.approx(start + 40, abs=1.0)
    assert found.period_s == pytest.approx(8.0, abs=0.1)
    assert found.confidence == 0.9


def test_music_without_a_loop_is_less_sure() -> None:
    """Music that doesn't repeat itself has a lower confidence."""
    (found,) = levels(_music(40)).hold_music
    assert found.period_s is None
    assert found.confidence <= 0.6


@pytest.mark.parametrize("name", sorted(CAPTURES))
def test_voices_are_no_music(name: str) -> None:
    """No span of the shipped calls is taken for music on hold, and nothing in them for damage."""
    pcm, rate = read_wav(CAPTURES[name].call)
    for channel in metered(pcm, rate).result():
        assert channel.hold_music == ()
        assert channel.clipped_runs == channel.dropout_count == 0
        assert not channel.is_dead


def test_noise_is_no_music() -> None:
    """Steady noise isn't music, however steady."""
    assert levels(white(-25, 30)).hold_music == ()


@pytest.mark.parametrize("snr", [10, 20, 30])
def test_pauseless_talk_is_no_music(snr: int) -> None:
    """Talk whose pauses were cut out, or filled with noise, isn't music either."""
    pcm, rate = read_wav(CAPTURES["sample"].call)
    hops = pcm[: len(pcm) // 800 * 800, 0].reshape(-1, 800)
    talk = np.tile(hops[hops.std(axis=1) > 0.006].ravel(), 2)
    assert len(talk) > 10 * rate
    assert levels(talk + white(-24.0 - snr, len(talk) / rate)).hold_music == ()
