"""Elements of the page: escaped texts, headings, tables, figures, and links to the page's parts."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

from komorebi_qc.fleet.narrative.terms import anchor
from komorebi_qc.fleet.page import charts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.figure import Figure

PARTS: Final = {
    anchor("time"): "Verdicts over time",
    anchor("changes"): "Changes",
    anchor("browsers"): "Offset by browser",
    anchor("worst"): "The worst",
    anchor("named"): "By name",
    anchor("by", "agent"): "By agent",
    anchor("by", "browser"): "By browser",
    anchor("by", "codec"): "By codec",
    anchor("by", "container"): "By container",
    anchor("by", "device"): "By device",
    anchor("by", "team"): "By team",
    anchor("reasons"): "Reasons",
    anchor("distributions"): "Distributions",
    anchor("medians"): "Medians over time",
}
"""The page's parts: ID and heading."""


def escaped(text: str) -> str:
    """A text for HTML, also within an attribute."""
    return html.escape(text, quote=True)


def note(text: str) -> str:
    """A paragraph in a softer colour."""
    return f'<p class="soft">{escaped(text)}</p>\n'


def heading(kind: str, name: str = "") -> str:
    """The heading of a part."""
    part = anchor(kind, name)
    return f'<h2 id="{part}">{PARTS[part]}</h2>\n'


def link(part: str) -> str:
    """A link to a part, by its ID; empty without one."""
    return f' <a href="#{part}">{PARTS[part]}</a>' if part else ""


def figure(drawn: Figure, meaning: str) -> str:
    """A chart with its description; the description alone if the chart is empty."""
    if not drawn.axes:
        return f"<p>{escaped(meaning)}</p>\n"
    svg = charts.svg_of(drawn, meaning)
    return (
        f'<figure><div class="scroll" tabindex="0" role="region" aria-label="Chart">{svg}</div>'
        f"<figcaption>{escaped(meaning)}</figcaption></figure>\n"
    )


def table(label: str, head: Sequence[tuple[str, bool]], rows: Iterable[str], caption: str) -> str:
    """A table that the script can sort.

    Args:
        label: for screen readers.
        head: the columns' names, and whether they hold numbers.
        rows: HTML of the rows.
        caption: a sentence above the table.
    """
    top = "".join(f'<th scope="col"{" class=number" if number else ""}>{escaped(name)}</th>' for name, number in head)
    return (
        f'{note(caption)}<div class="scroll tall" tabindex="0" role="region" aria-label="{escaped(label)}">'
        f"<table data-sortable><thead><tr>{top}</tr></thead>\n"
        f"<tbody>{chr(10).join(rows)}</tbody></table></div>\n"
    )


def number_cell(text: str, value: float | None) -> str:
    """A cell with a number; it is sorted by `value`, and last without one."""
    return f'<td class="number" data-v="{"" if value is None else f"{value:.6g}"}">{escaped(text)}</td>'
