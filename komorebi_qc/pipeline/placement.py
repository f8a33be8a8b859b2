"""The alignment of a call: manual, measured, or by the reported call end; never another call's. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.errors import NOTHING_PUBLISHED, InputError, WrongPairError
from komorebi_qc.core.splice import align_to_call_end
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.findings.evidence import Placement

if TYPE_CHECKING:
    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.timebase import Alignment, CallEnd
    from komorebi_qc.sync import SyncResult

FAR_AWAY_S = 3600.0


def place(
    call_end: CallEnd, call_s: float, *, manual: Alignment | None, measured: SyncResult | None, force: bool
) -> Placement:
    """Choose the alignment: a manual one first, then a measured one, then the reported call end.

    Args:
        call_end: the reported call end.
        call_s: the call's length.
        manual: the caller's alignment.
        measured: the sync measurement; None if sync wasn't measured.
        force: place a pair of different calls anyway.

    Raises:
        WrongPairError: the audio belongs to two different calls, and `force` isn't set.
    """
    if measured is not None and measured.status == "wrong_pair" and not force:
        raise WrongPairError(
            f"the call audio and the recording belong to different calls ({measured.reason}){NOTHING_PUBLISHED}. "
            "Check that both files belong to the same call, or join them anyway with --force"
        )
    if manual is not None:
        return Placement(manual, "manual", measured)
    if measured is not None and measured.alignment is not None:
        return Placement(measured.alignment, "measured", measured)
    return Placement(align_to_call_end(call_end, call_s), "call_end", measured)


def refuse_far_away(alignment: Alignment, call_s: float, info: MediaInfo) -> None:
    """Check that a call is near its recording: a typing error in a time must not cost hours of silence.

    Args:
        alignment: the call's position.
        call_s: the call's length.
        info: the recording.

    Raises:
        InputError: the call begins or ends over an hour away from the recording.
    """
    from_s, to_s = alignment.to_recording(0.0), alignment.to_recording(call_s)
    if from_s > info.end_s + FAR_AWAY_S or to_s < -FAR_AWAY_S:
        raise InputError(
            f"the call would be from {clock_text(from_s)} to {clock_text(to_s)}, over an hour away from the recording "
            f"{info.name} (which ends at {clock_text(info.end_s)}): check the call end, or the offset"
        )
