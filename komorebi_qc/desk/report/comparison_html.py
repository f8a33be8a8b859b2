"""The HTML of a report page's comparison: stretches, candidates, and players for the audio that was left out."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from komorebi_qc.core.finding import counted
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.words.placement import CANDIDATE_HEAD
from komorebi_qc.desk.words.stretches import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from komorebi_qc.desk.report.content import LeftOut, Page, StretchRow

_MOST_ROWS = 6
_HEAD = ("Stretch", "Meaning", "Speech", "In the video")


def comparison_html(page: Page) -> str:
    """The section; empty on a page without a comparison."""
    found = page.comparison
    if found is None:
        return ""
    parts = [f"<h2>Call and recording compared</h2>\n<p>{html.escape(found.summary)}</p>"]
    if found.left_out:
        parts.append(_left_out(found.left_out))
    if found.candidates:
        rows = [_cells(row, CANDIDATE_HEAD) for row in found.candidates]
        parts.append(_table("Candidates", found.candidates_caption, CANDIDATE_HEAD, rows))
    if found.rows:
        parts.append(_stretches(page, found.rows))
    return "\n".join(parts)


def _stretches(page: Page, rows: Sequence[StretchRow]) -> str:
    cells = [
        [*_cells((row.span, row.meaning, row.speech), _HEAD), f'<td class="number">{_link(page, row)}</td>']
        for row in rows
    ]
    name = "Stretches of the call and of the recording"
    table = _table(name, f"{name}, each on the clock of its file.", _HEAD, cells[:_MOST_ROWS])
    rest = cells[_MOST_ROWS:]
    if not rest:
        return table
    summary = counted(len(rest), "more stretch", "more stretches")
    return f"{table}<details><summary>{summary}</summary>{_table('More stretches', '', _HEAD, rest)}</details>"


def _cells(texts: Sequence[str], head: Sequence[str]) -> list[str]:
    """The cells of a row. On a narrow screen, where the head isn't visible, each has its name."""
    first, *others = [html.escape(text) for text in texts]
    names = [html.escape(name, quote=True) for name in head[1 : len(texts)]]
    cells = [f'<td data-name="{name}">{text}</td>' for name, text in zip(names, others, strict=True)]
    return [f'<th scope="row">{first}</th>', *cells]


def _link(page: Page, row: StretchRow) -> str:
    at_s = row.at_s
    if at_s is None:
        return html.escape(row.without_place)
    target = html.escape("#" if page.is_embedded else page.video + "#", quote=True)
    video_s, shown = max(0.0, at_s - page.video_start_s), clock_text(at_s)
    return f'<a href="{target}t={video_s:.3f}" data-at="{at_s!r}" title="Go to {shown}">{shown}</a>'


def _table(name: str, caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in head)
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    shown = f"<caption>{html.escape(caption)}</caption>\n" if caption else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(name, quote=True)}">\n<table>\n'
        f"{shown}<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _left_out(spans: Sequence[LeftOut]) -> str:
    players = "".join(f"<li>{_player(span)}</li>" for span in spans)
    return f'<h3>{LEFT_OUT[:1].upper()}{LEFT_OUT[1:]}</h3>\n<ul class="left-out">{players}</ul>'


def _player(span: LeftOut) -> str:
    label = html.escape(span.label, quote=True)
    if not span.audio:
        return f"{label}. This page has no room for its audio: the report of an audit has it."
    address = html.escape(span.audio, quote=True)
    return f'{label}<br><audio controls preload="none" aria-label="{label}" src="{address}"></audio>'
