"""The produced file checked against its plan: how each seam sounds, and whether every source lies where it should.

Only bounded pieces of the three files are decoded; what is measured on them is pure (`residual`, `seam`). Times are
seconds on the output clock unless a name says otherwise.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.core.errors import StorageError
from komorebi_qc.core.output import CaptureSpans
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.source import Source
from komorebi_qc.core.timebase import Span, merged
from komorebi_qc.core.timing import STEP_S, Discontinuity, discontinuities, nominal_duration_s
from komorebi_qc.measure.residual_lag import BLOCK, QUIET_DB, WIDTH, Block, Residual, choose, measure_lags, plays
from komorebi_qc.measure.result import ResultCheck
from komorebi_qc.measure.seam import SIDE_S, SeamCheck, check_seam
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.demux import (
    CALL_FORMATS,
    RECORDING_FORMATS,
    PacketDemuxer,
    audio_stream,
    codec_name,
    has_index,
    open_container,
    packets,
)
from komorebi_qc.media.packet_timing import opus_packet_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from av.container import InputContainer
    from numpy.typing import NDArray

    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.output import CapturedAudio
    from komorebi_qc.core.samples import Readable
    from komorebi_qc.core.splice import SourceName, Splice
    from komorebi_qc.measure.residual_lag import Window

    Doubles = NDArray[np.float64]

_SPOTS: dict[SourceName, int] = {"call": 60, "recording": 24}
"""Places to look at for active windows: a recording's packets cost ten times as much to decode."""
_FIRST = 8
_PAST_S = 0.3
_APART_S = 60.0
KEEP_S = 2 * SIDE_S + 4.0
"""How far back a track has to go where the places overlap."""
_MARGIN_S = 0.5
_FRAME_S, _LOST_DB = 0.020, 20.0
_ROUNDING_S = 0.0015
"""WebM rounds to a millisecond, and its lead-in to another."""


def check_result(output: Source, call: Source, recording: Source, info: MediaInfo, splice: Splice) -> ResultCheck:
    """Measure a produced file against the splice that it was made by.

    Args:
        output: what was made.
        call: Connect's audio.
        recording: the agent recording.
        info: what `probe_recording` said of it.
        splice: what ought to play when.

    Raises:
        MediaError: where one of them can't be opened.
    """
    places = places_of(splice)
    with open_container(call.reopen(), CALL_FORMATS) as container:
        ours, _ = _blocks(container, places.call, None)
    theirs: list[Block] = []
    if info.audio is not None:
        with open_container(recording.reopen(), RECORDING_FORMATS) as container:
            theirs, _ = _blocks(container, places.recording, info.origin_s)
    windows, calls = _windows(splice, places, ours, theirs)
    with open_container(output.reopen(), RECORDING_FORMATS) as container:
        heard, stamps = _blocks(container, [*map(_round, windows), *places.seams], 0.0, notes=True)
    lags = measure_lags(windows, heard[: len(windows)])
    seams = _seams(splice, places, (ours, theirs), heard[len(windows) :], stamps)
    return ResultCheck(seams, Residual(lags[:calls]), Residual(lags[calls:]), stamps)


def check_tapped(
    tapped: CapturedAudio, call: Readable, splice: Splice, front: bytes, heard: Sequence[Block] = ()
) -> ResultCheck:
    """The same for a file that can't be read again, from what was kept of it on its way.

    Args:
        tapped: what the rendering kept of `places_of`.
        call: Connect's audio, as it was rendered from.
        splice: what ought to play when.
        front: the produced file's first bytes, with its index in them if it is an MP4.
        heard: the recording's own audio at the same places by another reading (`heard_at`): what the rendering's has
            lost is missing in what was kept of it as well.

    Raises:
        MediaError: where what was kept can't be opened.
        StorageError: where the file lacks packets that were written.
    """
    places = places_of(splice)
    found: dict[int, Block] = {}
    # Forwards, as a decoder goes: the seams' sides lie among the other places.
    for i in sorted(range(len(places.call)), key=lambda i: places.call[i].start_s):
        first = round(places.call[i].start_s * call.rate)
        pcm = call.read(first, math.ceil(places.call[i].length_s * call.rate))
        found[i] = Block(pcm, call.rate, first / call.rate)
    ours = [found[i] for i in range(len(places.call))]
    theirs = [Block(pcm, tapped.rate, first / tapped.rate) for first, pcm in tapped.recording]
    if heard:
        theirs = [_fuller(kept, other) for kept, other in zip(theirs, heard, strict=True)]
    windows, calls = _windows(splice, places, ours, theirs)
    with open_container(tapped.twin.reopen(), RECORDING_FORMATS) as container:
        played, _ = _blocks(container, [*map(_round, windows), *places.seams], 0.0)
    written_s = _listed_s(front) if tapped.blocks_s is None else tapped.blocks_s
    moved_s = _moved_s(tapped.stamps_s, written_s)
    lags = tuple(
        replace(lag, lag_s=lag.lag_s + float(np.interp(lag.output_s, tapped.stamps_s, moved_s)))
        for lag in measure_lags(windows, played[: len(windows)])
    )
    stamps = discontinuities(written_s, nominal_duration_s(written_s, np.zeros(len(written_s))))
    if len(moved_s) and abs(moved_s[0]) > STEP_S:
        stamps = (Discontinuity(float(written_s[0]), float(moved_s[0])), *stamps)
    seams = _seams(splice, places, (ours, theirs), played[len(windows) :], stamps)
    return ResultCheck(seams, Residual(lags[:calls]), Residual(lags[calls:]), stamps)


def heard_at(track: NDArray[np.int16], splice: Splice) -> tuple[Block, ...]:
    """The recording's own audio where its result is looked at; `track` is what `listen.decode_recording_8khz` gives."""
    blocks = []
    for span in places_of(splice).recording:
        first, count = math.floor(span.start_s * RATE), math.ceil(span.length_s * RATE)
        pcm = np.zeros((count, 2), np.float32)
        part = track[max(first, 0) : max(first + count, 0)]
        begin = max(-first, 0)
        pcm[begin : begin + len(part)] = part[:, None] / np.float32(32768.0)
        blocks.append(Block(pcm, RATE, first / RATE))
    return tuple(blocks)


def _fuller(kept: Block, heard: Block) -> Block:
    """What was kept, or what was heard by another reading where that has sound and the first is silent."""
    size = round(_FRAME_S * RATE)
    levels = []
    for block in (kept.at_rate(RATE), heard):
        mono = block.pcm.mean(axis=1)
        # The ends of a piece are a resampler's own business.
        frames = mono[: len(mono) // size * size].reshape(-1, size)[1:-1]
        levels.append(10.0 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12))
    count = min(map(len, levels))
    ours, theirs = levels[0][:count], levels[1][:count]
    # Two readings of a recording whose clock drifts may lie a few milliseconds apart: a sound's begin isn't a loss.
    ours = np.maximum(ours, np.maximum(np.append(ours[1:], -np.inf), np.insert(ours[:-1], 0, -np.inf)))
    lost = (theirs >= QUIET_DB) & (ours < theirs - _LOST_DB)
    return heard if np.count_nonzero(lost) > 1 else kept


def _listed_s(front: bytes) -> Doubles:
    """The audio's time stamps by the file's own index."""
    with open_container(Source("the output", io.BytesIO(front), len(front)), RECORDING_FORMATS) as container:
        stream = audio_stream(container)
        entries = () if stream is None else stream.index_entries
        return np.array([entry.timestamp for entry in entries], np.float64) * float(stream.time_base if stream else 0)


def _moved_s(given_s: Doubles, written_s: Doubles) -> Doubles:
    """By how much later than it was given to the muxer each audio packet lies in the file; rounding is nothing."""
    if len(written_s) != len(given_s):
        # The muxer's fault and not the input's, so that another try may succeed.
        raise StorageError(
            f"the output holds {len(written_s)} of the {len(given_s)} audio packets that were written: it is damaged, "
            "and nothing is published; run it again"
        )
    moved_s = written_s - given_s
    return np.where(np.abs(moved_s) > _ROUNDING_S, moved_s, 0.0)


@dataclass(frozen=True, slots=True)
class Places:
    """Where a splice's result is looked at.

    Attributes:
        call: of Connect's audio, on its clock: places to look for active windows, then the seams' sides.
        recording: the same of the recording's own audio, on its clock.
        spots: how many of either are such places; by source.
        sides: of each seam where its two sides stand in `call` or `recording`.
        seams: of the output, on its clock.
    """

    call: tuple[Span, ...]
    recording: tuple[Span, ...]
    spots: tuple[int, int]
    sides: tuple[tuple[int, int], ...]
    seams: tuple[Span, ...]

    def wanted(self, splice: Splice) -> CaptureSpans:
        """What a rendering has to keep for `check_tapped`."""
        rounds = []
        for name, spans, count in zip(_SPOTS, (self.call, self.recording), self.spots, strict=True):
            for span in spans[:count]:
                middle = (span.start_s + span.end_s) / 2
                piece = next((p for p in splice.pieces if p.source == name and plays(p, middle)), None)
                if piece is not None:
                    at_s = piece.output_s(middle)
                    rounds.append(Span(at_s - BLOCK / RATE / 2 - _PAST_S, at_s + BLOCK / RATE / 2 + _PAST_S))
        return CaptureSpans(self.recording, (*rounds, *self.seams))


def places_of(splice: Splice) -> Places:
    """Where to look, by the splice alone."""
    asked: dict[SourceName, list[Span]] = {name: _spots(splice, name) for name in _SPOTS}
    spots = (len(asked["call"]), len(asked["recording"]))
    sides: list[tuple[int, int]] = []
    seams: list[Span] = []
    for before, after in pairwise(splice.pieces):
        sides.append(
            (len(asked.get(before.source, ())), len(asked.get(after.source, ())) + (before.source == after.source))
        )
        seam_s = after.output.start_s
        seams.append(Span(seam_s - SIDE_S - _PAST_S, seam_s + SIDE_S + _PAST_S))
        for piece, span in ((before, Span(seam_s - SIDE_S, seam_s + _PAST_S)), (after, _after(seam_s))):
            if piece.source in asked:
                asked[piece.source].append(Span(piece.source_s(span.start_s), piece.source_s(span.end_s)))
    return Places(tuple(asked["call"]), tuple(asked["recording"]), spots, tuple(sides), tuple(seams))


def _windows(splice: Splice, places: Places, ours: list[Block], theirs: list[Block]) -> tuple[list[Window], int]:
    """The active ones of the places, the call's first; and how many of them are the call's."""
    calls = choose(ours[: places.spots[0]], splice, "call", (0, 1))
    return [*calls, *choose(theirs[: places.spots[1]], splice, "recording", (0,))], len(calls)


def _round(window: Window) -> Span:
    return Span(window.output_s - BLOCK / RATE / 2, window.output_s + BLOCK / RATE / 2)


def _seams(
    splice: Splice,
    places: Places,
    blocks: tuple[list[Block], list[Block]],
    heard: list[Block],
    stamps: tuple[Discontinuity, ...],
) -> tuple[SeamCheck, ...]:
    """How each seam sounds; `heard` is the output round it, `blocks` are the call's and the recording's."""
    sources = dict(zip(_SPOTS, blocks, strict=True))
    checks = []
    for (before, after), sides, block in zip(pairwise(splice.pieces), places.sides, heard, strict=True):
        if not len(block.pcm):
            continue  # without an audio track no window is found, which is said
        pair = [
            sources[piece.source][at] if sources.get(piece.source) else None
            for piece, at in zip((before, after), sides, strict=True)
        ]
        checks.append(check_seam(before, after, block, pair[0], pair[1], stamps))
    return tuple(checks)


def _after(seam_s: float) -> Span:
    return Span(seam_s - _PAST_S, seam_s + SIDE_S)


def _spots(splice: Splice, name: SourceName) -> list[Span]:
    """Where to look for active sound of one source, on its own clock: evenly over all that plays of it."""
    pieces = [p for p in splice.pieces if p.source == name and p.output.length_s >= 0.5]
    total_s = sum(p.output.length_s for p in pieces)
    spans = []
    for piece in pieces:
        # A piece gets its share; the windows of a short one may overlap.
        room_s = max(0.0, piece.output.length_s - WIDTH / RATE)
        count = max(1, min(round(_SPOTS[name] * piece.output.length_s / total_s), math.ceil(2 * piece.output.length_s)))
        for at_s in np.linspace(0.0, room_s, count) if count > 1 else [room_s / 2]:
            middle = piece.source_s(piece.output.start_s + float(at_s) + min(WIDTH / RATE, piece.output.length_s) / 2)
            spans.append(Span(middle - BLOCK / RATE / 2, middle + BLOCK / RATE / 2))
    return spans


class _Sparse(PacketDemuxer):
    """A reading that notes every audio packet's stamps, and hands over only those near the spans."""

    def __init__(self, container: InputContainer, spans: Sequence[Span], origin_s: float, *, notes: bool) -> None:
        super().__init__(container)
        self._near = [(s.start_s - _MARGIN_S + origin_s, s.end_s + _MARGIN_S + origin_s) for s in spans]
        self._notes = notes
        self.stamps: list[tuple[float, float, float]] = []

    def subscribe(
        self,
        stream: Any,
        wants: Callable[[Any], bool] | None = None,
        again_s: Callable[[], float] | None = None,  # noqa: ARG002  every packet is looked at here
    ) -> Iterator[Any]:
        """As in `PacketDemuxer`, for one track; a None stands for all that was passed over in between."""
        base, is_opus = float(stream.time_base), codec_name(stream) == "opus"
        near, at, is_passed = self._near, 0, False
        for seen, packet in enumerate(packets(self._container, [stream])):
            stamp = packet.pts
            if stamp is not None:
                stamp_s, duration_s = stamp * base, (packet.duration or 0) * base
                if self._notes:
                    self.stamps.append((stamp_s, duration_s, opus_packet_s(packet) if is_opus else 0.0))
                # Asking about every span for every packet would cost more than reading them.
                while at < len(near) and near[at][1] < stamp_s:
                    at += 1
                # The first ones settle where the track begins.
                if seen >= _FIRST and (at == len(near) or stamp_s + duration_s < near[at][0]):
                    is_passed = True
                    continue
            if wants is not None and not wants(packet):
                is_passed = True
                continue
            if is_passed:
                is_passed = False
                yield None
            yield packet


def _blocks(
    container: InputContainer, wanted: Sequence[Span], origin_s: float | None, *, notes: bool = False
) -> tuple[list[Block], tuple[Discontinuity, ...]]:
    """The samples of each span; and, where they are noted, the steps in the track's time stamps."""
    out: dict[int, Block] = {}
    stamps: list[tuple[float, float, float]] = []
    stream = audio_stream(container)
    if stream is None or not (wanted or notes):
        return [Block(np.zeros((0, 2), np.float32), RATE, s.start_s) for s in wanted], ()
    order = sorted(range(len(wanted)), key=lambda i: wanted[i].start_s)
    # An index leads to each place at once, and lists the stamps; what has none is read from its start.
    is_listed = has_index(container) and origin_s is not None and codec_name(stream) != "opus"
    groups = _groups(order, wanted) if is_listed else [order]
    for group in groups:
        spans = merged([wanted[i] for i in group], _MARGIN_S)
        if is_listed and spans and spans[0].start_s > _APART_S:
            container.seek(int((spans[0].start_s + (origin_s or 0.0) - 1.0) / float(stream.time_base)), stream=stream)
        shared = _Sparse(container, spans, origin_s or 0.0, notes=notes and not is_listed)
        track = AudioDecoder(container, origin_s=origin_s, keep_s=KEEP_S, spans=spans, shared=shared)
        for i in group:
            first = round(wanted[i].start_s * track.rate)
            pcm = track.read(first, math.ceil(wanted[i].length_s * track.rate))
            out[i] = Block(np.nan_to_num(pcm, posinf=1.0, neginf=-1.0), track.rate, first / track.rate)
        if notes and not is_listed:
            track.samples()  # reads on to the end, undecoded
            stamps = shared.stamps
    if notes and is_listed:
        base = float(stream.time_base)
        stamps = [(entry.timestamp * base, 0.0, 0.0) for entry in stream.index_entries]
    noted = np.array(stamps, np.float64).reshape(-1, 3)
    held = noted[:, 2] if noted[:, 2].any() else nominal_duration_s(noted[:, 0], noted[:, 1])
    return [out[i] for i in range(len(wanted))], discontinuities(noted[:, 0], held) if len(noted) > 1 else ()


def _groups(order: Sequence[int], wanted: Sequence[Span]) -> list[list[int]]:
    groups: list[list[int]] = []
    for i in order:
        if groups and wanted[i].start_s - max(wanted[k].end_s for k in groups[-1]) < _APART_S:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups
