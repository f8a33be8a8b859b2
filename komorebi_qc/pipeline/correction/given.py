"""An alignment that a person gives to one command, by numbers or by a correction. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.pipeline.options import Order

if TYPE_CHECKING:
    from komorebi_qc.core.analyst.correction import Correction
    from komorebi_qc.core.timebase import Alignment, CallEnd


@dataclass(frozen=True, slots=True)
class GivenAlignment:
    """An alignment that replaces the measured one.

    Attributes:
        alignment: the call's position on the recording clock.
        correction: the correction that it is from; None if a person wrote the numbers.
    """

    alignment: Alignment
    correction: Correction | None = None

    def check(self, call_s: float) -> None:
        """Check that the correction fits a call of this length.

        Raises:
            InputError: a jump is outside of it.
        """
        if self.correction is not None:
            self.correction.check_call(call_s)


def order_with(recording_id: str, call_end: CallEnd, given: GivenAlignment | None) -> Order:
    """The order with a given alignment."""
    if given is None:
        return Order(recording_id, call_end)
    return Order(recording_id, call_end, given.alignment, given.correction)
