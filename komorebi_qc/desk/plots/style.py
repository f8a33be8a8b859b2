"""The style of all plots: colours (Okabe and Ito's), the time axis, and the width of texts."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import TextToPath
from matplotlib.ticker import FuncFormatter, MultipleLocator

from komorebi_qc.desk.plots.formatting import clock_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CUSTOMER_COLOR, AGENT_COLOR, RECORDING_COLOR = "#E69F00", "#0072B2", "#5F5F5F"
REPORTED_COLOR, JUMP_COLOR, INK, FAINT = "#D55E00", "#A6478A", "#1A1A1A", "#6B6B6B"
STATUS_COLORS = {"aligned": "#007A5A", "ambiguous": "#B57600", "wrong_pair": "#C24E00", "insufficient": "#6B6B6B"}
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


def mark_time(ax: Axes) -> None:
    """Label the time axis in round steps of the recording's clock."""
    begin_s, end_s = ax.get_xlim()
    label = "0:00:00" if end_s >= 3600 else "00:00"
    most = min(max(ax.bbox.width / (1.6 * width_px(label, 10, ax)), 3.0), 16.0)
    step = next((s for s in _STEPS_S if (end_s - begin_s) / s <= most), (end_s - begin_s) / most)
    decimals = 0 if step >= 1 else 1
    ax.xaxis.set_major_locator(MultipleLocator(step))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: clock_text(value, decimals)))
    ax.tick_params(axis="x", labelsize=10)
    ax.set_xlabel(f"Recording clock ({'h:mm:ss' if end_s >= 3600 else 'mm:ss'})", fontsize=10.5, labelpad=2)
    ax.spines[["top", "right"]].set_visible(False)


@cache
def _text_to_path() -> TextToPath:
    return TextToPath()


def width_points(text: str, size: float, weight: str = "normal") -> float:
    """Width of a one-line text in points."""
    font = FontProperties(size=size, weight=weight)
    width: float = _text_to_path().get_text_width_height_descent(text, font, ismath=False)[0]
    return width


def width_px(text: str, size: float, ax: Axes, weight: str = "normal") -> float:
    """Width of a one-line text in pixels of the axes."""
    return width_points(text, size, weight) / 72 * ax.figure.dpi


def printable(text: str, most: int) -> str:
    """The text on one line. Characters without a glyph become boxes, and a long text loses its middle."""
    known = get_font(findfont(FontProperties())).get_charmap()
    line = "".join(c if ord(c) in known else "\N{WHITE SQUARE}" for c in " ".join(text.split()))
    half = (most - 3) // 2
    return line if len(line) <= most else f"{line[:half]} … {line[-half:]}"
