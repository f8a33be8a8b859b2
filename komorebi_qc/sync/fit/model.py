"""The fit's input and output: accepted windows, steps between runs, the alignment with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Flags


CUSTOMER, AGENT = 0, 1


@dataclass(frozen=True, slots=True)
class Points:
    """Accepted windows of one channel, in time order."""

    time_s: Doubles
    """Call clock, the window's centre."""
    lag_s: Doubles
    sigma_s: Doubles
    """Relative trust; the absolute scale comes out of the scatter."""
    half_s: float

    def take(self, which: Flags) -> Points:
        """The windows where `which` holds."""
        return Points(self.time_s[which], self.lag_s[which], self.sigma_s[which], self.half_s)


@dataclass(frozen=True, slots=True)
class LagStep:
    """A jump between two runs, as found in one channel or in both."""

    after_s: float
    """Call clock: the last window before it is centred here."""
    before_s: float
    """And the first one after it here."""
    size_s: float
    sigma_s: float
    agent_only: bool = False
    """The customer's channel runs on across it: Connect's recorder moved the agent's channel alone."""
    customer_evidence_only: bool = False
    """The agent speaks on one side of it only: the clock or the customer's leg, nothing heard tells which."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The alignment and its covariance."""

    offset_s: float
    offset_sigma_s: float
    drift_ppm: float
    drift_sigma_ppm: float
    steps: tuple[LagStep, ...]
    private: tuple[LagStep, ...]
    lag_s: tuple[float | None, float | None]
    """(customer, agent): each channel's own lag at the call's beginning; None where it is not heard."""
    kept: tuple[Flags, Flags]
    """Which of the points the fit rests on, per channel."""
    scatter_s: float
