"""From a quick look to a status: of the pieces, or of the whole call if they leave a doubt and it is short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from komorebi_qc.measure.quick.look import look
from komorebi_qc.sync.measure import without_offset

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.measure.quick.look import QuickLook
    from komorebi_qc.measure.quick.sparse import SpanReader
    from komorebi_qc.sync import SyncResult

WHOLE_MOST_S = 900.0
"""The longest call that is measured whole if the pieces leave a doubt."""

Measured = Literal["pieces", "whole"]


@dataclass(frozen=True, slots=True)
class Settled:
    """The status of a call by a quick look.

    Attributes:
        result: the sync measurement.
        measured: ``pieces``, or ``whole``.
        doubts: of the pieces about the place and the clock; empty if they settle the call.
        look: the quick look.
    """

    result: SyncResult
    measured: Measured
    doubts: tuple[str, ...]
    look: QuickLook


def settle(
    call: Track,
    call_s: float,
    recording: SpanReader,
    call_end: CallEnd,
    whole: Callable[[], SyncResult],
    trembles: Callable[[], bool] = lambda: False,
) -> Settled:
    """Look at a few pieces, and measure the whole call if they leave a doubt and it isn't long.

    A long call keeps its place if only the clock is in doubt. With a doubt about its place it is ``insufficient``.

    Args:
        call: Connect's audio at 8 kHz.
        call_s: its length.
        recording: the recording's audio.
        call_end: the reported call end.
        whole: measures the whole call.
        trembles: whether the recording's timestamps trembled while the pieces were read.
    """
    found = look(call, recording, call_end)
    unsteady = ("the recording's timestamps tremble",) if trembles() else ()
    doubts = (*found.doubts, *found.clock_doubts, *unsteady)
    if doubts and call_s <= WHOLE_MOST_S:
        return Settled(whole(), "whole", doubts, found)
    result = found.result
    if result is None or found.doubts:
        reason = f"a quick look can't settle this call: {'; '.join(found.doubts)}"
        result = without_offset("insufficient", reason, call_end.recording_s)
    return Settled(result, "pieces", doubts, found)
