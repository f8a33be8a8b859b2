"""Active speech level against ITU-T P.56, sample by sample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from captures import CAPTURES
from level_signals import RATES, levels, metered, read_wav, sine, white

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Floats


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("level", [-40.0, -26.0, -10.0])
def test_speech_level_of_a_steady_sine_is_its_rms(rate: int, level: float) -> None:
    """A signal without pauses is active throughout, and its speech level is its RMS level."""
    channel = levels(sine(level + 3.0103, 20, rate), rate)
    assert channel.rms_dbfs == pytest.approx(level, abs=0.01)
    assert channel.speech_dbfs == pytest.approx(level, abs=0.1)
    assert channel.activity == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_speech_level_of_gated_noise_is_that_of_its_bursts(rate: int, share: float) -> None:
    """Pauses don't lower the speech level: bursts in silence are measured alone, but for their hangover."""
    burst = np.concatenate([white(-26, 8 * share, rate), np.zeros(round(8 * (1 - share) * rate), np.float32)])
    channel = levels(np.tile(burst, 5), rate)
    assert channel.speech_dbfs == pytest.approx(-26, abs=0.7)
    # P.56 leaves 200 ms and more of hangover after each burst.
    assert share <= channel.activity <= share + 0.5 / 8
    assert channel.rms_dbfs == pytest.approx(-26 + 10 * math.log10(share), abs=0.1)


def _p56(pcm: Floats, rate: int) -> tuple[float, float]:
    """ITU-T P.56 method B sample by sample, as its section 6.2 (and the ITU's own tool) writes it."""
    decay, hang = math.exp(-1 / (0.03 * rate)), round(0.2 * rate)
    limits = [2.0**-power for power in range(15, 0, -1)]
    active, since = [0] * 15, [hang] * 15
    first = envelope = 0.0
    for value in np.abs(pcm.astype(np.float64)).tolist():
        first = decay * first + (1 - decay) * value
        envelope = decay * envelope + (1 - decay) * first
        for j, limit in enumerate(limits):
            if envelope >= limit:
                active[j] += 1
                since[j] = 0
            elif since[j] < hang:
                active[j] += 1
                since[j] += 1
            else:
                break  # nor is it at any higher one
    squares = float(np.sum(pcm.astype(np.float64) ** 2))
    levels = [10 * math.log10(squares / count) for count in active if count]
    margins = [level - 20 * math.log10(limit) for level, limit in zip(levels, limits, strict=False)]
    j = next(j for j, margin in enumerate(margins) if margin <= 15.9)
    part = (margins[j - 1] - 15.9) / (margins[j - 1] - margins[j])
    level = levels[j - 1] + part * (levels[j] - levels[j - 1])
    return level, squares / len(pcm) / 10 ** (level / 10)


@pytest.mark.parametrize("name", sorted(CAPTURES))
def test_speech_level_of_voices_is_that_of_the_sample_by_sample_method(name: str) -> None:
    """On the shipped voices, the fast P.56 is within 0.05 dB and 0.5 % of the one that is written down."""
    pcm, rate = read_wav(CAPTURES[name].call)
    for number, channel in enumerate(metered(pcm, rate).result()):
        level, activity = _p56(pcm[:, number], rate)
        assert channel.speech_dbfs == pytest.approx(level, abs=0.05)
        assert channel.activity == pytest.approx(activity, abs=0.005)


def test_clicks_alone_have_a_level() -> None:
    """A click, which P.56 wasn't made for, has the level at its last threshold."""
    pcm = np.zeros(16000, np.float32)
    pcm[8000] = 1.0
    channel = levels(pcm)
    assert channel.speech_dbfs is not None
    assert channel.rms_dbfs is not None
    assert channel.rms_dbfs <= channel.speech_dbfs <= 0
    assert 0 < channel.activity < 0.5
