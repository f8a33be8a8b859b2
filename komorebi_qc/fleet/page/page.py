"""From a study to one page of HTML that needs nothing else: no network, no script to be read, one to sort its tables.

It wears the single report's style sheet, and adds what a fleet needs. All that comes from outside goes through
`komorebi_qc.fleet.narrative.answers.safe` and is escaped.
"""

from __future__ import annotations

import html
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from scipy.stats import binomtest

from komorebi_qc import __version__
from komorebi_qc.core.finding import counted
from komorebi_qc.fleet.narrative.answers import (
    NOTHING,
    TERMS,
    TITLES,
    anchor,
    answers,
    cause_texts,
    change_text,
    finding_meaning,
    group_name,
    headline,
    rerun_command,
    safe,
    safe_end,
    share_text,
    stand_out_rule,
    stand_out_text,
    value_text,
)
from komorebi_qc.fleet.page import charts
from komorebi_qc.fleet.study.causes import LEAST_OF_A_GROUP
from komorebi_qc.fleet.study.changes import ALARM_RATE, LEAST_DAYS
from komorebi_qc.fleet.study.queries import COLUMNS, MEASURES, WORST_FIRST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from matplotlib.figure import Figure

    from komorebi_qc.fleet.narrative.answers import Answer
    from komorebi_qc.fleet.page.contact_sheet import Card, Wave
    from komorebi_qc.fleet.study.queries import Group, Reason
    from komorebi_qc.fleet.study.study import Study

MOST_GROUPS: Final = 200
"""Rows of a table of groups."""
_DISTRIBUTIONS_SAID = (
    "Line: the median; dotted: what nine tenths lie between. Offset, drift and call-end error are those of aligned "
    "recordings alone."
)
_MOST_DAYS, _MOST_COMMANDED = 400, 50
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
_BACKGROUND = "html{background:#fff}@media (prefers-color-scheme: dark){html{background:#15171a}}body{margin:0}"
_PARTS = {
    anchor("time"): "Verdicts over time",
    anchor("changes"): "Changes",
    anchor("browsers"): "Offset by browser",
    anchor("worst"): "The worst",
    anchor("by", "agent"): "By agent",
    anchor("by", "browser"): "By browser",
    anchor("by", "codec"): "By codec",
    anchor("by", "container"): "By container",
    anchor("reasons"): "Reasons",
    anchor("distributions"): "Distributions",
    anchor("medians"): "Medians over time",
}
_LANES = {
    "customer": "customer (Connect)",
    "agent": "agent (Connect)",
    "recording": "agent recording",
    "output": "unified recording",
}
"""Of the sound at a glance, from top to bottom."""
_STATUS_WORDS = {
    "fail": ("fail", "fails"),
    "warn": ("warn", "deserves a look"),
    "failed": ("fail", "failed to be examined"),
    "set_aside": ("fail", "set aside"),
    "tried_again": ("warn", "tried again in vain"),
}
_SYNC_WORDS = {
    "wrong_pair": "belong to different calls",
    "ambiguous": "fits at several places",
    "insufficient": "too little speech to tell",
    "aligned": "aligned",
}


def fleet_html(study: Study, cards: Sequence[Card]) -> str:
    """The page as a file."""
    title = html.escape(safe(f"Fleet: {study.fleet.name}"))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n<title>{title}</title>\n'
        f"<style>{_BACKGROUND}{_file('desk.report', 'page.css')}{_file('fleet.page', 'fleet.css')}</style>\n"
        "</head>\n<body>\n"
        f'<main class="kq fleet" id="fleet">\n{"".join(_parts(study, cards))}</main>\n'
        f"<script>{_file('fleet.page', 'fleet.js')}</script>\n</body>\n</html>\n"
    )


def _file(package: str, name: str) -> str:
    return (files(f"komorebi_qc.{package}") / name).read_text(encoding="utf-8")


def _parts(study: Study, cards: Sequence[Card]) -> Iterator[str]:
    yield _head(study)
    if not study.overview.count:
        return
    yield _contents()
    yield _headed("time") + _figure(*charts.over_time(study)) + _days_table(study)
    yield _headed("changes") + _changes(study)
    yield _headed("browsers") + _figure(*charts.by_browser(study))
    yield _headed("worst") + _sheet(study, cards)
    for column in COLUMNS:
        yield _headed("by", column) + _groups(study, column)
    yield _headed("reasons") + _reasons(study)
    yield _headed("distributions") + _figure(*charts.distributions(study)) + _soft(_DISTRIBUTIONS_SAID)
    yield _headed("medians") + _figure(*charts.medians(study))


def _headed(kind: str, name: str = "") -> str:
    at = anchor(kind, name)
    return f'<h2 id="{at}">{_PARTS[at]}</h2>\n'


def _text(text: str) -> str:
    return html.escape(text, quote=True)


def _soft(text: str) -> str:
    return f'<p class="soft">{_text(text)}</p>\n'


def _head(study: Study) -> str:
    fleet = study.fleet
    made = (
        '<p class="made"><b>Made-up rows.</b> They are drawn from real diagnoses, with one release and one agent '
        "planted to be found; nothing here happened.</p>\n"
        if fleet.is_demo
        else ""
    )
    told = f"Read {fleet.read_at:%Y-%m-%d %H:%M} UTC by komorebi_qc {__version__}."
    boxes = "".join(_answer(one) for one in answers(study))
    return (
        f"<h1>Fleet: {_text(safe(fleet.name))}</h1>\n{_soft(f'{headline(study)} {told}')}{made}"
        f'<div class="answers">\n{boxes}</div>\n'
    )


def _answer(one: Answer) -> str:
    rows = "".join(f"<li>{_text(text)}{_see(at)}</li>" for text, at in one.sentences)
    return (
        f'<section class="answer {one.status}"><h2>{_text(one.question)}</h2><p class="short">{_text(one.short)}</p>'
        f"<ul>{rows}</ul></section>\n"
    )


def _see(at: str) -> str:
    if not at:
        return ""
    return f' <a href="#{at}">{_PARTS[at]}</a>'


def _contents() -> str:
    links = [f"<li>{_see(at).strip()}</li>" for at in _PARTS]
    terms = "".join(f"<li><b>{name}</b>: {_text(meaning)}</li>" for name, meaning in TERMS)
    return (
        f'<nav aria-label="Parts of the page"><ul>{"".join(links)}</ul></nav>\n'
        f"<details class='terms'><summary>What the words mean</summary><ul>{terms}</ul></details>\n"
    )


def _figure(figure: Figure, meaning: str) -> str:
    if not figure.axes:
        return f"<p>{_text(meaning)}</p>\n"
    drawn = charts.svg_of(figure, meaning)
    return (
        f'<figure><div class="scroll" tabindex="0" role="region" aria-label="Chart">{drawn}</div>'
        f"<figcaption>{_text(meaning)}</figcaption></figure>\n"
    )


def _table(label: str, head: Sequence[tuple[str, bool]], rows: Iterable[str], caption: str) -> str:
    """A table that the script sorts; each column is named, and said to be of numbers or not."""
    top = "".join(f'<th scope="col"{" class=number" if number else ""}>{_text(name)}</th>' for name, number in head)
    return (
        f'{_soft(caption)}<div class="scroll tall" tabindex="0" role="region" aria-label="{_text(label)}">'
        f"<table data-sortable><thead><tr>{top}</tr></thead>\n"
        f"<tbody>{chr(10).join(rows)}</tbody></table></div>\n"
    )


def _number(shown: str, value: float | None) -> str:
    """A cell of a number, with the value that it is sorted by; an empty one goes last."""
    return f'<td class="number" data-v="{"" if value is None else f"{value:.6g}"}">{_text(shown)}</td>'


def _days_table(study: Study) -> str:
    found = study.days
    kept = range(max(0, len(found.days) - _MOST_DAYS), len(found.days))
    if not kept:
        return ""
    rows = [
        f'<tr><th scope="row">{found.days[k]}</th>'
        + "".join(
            _number(f"{count:,}", count)
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
    head = (("Day", False), *((name, True) for name in ("Recordings", "Fail", "Deserve a look", "Not examined")))
    more = "" if len(kept) == len(found.days) else f", of the last {_MOST_DAYS}"
    table = _table("Numbers by day", head, rows, f"The numbers of each day{more}.")
    return f"<details><summary>The numbers by day</summary>{table}</details>\n"


def _changes(study: Study) -> str:
    parts = []
    for change, found in study.changes:
        causes = "".join(f"<li>{_text(text)}</li>" for text in cause_texts(change, found, study))
        parts.append(f"<li><b>{_text(change_text(change))}</b><ul>{causes}</ul></li>")
    own = [one for one in study.own_changes if one.measure != "offset_s"]
    parts += [f"<li><b>{_text(safe(one.name, 60))}</b>: {_text(change_text(one))}</li>" for one in own]
    said = (
        f"{study.looked_at} series of days were searched by PELT on ranks, against shuffled days: a page without any "
        f"change tells of one in {100 * ALARM_RATE:g} % of cases. Fewer than {LEAST_DAYS} days make no level, and a "
        "slow trend is told as steps."
    )
    if not study.is_long_enough:
        return "<p>There are too few days with enough recordings to tell a change.</p>\n"
    if not parts:
        return "<p>No measure and no share changed its level.</p>\n" + _soft(said)
    return f'<ul class="changes">{"".join(parts)}</ul>\n' + _soft(said)


def _groups(study: Study, column: str) -> str:
    found = study.groups[column]
    if not any(one.name for one in found):
        return f"<p>No recording tells its {column}.</p>\n"
    loud = [one for one in study.stand_outs if one.group.column == column]
    first = [one for one in loud if one.explained_by is None]
    told = "".join(f"<p>{_text(stand_out_text(one, study.own_changes))}</p>" for one in first)
    names = {one.group.name for one in first}
    spans = [_span(one) for one in found]
    order = sorted(range(len(found)), key=lambda k: (-spans[k][0], -found[k].count))[:MOST_GROUPS]
    many = [k for k in order if found[k].examined >= LEAST_OF_A_GROUP] or order
    top = max(spans[k][1] for k in many) or 1.0
    rows = [_group(found[k], spans[k], top, is_significant=found[k].name in names) for k in order]
    head = (
        (TITLES[column], False), ("Recordings", True), ("Fail", True), ("Share that fails", True),
        ("Deserve a look", True), ("Not examined", True), ("Offset, s", True), ("its middle half", True),
        ("Drift, ppm", True), ("Call-end error, s", True), ("Coverage", True),
    )  # fmt: skip
    more = len(found) - len(order)
    left_out = f" {counted(more, 'more is', 'more are')} left out." if more else ""
    caption = (
        "Sorted by the lower end of the share's 95 % interval (the thin line), so that few recordings don't lead. "
        "Measures are medians."
        f"{left_out}"
    )
    rule = _soft(stand_out_rule()) if column == COLUMNS[0] else ""
    return told + _table(f"By {column}", head, rows, caption) + rule


def _span(group: Group) -> tuple[float, float]:
    """The 95 % interval of the share that fails (Wilson)."""
    if not group.examined:
        return 0.0, 0.0
    span = binomtest(group.fail, group.examined).proportion_ci(method="wilson")
    return float(span.low), float(span.high)


def _group(one: Group, span: tuple[float, float], top: float, *, is_significant: bool) -> str:
    share = one.fail / one.examined if one.examined else None
    quartiles = (
        NOTHING
        if one.offset_low_s is None or one.offset_high_s is None
        else f"{value_text('offset_s', one.offset_low_s)[:-2]} to {value_text('offset_s', one.offset_high_s)[:-2]}"
    )
    width = None if one.offset_low_s is None or one.offset_high_s is None else one.offset_high_s - one.offset_low_s
    mark = ' <span class="tag">stands out</span>' if is_significant else ""
    values = (one.offset_s, width, one.drift_ppm, one.call_end_error_s, one.coverage)
    shown = (
        value_text("offset_s", one.offset_s).removesuffix(" s"),
        quartiles,
        value_text("drift_ppm", one.drift_ppm).removesuffix(" ppm"),
        value_text("call_end_error_s", one.call_end_error_s).removesuffix(" s"),
        value_text("coverage", one.coverage),
    )
    bar = "" if share is None else _bar(share, span, top)
    return (
        f'<tr{" class=fail" if is_significant else ""}><th scope="row">{_text(group_name(one))}{mark}</th>'
        + _number(f"{one.count:,}", one.count)
        + _number(f"{one.fail:,}", one.fail)
        + f'<td class="number share" data-v="{"" if share is None else f"{share:.6g}"}">{bar}'
        f"{_text(share_text(one.fail, one.examined))}</td>"
        + _number(f"{one.warn:,}", one.warn)
        + _number(f"{one.unexamined:,}", one.unexamined)
        + "".join(_number(text, value) for text, value in zip(shown, values, strict=True))
        + "</tr>"
    )


def _bar(share: float, span: tuple[float, float], top: float) -> str:
    """The share as a bar, its interval as a line."""
    at, low, high = (100 * min(value / top, 1.0) for value in (share, *span))
    return (
        f'<svg class="bar" viewBox="0 0 100 12" aria-hidden="true"><rect y="2" width="{at:.1f}" height="8"/>'
        f'<path d="M{low:.1f} 6H{high:.1f}"/></svg>'
    )


def _reasons(study: Study) -> str:
    if not study.reasons:
        return "<p>There are none: all pass.</p>\n"
    numbers = (("Recordings", True), ("Agents", True))
    head = (("Status", False), ("What", False), *numbers, ("Last seen", False), ("Said", False))
    rows = [_reason(one) for one in study.reasons[:MOST_GROUPS]]
    caption = "Findings that fail, errors, and findings that deserve a look; a recording may have several."
    return _table("Reasons", head, rows, caption)


def _reason(one: Reason) -> str:
    tag, words = _STATUS_WORDS[one.status]
    name, last = _text(safe(one.name.replace("_", " "), 80)), one.last or "none"
    told = [f"{finding_meaning(one.name)}."] if one.status in ("fail", "warn") and finding_meaning(one.name) else []
    if one.example:
        told.append(f"For example: {safe(one.example, 240).rstrip('.')}.")
    if one.is_worth_a_retry:
        told.append("The next run tries it again.")
    return (
        f'<tr class="{tag}"><td><span class="tag">{words}</span></td><th scope="row" class="what">{name}</th>'
        f"{_number(f'{one.count:,}', one.count)}{_number(f'{one.agents:,}', one.agents)}"
        f'<td class="when">{last}</td><td class="why">{_text(" ".join(told))}</td></tr>'
    )


# --- the contact sheet


def _sheet(study: Study, cards: Sequence[Card]) -> str:
    if not cards:
        bad = study.overview.fail + study.overview.warn
        gone = (
            f" What couldn't be examined stands under {_PARTS[anchor('reasons')]}." if study.overview.unexamined else ""
        )
        return "<p>None is shown.</p>\n" if bad else f"<p>No recording fails or deserves a look.{gone}</p>\n"
    without = [card.row.recording_id for card in cards if not card.place]
    agents = {card.row.agent for card in cards if card.row.agent}
    said = f"The {counted(len(cards), 'worst recording')}: {WORST_FIRST}." if len(cards) > 1 else "The one to look at."
    if len(agents) == 1 and len(cards) > 1:
        said += f" All are {safe(next(iter(agents)), 60)}'s."
    parts = [_soft(said)]
    if lanes := {wave.name for card in cards for wave in card.waves}:
        marks = "".join(f'<li><i class="{name}"></i>{words}</li>' for name, words in _LANES.items() if name in lanes)
        parts.append(f'<ul class="legend" aria-label="Sound, from top to bottom">{marks}</ul>\n')
    if without:
        some = f"{counted(len(without), 'of them has', 'of them have')} no report"
        none = "None of them has a report" if len(cards) > 1 else "It has no report"
        who = none if len(without) == len(cards) else some
        words = f"{who} yet, and so no picture and no sound. This makes them:"
        command = rerun_command(study.fleet.dataset, without[:_MOST_COMMANDED])
        parts.append(f'<p>{_text(words)}</p>\n<pre tabindex="0">{_text(command)}</pre>\n')
    parts.append(f'<ol class="sheet">{"".join(_card(card) for card in cards)}</ol>\n')
    return "".join(parts)


def _card(card: Card) -> str:
    row = card.row
    name = _text(safe_end(row.recording_id, 80))
    title = f'<a href="{_text(card.link)}">{name}</a>' if card.link and card.is_there else name
    picture = (
        f'<img src="{card.thumbnail}" alt="Frame of {name}">'
        if card.thumbnail
        else '<p class="blank">no thumbnail</p>'
        if card.place
        else ""
    )
    wave = _waves(card.waves, name) if card.waves else '<p class="blank">no waveform</p>' if card.place else ""
    told = [one for one in (*row.failures, *row.warnings) if one != "sync_status"]
    findings = [safe(one.replace("_", " "), 60) for one in told]
    facts = [
        safe(row.agent, 40),
        *([safe(row.browser, 40)] if row.browser else []),
        *([str(row.day)] if row.day is not None else []),
    ]
    numbers = [
        f"{TITLES[measure].lower()} {value_text(measure, value)}"
        for measure, value in zip(MEASURES, (row.offset_s, None, row.call_end_error_s, row.coverage), strict=True)
        if value is not None
    ]
    sync = _SYNC_WORDS.get(row.sync_status or "", safe(row.sync_status, 40))
    where = ""
    if card.place and not card.is_there:
        where = f'<p class="soft">Its report can\'t be read at {_text(safe(card.place, 200))}.</p>'
    elif card.place and not card.link:
        where = f'<p class="soft">Report: {_text(safe(card.place, 200))}</p>'
    if row.last_try_error:
        where += f'<p class="soft">Tried again since, and failed: {_text(safe(row.last_try_error, 160))}</p>'
    more = f" and {len(findings) - 4} more" if len(findings) > 4 else ""
    return (
        f'<li class="{"fail" if row.verdict == "fail" else "warn"}">{picture}{wave}'
        f'<p class="name"><span class="tag">{_text(row.verdict)}</span> {title}</p>'
        f"<p>{_text('; '.join(filter(None, (sync, ', '.join(findings[:4])))))}{more}</p>"
        f'<p class="soft">{_text(", ".join(facts))}; {_text(", ".join(numbers))}</p>{where}</li>\n'
    )


def _waves(waves: Sequence[Wave], name: str) -> str:
    lanes = []
    for number, wave in enumerate(waves):
        middle = 24 * number + 12
        strokes = "".join(
            f"M{k} {middle - 11 * height:.0f}V{middle + max(11 * height, 0.5):.0f}"
            for k, height in enumerate(wave.heights)
        )
        lanes.append(f'<path class="{wave.name}" d="{strokes}"/>')
    width = max(len(wave.heights) for wave in waves)
    told = ", ".join(wave.name for wave in waves)
    return (
        f'<svg class="wave" role="img" aria-label="Sound of {name}, from top to bottom: {told}" '
        f'preserveAspectRatio="none" viewBox="0 0 {width} {24 * len(waves)}">{"".join(lanes)}</svg>'
    )
