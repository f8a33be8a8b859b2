"""The timeline of a chain as HTML: one row for each agent, one for the time without an agent, and the time of day."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from komorebi_qc.chain.words import KINDS, ROLES, STATES, clock_of, duration_text, turn_sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.chain.result import ChainResult, MemberResult

_STEPS_S = (1, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400)
_MOST_TICKS = 5
_TAGS = {"held": "warn", "failed": "fail", "no_recording": "fail"}


@dataclass(frozen=True, slots=True)
class _Axis:
    """The chain's time, in shares of its length."""

    began_at: datetime
    ended_at: datetime

    def share(self, at: datetime) -> float:
        """A moment's place, in percent."""
        whole_s = max((self.ended_at - self.began_at).total_seconds(), 1.0)
        return 100 * (at - self.began_at).total_seconds() / whole_s

    def style(self, from_at: datetime, to_at: datetime) -> str:
        """The place of a stretch."""
        left = self.share(from_at)
        return f"left:{left:.3f}%;width:{self.share(to_at) - left:.3f}%"

    def ticks(self) -> Iterator[datetime]:
        """Round times of day; not at the very end, where their text has no room."""
        whole_s = (self.ended_at - self.began_at).total_seconds()
        step_s = next((step for step in _STEPS_S if whole_s / step <= _MOST_TICKS), _STEPS_S[-1])
        began = self.began_at
        day = datetime(began.year, began.month, began.day, tzinfo=UTC)
        at = day + timedelta(seconds=-(-(began - day).total_seconds() // step_s) * step_s)
        while at <= self.ended_at and self.share(at) <= 90.0:
            yield at
            at += timedelta(seconds=step_s)


def escaped(text: str) -> str:
    """A text for HTML, also within an attribute, without characters that control a display."""
    return html.escape("".join(c if c.isprintable() else "?" for c in text), quote=True)


def tag(one: MemberResult) -> str:
    """The verdict of a recording, or the reason why there isn't any."""
    status = one.verdict or _TAGS.get(one.state, "")
    return f'<span class="tag {status}">{one.verdict or STATES[one.state]}</span>'


def timeline(result: ChainResult) -> str:
    """The timeline with its legend; a sentence if no record has times."""
    span = result.chain.span
    if span is None:
        return '<p class="soft">No record has the times of an agent.</p>\n'
    axis = _Axis(*span)
    agents = sorted({one.agent for member, one in result.pairs() if member.turns})
    rows = "".join(_agent_row(result, agent, axis) for agent in agents)
    if result.chain.waits:
        pieces = [("wait", axis.style(one.began_at, one.ended_at), one.length_s) for one in result.chain.waits]
        rows += _row("No agent", [_piece(role, style, duration_text(length)) for role, style, length in pieces])
    ticks = "".join(f'<span style="left:{axis.share(at):.3f}%">{clock_of(at)}</span>' for at in axis.ticks())
    label = escaped(" ".join(turn_sentences(result)))
    scale = f'<div class="row axis"><div class="who">{span[0]:%Y-%m-%d} UTC</div><div class="lane">{ticks}</div></div>'
    return f'<div class="times" role="img" aria-label="{label}">\n{rows}{scale}\n</div>\n{_legend(result)}'


def _agent_row(result: ChainResult, agent: int, axis: _Axis) -> str:
    own = [(member, one) for member, one in result.pairs() if one.agent == agent]
    pieces = [
        _piece(
            turn.role,
            axis.style(turn.began_at, turn.ended_at),
            f"{KINDS[member.kind]}: {ROLES[turn.role]}, {duration_text(turn.length_s)}",
        )
        for member, _ in own
        for turn in member.turns
    ]
    return _row(f"<b>Agent {agent}</b> {' '.join(tag(one) for _, one in own)}", pieces)


def _row(label: str, pieces: list[str]) -> str:
    return f'<div class="row"><div class="who">{label}</div><div class="lane">{"".join(pieces)}</div></div>\n'


def _piece(role: str, style: str, title: str) -> str:
    return f'<i class="piece {role}" style="{style}" title="{escaped(title)}"></i>'


def _legend(result: ChainResult) -> str:
    roles = {turn.role for member in result.chain.members for turn in member.turns}
    rows = [f'<li><i class="{name}"></i>{text}</li>' for name, text in ROLES.items() if name in roles]
    if result.chain.waits:
        rows.append('<li><i class="wait"></i>no agent had the call</li>')
    return f'<ul class="legend">{"".join(rows)}</ul>\n'
