"""Dropouts, and zeros that aren't dropouts."""

from __future__ import annotations

import numpy as np
import pytest
from level_signals import RATES, levels, white


@pytest.mark.parametrize("length_ms", [10, 20, 60, 180])
@pytest.mark.parametrize("rate", RATES)
def test_dropouts_are_found(length_ms: int, rate: int) -> None:
    """Runs of zeros inside sound are dropouts, at their place to 2.5 ms, across blocks as well."""
    pcm = white(-20, 20, rate)
    places = [1.0, 5.003, 13.5, 16.383]
    for at in places:
        pcm[round(at * rate) : round((at + length_ms / 1000) * rate)] = 0
    channel = levels(pcm, rate, 320)
    assert channel.dropout_count == len(places)
    assert [s.start_s for s in channel.dropouts] == pytest.approx(places, abs=0.0025)
    assert [s.length_s for s in channel.dropouts] == pytest.approx([length_ms / 1000] * 4, abs=0.003)


def test_pauses_are_no_dropouts() -> None:
    """Zeros of half a second, those that fade in and out, and those at the ends are not cut-off sound."""
    pcm = white(-20, 6)
    pcm[:800] = pcm[-800:] = pcm[8000:12000] = 0
    fade = np.concatenate([np.linspace(1, 0, 800), np.zeros(800), np.linspace(0, 1, 800)]) ** 2
    pcm[24000:26400] *= fade.astype(np.float32)
    assert levels(pcm).dropout_count == 0
