"""The result of a sync measurement, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import Alignment, Jump

if TYPE_CHECKING:
    from komorebi_qc.sync.agreement import Stretch
    from komorebi_qc.sync.alternative_offsets import AlternativeOffset
    from komorebi_qc.sync.classify import Evidence


@dataclass(frozen=True, slots=True)
class FoundJump:
    """A jump with its uncertainty."""

    call_s: float
    size_s: float
    size_ci_s: tuple[float, float]
    between_s: tuple[float, float]
    """Call clock: it lies in here (a pause, or silence, tells no more)."""
    agent_only: bool = False
    """The customer's channel runs on across it: the agent's voice moved in Connect's audio, the clocks did not."""
    customer_evidence_only: bool = False
    """The agent speaks on one side of it only: the clock or the customer's leg, nothing heard tells which."""


@dataclass(frozen=True, slots=True)
class Window:
    """One measured window, for plots."""

    call_s: float
    lag_s: float
    channel: str
    weight: float
    accepted: bool
    """It lies on the course of its channel, and its channel is heard."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What was measured. Offsets and lags in seconds; `None` means undetermined, never NaN."""

    status: str
    reason: str
    offset_s: float | None
    offset_ci_s: tuple[float, float] | None
    drift_ppm: float | None
    drift_ci_ppm: tuple[float, float] | None
    jumps: tuple[FoundJump, ...]
    sides: str
    lag_agent_s: float | None
    """The offset as the agent's channel alone tells it."""
    lag_customer_s: float | None
    """And the customer's; minus `lag_agent_s`, the customer leg's extra delay."""
    customer_steps: tuple[FoundJump, ...]
    """Changes of the customer leg's delay alone: no jumps of the recording's clock."""
    coverage: float
    """Share of the speech that agrees, 0..1: of the channels that are heard, where the recording has audio."""
    alternative_offsets: tuple[AlternativeOffset, ...]
    windows: tuple[Window, ...]
    evidence: Evidence | None
    measured_call_end_s: float | None
    """Recording clock; by the agent's channel where it is heard, with the jumps of that channel alone."""
    reported_call_end_s: float | None
    agent_shift_s: float = 0.0
    """How much later than at `offset_s` the agent's channel lies for most of its speech, by jumps of its own alone."""
    unmatched: tuple[Stretch, ...] = ()
    """Stretches of the call in which nothing agrees, although there is speech and the recording has audio."""

    @property
    def alignment(self) -> Alignment | None:
        """The map to splice by; None where the status does not allow it.

        A jump of the agent's channel alone (a jitter buffer on the way to Connect, a microphone that lost samples) is
        none of the clocks': to follow it would cut the customer's voice. The map keeps to the lag that most of the
        agent's speech has.
        """
        if self.status != "aligned" or self.offset_s is None:
            return None
        return Alignment(
            self.offset_s + self.agent_shift_s,
            self.drift_ppm or 0.0,
            tuple(Jump(j.call_s, j.size_s) for j in self.jumps if not j.agent_only),
        )
