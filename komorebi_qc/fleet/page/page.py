"""A study as one HTML page that needs nothing else: no network, and no script except to sort and search its tables.

It uses the style sheet of a single recording's report, and adds its own. All texts from outside go through
`komorebi_qc.fleet.narrative.text.safe` and are escaped.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from komorebi_qc import __version__
from komorebi_qc.desk.content_policy import content_policy
from komorebi_qc.fleet.narrative.answers import answers, headline
from komorebi_qc.fleet.narrative.sentences import cause_texts, change_text
from komorebi_qc.fleet.narrative.significance import matter_text
from komorebi_qc.fleet.narrative.terms import TERMS, anchor
from komorebi_qc.fleet.narrative.text import safe
from komorebi_qc.fleet.page import charts
from komorebi_qc.fleet.page.elements import PARTS, escaped, figure, heading, link, note
from komorebi_qc.fleet.page.named import named_table
from komorebi_qc.fleet.page.sheet import contact_sheet
from komorebi_qc.fleet.page.tables import days_table, groups_table, reasons_table
from komorebi_qc.fleet.study.changes import ALARM_RATE, LEAST_DAYS
from komorebi_qc.fleet.study.queries import RECORD_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from komorebi_qc.fleet.narrative.answers import Answer
    from komorebi_qc.fleet.page.contact_sheet import Card
    from komorebi_qc.fleet.study.study import Study

_DISTRIBUTIONS_NOTE = (
    "Solid line: the median. Nine tenths of the recordings are between the dotted lines. Offset, drift and call-end "
    "error are those of aligned recordings only."
)
_BACKGROUND = "html{background:#fff}@media (prefers-color-scheme: dark){html{background:#15171a}}body{margin:0}"


def fleet_html(study: Study, cards: Sequence[Card], links: Mapping[str, str] | None = None) -> str:
    """The page.

    Args:
        study: the analysis.
        cards: of the worst recordings, in their order.
        links: addresses of reports relative to the page, by the place that a row names.
    """
    title = escaped(safe(f"Fleet: {study.fleet.name}"))
    script = _file("fleet.page", "fleet.js")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{content_policy(script)}">\n<title>{title}</title>\n'
        f"<style>{_BACKGROUND}{_file('desk.report', 'page.css')}{_file('fleet.page', 'fleet.css')}</style>\n"
        "</head>\n<body>\n"
        f'<main class="kq fleet" id="fleet">\n{"".join(_parts(study, cards, links or {}))}</main>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _file(package: str, name: str) -> str:
    return (files(f"komorebi_qc.{package}") / name).read_text(encoding="utf-8")


def _parts(study: Study, cards: Sequence[Card], links: Mapping[str, str]) -> Iterator[str]:
    yield _head(study)
    if not study.overview.count:
        return
    yield _contents(study)
    yield heading("time") + figure(*charts.over_time(study)) + days_table(study)
    yield heading("changes") + _changes(study)
    yield heading("browsers") + figure(*charts.by_browser(study))
    yield heading("worst") + contact_sheet(study, cards)
    yield heading("named") + named_table(study, links)
    for column in study.groups:
        yield heading("by", column) + groups_table(study, column, links)
    yield heading("reasons") + reasons_table(study)
    yield heading("distributions") + figure(*charts.distributions(study)) + note(_DISTRIBUTIONS_NOTE)
    yield heading("medians") + figure(*charts.medians(study))


def _head(study: Study) -> str:
    fleet = study.fleet
    synthetic = (
        '<p class="made"><b>Synthetic rows.</b> They are drawn from real diagnoses, with one faulty release and one '
        "faulty agent. None of these calls took place.</p>\n"
        if fleet.is_demo
        else ""
    )
    read = f"Read {fleet.read_at:%Y-%m-%d %H:%M} UTC by komorebi_qc {__version__}."
    boxes = "".join(_answer(one) for one in answers(study))
    return (
        f"<h1>Fleet: {escaped(safe(fleet.name))}</h1>\n{note(f'{headline(study)} {read}')}{synthetic}"
        f'<div class="answers">\n{boxes}</div>\n'
    )


def _answer(one: Answer) -> str:
    rows = "".join(f"<li>{escaped(text)}{link(part)}</li>" for text, part in one.sentences)
    question, short = escaped(one.question), escaped(one.short)
    return (
        f'<section class="answer {one.status}"><h2>{question}</h2><p class="short">{short}</p>'
        f"<ul>{rows}</ul></section>\n"
    )


def _contents(study: Study) -> str:
    absent = {anchor("by", column) for column in RECORD_COLUMNS if column not in study.groups}
    links = [f"<li>{link(part).strip()}</li>" for part in PARTS if part not in absent]
    terms = "".join(f"<li><b>{name}</b>: {escaped(meaning)}</li>" for name, meaning in TERMS)
    return (
        f'<nav aria-label="Parts of the page"><ul>{"".join(links)}</ul></nav>\n'
        f"<details class='terms'><summary>Terms</summary><ul>{terms}</ul></details>\n"
    )


def _changes(study: Study) -> str:
    if not study.is_long_enough:
        return "<p>There are too few days with enough recordings to find a change.</p>\n"
    parts = []
    for change, found in study.changes:
        matter = matter_text(change.measure, change.before, change.after)
        texts = [*([matter] if matter else []), *cause_texts(change, found, study)]
        causes = "".join(f"<li>{escaped(text)}</li>" for text in texts)
        parts.append(f"<li><b>{escaped(change_text(change))}</b><ul>{causes}</ul></li>")
    own = [one for one in study.own_changes if one.measure != "offset_s"]
    parts += [f"<li><b>{escaped(safe(one.name, 60))}</b>: {escaped(change_text(one))}</li>" for one in own]
    method = note(
        f"Method: {study.searched} daily series were searched by PELT on ranks, against shuffled days. A page without "
        f"any real change reports one in {100 * ALARM_RATE:g} % of cases. A level has at least {LEAST_DAYS} days, and "
        "a slow trend is reported as steps."
    )
    if not parts:
        return "<p>No measure and no share changed its level.</p>\n" + method
    return f'<ul class="changes">{"".join(parts)}</ul>\n' + method
