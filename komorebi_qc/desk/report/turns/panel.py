"""The transcript as a list of turns: complete without scripts, and the script's own source of turns and times.

A long transcript is cut: the list has its first part. The rest is deflated, and the script adds it to the list.
Text that doesn't fit even then is left out, and its turns are counted.
"""

from __future__ import annotations

import base64
import html
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.finding import counted
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.transcript.write_webvtt import VOICES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from komorebi_qc.desk.report.content import Page
    from komorebi_qc.transcript.placed import PlacedTurn

LIST_BYTES, PACKED_BYTES = 200_000, 250_000
"""The longest list, and the longest deflated rest. An hour of conversation takes some 150 kB of the list."""
MASKED_TEXT = "[masked]"


@dataclass(frozen=True, slots=True)
class TurnsPanel:
    """The transcript of a page.

    Attributes:
        html: the panel; empty without a transcript.
        packed: the rest for the script, deflated; empty if the list is complete.
    """

    html: str = ""
    packed: str = ""


def turns_panel(page: Page) -> TurnsPanel:
    """The transcript of a page."""
    if not page.turns:
        return TurnsPanel()
    badges = _badges(page)
    items: list[str] = []
    used = 0
    for number, turn in enumerate(page.turns):
        item = _item(page, turn, badges.get(number, ()))
        used += len(item.encode())
        if used > LIST_BYTES:
            break
        items.append(item)
    packed, missing = _packed(page.turns[len(items) :], badges, len(items))
    note = ""
    if packed:
        rest = counted(len(page.turns) - len(items), "more turn", "more turns")
        note = f'<p class="soft" data-kq="more-turns">{rest}, shown by the page\'s script.</p>'
    if missing:
        note += f'<p class="soft">{counted(missing, "turn has", "turns have")} no room in this page.</p>'
    return TurnsPanel(
        '<section class="turns" data-kq="turns"><h2>Transcript</h2><div data-kq="turns-tools"></div>'
        f'<ol tabindex="0" aria-label="Turns" data-kq="turns-list">{"".join(items)}</ol>{note}</section>',
        packed,
    )


def turns_tools() -> str:
    """The search field; the script inserts it."""
    return (
        '<div class="bar"><label>Search <input type="search" data-kq="search" title="search (/)"></label>'
        '<span class="soft" data-kq="found" role="status"></span>'
        '<button type="button" data-kq="captions" aria-pressed="false" title="captions (t)">Captions</button></div>'
    )


def _badges(page: Page) -> Mapping[int, Sequence[int]]:
    """The findings that don't pass, by the number of the turn in which they are."""
    badges: dict[int, list[int]] = {}
    for row, at_s in page.places.items():
        if page.findings[row]["status"] == "pass":
            continue
        before = [number for number, turn in enumerate(page.turns) if turn.from_s <= at_s + 0.0005]
        badges.setdefault(before[-1] if before else 0, []).append(row)
    return badges


def _item(page: Page, turn: PlacedTurn, rows: Sequence[int]) -> str:
    at = f"{turn.from_s:.3f}"
    target = "#" if page.is_embedded else html.escape(page.video, quote=True) + "#"
    video_s = max(0.0, turn.from_s - page.video_start_s)
    found = "".join(f" {_badge(page, row, target)}" for row in rows)
    return (
        f'<li class="{turn.speaker}" data-from="{at}" data-to="{turn.to_s:.3f}">'
        f'<a href="{target}t={video_s:.3f}" data-at="{at}">{clock_text(turn.from_s)[:8]}</a> '
        f"<b>{VOICES[turn.speaker]}</b> <span>{html.escape(turn.text or MASKED_TEXT)}</span>{found}</li>\n"
    )


def _badge(page: Page, row: int, target: str) -> str:
    finding, at_s = page.findings[row], page.places[row]
    video_s = max(0.0, at_s - page.video_start_s)
    return (
        f'<a class="badge {finding["status"]}" href="{target}t={video_s:.3f}" data-at="{at_s!r}" data-of="{row}">'
        f"{finding['status']}: {html.escape(finding['name'].replace('_', ' '))}</a>"
    )


def _packed(turns: Sequence[PlacedTurn], badges: Mapping[int, Sequence[int]], first: int) -> tuple[str, int]:
    """The turns, deflated, as many as have room; and how many have no room."""
    rows: list[list[Any]] = [
        [turn.speaker, round(turn.from_s, 3), round(turn.to_s, 3), turn.text or MASKED_TEXT, list(badges.get(n, ()))]
        for n, turn in enumerate(turns, first)
    ]
    left = len(rows)
    while left:
        squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
        text = json.dumps(rows[:left], ensure_ascii=False, separators=(",", ":")).encode()
        data = base64.b64encode(squeezed.compress(text) + squeezed.flush()).decode()
        if len(data) <= PACKED_BYTES:
            return data, len(rows) - left
        left = left * 3 // 4
    return "", len(rows)
