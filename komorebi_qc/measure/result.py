"""What the check of a produced file found, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komorebi_qc.core.timing import Discontinuity
    from komorebi_qc.measure.residual_lag import Residual
    from komorebi_qc.measure.seam import SeamCheck


@dataclass(frozen=True, slots=True)
class ResultCheck:
    """All that was measured on the produced file.

    Attributes:
        seams: in order.
        call: Connect's audio in the output.
        own: the recording's own audio in the output.
        stamps: gaps and overlaps in the output's audio time stamps.
    """

    seams: tuple[SeamCheck, ...]
    call: Residual
    own: Residual
    stamps: tuple[Discontinuity, ...]
