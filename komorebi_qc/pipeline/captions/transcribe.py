"""The transcript of a call by a local recogniser. Each side is transcribed apart, on the call clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE
from komorebi_qc.pipeline.captions.speech_windows import speech_windows
from komorebi_qc.sync.vad import FRAME_S, of_call
from komorebi_qc.transcript.recogniser import turns_of
from komorebi_qc.transcript.turns import Transcript, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from komorebi_qc.core.samples import Flags, Track
    from komorebi_qc.core.timebase import Span
    from komorebi_qc.transcript.recogniser import Recogniser
    from komorebi_qc.transcript.turns import Speaker, Turn

_SIDES: tuple[Speaker, ...] = ("customer", "agent")


def transcribe(
    recogniser: Recogniser,
    call: Track,
    *,
    private: Sequence[Span] = (),
    music: tuple[Sequence[Span], Sequence[Span]] = ((), ()),
    check_cancelled: Callable[[], None] = lambda: None,
) -> Transcript:
    """Transcribe a call.

    Args:
        recogniser: the engine.
        call: the call audio at 8 kHz, shape ``(n, 2)``: customer, agent.
        private: the spans that were not to be recorded, on the call clock. The engine gets nothing of them.
        music: music on hold of customer and agent, which has no words.
        check_cancelled: called between two windows; its exception ends the work.

    Raises:
        InputError: the engine fails.
    """
    turns: list[Turn] = []
    for channel, (side, activity) in enumerate(zip(_SIDES, of_call(call), strict=True)):
        words = _words(recogniser, call, channel, activity.active, private, music[channel], check_cancelled)
        turns += turns_of(sorted(words, key=lambda word: (word.from_s, word.to_s)), side)
    turns.sort(key=lambda turn: (turn.from_s, turn.to_s))
    return Transcript(tuple(turns), recogniser.language, recogniser.source, recogniser.name)


def _words(
    recogniser: Recogniser,
    call: Track,
    channel: int,
    active: Flags,
    private: Sequence[Span],
    music: Sequence[Span],
    check_cancelled: Callable[[], None],
) -> Iterator[Word]:
    for window in speech_windows(call, channel, active, private=private, music=music):
        check_cancelled()
        end_s = window.from_s + len(window.samples) / RATE
        for word in recogniser.words(window.samples):
            # An engine may end a word after its audio, or let one run through a silent span.
            from_s, to_s = window.from_s + word.from_s, min(window.from_s + word.to_s, end_s)
            is_private = any(from_s < span.end_s and span.start_s < to_s for span in private)
            if from_s < to_s and not is_private:
                yield Word(_spoken_from_s(active, from_s, to_s), to_s, word.text)


def _spoken_from_s(active: Flags, from_s: float, to_s: float) -> float:
    """The start of a word, or that of the speech in it: engines begin words in the silence before them."""
    first = int(from_s / FRAME_S)
    spoken = np.flatnonzero(active[first : int(np.ceil(to_s / FRAME_S))])
    return max(from_s, (first + int(spoken[0])) * FRAME_S) if len(spoken) else from_s
