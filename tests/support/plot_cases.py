"""The figures that are golden images, from synthetic data; `tests/golden/remake.py` draws them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Jump, Span
from komorebi_qc.desk.plots.correlation import plot_correlation, plot_side_lags
from komorebi_qc.desk.plots.figure import new_figure
from komorebi_qc.desk.plots.levels import LevelRow, plot_counts, plot_levels
from komorebi_qc.desk.plots.spectrogram import plot_spectrogram
from komorebi_qc.desk.plots.splice import plot_splice
from komorebi_qc.desk.plots.tracks import plot_seam, plot_tracks
from komorebi_qc.desk.plots.window_correlation import correlate

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from komorebi_qc.core.splice import Splice

RATE = 8_000


def audio_plan() -> Splice:
    """A call of a minute from 2 s on, with a jump of 3 s in the middle, and 10 s after it."""
    return splice(Alignment(2.0, 0.0, (Jump(30.0, 3.0),)), call_s=60.0, recording_audio=Span(0.0, 75.0))


def speech(seconds: float, seed: int = 1) -> NDArray[np.int16]:
    """Noise in bursts, as words are."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    loud = np.repeat(rng.random(n // 2000 + 1) > 0.4, 2000)[:n]
    return (rng.standard_normal(n) * 3000 * loud + rng.standard_normal(n) * 20).astype(np.int16)


def pair() -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """A call, and a recording that holds both its channels 1.25 s later."""
    call = np.stack([speech(12.0, 2), speech(12.0, 3)], axis=1)
    recording = np.zeros(16 * RATE, np.int16)
    recording[10_000 : 10_000 + len(call)] = (call.astype(np.int32).sum(axis=1) // 2).astype(np.int16)
    return call, recording


def level_rows() -> list[LevelRow]:
    """One that passes, one that is warned of, one that isn't known."""
    limit = DEFAULT.of("call_agent_speech_level")
    return [LevelRow("agent", -19.0, limit), LevelRow("customer", -33.0, limit), LevelRow("recording", None, limit)]


def _splice(ax: Axes) -> Axes:
    return plot_splice(ax, audio_plan(), call_s=60.0, recording_s=75.0, reported_end_s=64.0)


def _correlation(ax: Axes) -> Axes:
    return plot_correlation(ax, correlate(*pair(), "agent", centre_s=6.0, lag_s=1.3), fitted_s=1.25)


def _side_lags(ax: Axes) -> Axes:
    rng = np.random.default_rng(4)
    return plot_side_lags(
        ax, {"agent": rng.normal(0, 2e-4, 80).tolist(), "customer": rng.normal(3e-3, 2e-4, 60).tolist()}
    )


def _seam(ax: Axes) -> Axes:
    tracks = [("agent", speech(4.0, 5)), ("recording", speech(4.0, 6)), ("output", speech(4.0, 5))]
    return plot_seam(ax, tracks, at_s=2.0, fade=(2.0, 2.01))


def _spectrogram(ax: Axes) -> Axes:
    tone = (np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE) * 8000).astype(np.int16)
    tone[RATE : RATE + 400] = 0
    return plot_spectrogram(ax, tone, from_s=0.5, to_s=1.5, marks=[(1.0, "seam")], name="output")


def _levels(ax: Axes) -> Axes:
    return plot_levels(ax, level_rows(), unit="Speech level (dBFS)")


def _tracks(ax: Axes) -> Axes:
    return plot_tracks(ax, [("customer", speech(30.0, 7)), ("output", speech(25.0, 8))], marks=[(12.0, "seam")])


def _counts(ax: Axes) -> Axes:
    return plot_counts(ax, [("one cause", 12), ("another", 3)], unit="Dead letters (count)")


CASES: dict[str, Callable[[Axes], Axes]] = {
    "splice": _splice,
    "correlation": _correlation,
    "side_lags": _side_lags,
    "seam": _seam,
    "spectrogram": _spectrogram,
    "levels": _levels,
    "tracks": _tracks,
    "counts": _counts,
}


def draw(name: str) -> tuple[Figure, Axes, Axes]:
    """A case's figure, the axes that were given, and those that came back."""
    figure, (ax,) = new_figure(8.0, 3.2)
    figure.set_dpi(60)
    return figure, ax, CASES[name](ax)
