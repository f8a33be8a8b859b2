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
    """Relative uncertainty; the scatter gives the absolute scale."""
    half_s: float

    def take(self, which: Flags) -> Points:
        """Return the windows selected by `which`."""
        return Points(self.time_s[which], self.lag_s[which], self.sigma_s[which], self.half_s)


@dataclass(frozen=True, slots=True)
class LagStep:
    """A jump between two runs, in one channel or in both."""

    after_s: float
    """Call clock: centre of the last window before it."""
    before_s: float
    """Call clock: centre of the first window after it."""
    size_s: float
    sigma_s: float
    agent_only: bool = False
    """The customer's channel shows no step: only the agent's channel moved in Connect's recorder."""
    customer_evidence_only: bool = False
    """The agent speaks on one side of it only: a clock jump and a leg delay can't be told apart."""


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
    """(customer, agent): each channel's own lag at the call's start; None if the channel is absent."""
    kept: tuple[Flags, Flags]
    """The points that the fit uses, per channel."""
    scatter_s: float
    knots_s: tuple[float, ...] = ()
    """Call clock: the moments at which the rate changes."""
    bends: tuple[float, ...] = ()
    """The change of rate at each knot, as a plain ratio. `drift_ppm` is the rate before the first knot."""
