"""The measurements of a written file, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komorebi_qc.core.timebase import Span
    from komorebi_qc.core.timestamps.timing import Discontinuity
    from komorebi_qc.measure.alignment_residual import AlignmentResidual
    from komorebi_qc.measure.residual_lag import Residual
    from komorebi_qc.measure.seam import SeamCheck


@dataclass(frozen=True, slots=True)
class MaskLevel:
    """The sound left in one mask.

    Attributes:
        output: the mask.
        level_db: level of its loudest 20 ms, dB relative to full scale, the louder channel; at least -120. The codec's
            spread of the sound beside the mask doesn't count.
    """

    output: Span
    level_db: float


@dataclass(frozen=True, slots=True)
class ResultCheck:
    """The measurements of a written file.

    Attributes:
        seams: in order.
        call: the call audio in the output.
        own: the recording's own audio in the output.
        discontinuities: gaps and overlaps in the output's audio timestamps.
        alignment: the call in the output compared with the recording's own sound; None if that sound wasn't decoded.
    """

    seams: tuple[SeamCheck, ...]
    call: Residual
    own: Residual
    discontinuities: tuple[Discontinuity, ...]
    alignment: AlignmentResidual | None = None
