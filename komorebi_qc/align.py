"""Which alignment a call is joined by: the measured one where it is sure, else as told; never another call's. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from komorebi_qc.errors import WrongPairError
from komorebi_qc.splice import align_as_told

if TYPE_CHECKING:
    from komorebi_qc.sync import SyncResult
    from komorebi_qc.timebase import Alignment, CallEnd

AlignmentSource = Literal["measured", "told", "given"]


@dataclass(frozen=True, slots=True)
class Placed:
    """The alignment that is used.

    Attributes:
        alignment: where the call lies on the recording's clock.
        source: ``measured`` from the sound, ``told`` by the call end, or ``given`` by the caller.
        measured: what the measurement said, whether or not it was used; None where none was made.
    """

    alignment: Alignment
    source: AlignmentSource
    measured: SyncResult | None


def place(
    call_end: CallEnd, call_s: float, *, given: Alignment | None, measured: SyncResult | None, force: bool
) -> Placed:
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
        return Placed(given, "given", measured)
    if measured is not None and measured.alignment is not None:
        return Placed(measured.alignment, "measured", measured)
    return Placed(align_as_told(call_end, call_s), "told", measured)
