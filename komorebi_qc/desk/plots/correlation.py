"""One window at every lag, and the spread of each channel's lags."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from komorebi_qc.desk.plots.formatting import clock_text, number_text, signed_text
from komorebi_qc.desk.plots.style import (
    AGENT_COLOR,
    CUSTOMER_COLOR,
    FAINT,
    INK,
    REPORTED_COLOR,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from komorebi_qc.desk.plots.window_correlation import Correlation

_LEAST_LABELLED = 0.1
"""Lower peaks, as a share of the highest one, have no label: they would only hide the curve."""


def plot_correlation(
    ax: Axes, found: Correlation, *, fitted_s: float | None = None, half_s: float | None = None
) -> Axes:
    """Draw the agreement of one window at every lag: its peak, the next highest peaks, and the fitted lag.

    Args:
        ax: the axes; lag relative to the peak in ms, height in sigma of chance.
        found: the window's correlation.
        fitted_s: the fitted lag.
        half_s: range of lags to each side of the peak; None for all.
    """
    x = (found.lag_s - found.peak_s) * 1000
    color = CUSTOMER_COLOR if found.channel == "customer" else AGENT_COLOR
    ax.fill_between(x, 0.0, found.z, color=color, alpha=0.18, linewidth=0)
    ax.plot(x, found.z, color=color, linewidth=0.9, gid="correlation")
    left, right = (float(x[0]), float(x[-1])) if half_s is None else (-half_s * 1000, half_s * 1000)
    ax.set_xlim(left, right)
    ax.set_ylim(0.0, max(float(found.z.max()), 10.0) * 1.22)
    ax.axhspan(0.0, 6.5, color="#000000", alpha=0.05, linewidth=0, gid="chance")
    ax.text(left, 6.5, "  chance reaches this height", fontsize=9, color=FAINT, va="bottom", ha="left")
    off = math.inf if fitted_s is None else (fitted_s - found.peak_s) * 1000
    if left <= off <= right:
        ax.axvline(off, color=INK, linestyle="--", linewidth=1.0, zorder=2, gid="fit")
        ax.annotate(
            f"fit: {signed_text(off, 'ms', 2)}",
            (off, 0.97),
            xycoords=ax.get_xaxis_transform(),
            xytext=(6, 0),
            textcoords="offset points",
            fontsize=9.5,
            color=INK,
            va="top",
        )
    ax.plot(0.0, found.peak_z, marker="o", markersize=7, color=color, zorder=5, gid="peak")
    ax.annotate(
        f"best fit: lag {number_text(found.peak_s, 4)} s, {found.peak_z:.0f} \N{GREEK SMALL LETTER SIGMA}",
        (0.0, found.peak_z),
        xytext=(-9, 3),
        textcoords="offset points",
        ha="right",
        fontsize=10,
        weight="bold",
        color=color if found.channel == "agent" else "#8A5F00",
    )
    for number, (lag_s, z) in enumerate(found.alternatives, 1):
        at = (lag_s - found.peak_s) * 1000
        if not left <= at <= right:
            continue
        ax.plot(at, z, marker="D", markersize=5.5, color=REPORTED_COLOR, zorder=5, gid="alternative")
        if z < _LEAST_LABELLED * found.peak_z:
            continue
        ax.annotate(
            f"no. {number + 1}: {signed_text(at, 'ms', 1)}, {z / max(found.peak_z, 1e-9):.0%}",
            (at, z),
            xytext=(0, 8 + 12 * ((number - 1) % 3)),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            color=REPORTED_COLOR,
        )
    ax.set_xlabel("Lag relative to the best (ms)", fontsize=10.5)
    ax.set_ylabel("Agreement (\N{GREEK SMALL LETTER SIGMA} of chance)", fontsize=10.5)
    middle_s = found.start_s + found.length_s / 2
    ax.set_title(
        f"The {found.channel}'s window at {clock_text(middle_s, 2)} of the call ({found.length_s:g} s) at every lag",
        loc="left",
        fontsize=11.5,
        weight="bold",
        color=INK,
    )
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_side_lags(ax: Axes, lags_s: Mapping[str, Sequence[float]]) -> Axes:
    """Draw the spread of each channel's accepted windows around the fit, in ms.

    Args:
        ax: the axes.
        lags_s: by channel, each window's lag minus the fitted lag, in seconds.
    """
    names = [name for name in ("customer", "agent") if len(lags_s.get(name, ()))]
    values = {name: np.asarray(lags_s[name], float) * 1000 for name in names}
    spread = np.concatenate([*values.values(), np.zeros(1)])
    low, high = np.percentile(spread, [1, 99])
    pad = max((high - low) * 0.15, 0.1)
    bins = np.linspace(low - pad, high + pad, 81)
    ax.set_xlim(float(bins[0]), float(bins[-1]))
    ax.set_xlabel("Lag relative to the fitted alignment (ms)", fontsize=10.5)
    ax.set_ylabel("Windows (count)", fontsize=10.5)
    ax.set_title("Lag of each channel", loc="left", fontsize=11.5, weight="bold", color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    if not names:
        ax.text(0.5, 0.5, "No window was accepted", transform=ax.transAxes, ha="center", fontsize=13, color=FAINT)
        return ax
    for name in names:
        color, hatch = (CUSTOMER_COLOR, "//") if name == "customer" else (AGENT_COLOR, "")
        middle = float(np.median(values[name]))
        ax.hist(
            np.clip(values[name], bins[0], bins[-1]),
            bins=bins.tolist(),
            color=color,
            alpha=0.6,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.3,
            gid=name,
            label=f"{name}: median {signed_text(middle, 'ms', 2)}, {len(values[name])} windows",
        )
        ax.axvline(middle, color=color, linewidth=1.6, linestyle="--", gid=f"{name} median")
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.legend(frameon=False, fontsize=9.5)
    return ax
