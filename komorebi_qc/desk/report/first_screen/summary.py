"""The headline of four: the problems, their positions, the certainty, and the next step."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.finding import counted
from komorebi_qc.desk.report.tables import place_link, sentence_html
from komorebi_qc.desk.words.next_step import next_step
from komorebi_qc.desk.words.placement import bound_text
from komorebi_qc.desk.words.verdict import BELONGING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.desk.report.content import Page
    from komorebi_qc.pipeline.examine import Examined

_MOST_WORST = 6
_NOWHERE = "Nowhere."


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
    if placement.source == "measured" and sync is not None and sync["offset_ci_s"] is not None:
        low_s, high_s = sync["offset_ci_s"]
        return f"The place of the call is measured to {_error_text((high_s - low_s) / 2)} (95 %)."
    if placement.source == "manual":
        return "The place of the call was given by hand. It was not measured."
    found = placement.measured
    if found is not None and found.candidates:
        best = found.candidates[0]
        places = counted(len(found.candidates), "place fits", "places fit")
        return f"{places}. The best one has a probability of {best.probability:.0%}."
    return "The place of the call was not measured."


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
    statuses = [finding["status"] for finding in page.findings]
    counts = [f"{n} {word}{'s' if n == 1 else ''}" for word in ("fail", "warn") if (n := statuses.count(word))]
    count = f"{counted(len(statuses), 'finding')}: {' and '.join(counts) or 'all pass'}."
    where = f"<ul>{worst}{more}</ul>" if worst else f"<p>{_NOWHERE}</p>"
    belonging = ""
    if page.comparison is not None:
        status, text = page.comparison.belonging
        tag = "" if status == "pass" else f'<span class="tag">{status}</span> '
        belonging = f'<p class="belongs {status}">{tag}<span>{sentence_html(text)}</span></p>'
    parts = [("Problems", f"<p>{count if counts else 'Nothing. ' + count}</p>"), ("Positions", where)]
    sure = "" if page.summary is None else f"<p>{html.escape(page.summary.sure)}</p>"
    if sure or belonging:
        parts.append(("Certainty", sure + belonging))
    if page.summary is not None:
        parts.append(("Next step", _next(page.summary)))
    items = "".join(f"<div><dt>{name}</dt><dd>{content}</dd></div>" for name, content in parts)
    return f'<dl class="four">{items}</dl>'


def bad_rows(page: Page) -> Sequence[int]:
    """The findings that fail or warn, the worst first, by number. The sentence about belonging has its own line."""
    statuses = [finding["status"] for finding in page.findings]
    rows = [row for row, one in enumerate(page.findings) if page.comparison is None or one["name"] != BELONGING]
    return sorted((row for row in rows if statuses[row] != "pass"), key=lambda row: statuses[row])


def _next(summary: Summary) -> str:
    command = ""
    if summary.command:
        command = f'<pre class="command" tabindex="0"><code>{html.escape(summary.command)}</code></pre>'
    return f"<p>{html.escape(summary.next_step)}</p>{command}"
