"""The headline of four: the findings with their positions, the certainty of the place, and the next step."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.desk.report.first_screen.delivered import delivered_headline
from komorebi_qc.desk.report.tables import place_link, sentence_html
from komorebi_qc.desk.words.next_step import next_step
from komorebi_qc.desk.words.placement import bound_text
from komorebi_qc.desk.words.verdict import BELONGING, is_held

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.desk.report.content import Page
    from komorebi_qc.pipeline.examine import Examined

_MOST_WORST = 3


@dataclass(frozen=True, slots=True)
class Summary:
    """The third and the fourth part of the headline; the page's findings give the others.

    Attributes:
        sure: how sure the placement is, in a sentence.
        next_step: what to do next, in a sentence.
        command: the command for it; empty if there is nothing to run.
    """

    sure: str
    next_step: str
    command: str


def summary_of(examined: Examined, worst_s: float | None) -> Summary:
    """The summary of an examination.

    Args:
        examined: the examination.
        worst_s: output time of the worst finding; None if no finding has a position.
    """
    return Summary(_sure(examined), *next_step(examined, worst_s))


def _sure(examined: Examined) -> str:
    placement, sync = examined.placement, examined.document["sync"]
    if examined.refused is not None and not is_held(examined):
        return ""  # the sentence about belonging has the evidence
    if placement.source == "measured" and sync is not None and sync["offset_ci_s"] is not None:
        low_s, high_s = sync["offset_ci_s"]
        return f"The offset is measured to within ±{_error_text((high_s - low_s) / 2)} (95 % confidence)."
    if placement.source == "manual":
        return "The offset was given by hand. It was not measured."
    found = placement.measured
    if found is not None and found.candidates:
        best, count = found.candidates[0], len(found.candidates)
        share = f"{best.probability * 100:.0f} %"
        if count == 1:
            return f"The call fits at one place. That place has a probability of {share}."
        return f"The best of {count} places for the call has a probability of {share}."
    return "The offset was not measured."


def _error_text(error_s: float) -> str:
    """Below a millisecond in hundredths of it."""
    return f"{max(error_s * 1000, 0.01):.2f} ms" if error_s < 0.001 else bound_text(error_s)


def summary_html(page: Page) -> str:
    """The headline of four. The verdict is above it."""
    rows = bad_rows(page)
    worst = "".join(
        f'<li class="{page.findings[row]["status"]}"><span class="tag">{page.findings[row]["status"]}</span> '
        f"<span>{sentence_html(page.findings[row]['text'])} {place_link(page, row)}</span></li>"
        for row in rows[:_MOST_WORST]
    )
    more = f'<li class="more">and {len(rows) - _MOST_WORST} more, below</li>' if len(rows) > _MOST_WORST else ""
    parts = [f"<p>{_count_text([finding['status'] for finding in page.findings])}</p>"]
    if page.delivered is not None:
        parts.insert(0, delivered_headline(page.delivered))
    if worst:
        parts.append(f"<ul>{worst}{more}</ul>")
    if page.comparison is not None:
        status, text = page.comparison.belonging
        tag = "" if status == "pass" else f'<span class="tag">{status}</span> '
        parts.append(f'<p class="belongs {status}">{tag}<span>{sentence_html(text)}</span></p>')
    if page.summary is not None:
        if page.summary.sure:
            parts.append(f"<p>{html.escape(page.summary.sure)}</p>")
        parts.append(_next(page.summary))
    return f'<div class="four" role="group" aria-label="Summary">{"".join(parts)}</div>'


def _count_text(statuses: Sequence[str]) -> str:
    """A sentence, such as "2 of 25 findings warn."."""
    fails, warns = statuses.count("fail"), statuses.count("warn")
    if not fails and not warns:
        return f"All {len(statuses)} findings pass." if len(statuses) > 1 else "The finding passes."
    failing = f"{fails} {'fails' if fails == 1 else 'fail'}" if fails else ""
    warning = f"{warns} {'warns' if warns == 1 else 'warn'}" if warns else ""
    return f"Of {len(statuses)} findings, {' and '.join(filter(None, (failing, warning)))}."


def bad_rows(page: Page) -> Sequence[int]:
    """The findings that fail or warn, the worst first, by number. The sentence about belonging has its own line."""
    statuses = [finding["status"] for finding in page.findings]
    rows = [row for row, one in enumerate(page.findings) if page.comparison is None or one["name"] != BELONGING]
    return sorted((row for row in rows if statuses[row] != "pass"), key=lambda row: statuses[row])


def _next(summary: Summary) -> str:
    command = ""
    if summary.command:
        command = f'<pre class="command" tabindex="0"><code>{html.escape(summary.command)}</code></pre>'
    return f'<p class="next">{html.escape(summary.next_step)}</p>{command}'
