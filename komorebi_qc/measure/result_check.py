"""The written file checked against its splice: every seam, and whether each source plays where it was planned.

The check decodes the audio that was captured while the file was written, so a file that has been uploaded in parts is
checked like a local one. Its timestamps come from the file itself: from the index at its front (MP4) or from its blocks
as they passed (WebM). Times are seconds on the output clock unless a name says otherwise.
"""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.errors import StorageError
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.source import Source
from komorebi_qc.core.timebase import Span, merged
from komorebi_qc.core.timestamps.steps import STEP_S
from komorebi_qc.core.timestamps.timing import Discontinuity, discontinuities, nominal_duration_s
from komorebi_qc.measure.alignment_residual import VOICES, measure_voice, own_sound
from komorebi_qc.measure.check_spans import CHECKED_SOURCES, check_spans, followed_windows
from komorebi_qc.measure.residual_lag import BLOCK, QUIET_DB, Block, Residual, choose_windows, measure_lags
from komorebi_qc.measure.result import ResultCheck
from komorebi_qc.measure.seam import SIDE_S, SeamCheck, check_seam
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.opening import RECORDING_FORMATS, audio_stream, open_container

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from komorebi_qc.core.output import CapturedAudio
    from komorebi_qc.core.samples import Doubles, Readable, Track
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.measure.alignment_residual import AlignmentResidual, OwnSound
    from komorebi_qc.measure.check_spans import CheckSpans
    from komorebi_qc.measure.residual_lag import Window

STEP_BACK_S = 2 * SIDE_S + 4.0
"""How far back a track is read if its spans overlap."""
_JOINED_S = 0.5
_FRAME_S, _LOST_DB = 0.020, 20.0
_ROUNDING_S = 0.0015
"""WebM rounds a timestamp to a millisecond, and its pre-skip to another."""


def check_result(
    captured: CapturedAudio,
    call: Readable,
    splice: Splice,
    front: bytes,
    reference: Sequence[Block] = (),
    own: Sequence[OwnSound] | None = None,
) -> ResultCheck:
    """Measure the written file against the splice, and against the recording's own sound.

    Args:
        captured: the audio captured while the file was written, of the spans of `capture_spans`.
        call: the call audio as it was mixed.
        splice: which source was planned when.
        front: the first bytes of the written file. The index of an MP4 is in them.
        reference: the recording's own audio from another decoding (`reference_blocks`). It shows what the decoder that
            fed the mix has lost, because the captured audio lacks the same.
        own: the recording's own sound around the call's windows (`followed_sound`); None if it wasn't decoded.

    Raises:
        MediaError: The captured audio can't be opened.
        StorageError: The file lacks audio packets that were written.
    """
    spans = check_spans(splice)
    calls = _call_blocks(call, spans.call)
    recordings = [Block(pcm, captured.rate, first / captured.rate) for first, pcm in captured.recording]
    if reference:
        recordings = [more_complete(block, other) for block, other in zip(recordings, reference, strict=True)]
    call_windows = choose_windows(calls[: spans.candidates[0]], splice, "call", (0, 1))
    own_windows = choose_windows(recordings[: spans.candidates[1]], splice, "recording", (0,))
    windows = [*call_windows, *own_windows]
    outputs = _output_blocks(captured.output, [*map(_around, windows), *spans.seams])
    written_pts_s = _index_pts_s(front) if captured.block_pts_s is None else captured.block_pts_s
    shifts_s = _shifts_s(captured.muxed_pts_s, written_pts_s)
    lags = tuple(
        replace(lag, lag_s=lag.lag_s + float(np.interp(lag.output_s, captured.muxed_pts_s, shifts_s)))
        for lag in measure_lags(windows, outputs[: len(windows)])
    )
    steps = _discontinuities(written_pts_s, shifts_s)
    seams = _seams(splice, spans, (calls, recordings), outputs[len(windows) :], steps)
    return ResultCheck(
        seams,
        Residual(lags[: len(call_windows)]),
        Residual(lags[len(call_windows) :]),
        steps,
        None if own is None else _alignment(captured, own, shifts_s),
    )


def reference_blocks(recording: NDArray[np.int16], splice: Splice) -> tuple[Block, ...]:
    """The recording's own audio at the checked spans; `recording` is the result of `decode_recording_8khz`."""
    blocks = []
    for span in check_spans(splice).recording:
        first, count = math.floor(span.start_s * RATE), math.ceil(span.length_s * RATE)
        pcm = np.zeros((count, 2), np.float32)
        part = recording[max(first, 0) : max(first + count, 0)]
        begin = max(-first, 0)
        pcm[begin : begin + len(part)] = part[:, None] / np.float32(32768.0)
        blocks.append(Block(pcm, RATE, first / RATE))
    return tuple(blocks)


def followed_sound(call: Track, recording: NDArray[np.int16], splice: Splice) -> tuple[OwnSound, ...]:
    """The recording's own sound around the call's windows; both tracks are at 8 kHz, as decoded for the sync."""
    return own_sound(call, recording, followed_windows(splice), splice)


def _alignment(captured: CapturedAudio, own: Sequence[OwnSound], shifts_s: Doubles) -> AlignmentResidual:
    """Compare the call in the file with the recording's own sound, by the agent's voice if the recording has it."""
    residuals: list[AlignmentResidual] = []
    for voice in VOICES:
        sounds = [sound for sound in own if sound.voice == voice]
        outputs = _output_blocks(captured.output, [_of_block(sound.output_s) for sound in sounds]) if sounds else []
        # A packet that the muxer moved plays later than its place in the capture.
        moved_s = [float(np.interp(sound.output_s, captured.muxed_pts_s, shifts_s)) for sound in sounds]
        moved = [replace(block, start_s=block.start_s + late_s) for block, late_s in zip(outputs, moved_s, strict=True)]
        residuals.append(measure_voice(voice, sounds, moved))
        if residuals[-1].is_measured:
            return residuals[-1]
    return max(residuals, key=lambda residual: residual.active)


def _call_blocks(call: Readable, spans: Sequence[Span]) -> list[Block]:
    blocks: dict[int, Block] = {}
    # In order of time, because a decoder goes forwards; the sides of the seams are among the other spans.
    for i in sorted(range(len(spans)), key=lambda i: spans[i].start_s):
        first = round(spans[i].start_s * call.rate)
        pcm = call.read(first, math.ceil(spans[i].length_s * call.rate))
        blocks[i] = Block(pcm, call.rate, first / call.rate)
    return [blocks[i] for i in range(len(spans))]


def _output_blocks(output: Source, spans: Sequence[Span]) -> list[Block]:
    with open_container(output.reopen(), RECORDING_FORMATS) as container:
        decoder = AudioDecoder(container, step_back_s=STEP_BACK_S, spans=merged(spans, _JOINED_S))
        blocks: dict[int, Block] = {}
        for i in sorted(range(len(spans)), key=lambda i: spans[i].start_s):
            first = round(spans[i].start_s * decoder.rate)
            pcm = decoder.read(first, math.ceil(spans[i].length_s * decoder.rate))
            blocks[i] = Block(np.nan_to_num(pcm, posinf=1.0, neginf=-1.0), decoder.rate, first / decoder.rate)
        return [blocks[i] for i in range(len(spans))]


def more_complete(captured: Block, reference: Block) -> Block:
    """The captured block, or the reference if that has audio for which the captured one is silent."""
    size = round(_FRAME_S * RATE)
    levels = []
    for block in (captured.at_rate(RATE), reference):
        mono = block.pcm.mean(axis=1)
        # The first and last frame depend on the resampler.
        frames = mono[: len(mono) // size * size].reshape(-1, size)[1:-1]
        levels.append(10.0 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12))
    count = min(map(len, levels))
    own, other = levels[0][:count], levels[1][:count]
    # Two decodings of a recording whose clock drifts may be a few milliseconds apart: an onset isn't a loss.
    own = np.maximum(own, np.maximum(np.append(own[1:], -np.inf), np.insert(own[:-1], 0, -np.inf)))
    is_lost = (other >= QUIET_DB) & (own < other - _LOST_DB)
    return reference if np.count_nonzero(is_lost) > 1 else captured


def _index_pts_s(front: bytes) -> Doubles:
    """The audio's timestamps in the index of an MP4."""
    with open_container(Source("the output", io.BytesIO(front), len(front)), RECORDING_FORMATS) as container:
        stream = audio_stream(container)
        entries = () if stream is None else stream.index_entries
        return np.array([entry.timestamp for entry in entries], np.float64) * float(stream.time_base if stream else 0)


def _shifts_s(muxed_pts_s: Doubles, written_pts_s: Doubles) -> Doubles:
    """How much later than given to the muxer each audio packet is in the file; 0 within the container's rounding."""
    if len(written_pts_s) != len(muxed_pts_s):
        # The muxer's fault and not the input's, so a retry may succeed.
        raise StorageError(
            f"the output holds {len(written_pts_s)} of the {len(muxed_pts_s)} audio packets that were written: it is "
            "damaged, and nothing is published; run it again"
        )
    shifts_s = written_pts_s - muxed_pts_s
    return np.where(np.abs(shifts_s) > _ROUNDING_S, shifts_s, 0.0)


def _discontinuities(written_pts_s: Doubles, shifts_s: Doubles) -> tuple[Discontinuity, ...]:
    """Gaps and overlaps in the file's audio timestamps; a shift of the first packet is one."""
    steps = discontinuities(written_pts_s, nominal_duration_s(written_pts_s, np.zeros(len(written_pts_s))))
    if len(shifts_s) and abs(shifts_s[0]) > STEP_S:
        return (Discontinuity(float(written_pts_s[0]), float(shifts_s[0])), *steps)
    return steps


def _around(window: Window) -> Span:
    return _of_block(window.output_s)


def _of_block(output_s: float) -> Span:
    return Span(output_s - BLOCK / RATE / 2, output_s + BLOCK / RATE / 2)


def _seams(
    splice: Splice,
    spans: CheckSpans,
    blocks: tuple[list[Block], list[Block]],
    outputs: list[Block],
    steps: tuple[Discontinuity, ...],
) -> tuple[SeamCheck, ...]:
    """Measure each seam; `blocks` are those of `CHECKED_SOURCES`, `outputs` is the output around each seam."""
    sources = dict(zip(CHECKED_SOURCES, blocks, strict=True))
    checks = []
    for (before, after), sides, output in zip(splice.seams, spans.sides, outputs, strict=True):
        first, second = (
            sources[piece.source][i] if sources.get(piece.source) else None
            for piece, i in zip((before, after), sides, strict=True)
        )
        checks.append(check_seam(before, after, output, first, second, steps, splice.masked))
    return tuple(checks)
