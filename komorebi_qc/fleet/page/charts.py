"""The report's charts, by matplotlib: verdicts by day, distributions, medians by day, and the offset by browser.

A figure is drawn in the page's light colours. `svg_of` replaces them by the page's CSS variables, so that the chart
follows a dark page, and keeps its texts as texts.
"""

from __future__ import annotations

import html
import io
import re
import warnings
from contextlib import contextmanager
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from komorebi_qc.core.finding import counted
from komorebi_qc.desk.plots.figure import new_figure
from komorebi_qc.fleet.narrative.terms import MEANINGS, TITLES
from komorebi_qc.fleet.narrative.text import safe, size_text, value_text
from komorebi_qc.fleet.study.queries import MEASURES
from komorebi_qc.fleet.study.study import LEAST, SHARES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from komorebi_qc.fleet.study.changes import Change, Series
    from komorebi_qc.fleet.study.distributions import Distribution
    from komorebi_qc.fleet.study.study import Study

INK, SOFT, LINE, LANE = "#1a1a1a", "#5a5a5a", "#d0d0d0", "#f5f5f2"
ACCENT, MARK = "#0b5cad", "#93397a"
_COLORS = {"fail": "#a83a00", "warn": "#7f5200", "unexamined": "#5f5f5f"}
_VARIABLES: Final = {
    "#ffffff": "paper", INK: "ink", SOFT: "soft", LINE: "line", LANE: "lane", ACCENT: "accent", MARK: "mark",
    "#a83a00": "fail", "#7f5200": "warn", "#5f5f5f": "recording", "#00694e": "pass", "#a86a00": "customer",
    "#0072b2": "agent", "#d55e00": "head",
}  # fmt: skip
"""The page's colours, by their light values."""
_BROWSER_STYLES = ((ACCENT, "o"), ("#a86a00", "s"), ("#00694e", "^"), (MARK, "D"), ("#d55e00", "v"), ("#5f5f5f", "P"))
_EPOCH = date(1970, 1, 1)
_MAX_BARS = 190
_STEPS = (1, 2, 2.5, 5, 10)
_LEAST_HEIGHTS = 10
_LEAST_NOTE = f"Every axis spans at least {_LEAST_HEIGHTS} times the smallest change that is reported."
_TOO_FEW = "No day has enough measured recordings."
_SETTINGS: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "komorebi", "text.parse_math": False, "font.size": 10,
    "axes.edgecolor": LINE, "axes.labelcolor": SOFT, "axes.titlecolor": INK, "text.color": INK, "xtick.color": SOFT,
    "ytick.color": SOFT, "axes.spines.top": False, "axes.spines.right": False, "axes.titlelocation": "left",
    "axes.titlesize": 10.5, "axes.grid": True, "axes.grid.axis": "y", "grid.color": LINE, "grid.linewidth": 0.6,
    "axes.axisbelow": True, "legend.frameon": False,
}  # fmt: skip


@contextmanager
def _style() -> Iterator[None]:
    """Our settings. Characters that the font doesn't have are drawn by the browser."""
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def over_time(study: Study) -> tuple[Figure, str]:
    """The shares of each day's recordings that fail, need a look, or couldn't be examined; and a description.

    Like the other charts, the figure has no axes if it has no data.
    """
    found = {of: _binned(study, of) for of in SHARES}
    drawn = [of for of, (days, _) in found.items() if len(days)]
    width = 7 if _is_long(study) else 1
    zero = ": 0 % of those with a day" if study.overview.dayless else ": 0 %"
    with _style():
        figure, axes = new_figure(12, 0.3 + 1.65 * len(drawn), rows=len(drawn))
        for ax, of in zip(axes, drawn, strict=True):
            days, shares = found[of]
            ax.bar(_numbers(days), shares, width=0.86 * width, align="edge", color=_COLORS[of], linewidth=0)
            ax.set_title(f"{TITLES[of]}, by {'week' if width > 1 else 'day'}{'' if shares.any() else zero}")
            ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
            ax.yaxis.set_major_locator(MaxNLocator(4, steps=_STEPS))
            ax.set_ylim(0, min(max(float(shares.max(initial=0.0)) * 1.12, 0.01), 1.02))
            if not shares.any():
                ax.set_yticks([])
            _mark_changes(ax, [change for change, _ in study.changes if change.measure == of], of)
        _one_date_axis(axes, study)
    texts = [f"{TITLES[of]}: {_range_text(found[of][1])}" for of in SHARES]
    return figure, f"{'. '.join(texts)}.{_dayless_note(study)}" if drawn else "No recording has a day."


def distributions(study: Study) -> tuple[Figure, str]:
    """The distributions of offset, drift, call-end error and coverage; and a description."""
    drawn = [measure for measure in MEASURES if study.distributions[measure].count]
    rows = -(-len(drawn) // 2)
    with _style():
        figure, _ = new_figure(12, 0.2 + 2.7 * rows, rows=0)
        texts = {
            measure: _histogram(figure.add_subplot(rows, 2, number), measure, study.distributions[measure])
            for number, measure in enumerate(drawn, 1)
        }
    lacking = [f"{TITLES[measure]}: not measured." for measure in MEASURES if measure not in drawn]
    return figure, " ".join((*texts.values(), *lacking)) if drawn else "No recording was measured."


def medians(study: Study) -> tuple[Figure, str]:
    """Each measure's median by day; and a description."""
    drawn = [measure for measure in MEASURES if len(study.medians[measure].days)]
    texts = []
    with _style():
        figure, axes = new_figure(12, 0.3 + 1.75 * len(drawn), rows=len(drawn))
        for ax, measure in zip(axes, drawn, strict=True):
            days, middle = _thinned(study, study.medians[measure])
            ax.plot(_numbers(days), middle, color=ACCENT, linewidth=1.4, marker="o", markersize=2.6)
            ax.set_title(f"{TITLES[measure]}: {MEANINGS[measure]}")
            ax.yaxis.set_major_locator(MaxNLocator(4, steps=_STEPS))
            _least_height(ax, measure)
            _mark_changes(ax, [change for change, _ in study.changes if change.measure == measure], measure)
            least, most = (value_text(measure, float(at)) for at in (middle.min(), middle.max()))
            each = "weekly" if _is_long(study) else "daily"
            texts.append(f"{TITLES[measure]}: {each} medians from {least} to {most}.")
        _one_date_axis(axes, study)
    return figure, f"{' '.join((*texts, _LEAST_NOTE))}{_dayless_note(study)}" if drawn else _TOO_FEW


def by_browser(study: Study) -> tuple[Figure, str]:
    """The median offset of each browser by day; and a description."""
    drawn = [one for one in study.browsers if len(one.days)]
    texts = []
    with _style():
        figure, axes = new_figure(12, 3.8, rows=min(len(drawn), 1))
        for one, (color, marker) in zip(drawn, _BROWSER_STYLES, strict=False):
            name = safe(one.name, 30)
            days, middle = _thinned(study, one)
            axes[0].plot(_numbers(days), middle, color=color, marker=marker, markersize=3.6, linewidth=1.0, label=name)
            texts.append(f"{name}: {value_text('offset_s', float(np.median(one.values)))}")
        for ax in axes:
            ax.set_ylabel("Median offset (s)")
            _least_height(ax, "offset_s")
            _mark_changes(ax, [change for change, _ in study.changes if change.measure == "offset_s"], None)
            legend = ax.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, fontsize=9.5)
            for text in legend.get_texts():
                text.set_parse_math(False)
        _one_date_axis(axes, study)
    if not drawn:
        return figure, _TOO_FEW if study.browsers else "No recording has a known browser and a measured offset."
    return figure, (
        f"Each browser's median, by {'week' if _is_long(study) else 'day'}; days with less than a quarter of its "
        f"busiest day's recordings are left out. Median of all days: {'; '.join(texts)}."
        f"{_dayless_note(study)}"
    )


def svg_of(figure: Figure, meaning: str) -> str:
    """The figure as an inline SVG in the page's colours; `meaning` is the text for screen readers."""
    buffer = io.StringIO()
    figure.patch.set_visible(False)
    for ax in figure.axes:
        ax.patch.set_visible(False)
    with _style():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    body = text[text.index(">") + 1 :]
    box = re.search(r'viewBox="([^"]+)"', text)
    # Groups have the same IDs in every figure, and an ID must be unique in a page.
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font: \1px system-ui, 'Segoe UI', 'Noto Sans', sans-serif", body)
    body = re.sub(r"#[0-9a-fA-F]{6}\b", lambda found: _variable(found[0]), body)
    body = re.sub(r">\s+<", "><", body).replace("\n", " ")
    label = html.escape(meaning, quote=True)
    return f'<svg class="chart" role="img" aria-label="{label}" viewBox="{box[1] if box else "0 0 864 300"}">{body}'


def _variable(color: str) -> str:
    name = _VARIABLES.get(color.lower())
    return color if name is None else f"var(--{name},{color})"


def _binned(study: Study, of: str) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """Shares by day, or by week if there are many days."""
    found = study.days
    base = found.count if of == "unexamined" else found.examined
    bad = found.count - found.examined if of == "unexamined" else found.fail if of == "fail" else found.warn
    days = found.days
    if _is_long(study):
        days, place = np.unique(_mondays(days), return_inverse=True)
        bad, base = np.bincount(place, bad), np.bincount(place, base)
    kept = base > 0
    return days[kept], bad[kept] / base[kept]


def _thinned(study: Study, one: Series) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """The values by day, or each week's median if there are many days."""
    if not _is_long(study):
        return one.days, one.values
    weeks, first = np.unique(_mondays(one.days), return_index=True)
    return weeks, np.array([np.median(part) for part in np.split(one.values, first[1:])])


def _is_long(study: Study) -> bool:
    days = study.days.days
    return bool(len(days)) and bool((days[-1] - days[0]).astype(int) > _MAX_BARS)


def _mondays(days: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    # The first day of NumPy's calendar was a Thursday.
    return ((days.astype(int) + 3) // 7 * 7 - 3).astype("datetime64[D]")


def _least_height(ax: Axes, measure: str) -> None:
    """Make the axis long enough that chance doesn't look like a change; a share ends at 1."""
    low, high = ax.get_ylim()
    height = max(high - low, _LEAST_HEIGHTS * LEAST[measure])
    top = (low + high + height) / 2
    if measure == "coverage":
        top = min(top, 1.0)
    ax.set_ylim(top - height, top)


def _dayless_note(study: Study) -> str:
    """A sentence about the recordings that a chart by day leaves out; empty if it has all."""
    without = study.overview.dayless
    return (
        f" {counted(without, 'recording')} without a day {'is' if without == 1 else 'are'} left out." if without else ""
    )


def _range_text(shares: NDArray[np.float64]) -> str:
    if not len(shares):
        return "no recording was examined"
    return f"{100 * shares.min():.1f} to {100 * shares.max():.1f} %, median {100 * np.median(shares):.1f} %"


def _histogram(ax: Axes, measure: str, found: Distribution) -> str:
    ax.set_title(TITLES[measure])
    ax.set_xlabel(MEANINGS[measure])
    ax.set_ylabel("Recordings")
    ax.xaxis.set_major_locator(MaxNLocator(8, steps=_STEPS))
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True, steps=_STEPS))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    ax.stairs(found.counts, found.edges, fill=True, color=ACCENT)
    ax.set_xlim(found.edges[0], found.edges[-1])
    for at, style in ((found.p05, ":"), (found.middle, "-"), (found.p95, ":")):
        ax.axvline(at, color=INK, linewidth=1.0, linestyle=style)
    beyond = [f"{count:,} {side}" for count, side in ((found.below, "below"), (found.above, "above")) if count]
    if beyond:
        ax.set_title(f"outside the chart: {', '.join(beyond)}", loc="right", color=SOFT, fontsize=9)
    return (
        f"{TITLES[measure]}: median {value_text(measure, found.middle)}, nine tenths between "
        f"{value_text(measure, found.p05)} and {value_text(measure, found.p95)}, n = {found.count:,}."
    )


def _mark_changes(ax: Axes, changes: Sequence[Change], measure: str | None) -> None:
    if changes:
        # Room for their labels above the data.
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.2 * (high - low))
    for change in changes:
        at = (change.day - _EPOCH).days
        ax.axvline(at, color=MARK, linewidth=1.4, linestyle=(0, (5, 2)))
        label = f"{change.day}" if measure is None else f"{change.day}: {size_text(measure, change.size)}"
        ax.annotate(
            label, (at, 1.0), xycoords=("data", "axes fraction"), xytext=(4, -2),
            textcoords="offset points", va="top", color=MARK, fontsize=9.5, fontweight="bold",
            bbox={"facecolor": "#ffffff", "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip


def _numbers(days: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Days as matplotlib's numbers."""
    return days.astype("datetime64[D]").astype(np.float64)


def _dates() -> Any:
    """A part of matplotlib without types."""
    return import_module("matplotlib.dates")


def _one_date_axis(axes: Sequence[Axes], study: Study) -> None:
    """One date axis for all charts, with labels below the last."""
    if not axes:
        return
    first, *_, last = _numbers(study.days.days[[0, -1]])
    for ax in axes:
        ax.set_xlim(first - (7 if _is_long(study) else 1), last + 2)
        locator: Any = _dates().AutoDateLocator(minticks=3, maxticks=10)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(_dates().ConciseDateFormatter(locator))
    for ax in axes[:-1]:
        ax.tick_params(labelbottom=False)
