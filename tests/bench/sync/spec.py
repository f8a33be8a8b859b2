"""A case of the bench: all its properties (`Spec`), and the sound made of them (`Case`) with the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ANY_STATUS_BUT_ALIGNED = ("wrong_pair", "insufficient", "ambiguous")
ANY_STATUS = (*ANY_STATUS_BUT_ALIGNED, "aligned")


@dataclass(frozen=True, slots=True)
class Spec:
    """One pair. Times on the call clock unless named otherwise."""

    family: str
    seed: int
    agent: str = "en"
    customer: str = "it"
    third: str | None = None
    call_s: float = 90.0
    offset_s: float = 1.0
    drift_ppm: float = 0.0
    jumps: tuple[tuple[float, float], ...] = ()
    acw_s: float = 10.0
    pause: tuple[float, float] = (0.15, 1.6)
    double_talk: float = 0.15
    pool: int = 0
    """Draw prompts from the first `pool` only (0: all): shared prompts recur in wrong pairs."""
    turns: int = 0
    sides: str = "both"
    customer_db: float = -3.0
    leg_s: float = 0.0
    leg_steps: tuple[tuple[float, float], ...] = ()
    agent_warps: tuple[tuple[float, float], ...] = ()
    """Connect's jitter buffer: from here on the agent's channel is this much later in the call."""
    snr_db: float = 35.0
    gain_db: float = 0.0
    echo: tuple[float, float] | None = None
    reverb_s: float = 0.0
    agc: bool = False
    suppression: bool = False
    clip_db: float = 0.0
    tilt: bool = False
    loss: float = 0.0
    """Share of 20 ms packets lost and concealed, on either side, independently."""
    loss_burst: float = 1.0
    """Packets lost in a row, on average."""
    leg_stretches: tuple[tuple[float, int], ...] = ()
    """The agent's jitter buffer repeats (+1) or leaves out (-1) a pitch period of the customer's voice there."""
    acoustic_echo: bool = False
    narrow: str = ""
    codec: str = ""
    hold: tuple[tuple[float, float], ...] = ()
    loop_s: float = 8.0
    music: int = 0
    hold_only: bool = False
    muted: tuple[tuple[float, float], ...] = ()
    transfer_at_s: float = 0.0
    recording_stop_s: float = 0.0
    """Recording clock; 0: it continues to the end."""
    acw_only: bool = False
    lost: tuple[tuple[float, float], ...] = ()
    wrong: bool = False
    preamble_s: float = 0.0
    shared_turns: int = 0
    matches: bool = True
    expected: tuple[str, ...] = ("aligned",)
    check_sides: bool = True
    kind: str = ""
    """The group of a family whose truth is a map; empty for the others."""
    points: tuple[tuple[float, float], ...] = ()
    """The map (call_s, recording_s), straight in between, instead of offset, drift and jumps."""
    agent_part: tuple[float, float] | None = None
    """Outside of it the call goes on with `third`, and the browser records the agent alone."""
    aside: bool = True
    """The agent talks at other work outside of that part; False: silence."""
    file_part: tuple[float, float] | None = None
    """All that Connect's file holds."""
    hidden_jump_s: float = 0.0
    """Size of a jump just before one word; an opposite one follows just after the word."""
    calls_before_s: tuple[float, ...] = ()
    """Lengths of other calls in the recording before this one; the last one ends 3 s before it."""
    calls_after_s: tuple[float, ...] = ()
    alone: str = ""
    """The only side that speaks in the call: agent or customer."""
    reported: str = "call"
    """How the reported call end is drawn: call, near, or any (of a wrong pair)."""


@dataclass(frozen=True, slots=True)
class TrueJump:
    """A jump that was made, and the pause around it (call clock)."""

    at_s: float
    size_s: float
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class Case:
    """A made pair, both at 8 kHz, and its truth."""

    spec: Spec
    call: NDArray[np.int16]
    recording: NDArray[np.int16]
    jumps: tuple[TrueJump, ...]
    call_end_s: float
    points: tuple[tuple[float, float], ...]
    """The true map, on the clock of Connect's file: (call_s, recording_s), straight in between."""
    part: tuple[float, float]
    """The agent's part, on the same clock."""
    reported_s: float
    """The call end that the backend reports, on the recording's clock."""
    resolution_s: float
    speech_s: tuple[float, float]
    """Seconds with speech in the call and in the recording; music doesn't count."""
    stretches: tuple[tuple[float, float], ...] = ()
    """(moment, change of the customer's lag) of each pitch period that was repeated or left out."""
