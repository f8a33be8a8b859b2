"""The spectrum of a track over time."""

from __future__ import annotations

import numpy as np
import pytest
from plot_cases import RATE, draw, speech

from komorebi_qc.desk.plots.figure import new_figure
from komorebi_qc.desk.plots.spectrogram import plot_spectrogram


def test_a_tone_is_at_its_frequency_and_a_dropout_is_dark() -> None:
    """The brightest row is the tone's, and a dropout is at the floor."""
    _, ax, _ = draw("spectrogram")
    (image,) = ax.images
    levels = np.asarray(image.get_array(), float)
    khz = np.linspace(0, RATE / 2000, levels.shape[0])
    assert khz[int(levels.mean(axis=1).argmax())] == pytest.approx(1.0, abs=0.04)
    columns = np.linspace(0.5, 1.5, levels.shape[1])
    dropout = levels[:, (columns > 1.02) & (columns < 1.03)]
    assert dropout.max() < -100
    assert levels.max() == pytest.approx(-12.3, abs=1.0)  # 8000 of 32768


def test_time_beyond_the_track_is_silent() -> None:
    """Before the start and after the end, the spectrum is at the floor."""
    _, (ax,) = new_figure(8, 2)
    plot_spectrogram(ax, speech(0.5), from_s=-1.0, to_s=1.0)
    assert ax.get_xlim() == (-1.0, 1.0)
    levels = np.asarray(ax.images[0].get_array(), float)
    quarter = levels.shape[1] // 4
    assert levels[:, :quarter].max() == levels[:, -quarter + 20 :].max() == -120.0
