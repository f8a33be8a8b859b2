"""Where a track is clipped: the places of what the levels count."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.timebase import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEAR, _FULL = 32_113, 32_767
"""0.98 of full scale, where G.711's flat tops lie, and full scale itself; as `komorebi_qc.measure.levels` has it."""
_FEWEST = 3
_TOGETHER_S = 0.2


def clipped_spans(samples: NDArray[np.int16], rate: int) -> list[Span]:
    """Rows of 3 samples and more in a flat top or at full scale; rows nearer than 0.2 s make one span.

    Args:
        samples: ``(n,)``.
        rate: samples a second.
    """
    loud = np.flatnonzero((samples >= _NEAR) | (samples <= -_NEAR))
    if len(loud) < _FEWEST:
        return []
    values = samples[loud].astype(np.int32)
    sizes = np.abs(values)
    follows = (np.diff(loud) == 1) & ((values[1:] > 0) == (values[:-1] > 0))
    flat = (np.abs(np.diff(values)) <= 1) | (np.minimum(sizes[1:], sizes[:-1]) >= _FULL)
    edges = np.diff(np.concatenate([[0], (follows & flat).astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    long_enough = ends - starts >= _FEWEST - 1
    rows = [(int(loud[a]), int(loud[b]) + 1) for a, b in zip(starts[long_enough], ends[long_enough], strict=True)]
    if not rows:
        return []
    cuts = [0, *(k + 1 for k, (a, b) in enumerate(pairwise(rows)) if b[0] - a[1] > _TOGETHER_S * rate), len(rows)]
    return [Span(rows[a][0] / rate, rows[b - 1][1] / rate) for a, b in pairwise(cuts)]
