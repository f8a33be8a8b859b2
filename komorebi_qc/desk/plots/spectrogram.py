"""The spectrum of a track over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from komorebi_qc.core.samples import RATE
from komorebi_qc.desk.plots.formatting import clock_text
from komorebi_qc.desk.plots.style import (
    INK,
)
from komorebi_qc.desk.plots.tracks import padded_stretch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray


_FLOOR_DB, _TOP_DB = -110.0, -30.0
_WINDOW = 256


def plot_spectrogram(
    ax: Axes,
    samples: NDArray[np.int16],
    *,
    from_s: float,
    to_s: float,
    marks: Sequence[tuple[float, str]] = (),
    name: str = "",
) -> Axes:
    """Draw the spectrum of a stretch of a track over time, in kHz and dB of full scale.

    Args:
        ax: the axes.
        samples: at 8 kHz, sample ``i`` at ``i / 8000`` s.
        from_s: start; time before 0 is silent.
        to_s: end.
        marks: moments and labels of lines.
        name: the track's name.
    """
    wide = max(ax.bbox.width, 200.0)
    hop = max(int((to_s - from_s) * RATE / wide), 16)
    first = round(from_s * RATE)
    starts = np.arange(0, max(round((to_s - from_s) * RATE), 1), hop)
    block = padded_stretch(samples, first - _WINDOW // 2, first + int(starts[-1]) + _WINDOW)
    frames = block[starts[:, None] + np.arange(_WINDOW)] * np.hanning(_WINDOW)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1)) * 2 / (_WINDOW / 2))
    shown = 10 * np.log10(np.maximum(power.T, 1e-12))
    image = ax.imshow(
        shown,
        origin="lower",
        aspect="auto",
        extent=(from_s, to_s, 0.0, RATE / 2000),
        cmap="cividis",
        vmin=_FLOOR_DB,
        vmax=_TOP_DB,
        interpolation="nearest",
        gid="spectrogram",
    )
    for at_s, word in marks:
        if from_s <= at_s <= to_s:
            ax.axvline(at_s, color="white", linewidth=1.3, linestyle="--", gid=word)
            ax.text(at_s, RATE / 2000 * 0.97, f" {word}", color="white", fontsize=9.5, va="top", weight="bold")
    bar = ax.figure.colorbar(image, ax=ax, pad=0.01, fraction=0.04)
    bar.set_label("Level (dBFS per bin)", fontsize=9.5)
    ax.set_ylabel("Frequency (kHz)", fontsize=10.5)
    ax.set_xlim(from_s, to_s)
    ax.set_title(name, loc="left", fontsize=10.5, weight="bold", color=INK)
    decimals = 2 if to_s - from_s < 4 else 1 if to_s - from_s < 20 else 0
    ax.xaxis.set_major_locator(MaxNLocator(9))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: clock_text(value, decimals)))
    ax.set_xlabel("Output clock (mm:ss)", fontsize=10.5)
    return ax
