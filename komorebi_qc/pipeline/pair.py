"""A call and a recording, decoded and measured: audio at 8 kHz, timestamps, levels, sync.

`process` and `diagnose` share these functions, so that both measure the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.privacy.silenced import silenced
from komorebi_qc.core.samples import RATE, as_float, length
from komorebi_qc.findings.evidence import PairLevels
from komorebi_qc.findings.privacy.private_time import suspended_min_s
from komorebi_qc.measure.levels import ChannelLevels, LevelMeter
from komorebi_qc.media.decode_8khz import decode_call_8khz, decode_recording_8khz, probe_and_decode
from komorebi_qc.media.malloc import keep_freed_blocks
from komorebi_qc.media.packet_timing import PacketNotes, measure_timing
from komorebi_qc.sync import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from av.container import InputContainer
    from numpy.typing import NDArray

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.timebase import CallEnd, Span
    from komorebi_qc.core.timestamps.timing import Timing
    from komorebi_qc.sync import SyncResult

_BLOCK = RATE * 60
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ProbedRecording:
    """A recording's contents, and its audio if the file had to be read through to know them.

    Attributes:
        info: the tracks of the file.
        audio: mono audio at 8 kHz, shape ``(m,)``; None if it wasn't decoded yet.
        timing: packet timestamps; None if the file wasn't read through.
    """

    info: MediaInfo
    audio: NDArray[np.int16] | None = None
    timing: Timing | None = None


@dataclass(frozen=True, slots=True)
class DecodedAudio:
    """Both sides of a pair at 8 kHz, and the recording's timestamps.

    Attributes:
        call: the call audio, shape ``(n, 2)``: customer, agent; sample ``i`` at ``call_s = i / 8000``.
        recording: the recording's own audio, shape ``(m,)``; sample ``i`` at ``recording_s = i / 8000``.
        timing: the recording's packet timestamps.
    """

    call: Track
    recording: NDArray[np.int16]
    timing: Timing


@dataclass(frozen=True, slots=True)
class DecodedPair:
    """Both sides of a pair at 8 kHz, and the sync measurement.

    Attributes:
        call: the call audio, shape ``(n, 2)``: customer, agent; sample ``i`` at ``call_s = i / 8000``.
        recording: the recording's own audio, shape ``(m,)``; sample ``i`` at ``recording_s = i / 8000``.
        result: the sync measurement.
        timing: the recording's packet timestamps.
    """

    call: Track
    recording: NDArray[np.int16]
    result: SyncResult
    timing: Timing

    def in_memory(self) -> DecodedPair:
        """The same pair with samples that outlive the files they came from."""
        return replace(self, call=np.asarray(self.call[0 : length(self.call)]))


def refuse_same_file(call: Source, recording: Source) -> None:
    """Check that the two inputs differ: a file agrees with itself, and that would mean nothing.

    Raises:
        InputError: both have the same content.
    """
    if call.size != recording.size:
        return
    ours, theirs = call.reopen().file, recording.reopen().file
    ours.seek(0)
    theirs.seek(0)
    while (piece := ours.read(_PIECE_BYTES)) == theirs.read(_PIECE_BYTES):
        if not piece:
            raise InputError(
                f"{call.name} and {recording.name} are the same file: give the call audio and the agent recording"
            )


def read_recording(recording: Source, check_cancelled: Callable[[], None] = lambda: None) -> ProbedRecording:
    """Probe a recording that will be decoded. A file without an index is decoded in the same pass.

    Args:
        recording: the agent recording.
        check_cancelled: called between two blocks; its exception ends the work.

    Raises:
        MediaError: the file isn't media, or has no video.
    """
    notes = _TimingNotes()
    info, audio = probe_and_decode(recording, notes.watch, check_cancelled)
    return ProbedRecording(info) if audio is None else ProbedRecording(info, audio, notes.timing())


def decode_audio(
    call: Source,
    call_info: MediaInfo,
    recording: Source,
    probed: ProbedRecording,
    check_cancelled: Callable[[], None] = lambda: None,
) -> DecodedAudio:
    """Decode both sides to 8 kHz. The recording is read once for its audio and its timestamps.

    Args:
        call: the call audio.
        call_info: the tracks of the call audio.
        recording: the agent recording.
        probed: the result of `read_recording`.
        check_cancelled: called between two blocks; its exception ends the work.

    Raises:
        MediaError: a file can't be opened.
    """
    ours = decode_call_8khz(call, call_info, check_cancelled)
    audio, timing = probed.audio, probed.timing
    if audio is None:
        notes = _TimingNotes()
        audio = decode_recording_8khz(recording, probed.info, notes.watch, check_cancelled)
        timing = notes.timing()
    # Nothing is decoded of a recording without audio, so its packets are read for their timestamps alone.
    return DecodedAudio(ours, audio, measure_timing(recording) if timing is None else timing)


def measure_pair(
    audio: DecodedAudio,
    call_end: CallEnd | None,
    check_cancelled: Callable[[], None] = lambda: None,
    *,
    limits: Limits = DEFAULT,
    beeps: Sequence[Span] = (),
) -> DecodedPair:
    """Measure the call's position on the recording clock.

    Args:
        audio: both sides.
        call_end: the reported call end; None if it isn't known.
        check_cancelled: called before the measurement; its exception ends the work.
        limits: the limits of the run; one of them is the shortest suspension.
        beeps: spans of the call that the measurement takes as silent: they would contradict the recording's speech.
    """
    check_cancelled()
    least_s = suspended_min_s(limits)
    with keep_freed_blocks():
        result = measure(
            silenced(audio.call, beeps),
            audio.recording,
            None if call_end is None else call_end.recording_s,
            1.0 if call_end is None else call_end.resolution_s,
            suspended_min_s=least_s,
        )
    return DecodedPair(audio.call, audio.recording, result, audio.timing)


def measure_levels(audio: DecodedAudio | DecodedPair, info: MediaInfo) -> PairLevels:
    """Measure the levels of both sides in the telephone band.

    Args:
        audio: both sides at 8 kHz.
        info: the tracks of the recording.
    """
    with keep_freed_blocks():
        customer, agent = _levels(audio.call)
        (mixed,) = _levels(audio.recording)
    return PairLevels(customer, agent, mixed, has_recording_audio=info.audio is not None)


def _levels(track: Track) -> tuple[ChannelLevels, ...]:
    channels = track.shape[1] if len(track.shape) > 1 else 1
    meter = LevelMeter(RATE, channels)
    for start in range(0, track.shape[0], _BLOCK):
        meter.add(as_float(track[start : start + _BLOCK]).reshape(-1, channels))
    return meter.result()


class _TimingNotes:
    """Collects packet timestamps while a file is read for its audio."""

    def __init__(self) -> None:
        self._notes: PacketNotes | None = None

    def watch(self, container: InputContainer) -> Callable[[Any], None]:
        self._notes = PacketNotes(container)
        return self._notes.note

    def timing(self) -> Timing | None:
        return None if self._notes is None else self._notes.timing()
