"""The overview as one HTML page that needs nothing else: no network, and no script.

Agents are numbers. The page has no key of an object, because keys have the agent's ID.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

from komorebi_qc import __version__
from komorebi_qc.chain.timeline import escaped, tag, timeline
from komorebi_qc.chain.words import clock_of, headline, kind_text, link_text, turn_sentences, worst_verdict
from komorebi_qc.core.privacy.addresses import without_agents
from komorebi_qc.desk.content_policy import content_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.chain.result import ChainResult, MemberResult
    from komorebi_qc.core.contact.chains.model import ChainMember

_BACKGROUND = "html{background:#fff}@media (prefers-color-scheme: dark){html{background:#15171a}}body{margin:0}"
_COLUMNS = ("Verdict", "Contact", "Agent", "Kind", "Connected", "Result")
MAIN = '<main class="kq chain" id="chain">'
"""By it, the page is known as one of this software's."""


def chain_html(result: ChainResult) -> str:
    """The page."""
    title = escaped(f"Chain {result.chain.initial_contact_id}")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{content_policy()}">\n<title>{title}</title>\n'
        f"<style>{_BACKGROUND}{_file('desk.report', 'page.css')}{_file('chain', 'chain.css')}</style>\n"
        f"</head>\n<body>\n{MAIN}\n{''.join(_parts(result, title))}</main>\n</body>\n</html>\n"
    )


def _file(package: str, name: str) -> str:
    return (files(f"komorebi_qc.{package}") / name).read_text(encoding="utf-8")


def _parts(result: ChainResult, title: str) -> Iterator[str]:
    verdict = worst_verdict(result)
    mark = f"<b>{verdict}</b>: " if verdict else ""
    yield f'<h1>{title}</h1>\n<div class="verdict {verdict}"><p>{mark}{escaped(headline(result))}</p></div>\n'
    yield "<h2>Who had the call</h2>\n" + timeline(result)
    yield _sentences(result)
    yield "<h2>Recordings</h2>\n" + _table(result)
    notes = [problem.text for problem in result.chain.problems] + list(result.notes)
    if notes:
        rows = "".join(f"<li>{escaped(text)}</li>" for text in notes)
        yield f"<h2>The records</h2>\n<ul>{rows}</ul>\n"
    yield (
        f'<p class="soft">By contact records ({escaped(result.source)}), in whole seconds, UTC. Records have no times '
        "of holds, so the customer may have been on hold in any of these stretches. Made by komorebi_qc "
        f"{__version__}.</p>\n"
    )


def _sentences(result: ChainResult) -> str:
    rows = "".join(f"<li>{escaped(text)}</li>" for text in turn_sentences(result))
    return f'<ol class="turns-list">{rows}</ol>\n' if rows else ""


def _table(result: ChainResult) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in _COLUMNS)
    rows = "\n".join(_row(member, one) for member, one in result.pairs())
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Recordings"><table>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div>\n"
    )


def _row(member: ChainMember, one: MemberResult) -> str:
    record = member.record
    times = "unknown"
    if record is not None and record.connected_at is not None:
        left = record.agent_left_at
        times = f"{clock_of(record.connected_at)} to {'?' if left is None else clock_of(left)}"
    elif member.kind == "unanswered":
        times = "never"
    link = link_text(member)
    kind = f"{escaped(kind_text(member))}{f', linked {link}' if link else ''}"
    return (
        f'<tr><td>{tag(one)}</td><th scope="row">{escaped(one.contact_id)}</th><td>Agent {one.agent}</td>'
        f'<td>{kind}</td><td data-name="connected">{times}</td><td class="links">{_links(one)}</td></tr>'
    )


def _links(one: MemberResult) -> str:
    parts = [
        f'<a href="{quote(address)}">{name}</a>'
        for name, address in (("report", one.report), ("video", one.video))
        if address
    ]
    if one.is_ready and not parts:
        command = f"komorebi-qc audit {one.contact_id} --out audit"
        parts.append(f"the video is in the output bucket; <code>{escaped(command)}</code>")
    if one.reason:
        parts.append(f"<br><span>{escaped(without_agents(one.reason[:1].upper() + one.reason[1:]))}</span>")
    parts += [
        f"<span>{escaped(error.kind)}: {escaped(without_agents(error.text))}</span>"
        for error in (one.error, one.report_error)
        if error is not None
    ]
    return " ".join(parts)
