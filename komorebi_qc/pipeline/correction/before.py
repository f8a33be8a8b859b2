"""The call where it would be without an analyst's alignment, beside the result with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from komorebi_qc.core.splice import Splice
    from komorebi_qc.findings.evidence import Placement


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """The call at its place without an analyst's alignment, on the output clock of the result with it.

    Both are at the same moment of the recording at the same index, so that a player can switch between them.

    Attributes:
        placement: the alignment that the software would use.
        timeline: which source would play when, on the output clock of that alignment.
        customer: the call audio's left channel at 8 kHz, ``(n,)``; sample ``i`` is at ``output_s = i / 8000``.
        agent: the call audio's right channel.
    """

    placement: Placement
    timeline: Splice
    customer: NDArray[np.int16]
    agent: NDArray[np.int16]


def on_clock(samples: NDArray[np.int16], shift_s: float, length: int) -> NDArray[np.int16]:
    """Samples on another output clock, cut or filled with silence.

    Args:
        samples: ``(n,)`` at 8 kHz.
        shift_s: by how much they are later on the other clock; may be negative.
        length: samples of the result.
    """
    shift = round(shift_s * RATE)
    out = np.zeros(length, np.int16)
    kept = samples[max(0, -shift) :][: max(0, length - max(0, shift))]
    out[max(0, shift) : max(0, shift) + len(kept)] = kept
    return out
