"""A call that two voices never had: prompts in turns, as Amazon Connect keeps it and as the agent's browser gets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from media.studio.signals import BAND, FULL, NARROW, WIDE, Signal, decode, gain, resampled, through_mulaw

if TYPE_CHECKING:
    from pathlib import Path

SPEAKERS = {"agent": "en_US_f_Allison", "customer": "it_IT_m_Carlo"}
CUSTOMER_GAIN_DB = -3.0  # the customer is a little quieter in the agent's ears


@dataclass(frozen=True)
class Turn:
    """One prompt: who speaks it, after which pause (seconds; negative: they overlap), and its caption."""

    who: str
    prompt: str
    pause: float
    text: str


@dataclass(frozen=True)
class Script:
    """A call: its turns, the agent's turns after it, and the lengths of lead and after-call work.

    The first pause counts from the call's start and may be negative: the agent speaks before the call begins.
    `tail_s` is the time between the last turn and the call's end; if it is negative, that turn outlasts the call.
    """

    turns: tuple[Turn, ...]
    after: tuple[Turn, ...]
    lead_s: float
    acw_s: float
    seed: int
    notes: str
    tail_s: float = 0.25


def spoken(sounds: Path, turn: Turn) -> Signal:
    """A prompt without the silence around it, its speech at -19 dBFS."""
    x = decode(["-f", "g722", "-i", str(sounds / SPEAKERS[turn.who] / f"{turn.prompt}.g722")], WIDE)
    loud = np.flatnonzero(np.abs(x) > 0.01)
    x = x[max(0, loud[0] - WIDE // 50) : loud[-1] + WIDE // 20]
    fade = np.linspace(0, 1, WIDE // 200)
    x[: len(fade)] *= fade
    x[-len(fade) :] *= fade[::-1]
    active = x[np.abs(x) > 0.02]
    return x * (gain(-19) / float(np.sqrt(np.mean(active**2))))


@dataclass(frozen=True)
class Spoken:
    """A turn's audio (WIDE) and its start in seconds."""

    turn: Turn
    at: float
    clip: Signal

    @property
    def end(self) -> float:
        """When it ends, in seconds."""
        return self.at + len(self.clip) / WIDE

    def caption(self) -> dict[str, Any]:
        """The plan in the form that `capture.html` reads."""
        return {"who": self.turn.who, "text": self.turn.text, "at": self.at, "end": self.end}


def dialogue(sounds: Path, turns: tuple[Turn, ...], start_s: float) -> list[Spoken]:
    """Each turn after the one before it, with its pause; the first pause counts from `start_s`."""
    said, t = [], start_s
    for turn in turns:
        clip = spoken(sounds, turn)
        t += turn.pause
        said.append(Spoken(turn, t, clip))
        t += len(clip) / WIDE
    return said


@dataclass(frozen=True)
class Call:
    """A call as both sides keep it."""

    connect: Signal  # NARROW, customer and agent
    near: Signal  # FULL: lead, call, after-call work; the agent alone
    far: Signal  # FULL, of the same length: the customer, as the agent's headset plays it
    microphone: Signal  # FULL: both in one room, with its noise
    turns: list[dict[str, Any]]  # on the microphone's clock
    call_s: float


def make_call(sounds: Path, script: Script) -> Call:
    """The dialogue as Connect keeps it, and as it comes to the agent's microphone."""
    rng = np.random.default_rng(script.seed)
    during = dialogue(sounds, script.turns, script.lead_s)
    call_s = float(np.ceil((during[-1].end - script.lead_s + script.tail_s) * 20) / 20)
    after = dialogue(sounds, script.after, max(script.lead_s + call_s, during[-1].end))
    total_s = script.lead_s + call_s + script.acw_s
    if during[0].at < 0 or after[-1].end > total_s:
        raise ValueError(f"the speech does not fit into {total_s:.2f} s")
    tracks = {who: np.zeros(round(total_s * WIDE)) for who in SPEAKERS}
    for one in (*during, *after):
        i = round(one.at * WIDE)
        tracks[one.turn.who][i : i + len(one.clip)] += one.clip

    first, count = round(script.lead_s * NARROW), round(call_s * NARROW)
    narrow = [resampled(tracks[who], WIDE, NARROW, BAND)[first : first + count] for who in ("customer", "agent")]
    connect = np.stack(narrow, axis=1)
    connect = through_mulaw(connect + rng.normal(0, gain(-64), connect.shape))

    near = resampled(tracks["agent"], WIDE, FULL)
    customer = resampled(connect[:, 0], NARROW, FULL) * gain(CUSTOMER_GAIN_DB)  # it came over the telephone
    start = round(script.lead_s * FULL)
    far = np.zeros(len(near))
    far[start : start + len(customer)] = customer
    room = near + far + rng.normal(0, gain(-62), len(near))
    room[:8] = 0.001  # capture.html waits for a first sample
    return Call(connect, near, far, room, [one.caption() for one in (*during, *after)], call_s)
