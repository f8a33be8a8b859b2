"""A recording whose clock is far off: its audio stretched onto the call's rate, and the result put back on its clock.

Windows of a second blur if the clock is off by a thousandth. So the recording is resampled by its rough drift, the rest
is measured as usual, and all recording times of the result are scaled.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import soxr

from komorebi_qc.core.samples import RATE, length, piece
from komorebi_qc.core.timebase import Alignment, Jump, Knot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Track
    from komorebi_qc.sync.result import FoundJump, SyncResult

_BLOCK = 60 * RATE


def stretched(recording: Track, drift: float) -> NDArray[np.int16]:
    """Return the recording on a clock that runs slower by `drift`, a plain ratio; shape ``(m / (1 + drift),)``."""
    stream = soxr.ResampleStream(RATE * (1.0 + drift), RATE, 1, dtype="float32", quality="HQ")
    n = length(recording)
    # One array from the start: a list of blocks, joined at its end, would hold the recording twice.
    stretched_copy, at = np.zeros(int(n / (1.0 + drift)) + _BLOCK, np.int16), 0
    for start in range(0, n, _BLOCK):
        block = piece(recording, start, min(start + _BLOCK, n))
        out = stream.resample_chunk(block, last=start + _BLOCK >= n)
        stretched_copy[at : at + len(out)] = np.clip(np.rint(out * 32768.0), -32768, 32767)
        at += len(out)
    return stretched_copy[:at]


def put_back(result: SyncResult, drift: float, reported_call_end_s: float | None) -> SyncResult:
    """Return the result of a stretched recording on the recording's own clock.

    Args:
        result: of the stretched recording.
        drift: as it was stretched, a plain ratio.
        reported_call_end_s: on the recording's own clock.
    """
    rate = 1.0 + drift

    def scaled(value: float | None) -> float | None:
        return None if value is None else value * rate

    def pair(values: tuple[float, float] | None) -> tuple[float, float] | None:
        return None if values is None else (values[0] * rate, values[1] * rate)

    def ppm(value: float) -> float:
        return (rate * (1.0 + value * 1e-6) - 1.0) * 1e6

    def moved(jump: FoundJump) -> FoundJump:
        low, high = jump.size_ci_s
        return replace(jump, size_s=jump.size_s * rate, size_ci_s=(low * rate, high * rate))

    alignment, interval = result.spans_alignment, result.drift_ci_ppm
    return replace(
        result,
        offset_s=scaled(result.offset_s),
        offset_ci_s=pair(result.offset_ci_s),
        drift_ppm=None if result.drift_ppm is None else ppm(result.drift_ppm),
        drift_ci_ppm=None if interval is None else (ppm(interval[0]), ppm(interval[1])),
        jumps=tuple(moved(j) for j in result.jumps),
        customer_steps=tuple(moved(j) for j in result.customer_steps),
        lag_agent_s=scaled(result.lag_agent_s),
        lag_customer_s=scaled(result.lag_customer_s),
        alternative_offsets=tuple(
            replace(a, offset_s=a.offset_s * rate, period_s=a.period_s * rate) for a in result.alternative_offsets
        ),
        windows=tuple(replace(w, lag_s=(w.call_s + w.lag_s) * rate - w.call_s) for w in result.windows),
        measured_call_end_s=scaled(result.measured_call_end_s),
        reported_call_end_s=reported_call_end_s,
        agent_shift_s=result.agent_shift_s * rate,
        knots=tuple(Knot(k.call_s, k.deviation_s * rate) for k in result.knots),
        recording_spans=tuple(replace(s, from_s=s.from_s * rate, to_s=s.to_s * rate) for s in result.recording_spans),
        spans_alignment=None
        if alignment is None
        else Alignment(
            alignment.offset_s * rate,
            ppm(alignment.drift_ppm),
            tuple(Jump(j.call_s, j.size_s * rate) for j in alignment.jumps),
            tuple(Knot(k.call_s, k.deviation_s * rate) for k in alignment.knots),
        ),
        candidates=tuple(
            replace(c, offset_s=c.offset_s * rate, call_end_s=c.call_end_s * rate, drift_ppm=ppm(c.drift_ppm))
            for c in result.candidates
        ),
    )
