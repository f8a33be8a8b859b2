"""From a recording's findings and tracks to one page of HTML that needs nothing else.

Without scripts, or where they are forbidden (an untrusted notebook), the page is the verdict, the picture, the table
and the video with links to its moments; a script makes the player of it.
"""

from __future__ import annotations

import base64
import html
import json
import re
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from komorebi_qc.core.finding import counted
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.report.pack import pack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

RATE = 8_000
PAGE_BUDGET = 970_000
"""Bytes of a page: what goes by e-mail without a thought."""
OUTLINE_BUDGET, _LEAST_OUTLINE = 700_000, 60_000
"""Characters for the outlines: what the rest of the page leaves, within these."""
_POLICY = (
    "default-src 'none'; img-src data:; media-src 'self' file: data: blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_BACKGROUND = "html{background:#fff}@media (prefers-color-scheme: dark){html{background:#15171a}}body{margin:0}"
_VERDICTS = {
    "pass": "Nothing to complain of.",
    "warn": "Usable, but look at it.",
    "fail": "Something is wrong.",
}
_KINDS = {
    "silence": "silence of 2 s or more",
    "hold": "sounds like music on hold",
    "dropout": "dropout",
    "clipping": "clipping",
}
_COUNTED = ("channels", "packets", "frames", "bytes", "samples")
_MOST_WORST = 6
_MINUS_ZERO = re.compile(r"(?<![\d.])-(0(?:\.0+)?)(?![\d.]*[1-9])(?![\d])")
LISTEN_SAID = {
    "result": "You hear the unified recording.",
    "customer": "You hear the customer alone, from Connect's audio.",
    "agent": "You hear the agent alone, from Connect's audio.",
    "recording": "You hear the agent recording's own audio alone.",
    "both": "Left ear: Connect's audio. Right ear: the agent recording. An echo from side to side is the offset.",
}
LISTEN_LABEL = {
    "result": "Result",
    "customer": "Customer",
    "agent": "Agent",
    "recording": "Recording",
    "both": "Connect left, recording right",
}


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One track of the page: ``customer``, ``agent``, ``recording`` or ``output``.

    Attributes:
        name: one of the four; it chooses the colour.
        label: for a person.
        samples: ``(n,)`` at 8 kHz, on the output clock.
    """

    name: str
    label: str
    samples: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment on the time axis.

    Attributes:
        at_s: output clock.
        label: a word or two.
        colour: ``accent``, ``head``, ``mark`` or ``ink``.
        dash: of its line, in pixels on and off; shapes differ where colours do.
        rank: whose label is written where there is no room for all: the lowest.
    """

    at_s: float
    label: str
    colour: str = "mark"
    dash: tuple[int, ...] = ()
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a lane, or of all of them.

    Attributes:
        from_s: output clock.
        to_s: output clock.
        kind: ``silence``, ``hold``, ``dropout`` or ``clipping``; each has a shape of its own.
        lane: a lane's name; None for all.
    """

    from_s: float
    to_s: float
    kind: str
    lane: str | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Where one may jump to.

    Attributes:
        at_s: output clock.
        text: what is there.
        rows: the numbers of the findings that belong there, as in the document.
    """

    at_s: float
    text: str
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """All that the page shows.

    Attributes:
        title: the recording.
        document: as ``qc.json``; its numbers are shown as they stand there.
        headline: a sentence that answers what is asked first.
        facts: a few pairs of name and value for the top.
        lanes: from top to bottom.
        length_s: of the output.
        video: the video's address, relative to the page, or a data URI.
        video_start_s: where on the output clock the video's own time 0 lies.
        video_length_s: of a video that the page holds itself.
        picture: the still picture, an image file.
        picture_type: its media type.
        picture_said: what it shows, for those who don't see it.
        listen: addresses of what can be heard instead of the video's own sound, by `LISTEN_LABEL`'s names.
        listen_start_s: where on the output clock their time 0 lies.
        marks: on the time axis.
        stretches: under the lanes.
        moments: in time's order; `next` and `previous` go through them.
        levels: findings about levels, shaped as the document's, that have no part in its verdict.
        places: where the findings lie that have a moment, by their number; levels count on from the document's.
    """

    title: str
    document: Mapping[str, Any]
    headline: str
    facts: Sequence[tuple[str, str]]
    lanes: Sequence[Lane]
    length_s: float
    video: str
    picture: bytes
    picture_type: str
    picture_said: str
    video_start_s: float = 0.0
    video_length_s: float = 0.0
    listen: Mapping[str, str] = field(default_factory=dict)
    listen_start_s: float = 0.0
    marks: Sequence[Mark] = ()
    stretches: Sequence[Stretch] = ()
    moments: Sequence[Moment] = ()
    levels: Sequence[Mapping[str, Any]] = ()
    places: Mapping[int, float] = field(default_factory=dict)

    @property
    def judged(self) -> int:
        """How many findings the verdict was made from."""
        return len(self.document["findings"])

    def finding(self, row: int) -> Mapping[str, Any]:
        """A finding of the document, or after those, one about levels."""
        found: Mapping[str, Any] = (
            self.document["findings"][row] if row < self.judged else self.levels[row - self.judged]
        )
        return found

    @property
    def is_alone(self) -> bool:
        """Whether the page holds its video itself."""
        return self.video.startswith("data:")


def report_html(page: Page) -> str:
    """The page as a file of its own."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{html.escape(page.title)}: {page.document['verdict']}</title>\n"
        f"<style>{_BACKGROUND}</style>\n"
        f"</head>\n<body>\n<main>\n{report_fragment(page, alone=True)}\n</main>\n</body>\n</html>\n"
    )


def report_fragment(page: Page, *, alone: bool = False, name: str = "komorebi") -> str:
    """The page's content, to stand in another one: a notebook's output.

    Args:
        page: what to show.
        alone: whether it has the page to itself, and so all of its keys.
        name: the element's ID, one of its own in the page.
    """
    before = (_head(page), _watch(page), _still(page), _findings(page), _document(page))
    style, script = _file("page.css"), _file("page.js").replace("@ID@", name)
    taken = len("".join((*before, style, script, *page.listen.values())).encode())
    data = _embedded(_data(page, alone=alone, budget=min(max(PAGE_BUDGET - taken, _LEAST_OUTLINE), OUTLINE_BUDGET)))
    return (
        f'<style>{style}</style>\n<div class="kq" id="{name}">\n'
        + "\n".join(before)
        + f'\n<script type="application/json" data-kq="data">{data}</script>\n</div>\n<script>{script}</script>'
    )


def _embedded(content: object) -> str:
    """JSON that no text in it can end the script element of."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _data(page: Page, *, alone: bool, budget: int) -> dict[str, Any]:
    whole, fine = pack([lane.samples for lane in page.lanes], RATE, _by_weight(page), budget)
    return {
        "alone": alone,
        "player": _player(page),
        "length_s": page.length_s,
        "video": "" if page.is_alone else page.video,
        "video_start_s": page.video_start_s,
        "listen_start_s": page.listen_start_s,
        "tracks": [{"name": lane.name, "label": lane.label} for lane in page.lanes],
        "outline": whole.to_dict(),
        "patches": [part.to_dict() for part in fine],
        "marks": [
            {"at_s": m.at_s, "label": m.label, "colour": m.colour, "dash": list(m.dash), "rank": m.rank}
            for m in page.marks
        ],
        "spans": [{"from_s": s.from_s, "to_s": s.to_s, "kind": s.kind, "track": s.lane} for s in page.stretches],
        "moments": [{"at_s": m.at_s, "text": m.text, "rows": list(m.rows)} for m in page.moments],
        "listen": {"result": "", **{name: page.listen[name] for name in LISTEN_LABEL if name in page.listen}},
        "listen_said": _said(page),
    }


def _said(page: Page) -> dict[str, str]:
    if any(lane.name == "output" for lane in page.lanes):
        return LISTEN_SAID
    return {**LISTEN_SAID, "result": "You hear the agent recording as it came: nothing was made of it."}


def _by_weight(page: Page) -> list[float]:
    """What is looked at closely: jumps and the call's ends first, then what doesn't pass, seams, and other findings."""
    marks = sorted(page.marks, key=lambda mark: mark.rank)
    moments = [moment.at_s for moment in page.moments if moment.rows]
    return [*(mark.at_s for mark in marks), *moments, *page.places.values()]


def _head(page: Page) -> str:
    verdict = str(page.document["verdict"])
    findings = page.document["findings"]
    bad = sorted(
        (row for row, f in enumerate(findings) if f["status"] != "pass"), key=lambda row: findings[row]["status"]
    )
    failing = sum(findings[row]["status"] == "fail" for row in bad)
    warning = len(bad) - failing
    counts = [f"{failing} {'fails' if failing == 1 else 'fail'}"] if failing else []
    counts += [f"{warning} {'deserves' if warning == 1 else 'deserve'} a look"] if warning else []
    of_all = counted(len(findings), "finding")
    count = f"Of {of_all} {' and '.join(counts)}." if counts else f"All of {of_all} pass."
    says = _VERDICTS[verdict]
    loud = sum(finding["status"] != "pass" for finding in page.levels)
    if loud:
        says = "Joined as it should be." if verdict == "pass" else says
        count += f" Apart from that, {counted(loud, 'level')} {'deserves' if loud == 1 else 'deserve'} a look."
    told = "".join(
        f'<li class="{findings[row]["status"]}"><span class="tag">{findings[row]["status"]}</span> '
        f"<span>{_text(findings[row]['text'])} {_link(page, row)}</span></li>"
        for row in bad[:_MOST_WORST]
    )
    more = f'<li class="more">and {len(bad) - _MOST_WORST} more, below</li>' if len(bad) > _MOST_WORST else ""
    return (
        f"<h1>{html.escape(page.title)}</h1>\n"
        f'<div class="verdict {verdict}"><p><b>{says}</b> {html.escape(page.headline)} {count}</p>'
        + (f"<ul>{told}{more}</ul>" if told else "")
        + "</div>"
    )


def _watch(page: Page) -> str:
    facts = "".join(f"<li><b>{html.escape(k)}</b> <span>{html.escape(v)}</span></li>" for k, v in page.facts)
    has_output = any(lane.name == "output" for lane in page.lanes)
    label = "The unified recording" if has_output else "The agent recording, as it came"
    held = (
        f'<p class="soft">This page holds {counted(round(page.video_length_s), "second")} of it, small and coarse, '
        f"from {clock_text(page.video_start_s)} on.</p>"
        if page.is_alone
        else ""
    )
    return (
        f'<h2>{label}</h2>\n<div class="watch"><div><video data-kq="video" '
        f'src="{html.escape(page.video, quote=True)}" controls preload="{"auto" if page.is_alone else "metadata"}" '
        f'playsinline aria-label="{label}"></video>{held}</div>\n<ul class="facts">{facts}</ul></div>\n'
        '<div class="player" data-kq="player"></div>'
    )


def _player(page: Page) -> str:
    """What the script puts in: without it, no dead button stands in the page."""
    names = [name for name in LISTEN_LABEL if name == "result" or name in page.listen]
    has_output = any(lane.name == "output" for lane in page.lanes)
    labels = LISTEN_LABEL if has_output else {**LISTEN_LABEL, "result": "Video"}
    buttons = "".join(
        f'<button type="button" data-listen="{name}" aria-pressed="false" title="key {number}">'
        f"{html.escape(labels[name])}</button>"
        for number, name in enumerate(names, 1)
    )
    kinds = dict.fromkeys(stretch.kind for stretch in page.stretches)
    legend = "".join(f'<li><i class="{kind}"></i>{_KINDS[kind]}</li>' for kind in _KINDS if kind in kinds)
    jumps = any(mark.colour == "mark" for mark in page.marks)
    last = f" to <kbd>{len(names)}</kbd>" if len(names) > 1 else ""
    return (
        _file("player.html")
        .replace("{{no output}}", "" if has_output else " hidden")
        .replace("{{no jumps}}", "" if jumps else " hidden")
        .replace("{{no seams}}", "" if has_output else " hidden")
        .replace("{{stretches}}", legend)
        .replace("{{listen}}", buttons)
        .replace("{{listen keys}}", f"<kbd>1</kbd>{last}")
        .replace("{{length}}", repr(page.length_s))
    )


def _file(name: str) -> str:
    return (files("komorebi_qc.desk.report") / name).read_text(encoding="utf-8")


def _still(page: Page) -> str:
    image = base64.b64encode(page.picture).decode()
    said = html.escape(page.picture_said, quote=True)
    return (
        f'<figure class="still"><img class="picture" alt="{said}" src="data:{page.picture_type};base64,{image}">'
        f"<figcaption>{said}</figcaption></figure>"
    )


def _findings(page: Page) -> str:
    said = "Each value as it stands in qc.json; the places are those of the video."
    parts = ["<h2>Findings</h2>", *_tables(page, range(page.judged), said)]
    if page.levels:
        rows = range(page.judged, page.judged + len(page.levels))
        parts += ["<h2>Levels</h2>", *_tables(page, rows, "Of both inputs; the verdict doesn't depend on them.")]
    return "\n".join(parts)


def _tables(page: Page, rows: Sequence[int], said: str) -> Iterator[str]:
    bad = sorted(
        (row for row in rows if page.finding(row)["status"] != "pass"), key=lambda row: page.finding(row)["status"]
    )
    good = [row for row in rows if page.finding(row)["status"] == "pass"]
    if bad:
        yield _table(page, bad, f"What doesn't pass, the worst first. {said}")
    if good:
        count = f"{counted(len(good), 'finding passes', 'findings pass')}"
        yield (
            f'<details class="passing"><summary>{count}</summary>{_table(page, good, f"What passes. {said}")}</details>'
        )


def _table(page: Page, rows: Sequence[int], caption: str) -> str:
    part = "Levels" if rows[0] >= page.judged else "Findings"
    label = html.escape(f"{part}. {caption.partition('.')[0]}", quote=True)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">\n<table>\n'
        f"<caption>{html.escape(caption)}</caption>\n"
        '<thead><tr><th scope="col">Status</th><th scope="col">Finding</th><th scope="col">Value</th>'
        '<th scope="col" class="limit">Limit</th><th scope="col">What it means</th><th scope="col">Where</th></tr>'
        f"</thead>\n<tbody>\n{chr(10).join(_row(page, row) for row in rows)}\n</tbody>\n</table>\n</div>"
    )


def _row(page: Page, row: int) -> str:
    finding = page.finding(row)
    status = finding["status"]
    limit = "" if finding.get("limit") is None else _value(finding["limit"], finding["unit"])
    judge = page.document.get("limits", {}).get(finding.get("judged_by") or "", {})
    sign = {"above": "&le; ", "below": "&ge; "}.get(judge.get("direction", ""), "") if limit else ""
    return (
        f'<tr data-row="{row}" class="{status}"><td><span class="tag">{status}</span></td>'
        f'<th scope="row">{html.escape(finding["name"].replace("_", " "))}</th>'
        f'<td class="number">{_value(finding["value"], finding["unit"])}</td>'
        f'<td class="number limit">{sign}{limit}</td><td>{_text(finding["text"])}</td>'
        f'<td class="number">{_link(page, row)}</td></tr>'
    )


def _value(value: object, unit: str) -> str:
    """A value as it stands in the document, with its unit."""
    if isinstance(value, str):
        return html.escape(value.replace("_", " "))
    one = unit[:-1] if value == 1 and unit in _COUNTED else unit
    shown = plain(value) if isinstance(value, float) else json.dumps(value)
    return html.escape(f"{shown} {'of 1' if unit == 'share' else one}".strip())


def plain(value: float) -> str:
    """A number with all of its digits, without an exponent; a zero has no sign."""
    return np.format_float_positional(value + 0.0, trim="0")


def _text(text: str) -> str:
    """A finding's sentence; a zero has no sign."""
    return html.escape(_MINUS_ZERO.sub(r"\1", text[:1].upper() + text[1:]))


def _link(page: Page, row: int) -> str:
    if row not in page.places:
        return ""
    at_s = page.places[row]
    video_s = max(0.0, at_s - page.video_start_s)
    target = "#" if page.is_alone else page.video + "#"
    title = html.escape(f"Go to {clock_text(at_s)}: {page.finding(row)['name'].replace('_', ' ')}")
    return (
        f'<a href="{html.escape(target, quote=True)}t={video_s:.3f}" data-at="{at_s!r}" data-of="{row}" '
        f'title="{title}">{clock_text(at_s)}</a>'
    )


def _document(page: Page) -> str:
    text = html.escape(json.dumps(page.document, indent=1, ensure_ascii=False))
    return f'<details><summary>All of qc.json</summary><pre tabindex="0">{text}</pre></details>'


def address(name: str) -> str:
    """A file's name as an address beside the page."""
    return quote(name)
