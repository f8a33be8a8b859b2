"""Runs of marked elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Flags, Ints


def runs(marks: Flags) -> tuple[Ints, Ints]:
    """Find the runs of True in `marks`, shape ``(n,)``.

    Returns:
        The first index of each run, and the index behind its last element.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2]
