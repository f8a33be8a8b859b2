"""The page's tables: numbers by day, groups, and reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scipy.stats import binomtest

from komorebi_qc.core.finding import counted
from komorebi_qc.fleet.narrative.sentences import group_reasons_text, stand_out_rule, stand_out_text
from komorebi_qc.fleet.narrative.terms import TITLES, finding_meaning
from komorebi_qc.fleet.narrative.text import UNKNOWN, safe, safe_end, share_text, value_text
from komorebi_qc.fleet.page.elements import escaped, note, number_cell, table
from komorebi_qc.fleet.study.causes import LEAST_OF_A_GROUP
from komorebi_qc.fleet.study.queries import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.fleet.study.causes import StandOut
    from komorebi_qc.fleet.study.queries import Group, Reason
    from komorebi_qc.fleet.study.study import Study

MAX_ROWS: Final = 200
"""Of a table of groups or reasons."""
_MAX_DAYS = 400
_STATUS_WORDS = {
    "fail": ("fail", "fails"),
    "warn": ("warn", "needs a look"),
    "failed": ("fail", "couldn't be examined"),
    "rejected": ("fail", "rejected"),
    "failed_again": ("warn", "later attempt failed"),
}
"""Of each reason's status: the CSS class, and the words."""


def days_table(study: Study) -> str:
    """The numbers of each day, folded; empty without days."""
    found = study.days
    kept = range(max(0, len(found.days) - _MAX_DAYS), len(found.days))
    if not kept:
        return ""
    rows = [
        f'<tr><th scope="row">{found.days[k]}</th>'
        + "".join(
            number_cell(f"{count:,}", count)
            for count in (
                int(found.count[k]),
                int(found.fail[k]),
                int(found.warn[k]),
                int(found.count[k] - found.examined[k]),
            )
        )
        + "</tr>"
        for k in kept
    ]
    head = (("Day", False), *((name, True) for name in ("Recordings", "Fail", "Need a look", "Not examined")))
    which = "each day" if len(kept) == len(found.days) else f"the last {_MAX_DAYS} days"
    content = table("Numbers by day", head, rows, f"The numbers of {which}.")
    return f"<details><summary>The numbers by day</summary>{content}</details>\n"


def groups_table(study: Study, column: str, links: Mapping[str, str] | None = None) -> str:
    """The groups of a column, with those that stand out: why, and their recordings.

    Args:
        study: the analysis.
        column: a key of the groups.
        links: addresses of reports relative to the page, by the place that a row names.
    """
    found = study.groups[column]
    if not any(one.name for one in found):
        return f"<p>The {column} of these recordings isn't known.</p>\n"
    first = [one for one in study.stand_outs if one.group.column == column and one.explained_by is None]
    sentences = "".join(_stand_out(study, one, links or {}) for one in first)
    names = {one.group.name for one in first}
    spans = [_interval(one) for one in found]
    order = sorted(range(len(found)), key=lambda k: (-spans[k][0], -found[k].count))[:MAX_ROWS]
    many = [k for k in order if found[k].examined >= LEAST_OF_A_GROUP] or order
    top = max(spans[k][1] for k in many) or 1.0
    rows = [_group_row(found[k], spans[k], top, is_significant=found[k].name in names) for k in order]
    head = (
        (TITLES[column], False), ("Recordings", True), ("Fail", True), ("Share that fails", True),
        ("Need a look", True), ("Not examined", True), ("Offset, s", True), ("its middle half", True),
        ("Drift, ppm", True), ("Call-end error, s", True), ("Coverage", True),
    )  # fmt: skip
    more = len(found) - len(order)
    left_out = f" {counted(more, 'more is', 'more are')} left out." if more else ""
    caption = (
        "Sorted by the lower end of the share's 95 % interval (the thin line), so that groups with few recordings "
        f"don't lead. Measures are medians.{left_out}"
    )
    rule = note(stand_out_rule()) if column == COLUMNS[0] else ""
    return sentences + table(f"By {column}", head, rows, caption) + rule


def _stand_out(study: Study, one: StandOut, links: Mapping[str, str]) -> str:
    """Why a group stands out, and its worst recordings with links to their reports."""
    reasons = study.group_reasons.get(one)
    words = f"{stand_out_text(one, study.own_changes)} {group_reasons_text(one, reasons)}".rstrip()
    if reasons is None or not reasons.recordings:
        return f"<p>{escaped(words)}</p>\n"
    names = []
    for recording in reasons.recordings:
        name, address = escaped(safe_end(recording.recording_id, 80)), links.get(recording.report or "", "")
        names.append(f'<li><a href="{escaped(address)}">{name}</a></li>' if address else f"<li>{name}</li>")
    count = len(names)
    title = f"{'The' if count == one.bad else f'The first {count} of its {one.bad:,}'} recordings"
    return f"<p>{escaped(words)}</p>\n<details><summary>{title}</summary><ul>{''.join(names)}</ul></details>\n"


def _interval(group: Group) -> tuple[float, float]:
    """The 95 % interval of the share that fails (Wilson)."""
    if not group.examined:
        return 0.0, 0.0
    interval = binomtest(group.fail, group.examined).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _group_row(one: Group, interval: tuple[float, float], top: float, *, is_significant: bool) -> str:
    share = one.fail / one.examined if one.examined else None
    quartiles = (
        UNKNOWN
        if one.offset_low_s is None or one.offset_high_s is None
        else f"{value_text('offset_s', one.offset_low_s)[:-2]} to {value_text('offset_s', one.offset_high_s)[:-2]}"
    )
    width = None if one.offset_low_s is None or one.offset_high_s is None else one.offset_high_s - one.offset_low_s
    mark = ' <span class="tag">stands out</span>' if is_significant else ""
    values = (one.offset_s, width, one.drift_ppm, one.call_end_error_s, one.coverage)
    texts = (
        value_text("offset_s", one.offset_s).removesuffix(" s"),
        quartiles,
        value_text("drift_ppm", one.drift_ppm).removesuffix(" ppm"),
        value_text("call_end_error_s", one.call_end_error_s).removesuffix(" s"),
        value_text("coverage", one.coverage),
    )
    bar = "" if share is None else _bar(share, interval, top)
    return (
        f'<tr{" class=fail" if is_significant else ""}><th scope="row">{escaped(safe(one.name, 80))}{mark}</th>'
        + number_cell(f"{one.count:,}", one.count)
        + number_cell(f"{one.fail:,}", one.fail)
        + f'<td class="number share" data-v="{"" if share is None else f"{share:.6g}"}">{bar}'
        f"{escaped(share_text(one.fail, one.examined))}</td>"
        + number_cell(f"{one.warn:,}", one.warn)
        + number_cell(f"{one.unexamined:,}", one.unexamined)
        + "".join(number_cell(text, value) for text, value in zip(texts, values, strict=True))
        + "</tr>"
    )


def _bar(share: float, interval: tuple[float, float], top: float) -> str:
    """The share as a bar, its interval as a line."""
    at, low, high = (100 * min(value / top, 1.0) for value in (share, *interval))
    return (
        f'<svg class="bar" viewBox="0 0 100 12" aria-hidden="true"><rect y="2" width="{at:.1f}" height="8"/>'
        f'<path d="M{low:.1f} 6H{high:.1f}"/></svg>'
    )


def reasons_table(study: Study) -> str:
    """Why recordings fail, need a look or couldn't be examined."""
    if not study.reasons:
        return "<p>All recordings pass.</p>\n"
    numbers = (("Recordings", True), ("Agents", True))
    head = (("Status", False), ("Reason", False), *numbers, ("Last seen", False), ("Details", False))
    rows = [_reason_row(one) for one in study.reasons[:MAX_ROWS]]
    caption = "Findings that fail, errors, and findings that need a look. A recording may have several."
    return table("Reasons", head, rows, caption)


def _reason_row(one: Reason) -> str:
    tag, words = _STATUS_WORDS[one.status]
    name, last = escaped(safe(one.name.replace("_", " "), 80)), one.last or UNKNOWN
    meaning = finding_meaning(one.name) if one.status in ("fail", "warn") else ""
    details = [f"{meaning}."] if meaning else []
    if one.example:
        details.append(f"For example: {safe(one.example, 240).rstrip('.')}.")
    if one.is_worth_a_retry:
        details.append("The next run attempts it again.")
    return (
        f'<tr class="{tag}"><td><span class="tag">{words}</span></td><th scope="row" class="what">{name}</th>'
        f"{number_cell(f'{one.count:,}', one.count)}{number_cell(f'{one.agents:,}', one.agents)}"
        f'<td class="when">{last}</td><td class="why">{escaped(" ".join(details))}</td></tr>'
    )
