"""The HTML of a report page: one file that needs no software, no network and no kernel.

Without scripts, for example in an untrusted notebook, the page still has the verdict, the figure, the findings and the
video with links to its moments. A script adds the player.
"""

from __future__ import annotations

import base64
import html
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.finding import counted
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.content_policy import content_policy
from komorebi_qc.desk.report.comparison_html import comparison_html
from komorebi_qc.desk.report.first_screen.delivered import delivered_section
from komorebi_qc.desk.report.first_screen.summary import summary_html
from komorebi_qc.desk.report.noted.panel import NOTE_KEYS, notes_data, notes_list, notes_panel
from komorebi_qc.desk.report.pack import pack
from komorebi_qc.desk.report.page_script import page_script
from komorebi_qc.desk.report.record.facts import contact_facts
from komorebi_qc.desk.report.record.files import recording_files
from komorebi_qc.desk.report.tables import finding_tables
from komorebi_qc.desk.report.timeline import RATE_DASH
from komorebi_qc.desk.report.trial.panel import NO_PLACE, NO_TRIAL_AUDIO, TRIAL_KEYS, TRIAL_MESSAGE, trial_panel
from komorebi_qc.desk.report.turns.captions import text_tracks
from komorebi_qc.desk.report.turns.panel import turns_panel, turns_tools
from komorebi_qc.desk.words.suspensions import REDACTED, SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.desk.report.content import Band, Page

PAGE_BUDGET = 970_000
"""Bytes of a page: small enough for e-mail."""
ENVELOPE_BUDGET, _LEAST_ENVELOPE = 700_000, 60_000
"""Characters of the waveform envelopes: the rest of the page leaves them the room, within these limits."""
_MEDIA = "'self' file: data: blob:"
_FRAMES = "'self' file:"
_CONNECTIONS = "'self'"
_NAME = "komorebi"
_BACKGROUND = "html{background:#fff}@media (prefers-color-scheme: dark){html{background:#15171a}}body{margin:0}"
_KINDS = {
    "silence": "silence of 2 s or more",
    "hold": "possible hold music",
    "dropout": "dropout",
    "clipping": "clipping",
    "suspended": SUSPENDED,
    "redacted": REDACTED,
    "masked": "masked (wider than its span)",
}
_SOURCES = {
    "call": "the sound is Connect's call audio",
    "recording": "the sound is the agent recording's own",
    "silence": "the sound is silence",
    "masked": "the sound is masked: silence",
    "left_out": "call audio that was left out; a click plays it",
}
AUDIO_MESSAGES = {
    "result": "You hear the unified recording.",
    "customer": "You hear the customer's channel of the call audio.",
    "agent": "You hear the agent's channel of the call audio.",
    "recording": "You hear the agent recording's own audio.",
    "both": "Left: call audio. Right: agent recording. An echo between the sides is the remaining offset.",
    "before": "Left: call audio at its place without the correction. Right: agent recording.",
    "delivered": "You hear the delivered file.",
}
_NO_OUTPUT_MESSAGE = "You hear the agent recording {}: no unified recording was written."
AUDIO_LABELS = {
    "result": "Result",
    "customer": "Customer",
    "agent": "Agent",
    "recording": "Recording",
    "both": "Call left, recording right",
    "before": "Before the correction",
    "delivered": "Delivered file",
}


def report_html(page: Page) -> str:
    """The page as a file."""
    policy = content_policy(page_script(_NAME), media=_MEDIA, frames=_FRAMES, connections=_CONNECTIONS)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{html.escape(page.title)}: {page.status}</title>\n"
        f"<style>{_BACKGROUND}</style>\n"
        f"</head>\n<body>\n<main>\n{report_fragment(page, alone=True)}\n</main>\n</body>\n</html>\n"
    )


def report_fragment(page: Page, *, alone: bool = False, name: str = _NAME) -> str:
    """The page's content, for another page such as a notebook's output.

    Args:
        page: the content.
        alone: whether the fragment is the whole page, so that its keyboard shortcuts apply everywhere.
        name: ID of the element, unique in the page.
    """
    compared = comparison_html(page)
    turns = turns_panel(page)
    static = (
        _head(page),
        _watch(page, turns.html),
        _figure(page),
        _facts(page),
        contact_facts(page),
        recording_files(page),
        notes_list(page),
        delivered_section(page.delivered),
        compared,
        finding_tables(page),
        _document(page),
    )
    style, script = _style(name), page_script(name)
    content = {**_data(page, alone=alone), "more_turns": turns.packed}
    used = len("".join((*static, style, script, _script_json(content))).encode())
    budget = min(max(PAGE_BUDGET - used, _LEAST_ENVELOPE), ENVELOPE_BUDGET)
    whole, details = pack([track.samples for track in page.tracks], RATE, _moments_by_weight(page), budget)
    data = _script_json(
        {**content, "envelope": whole.to_dict(), "details": [part.to_dict() for part in details]},
    )
    return (
        f'<style>{style}</style>\n<div class="kq" id="{name}">\n'
        + "\n".join(static)
        + f'\n<script type="application/json" data-kq="data">{data}</script>\n</div>\n<script>{script}</script>'
    )


def _style(name: str) -> str:
    """The styles of the element of this name. By its ID they go before those of a notebook, and end at its edge."""
    return _file("page.css").replace(".kq", f"#{name}")


def _script_json(content: object) -> str:
    """JSON without any text that could end the script element."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _data(page: Page, *, alone: bool) -> dict[str, Any]:
    """All that the script needs, without the waveform envelopes."""
    result = AUDIO_MESSAGES["result"] if page.has_output else _NO_OUTPUT_MESSAGE.format(_state(page))
    return {
        "alone": alone,
        "player": _player(page),
        "length_s": page.length_s,
        "video": "" if page.is_embedded else page.video,
        "video_start_s": page.video_start_s,
        "audio_start_s": page.audio_start_s,
        "tracks": [{"name": track.name, "label": track.label} for track in page.tracks],
        "marks": [
            {"at_s": m.at_s, "label": m.label, "colour": m.colour, "dash": list(m.dash), "rank": m.rank}
            for m in page.marks
        ],
        "bands": [{"from_s": b.from_s, "to_s": b.to_s, "row": b.row, "kind": b.kind} for b in _bands(page)],
        "spans": [{"from_s": s.from_s, "to_s": s.to_s, "kind": s.kind, "track": s.track} for s in page.stretches],
        "sources": [
            {"from_s": s.from_s, "to_s": s.to_s, "kind": s.kind, "label": s.label, "audio": s.audio}
            for s in page.sources
        ],
        "moments": [{"at_s": m.at_s, "text": m.text, "rows": list(m.rows)} for m in page.moments],
        "audio": {"result": "", **{name: page.audio[name] for name in AUDIO_LABELS if name in page.audio}},
        "notes": notes_data(page),
        "audio_levels": dict(page.audio_levels),
        "turns_tools": turns_tools() if page.turns else "",
        "no_trial": NO_PLACE if page.trial_audio else NO_TRIAL_AUDIO,
        "trial": page.trial.to_dict(page.trial_audio) if page.trial is not None and page.trial_audio else None,
        "audio_messages": {**AUDIO_MESSAGES, "result": result, "trial": TRIAL_MESSAGE},
    }


def _bands(page: Page) -> Sequence[Band]:
    return () if page.comparison is None else page.comparison.bands


def _moments_by_weight(page: Page) -> Sequence[float]:
    """Moments for detailed envelopes: jumps, the call's ends and seams first, then findings."""
    marks = sorted(page.marks, key=lambda mark: mark.rank)
    moments = [moment.at_s for moment in page.moments if moment.rows]
    return [*(mark.at_s for mark in marks), *moments, *page.places.values()]


def _head(page: Page) -> str:
    return (
        f"<h1>{html.escape(page.title)}</h1>\n"
        f'<div class="verdict {page.status}"><p><b>{html.escape(page.verdict)}</b> '
        f"{html.escape(page.headline)}</p></div>"
    )


def _watch(page: Page, turns: str) -> str:
    """The first screen: video, player and headline. On a narrow screen the player comes before the headline."""
    label = "The unified recording" if page.has_output else f"The agent recording, {_state(page)}"
    excerpt = (
        f'<p class="soft">This page holds {counted(round(page.video_length_s), "second")} of it in low quality, '
        f"from {clock_text(page.video_start_s)}.</p>"
        if page.is_embedded and page.video_length_s < page.length_s
        else ""
    )
    return (
        f'<div class="watch{" with-turns" if turns else ""}"><div class="seen"><h2>{label}</h2><video data-kq="video" '
        f'src="{html.escape(page.video, quote=True)}" controls preload="{"auto" if page.is_embedded else "metadata"}" '
        f'playsinline aria-label="{label}">{text_tracks(page)}</video>{excerpt}</div>\n'
        f'<div class="player" data-kq="player"></div>\n{summary_html(page)}\n{turns}</div>'
    )


def _facts(page: Page) -> str:
    facts = "".join(f"<li><b>{html.escape(k)}</b> <span>{html.escape(v)}</span></li>" for k, v in page.facts)
    return f'<h2>The placement</h2>\n<ul class="facts">{facts}</ul>'


def _state(page: Page) -> str:
    return "masked" if page.is_masked else "as received"


def _player(page: Page) -> str:
    """The script inserts this part, so that a page without scripts has no dead buttons."""
    names = [name for name in AUDIO_LABELS if name == "result" or name in page.audio]
    labels = AUDIO_LABELS if page.has_output else {**AUDIO_LABELS, "result": "Video"}
    buttons = "".join(
        f'<button type="button" data-audio="{name}" aria-pressed="false" title="key {number}">'
        f"{html.escape(labels[name])}</button>"
        for number, name in enumerate(names, 1)
    )
    kinds = dict.fromkeys(stretch.kind for stretch in page.stretches)
    legend = "".join(f'<li><i class="{kind}"></i>{_KINDS[kind]}</li>' for kind in _KINDS if kind in kinds)
    compared = () if page.comparison is None else page.comparison.legend
    legend += "".join(
        f'<li><i class="{kind}"></i>{html.escape(text)}</li>' for kind, text in compared if kind not in kinds
    )
    omitted = "".join(
        f'<button type="button" data-omitted="{number}" aria-pressed="false">{html.escape(one.label)}</button>'
        for number, one in enumerate(one for one in page.sources if one.kind == "left_out")
        if one.audio
    )
    jumps = any(mark.colour == "mark" and mark.dash != RATE_DASH for mark in page.marks)
    rates = any(mark.dash == RATE_DASH for mark in page.marks)
    last = f" to <kbd>{len(names)}</kbd>" if len(names) > 1 else ""
    return (
        _file("player.html")
        .replace("{{no left out}}", "" if omitted else " hidden")
        .replace("{{left out}}", omitted)
        .replace("{{sources}}", _source_legend(page))
        .replace("{{panels}}", _panels(page))
        .replace("{{panel keys}}", _panel_keys(page))
        .replace("{{no trial}}", "" if page.trial is not None and page.trial_audio else " hidden")
        .replace("{{chapters}}", _chapters(page))
        .replace("{{no output}}", "" if page.has_output else " hidden")
        .replace("{{no jumps}}", "" if jumps else " hidden")
        .replace("{{no rates}}", "" if rates else " hidden")
        .replace("{{no seams}}", "" if page.has_output else " hidden")
        .replace("{{stretches}}", legend)
        .replace("{{audio}}", buttons)
        .replace("{{audio keys}}", f"<kbd>1</kbd>{last}")
        .replace("{{length}}", repr(page.length_s))
    )


def _chapters(page: Page) -> str:
    if len(page.chapters) < 2:
        return ""
    links = " ".join(
        f'<a href="#t={one.from_s:.3f}" data-at="{one.from_s!r}" title="Go to {html.escape(one.title, quote=True)}">'
        f"{clock_text(one.from_s)[:8]} {html.escape(one.title)}</a>"
        for one in page.chapters
    )
    return f'<nav class="bar" aria-label="Chapters"><span class="soft">Chapters</span> {links}</nav>'


def _panels(page: Page) -> str:
    return notes_panel() + (trial_panel(page.trial) if page.trial is not None and page.trial_audio else "")


def _panel_keys(page: Page) -> str:
    turns = " <kbd>/</kbd> search, <kbd>t</kbd> captions." if page.turns else ""
    return NOTE_KEYS + turns + (TRIAL_KEYS if page.trial is not None and page.trial_audio else "")


def _source_legend(page: Page) -> str:
    kinds = dict.fromkeys(one.kind for one in page.sources)
    return "".join(f'<li><i class="source {kind}"></i>{_SOURCES[kind]}</li>' for kind in kinds)


def _figure(page: Page) -> str:
    image = base64.b64encode(page.figure).decode()
    alt = html.escape(page.figure_alt, quote=True)
    return (
        f'<figure class="still"><img class="picture" alt="{alt}" src="data:{page.figure_type};base64,{image}">'
        f"<figcaption>{alt}</figcaption></figure>"
    )


def _document(page: Page) -> str:
    text = html.escape(json.dumps(page.document, indent=1, ensure_ascii=False))
    return f'<details><summary>The whole qc.json</summary><pre tabindex="0">{text}</pre></details>'


def _file(name: str) -> str:
    return (files("komorebi_qc.desk.report") / name).read_text(encoding="utf-8")
