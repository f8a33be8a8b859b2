"""Which alignment a call is joined by: the measured one where it is sure, else as told; never another call's. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.errors import WrongPairError
from komorebi_qc.core.splice import align_as_told
from komorebi_qc.findings.evidence import Placement

if TYPE_CHECKING:
    from komorebi_qc.core.timebase import Alignment, CallEnd
    from komorebi_qc.sync import SyncResult


def place(
    call_end: CallEnd, call_s: float, *, given: Alignment | None, measured: SyncResult | None, force: bool
) -> Placement:
    """Choose the alignment.

    Args:
        call_end: as told.
        call_s: the call's length.
        given: by the caller; it wins.
        measured: from the sound; None where it wasn't measured.
        force: join a pair that doesn't belong together all the same.

    Raises:
        WrongPairError: where the sound says that the two belong to different calls, unless forced.
    """
    if measured is not None and measured.status == "wrong_pair" and not force:
        raise WrongPairError(
            f"the call's audio and the recording belong to different calls ({measured.reason}): nothing was published; "
            "check the recording ID and its media, or force it"
        )
    if given is not None:
        return Placement(given, "given", measured)
    if measured is not None and measured.alignment is not None:
        return Placement(measured.alignment, "measured", measured)
    return Placement(align_as_told(call_end, call_s), "told", measured)
