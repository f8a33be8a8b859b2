"""The contact sheet as HTML: a card for each of the worst recordings, and the command that audits the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.finding import counted
from komorebi_qc.fleet.narrative.rerun_command import rerun_command
from komorebi_qc.fleet.narrative.terms import TITLES, anchor
from komorebi_qc.fleet.narrative.text import safe, safe_end, value_text
from komorebi_qc.fleet.page.elements import PARTS, escaped, note
from komorebi_qc.fleet.study.queries import MEASURES, WORST_FIRST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.fleet.page.contact_sheet import Card, Wave
    from komorebi_qc.fleet.study.study import Study

_MAX_IN_COMMAND = 50
_MAX_FINDINGS = 4
_LANES = {
    "customer": "customer (call audio)",
    "agent": "agent (call audio)",
    "recording": "agent recording",
    "output": "unified recording",
}
"""The waveforms, from top to bottom."""
_SYNC_WORDS = {
    "wrong_pair": "different calls",
    "ambiguous": "several offsets fit",
    "insufficient": "too little speech to align",
    "aligned": "aligned",
}


def contact_sheet(study: Study, cards: Sequence[Card]) -> str:
    """The cards, with a legend and the command for recordings without a report."""
    if not cards:
        return _empty_text(study)
    parts = [note(_introduction(cards))]
    if lanes := {wave.name for card in cards for wave in card.waves}:
        marks = "".join(f'<li><i class="{name}"></i>{words}</li>' for name, words in _LANES.items() if name in lanes)
        parts.append(f'<ul class="legend" aria-label="Waveforms, from top to bottom">{marks}</ul>\n')
    without = [card.row.recording_id for card in cards if not card.place]
    if without:
        some = f"{counted(len(without), 'of them has', 'of them have')} no report"
        no_card = "None of them has a report" if len(cards) > 1 else "It has no report"
        who = no_card if len(without) == len(cards) else some
        words = f"{who} yet, and so no thumbnail and no waveform. This command makes the reports:"
        command = rerun_command(study.fleet.dataset, without[:_MAX_IN_COMMAND])
        parts.append(f'<p>{escaped(words)}</p>\n<pre tabindex="0">{escaped(command)}</pre>\n')
    parts.append(f'<ol class="sheet">{"".join(_card(card) for card in cards)}</ol>\n')
    return "".join(parts)


def _empty_text(study: Study) -> str:
    overview = study.overview
    if overview.fail + overview.warn:
        return "<p>No recording is shown one by one (--worst 0).</p>\n"
    reasons = f" {PARTS[anchor('reasons')]} lists those that couldn't be examined." if overview.unexamined else ""
    return f"<p>No recording fails or needs a look.{reasons}</p>\n"


def _introduction(cards: Sequence[Card]) -> str:
    if len(cards) == 1:
        return "The only recording that fails or needs a look."
    agents = {card.row.agent for card in cards if card.row.agent}
    same = f" All are by {safe(next(iter(agents)), 60)}." if len(agents) == 1 else ""
    return f"The {len(cards)} worst recordings: {WORST_FIRST}.{same}"


def _card(card: Card) -> str:
    row = card.row
    name = escaped(safe_end(row.recording_id, 80))
    title = f'<a href="{escaped(card.link)}">{name}</a>' if card.link and card.has_report else name
    picture = (
        f'<img src="{card.thumbnail}" alt="Frame of {name}">'
        if card.thumbnail
        else '<p class="blank">no thumbnail</p>'
        if card.place
        else ""
    )
    wave = _waves(card.waves, name) if card.waves else '<p class="blank">no waveform</p>' if card.place else ""
    findings = [safe(one.replace("_", " "), 60) for one in (*row.failures, *row.warnings) if one != "sync_status"]
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
    report = ""
    if card.is_outside:
        place = escaped(safe(card.place, 200))
        report = f'<p class="soft">Its report isn\'t read: {place} is outside of the dataset (see --results).</p>'
    elif card.place and not card.has_report:
        report = f'<p class="soft">Its report can\'t be read at {escaped(safe(card.place, 200))}.</p>'
    elif card.place and not card.link:
        report = f'<p class="soft">Report: {escaped(safe(card.place, 200))}</p>'
    if row.last_attempt_error:
        report += f'<p class="soft">A later attempt failed: {escaped(safe(row.last_attempt_error, 160))}</p>'
    more = f" and {len(findings) - _MAX_FINDINGS} more" if len(findings) > _MAX_FINDINGS else ""
    return (
        f'<li class="{"fail" if row.verdict == "fail" else "warn"}">{picture}{wave}'
        f'<p class="name"><span class="tag">{escaped(row.verdict)}</span> {title}</p>'
        f"<p>{escaped('; '.join(filter(None, (sync, ', '.join(findings[:_MAX_FINDINGS])))))}{more}</p>"
        f'<p class="soft">{escaped(", ".join(facts))}; {escaped(", ".join(numbers))}</p>{report}</li>\n'
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
    names = ", ".join(wave.name for wave in waves)
    return (
        f'<svg class="wave" role="img" aria-label="Waveforms of {name}, from top to bottom: {names}" '
        f'preserveAspectRatio="none" viewBox="0 0 {width} {24 * len(waves)}">{"".join(lanes)}</svg>'
    )
