"""The audio of a splice, block by block: every piece resampled to the output's rate, with its fades."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import soxr

from komorebi_qc.core.samples import without_nan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Pcm, Readable
    from komorebi_qc.core.splice import Piece, SourceName, Splice

_WARM_UP_S = 0.05
"""Read before a piece, so that the resampler's filter (under 20 ms long at 8 kHz) has settled when it begins."""
_FEED_SAMPLES = 16_000
"""Resampled at once, up to a second: fewer cost time, more cost memory at 48 kHz."""
STEP_BACK_S = 1.25
"""How far back the mixer reads: one piece has read ahead, and the next one warms up."""


class _PieceReader:
    """The samples of one piece at the output's rate, in order.

    A piece begins on the nearest output sample, which is at most 0.03 ms off at 16 kHz.
    """

    def __init__(self, piece: Piece, track: Readable | None, rate: int) -> None:
        self.first = round(piece.fade_in.start_s * rate)
        self.last = round(piece.fade_out.end_s * rate)
        self._track = track
        self._ready = np.zeros((0, 2), np.float32)
        if track is None:
            return
        step = track.rate / piece.rate / rate  # source samples per output sample
        begin = piece.source_s(self.first / rate) * track.rate
        self._at = int(np.floor(begin)) - int(_WARM_UP_S * track.rate)
        self._drop = round((begin - self._at) / step)
        self._stream = None
        if step == 1.0:
            self._at, self._drop = round(begin), 0
        else:
            self._stream = soxr.ResampleStream(step * rate, rate, 2, dtype="float32", quality="HQ")

    def take(self, count: int) -> Pcm:
        """The next `count` samples, shape ``(count, 2)``."""
        if self._track is None:
            return np.zeros((count, 2), np.float32)
        while len(self._ready) < count:
            feed = min(self._track.rate, _FEED_SAMPLES)
            pcm = without_nan(self._track.read(self._at, feed))  # a resampler would spread NaN over the rest
            self._at += feed
            if self._stream is not None:
                pcm = cast("Pcm", self._stream.resample_chunk(pcm))
                self._drop, pcm = max(0, self._drop - len(pcm)), pcm[self._drop :]
            self._ready = np.concatenate([self._ready, pcm])
        out, self._ready = self._ready[:count], self._ready[count:]
        return out


def mix(splice: Splice, tracks: Mapping[SourceName, Readable], rate: int, block: int) -> Iterator[Pcm]:
    """Mix the output's audio from 0 to its end.

    Args:
        splice: which source plays when.
        tracks: the sources; a piece without its source is silent.
        rate: output samples a second.
        block: samples a block; the last block may be shorter.

    Yields:
        Blocks of shape ``(block, 2)``, clipped to full scale +-1.
    """
    total = round(splice.output_end_s * rate)
    waiting = list(zip(splice.pieces, [*(p.continues for p in splice.pieces[1:]), False], strict=True))
    playing: list[tuple[Piece, bool, _PieceReader]] = []
    for start in range(0, total, block):
        count = min(block, total - start)
        out = np.zeros((count, 2), np.float32)
        while waiting and round(waiting[0][0].fade_in.start_s * rate) < start + count:
            piece, is_continued = waiting.pop(0)
            playing.append((piece, is_continued, _PieceReader(piece, tracks.get(piece.source), rate)))
        for piece, is_continued, reader in playing:
            low, high = max(reader.first, start), min(reader.last, start + count)
            if low < high:
                gain = _gain(piece, low, high, rate, is_continued=is_continued)
                pcm = reader.take(high - low)
                out[low - start : high - start] += pcm if gain is None else pcm * gain
        playing = [entry for entry in playing if entry[2].last > start + count]
        yield np.clip(out, -1.0, 1.0, out=out)


def _gain(piece: Piece, low: int, high: int, rate: int, *, is_continued: bool) -> NDArray[np.float32] | None:
    """Gain of a fade; None outside of one.

    Two sources: the squares of both gains add up to one. One source that continues: the gains do.
    """
    at_s = None
    gain: NDArray[np.float32] | None = None
    for fade, rising, is_same in ((piece.fade_in, True, piece.continues), (piece.fade_out, False, is_continued)):
        if fade.length_s and low < fade.end_s * rate and high > fade.start_s * rate:
            at_s = np.arange(low, high) / rate if at_s is None else at_s
            part = np.clip((at_s - fade.start_s) / fade.length_s, 0.0, 1.0)
            part = part if rising else 1.0 - part
            curve = part if is_same else np.sin(part * (np.pi / 2))
            gain = (curve[:, None] if gain is None else gain * curve[:, None]).astype(np.float32)
    return gain
