"""The result of a sync measurement, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import Alignment, Jump, Knot

if TYPE_CHECKING:
    from komorebi_qc.core.privacy.masks import PrivateSpan
    from komorebi_qc.core.timebase import Span
    from komorebi_qc.sync.evidence.agreement import Stretch
    from komorebi_qc.sync.evidence.alternative_offsets import AlternativeOffset
    from komorebi_qc.sync.evidence.belonging import Belonging
    from komorebi_qc.sync.evidence.candidates import Candidate
    from komorebi_qc.sync.evidence.classify import Evidence
    from komorebi_qc.sync.evidence.outside import OutsideSpan
    from komorebi_qc.sync.evidence.spans import CallSpan, RecordingSpan


@dataclass(frozen=True, slots=True)
class FoundJump:
    """A jump with its uncertainty."""

    call_s: float
    size_s: float
    size_ci_s: tuple[float, float]
    between_s: tuple[float, float]
    """Call clock: the interval that contains it, such as a pause."""
    agent_only: bool = False
    """The customer's channel shows no jump: the agent's voice moved in the call audio, the clocks didn't."""
    customer_evidence_only: bool = False
    """The agent speaks on one side of it only: a clock jump and a leg delay can't be told apart."""


@dataclass(frozen=True, slots=True)
class Window:
    """One measured window, for plots."""

    call_s: float
    lag_s: float
    channel: str
    weight: float
    accepted: bool
    """It is on its channel's chain, and the channel is present."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """The measurement. Offsets and lags in seconds; `None` means undetermined, never NaN."""

    status: str
    reason: str
    offset_s: float | None
    offset_ci_s: tuple[float, float] | None
    drift_ppm: float | None
    drift_ci_ppm: tuple[float, float] | None
    jumps: tuple[FoundJump, ...]
    sides: str
    lag_agent_s: float | None
    """The offset by the agent's channel alone."""
    lag_customer_s: float | None
    """The offset by the customer's channel alone; minus `lag_agent_s`, the customer leg's extra delay."""
    customer_steps: tuple[FoundJump, ...]
    """Changes of the customer leg's delay, without a jump of the recording clock."""
    coverage: float
    """Share of agreeing speech, 0..1: of the present channels, while the recording has audio."""
    alternative_offsets: tuple[AlternativeOffset, ...]
    windows: tuple[Window, ...]
    evidence: Evidence | None
    measured_call_end_s: float | None
    """Recording clock; by the agent's channel if present, with the jumps of that channel."""
    reported_call_end_s: float | None
    agent_shift_s: float = 0.0
    """Shift of the agent's channel for most of its speech, from its own jumps."""
    unmatched: tuple[Stretch, ...] = ()
    """Stretches of the call without agreement, although there is speech and the recording has audio."""
    knots: tuple[Knot, ...] = ()
    """Moments at which the clock's rate changes, from the call's start to its end; empty if the rate is constant."""

    belongs: Belonging | None = None
    """Whether both files belong to the same call; None if there is too little to ask."""
    spans: tuple[CallSpan, ...] = ()
    """The call, stretch by stretch; empty if nothing agrees."""
    spans_alignment: Alignment | None = None
    """The map at which `spans` and `recording_spans` were found; of a pair that isn't aligned, the likeliest one."""
    recording_spans: tuple[RecordingSpan, ...] = ()
    """Speech of the recording that the call audio doesn't have; empty if nothing agrees."""
    agent_part: Span | None = None
    """Call clock: the agent's part of the call; None if that is the whole call."""
    suspended: tuple[PrivateSpan, ...] = ()
    """The stretches of the call in which recording was suspended in Connect."""
    outside: tuple[OutsideSpan, ...] = ()
    """The same conversation before or after the call audio."""
    candidates: tuple[Candidate, ...] = ()
    """The places that the evidence allows, the most probable one first; empty if the pair is aligned."""

    @property
    def alignment(self) -> Alignment | None:
        """The map for the splice; None unless the status is `aligned`.

        A jump of the agent's channel alone (a jitter buffer before Connect, a microphone that lost samples) is no clock
        jump: following it would cut the customer's voice. The map uses the lag of most of the agent's speech.
        """
        if self.status != "aligned" or self.offset_s is None:
            return None
        return Alignment(
            self.offset_s + self.agent_shift_s,
            self.drift_ppm or 0.0,
            tuple(Jump(j.call_s, j.size_s) for j in self.jumps if not j.agent_only),
            self.knots,
            self.agent_part,
        )
