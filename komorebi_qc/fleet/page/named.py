"""The table of recordings that a person decides about, or has decided about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.finding import counted
from komorebi_qc.fleet.narrative.text import safe, safe_end
from komorebi_qc.fleet.page.elements import escaped, table
from komorebi_qc.fleet.study.named import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.fleet.study.named import Named
    from komorebi_qc.fleet.study.study import Study

_KINDS = {
    "corrected": ("pass", "corrected"),
    "wrong_pair": ("fail", "wrong pair"),
    "held": ("warn", "held"),
    "unconfirmed": ("warn", "unconfirmed"),
}
"""Of each kind: the CSS class, and the words."""
_MEANINGS = {
    "corrected": "",
    "wrong_pair": "The audio belongs to different calls.",
    "held": "Not published: decide about it.",
    "unconfirmed": "Published, although the audio doesn't confirm the pair.",
}


def named_table(study: Study, links: Mapping[str, str]) -> str:
    """The corrections, wrong pairs, and held and unconfirmed recordings, by name.

    Args:
        study: the analysis.
        links: addresses of reports relative to the page, by the place that a row names.
    """
    if not study.named:
        return "<p>No recording was corrected, held or published unconfirmed, and no pair is wrong.</p>\n"
    totals = {one.kind: one.of for one in study.named}
    counts = ", ".join(f"{_KINDS[kind][1]}: {count:,}" for kind, count in totals.items())
    more = f" Of each kind, {counted(MOST, 'recording')} at most are listed." if max(totals.values()) > MOST else ""
    head = tuple((name, False) for name in ("Decision", "Recording", "Agent", "Verdict", "Details"))
    caption = f"{counts[:1].upper()}{counts[1:]}.{more}"
    return table("By name", head, [_row(one, links) for one in study.named], caption)


def _row(one: Named, links: Mapping[str, str]) -> str:
    tag, words = _KINDS[one.kind]
    name = escaped(safe_end(one.recording_id, 80))
    address = links.get(one.report or "", "")
    shown = f'<a href="{escaped(address)}">{name}</a>' if address else name
    details = _MEANINGS[one.kind]
    if one.by or one.at:
        who = f"Corrected by {safe(one.by or 'an analyst', 256)}"
        when = f" at {safe(one.at, 40)}" if one.at else ""
        details = f"{details} {who}{when}{f': {safe(one.why, 500)}' if one.why else '.'}".strip()
    return (
        f'<tr class="{tag}"><td><span class="tag">{words}</span></td><th scope="row">{shown}</th>'
        f"<td>{escaped(safe(one.agent, 80))}</td><td>{escaped(safe(one.verdict, 20))}</td>"
        f'<td class="why">{escaped(details)}</td></tr>'
    )
