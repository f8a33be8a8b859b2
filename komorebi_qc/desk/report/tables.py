"""The tables of findings on a report page."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.finding import counted
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.desk.report.content import Page

_OF_ONE = ("share", "probability")
_PLURAL_UNITS = ("channels", "packets", "frames", "bytes", "samples")
_MINUS_ZERO = re.compile(r"(?<![\d.])-(0(?:\.0+)?)(?![\d.]*[1-9])(?![\d])")
_NOTE = "Values are those of qc.json; positions are on the video's clock."
_HEAD = (
    '<thead><tr><th scope="col">Status</th><th scope="col">Finding</th><th scope="col">Value</th>'
    '<th scope="col" class="limit">Limit</th><th scope="col">Meaning</th><th scope="col">Position</th></tr></thead>'
)


def finding_tables(page: Page) -> str:
    """All findings: first those that don't pass, then the others, collapsed."""
    statuses = [finding["status"] for finding in page.findings]
    bad = sorted((row for row, status in enumerate(statuses) if status != "pass"), key=lambda row: statuses[row])
    good = [row for row, status in enumerate(statuses) if status == "pass"]
    parts = ["<h2>Findings</h2>"]
    if bad:
        parts.append(_table(page, bad, f"Findings that fail or warn, the worst first. {_NOTE}"))
    if good:
        summary = counted(len(good), "finding passes", "findings pass")
        table = _table(page, good, f"Findings that pass. {_NOTE}")
        parts.append(f'<details class="passing"><summary>{summary}</summary>{table}</details>')
    return "\n".join(parts)


def place_link(page: Page, row: int) -> str:
    """A link to a finding's moment in the video; empty if the finding has no moment."""
    if row not in page.places:
        return ""
    at_s = page.places[row]
    video_s = max(0.0, at_s - page.video_start_s)
    target = "#" if page.is_embedded else page.video + "#"
    title = html.escape(f"Go to {clock_text(at_s)}: {page.findings[row]['name'].replace('_', ' ')}")
    return (
        f'<a href="{html.escape(target, quote=True)}t={video_s:.3f}" data-at="{at_s!r}" data-of="{row}" '
        f'title="{title}">{clock_text(at_s)}</a>'
    )


def sentence_html(text: str) -> str:
    """A finding's sentence. A zero has no sign."""
    return html.escape(_MINUS_ZERO.sub(r"\1", text[:1].upper() + text[1:]))


def exact_text(value: float) -> str:
    """A number with all of its digits and without an exponent. A zero has no sign."""
    return np.format_float_positional(value + 0.0, trim="0")


def _table(page: Page, rows: Sequence[int], caption: str) -> str:
    label = html.escape(caption.partition(".")[0], quote=True)
    body = "\n".join(_row(page, row) for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">\n<table>\n'
        f"<caption>{html.escape(caption)}</caption>\n{_HEAD}\n<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _row(page: Page, row: int) -> str:
    finding = page.findings[row]
    status = finding["status"]
    limit = "" if finding.get("limit") is None else _value_html(finding["limit"], finding["unit"])
    limits = page.document.get("limits", {}).get(finding.get("limit_name") or "", {})
    sign = {"above": "&le; ", "below": "&ge; "}.get(limits.get("direction", ""), "") if limit else ""
    return (
        f'<tr data-row="{row}" class="{status}"><td><span class="tag">{status}</span></td>'
        f'<th scope="row">{html.escape(finding["name"].replace("_", " "))}</th>'
        f'<td class="number">{_value_html(finding["value"], finding["unit"])}</td>'
        f'<td class="number limit">{sign}{limit}</td><td>{sentence_html(finding["text"])}</td>'
        f'<td class="number">{place_link(page, row)}</td></tr>'
    )


def _value_html(value: object, unit: str) -> str:
    """A value exactly as in the document, with its unit."""
    if isinstance(value, str):
        return html.escape(value.replace("_", " "))
    one = unit[:-1] if value == 1 and unit in _PLURAL_UNITS else unit
    number = exact_text(value) if isinstance(value, float) else json.dumps(value)
    return html.escape(f"{number} {'of 1' if unit in _OF_ONE else one}".strip())
