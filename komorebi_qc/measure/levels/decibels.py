"""Powers as levels in dBFS."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Floats

FLOOR_DBFS = -120.0
"""Arrays of levels have this for zero power: 24 dB below the last bit of 16-bit samples."""


def level_dbfs(power: float) -> float | None:
    """The level of a mean square, full scale 1; None for 0."""
    return 10 * math.log10(power) if power > 0 else None


def levels_dbfs(powers: Floats) -> Floats:
    """The level of each mean square, full scale 1; at least `FLOOR_DBFS`. Any shape."""
    return cast("Floats", 10 * np.log10(np.maximum(powers, np.float32(10 ** (FLOOR_DBFS / 10)))))
