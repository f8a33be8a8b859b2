"""Sync results to draw: with a jump, with alternative offsets, and without any measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.sync.alternative_offsets import AlternativeOffset
from komorebi_qc.sync.result import FoundJump, SyncResult, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

CALL_S, OFFSET_S, JUMP = 60.0, 2.0, FoundJump(30.0, 0.35, (0.3499, 0.3501), (29.0, 31.0))


def tracks(call_s: float = CALL_S, recording_s: float = 75.0) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """A call and a recording of faint noise."""
    rng = np.random.default_rng(0)
    call = rng.integers(-800, 800, (int(call_s * 8000), 2), dtype=np.int16)
    return call, rng.integers(-800, 800, int(recording_s * 8000), dtype=np.int16)


def sync_result(status: str = "aligned", *, jumps: tuple[FoundJump, ...] = (JUMP,), windows: int = 50) -> SyncResult:
    """A result with a jump, a customer leg 180 ms late, and one rejected window far away."""
    jumped = sum(j.size_s for j in jumps)
    seen = [Window(t, OFFSET_S + jumped * (t > 30), "agent", 20.0, accepted=True) for t in np.linspace(1, 59, windows)]
    seen += [Window(w.call_s, w.lag_s + 0.18, "customer", 20.0, accepted=True) for w in seen]
    seen.append(Window(10.0, OFFSET_S + 500.0, "agent", 5.0, accepted=False))
    others = (AlternativeOffset(10.0, 8.0, 0.9), AlternativeOffset(-6.0, 8.0, 0.8)) if status == "ambiguous" else ()
    return SyncResult(
        status=status,
        reason="58 s of 58 s of speech agree",
        offset_s=OFFSET_S,
        offset_ci_s=(1.9999, 2.0001),
        drift_ppm=0.0,
        drift_ci_ppm=(-0.5, 0.5),
        jumps=jumps,
        sides="both",
        lag_agent_s=OFFSET_S,
        lag_customer_s=OFFSET_S + 0.18,
        customer_steps=(),
        coverage=1.0,
        alternative_offsets=others,
        windows=tuple(seen),
        evidence=None,
        measured_call_end_s=62.35,
        reported_call_end_s=62.0,
    )


def empty_result() -> SyncResult:
    """A result without any measurement."""
    return SyncResult(
        "insufficient", "silent", None, None, None, None, (), "none", None, None, (), 0.0, (), (), None, None, None
    )
