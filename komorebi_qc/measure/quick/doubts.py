"""The doubts that a measurement of pieces leaves: about the place, and about the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.finding import counted
from komorebi_qc.sync.evidence.classify import speaker_changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.measure.quick.search import PieceSearch
    from komorebi_qc.sync import SyncResult

LEAST_TURNS, LEAST_ALTERNATIONS = 6, 3
"""Turns at one place, and changes of the speaker, of a conversation that two calls never share."""
LEAST_TURNS_ALONE = 9
"""The same if only one voice is in the recording."""
LEAST_COVERAGE, LEAST_PIECES = 0.8, 0.85
"""Shares of the speech and of the pieces that agree."""
MOST_DRIFT_PPM = 150.0
MOST_BEND_S, BENT, _EXACT_S = 1e-5, 3.0, 3e-6
"""Pieces off the map by this much, and by so many times their own uncertainty: a clock whose rate changes."""
_LEAST_WINDOWS = 3


def place_doubts(result: SyncResult, search: PieceSearch) -> Iterator[str]:
    """Yield the reasons for which the pieces aren't enough to be sure of the place."""
    yield from _measured_doubts(result)
    missing, found = search.missing, [piece.middle_s for piece in search.lags_s]
    total = len(found) + len(missing)
    if len(missing) > max(1.0, (1.0 - LEAST_PIECES) * total):
        yield f"{len(missing)} of {total} pieces of the call aren't in the recording"
    elif any(not min(found) <= piece.middle_s <= max(found) for piece in missing):
        yield "the call's first or last words aren't in the recording"


def _measured_doubts(result: SyncResult) -> Iterator[str]:
    e = result.evidence
    if result.status != "aligned" or e is None:
        yield result.reason
        return
    turns = e.customer.distinct_turns + e.agent.distinct_turns
    is_alone = result.sides != "both"
    if turns < (LEAST_TURNS_ALONE if is_alone else LEAST_TURNS):
        yield f"only {counted(turns, 'turn')} agree"
    if not is_alone and speaker_changes(e) < LEAST_ALTERNATIONS:
        yield "the speaker changes too seldom"
    if e.coverage < LEAST_COVERAGE:
        yield f"{e.coverage:.0%} of the speech agrees"


def clock_doubts(result: SyncResult, search: PieceSearch) -> Iterator[str]:
    """Yield the reasons for which they aren't enough for the clock: whose jump it is, for one, needs more speech."""
    if result.jumps:
        yield f"{counted(len(result.jumps), 'jump')} of the clock"
    if abs(result.drift_ppm or 0.0) > MOST_DRIFT_PPM:
        yield f"a drift of {result.drift_ppm:.0f} ppm"
    if not result.jumps and _is_bent(result, search):
        yield "the clock's rate changes"


def _is_bent(result: SyncResult, search: PieceSearch) -> bool:
    """Return whether the pieces of the leading voice are beside the map by more than their windows scatter."""
    alignment = result.alignment
    if alignment is None:
        return False
    lead = "customer" if result.sides == "customer" else "agent"
    off, sigma = [], []
    for piece in search.lags_s:
        rest = np.array(
            [
                w.lag_s - (alignment.to_recording(w.call_s) - w.call_s)
                for w in result.windows
                if w.accepted and w.channel == lead and piece.span.start_s <= w.call_s <= piece.span.end_s
            ]
        )
        if len(rest) >= _LEAST_WINDOWS:
            middle = float(np.median(rest))
            off.append(middle)
            sigma.append(1.4826 * float(np.median(np.abs(rest - middle))) / len(rest) ** 0.5)
    if len(off) < 2:
        return False
    beside = np.array(off)
    times = beside / np.maximum(np.array(sigma), _EXACT_S)
    return bool(np.sqrt(np.mean(beside**2)) > MOST_BEND_S and np.sqrt(np.mean(times**2)) > BENT)
