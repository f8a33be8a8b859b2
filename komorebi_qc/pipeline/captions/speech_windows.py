"""The speech of one side of a call, in windows for a recogniser: without private spans and hold music. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.privacy.masks import MASK_MARGIN_S
from komorebi_qc.core.samples import RATE
from komorebi_qc.sync.vad import FRAME_S, close_gaps, spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Flags, Track
    from komorebi_qc.core.timebase import Span

LONGEST_S = 28.0
"""Whisper takes 30 s at a time."""
_PAUSE = round(0.4 / FRAME_S)
_PAD = round(0.2 / FRAME_S)
"""Soft first and last sounds of words are below the level that counts as speech."""
_LEAST = 3


@dataclass(frozen=True, slots=True, eq=False)
class SpeechWindow:
    """One window of one side's audio.

    Attributes:
        from_s: its start on the call clock.
        samples: mono audio at 8 kHz; all that isn't this side's speech is silent.
    """

    from_s: float
    samples: NDArray[np.int16]


def speech_windows(
    call: Track, channel: int, active: Flags, *, private: Iterable[Span], music: Iterable[Span]
) -> Iterator[SpeechWindow]:
    """Yield the windows of one side, in order.

    Args:
        call: the call audio at 8 kHz, shape ``(n, 2)``.
        channel: 0 for the customer, 1 for the agent.
        active: the frames of this side's speech.
        private: the spans that were not to be recorded, on the call clock. Nothing of them is in a window, with the
            margin of a mask.
        music: music on hold on this side.
    """
    kept = _with_pads(close_gaps(_without(active, music, 0.0), _PAUSE))
    kept = _without(kept, private, MASK_MARGIN_S)
    most = round(LONGEST_S / FRAME_S)
    pieces = [(at, min(at + most, b)) for a, b in spans(kept) for at in range(a, b, most)]
    run: list[tuple[int, int]] = []
    for piece in pieces:
        if run and piece[1] - run[0][0] > most:
            yield from _window(call, channel, run)
            run = []
        run.append(piece)
    yield from _window(call, channel, run)


def _without(flags: Flags, left_out: Iterable[Span], margin_s: float) -> Flags:
    out = flags.copy()
    for span in left_out:
        out[max(int((span.start_s - margin_s) / FRAME_S), 0) : int(np.ceil((span.end_s + margin_s) / FRAME_S))] = False
    return out


def _with_pads(flags: Flags) -> Flags:
    out = flags.copy()
    for a, b in spans(flags):
        out[max(a - _PAD, 0) : b + _PAD] = True
    return out


def _window(call: Track, channel: int, run: Sequence[tuple[int, int]]) -> Iterator[SpeechWindow]:
    if sum(b - a for a, b in run) < _LEAST:
        return
    size = round(FRAME_S * RATE)
    start = run[0][0] * size
    samples = np.zeros(run[-1][1] * size - start, np.int16)
    for a, b in run:
        piece = np.asarray(call[a * size : b * size])[:, channel]
        samples[a * size - start : a * size - start + len(piece)] = piece
    yield SpeechWindow(start / RATE, samples)
