"""One of several files of an agent recording, measured against the call by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import NOTHING_PUBLISHED, HeldError, WrongPairError
from komorebi_qc.core.joining.places import MeasuredFile
from komorebi_qc.core.timebase import Alignment
from komorebi_qc.media.decode_8khz import decode_recording_8khz
from komorebi_qc.media.joining.start_time import started_at
from komorebi_qc.media.malloc import keep_freed_blocks
from komorebi_qc.pipeline.pair import read_recording
from komorebi_qc.pipeline.placement import CANDIDATE_BOUND_S, LEG_S, SURE
from komorebi_qc.sync import measure
from komorebi_qc.sync.evidence.candidates import LEAST_SCORE

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.source import Source
    from komorebi_qc.sync import SyncResult


@dataclass(frozen=True, slots=True)
class ProbedFile:
    """A file and its measurement.

    Attributes:
        source: the file.
        info: its tracks.
        measured: its place against the call.
    """

    source: Source
    info: MediaInfo
    measured: MeasuredFile


def measure_file(call: Track, source: Source, check_cancelled: Callable[[], None] = lambda: None) -> ProbedFile:
    """Measure where the call is on a file's own clock.

    Args:
        call: the call audio at 8 kHz.
        source: the file.
        check_cancelled: called between two blocks; its exception ends the work.

    Raises:
        MediaError: the file isn't an agent recording.
        WrongPairError: the file belongs to another call.
        HeldError: something speaks against the file.
    """
    probed = read_recording(source, check_cancelled)
    audio = decode_recording_8khz(source, probed.info, None, check_cancelled) if probed.audio is None else probed.audio
    check_cancelled()
    with keep_freed_blocks():
        result = measure(call, audio)
    _refuse_other_call(source.name, result)
    alignment, is_measured, bound_s = _place(result)
    measured = MeasuredFile(
        source.name,
        probed.info.end_s,
        alignment,
        "start_time" if alignment is None else "sound" if is_measured else "few_words",
        bound_s,
        started_at(source),
        result.reason,
    )
    return ProbedFile(source, probed.info, measured)


def _refuse_other_call(name: str, result: SyncResult) -> None:
    """Check that a file isn't of another call; no setting joins it nevertheless.

    Raises:
        WrongPairError: it is.
        HeldError: something speaks against it.
    """
    if result.status == "wrong_pair":
        raise WrongPairError(
            f"{name} and the call audio belong to different calls ({result.reason}){NOTHING_PUBLISHED}. Leave {name} "
            "out; the other files may be right"
        )
    if result.status != "aligned" and result.belongs is not None and result.belongs.speaks_against:
        raise HeldError(
            f"{name} may belong to another call ({result.reason}){NOTHING_PUBLISHED}. Watch it, and leave it out if it "
            "does",
            result.reason,
        )


def _place(result: SyncResult) -> tuple[Alignment | None, bool, float]:
    """The place of the call on the file's clock, whether it is measured, and how far off it can be."""
    if result.alignment is not None:
        low, high = result.offset_ci_s or (0.0, 0.0)
        return result.alignment, True, (high - low) / 2
    likely = [one for one in result.candidates if one.score >= LEAST_SCORE]
    is_sure = result.belongs is not None and result.belongs.probability >= SURE
    if is_sure and len(likely) == 1:
        leg_s = LEG_S if result.sides == "customer" else 0.0
        return Alignment(likely[0].offset_s, likely[0].drift_ppm), False, CANDIDATE_BOUND_S + leg_s
    return None, False, 0.0
