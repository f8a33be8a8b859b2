"""Whether a call and a recording belong together, and where the one lies in the other; nothing is written."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc import __version__
from komorebi_qc.core.errors import InputError
from komorebi_qc.core.finding import Finding, Status, verdict
from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.core.samples import as_float, length
from komorebi_qc.findings.inputs import before_recording, call_findings, past_recording, recording_findings
from komorebi_qc.findings.levels import level_findings
from komorebi_qc.findings.sync import call_end_dict, sync_dict, sync_findings
from komorebi_qc.findings.timing import timing_findings
from komorebi_qc.measure.levels import ChannelLevels, Meter
from komorebi_qc.media.decode_8khz import (
    RATE,
    buffer_in_memory,
    decode_call_8khz,
    decode_recording_8khz,
    probe_and_decode,
)
from komorebi_qc.media.memory import keeping_freed_blocks
from komorebi_qc.media.packet_timing import PacketNotes, measure_timing
from komorebi_qc.media.probe import probe_call
from komorebi_qc.sync import measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from av.container import InputContainer
    from numpy.typing import NDArray

    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.core.timing import Timing
    from komorebi_qc.sync import SyncResult

SIDES = ("customer", "agent")
_BLOCK = RATE * 60
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class DecodedPair:
    """A pair and what was measured on it.

    Attributes:
        call: Connect's audio at 8 kHz, ``(n, 2)``: customer, agent; sample ``i`` at ``call_s = i / 8000``.
        recording: the recording's audio at 8 kHz, ``(m,)``; sample ``i`` at ``recording_s = i / 8000``.
        result: the measurement.
        timing: the recording's time stamps; None where it wasn't read, since it has no audio track.
    """

    call: Track
    recording: NDArray[np.int16]
    result: SyncResult
    timing: Timing | None

    def in_memory(self) -> DecodedPair:
        """The same, with samples that outlive the files they came from."""
        return replace(self, call=np.asarray(self.call[0 : length(self.call)]))


@dataclass(frozen=True, slots=True)
class ProbedRecording:
    """A recording that was looked into.

    Attributes:
        info: what it holds.
        sound: as `DecodedPair.recording`; None where it hasn't been read for it.
        timing: its time stamps; None as well.
    """

    info: MediaInfo
    sound: NDArray[np.int16] | None = None
    timing: Timing | None = None


def look(recording: Source, check_cancelled: Callable[[], None] = lambda: None) -> ProbedRecording:
    """Look into a recording that is to be heard: what has no index is read here, once, for all that is wanted of it.

    `check_cancelled` is called between two blocks: what it raises ends it.

    Raises:
        MediaError: where it isn't media, or has no video.
    """
    noted = _Noted()
    info, sound = probe_and_decode(recording, noted.watch, check_cancelled)
    return ProbedRecording(info) if sound is None else ProbedRecording(info, sound, noted.timing())


def with_decoded_audio(
    recording: Source, looked: ProbedRecording, check_cancelled: Callable[[], None] = lambda: None
) -> ProbedRecording:
    """The same with the recording's sound and time stamps: it is read now, unless it was already.

    `check_cancelled` is called between two blocks: what it raises ends it.

    Raises:
        MediaError: where it can't be opened.
    """
    if looked.sound is not None:
        return looked
    noted = _Noted()
    sound = decode_recording_8khz(recording, looked.info, noted.watch, check_cancelled)
    return ProbedRecording(looked.info, sound, noted.timing())


class _Noted:
    """The time stamps of a reading, where there was one."""

    def __init__(self) -> None:
        self._notes: PacketNotes | None = None

    def watch(self, container: InputContainer) -> Callable[[Any], None]:
        self._notes = PacketNotes(container)
        return self._notes.note

    def timing(self) -> Timing | None:
        return None if self._notes is None else self._notes.timing()


def measure_pair(
    call: Source,
    call_info: MediaInfo,
    recording: Source,
    looked: ProbedRecording,
    call_end: CallEnd,
    check_cancelled: Callable[[], None] = lambda: None,
) -> DecodedPair:
    """Decode both sides and measure; the recording is read once for its sound and its time stamps, or was already.

    `check_cancelled` is called between two blocks: what it raises ends it.

    Raises:
        MediaError: where one can't be opened.
    """
    ours, looked = (
        decode_call_8khz(call, call_info, check_cancelled),
        with_decoded_audio(recording, looked, check_cancelled),
    )
    theirs = np.zeros(0, np.int16) if looked.sound is None else looked.sound
    check_cancelled()
    with keeping_freed_blocks():
        result = measure(ours, theirs, call_end.recording_s)
    return DecodedPair(ours, theirs, result, looked.timing)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What there is to say about a pair.

    Attributes:
        call: Connect's audio.
        recording: the agent recording.
        call_end: as told.
        heard: both sides, and the measurement.
        levels: of each track and channel, in the telephone band.
        findings: in the order in which an analyst asks.
        limits: what they were judged by.
    """

    call: MediaInfo
    recording: MediaInfo
    call_end: CallEnd
    heard: DecodedPair
    levels: dict[str, dict[str, ChannelLevels]]
    findings: tuple[Finding, ...]
    limits: Limits = DEFAULT

    @property
    def verdict(self) -> Status:
        """The worst of all findings."""
        return verdict(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis for JSON."""
        result = self.heard.result
        measured_s = result.measured_call_end_s if result.status == "aligned" else None
        return {
            "version": __version__,
            "verdict": self.verdict,
            "sync": sync_dict(result),
            "call_end": call_end_dict(self.call_end, measured_s),
            "levels": {
                track: {side: asdict(levels) for side, levels in sides.items()} for track, sides in self.levels.items()
            },
            "findings": [asdict(finding) for finding in self.findings],
            "limits": self.limits.to_dict(self.findings),
        }


def refuse_the_same(call: Source, recording: Source) -> None:
    """Raises InputError where both are one and the same file: what it says of itself would be sure, and say nothing."""
    if call.size != recording.size:
        return
    ours, theirs = call.reopen().file, recording.reopen().file
    ours.seek(0)
    theirs.seek(0)
    while (piece := ours.read(_PIECE_BYTES)) == theirs.read(_PIECE_BYTES):
        if not piece:
            raise InputError(
                f"{call.name} and {recording.name} are the same: give Connect's audio and the agent's recording"
            )


def diagnose(call: Source, recording: Source, call_end: CallEnd, limits: Limits = DEFAULT) -> Diagnosis:
    """Measure a pair, and judge what was found by the limits.

    Raises:
        MediaError: where one of the two isn't the media it should be.
    """
    refuse_the_same(call, recording)
    call = buffer_in_memory(call)
    call_info, looked = probe_call(call), look(recording)
    heard = measure_pair(call, call_info, recording, looked, call_end)
    timing = measure_timing(recording) if heard.timing is None else heard.timing
    return diagnosed(call_info, looked.info, replace(heard, timing=timing), call_end, limits)


def diagnosed(
    call_info: MediaInfo, info: MediaInfo, heard: DecodedPair, call_end: CallEnd, limits: Limits
) -> Diagnosis:
    """What there is to say about a pair that was heard already; its levels are measured here."""
    call_levels, own_levels = _levels(heard.call), _levels(heard.recording)
    result = heard.result
    is_sure = result.status == "aligned" and result.measured_call_end_s is not None
    ends_s = result.measured_call_end_s if is_sure else None
    findings = (
        *sync_findings(result, call_end, limits),
        *((before_recording(result.offset_s, ends_s, limits),) if result.offset_s is not None and ends_s else ()),
        past_recording(call_end.recording_s if ends_s is None else ends_s, info.end_s, limits),
        *call_findings(call_info, limits),
        *recording_findings(info, limits),
        *(timing_findings(heard.timing, limits) if heard.timing is not None else ()),
        *level_findings("call", call_levels, limits, sides=SIDES),
        *(level_findings("recording", own_levels, limits) if info.audio is not None else ()),
    )
    levels = {"call": dict(zip(SIDES, call_levels, strict=True)), "recording": {"mixed": own_levels[0]}}
    return Diagnosis(call_info, info, call_end, heard, levels, findings, limits)


def _levels(track: Track) -> tuple[ChannelLevels, ...]:
    """The levels of a track as it was heard: in the telephone band, at 8 kHz."""
    channels = track.shape[1] if len(track.shape) > 1 else 1
    meter = Meter(RATE, channels)
    for start in range(0, track.shape[0], _BLOCK):
        meter.add(as_float(track[start : start + _BLOCK]).reshape(-1, channels))
    return meter.result()
