"""A transcript against the speech that was measured in the call: whether it is of this call, and how exact it is.

Each side's turns are compared with the speech of that side's channel; turns of an unknown speaker with the speech of
both. Speech and turns are rows of 40 ms frames. Their correlation over all shifts shows whether the transcript has
another zero. At shift 0 it shows whether both are of the same call: speech of two calls correlates with nothing. The
start of a turn is compared with the nearest start of speech after a pause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import Doubles, Flags, length
from komorebi_qc.sync.vad import FRAME_S, close_gaps, of_call, spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.timebase import Span
    from komorebi_qc.transcript.turns import Speaker, Transcript

PAUSE_S = 0.4
"""A turn can begin after a pause this long. Shorter pauses are between two words."""
REACH_S = 1.0
"""Speech that begins further from a turn's start isn't that turn's."""
BRIDGED_S = 1.0
"""A turn's text goes on over pauses this long."""
MOST_SHIFT_S = 3600.0
LEAST_GAIN = 0.15
"""Another zero correlates this much more than zero itself."""
_CHANNELS: tuple[Speaker, ...] = ("customer", "agent")
_SPEAKERS: tuple[Speaker, ...] = ("customer", "agent", "unknown")


@dataclass(frozen=True, slots=True)
class TranscriptTiming:
    """A transcript compared with the call's speech.

    Attributes:
        shift_s: by how much the transcript is later than the speech, as far as the correlation shows; 0 if no other
            shift fits better than its own zero.
        correlation: of turns and speech at the transcript's own zero, from -1 to 1.
        best_correlation: the same at `shift_s`.
        swapped_correlation: with the two channels exchanged, at the better of both shifts; None if no turn names its
            speaker.
        start_errors_s: of each turn whose speech was found at `shift_s`, its start minus the speech's start, with the
            shift included.
        turns: how many turns were compared.
        covered: share of the measured speech that has words.
        speech_s: seconds of measured speech.
        beyond: how many turns begin after the end of the call.
    """

    shift_s: float
    correlation: float
    best_correlation: float
    swapped_correlation: float | None
    start_errors_s: tuple[float, ...]
    turns: int
    covered: float
    speech_s: float
    beyond: int = 0

    def start_error_s(self, percent: float) -> float | None:
        """Return how far this share of the turns' starts is from their speech at most; None without any."""
        if not self.start_errors_s:
            return None
        return float(np.percentile(np.abs(self.start_errors_s), percent))


def compare_with_speech(
    transcript: Transcript, call: Track, *, music: tuple[Sequence[Span], Sequence[Span]] = ((), ())
) -> TranscriptTiming:
    """Compare a transcript with the speech in the call audio.

    Args:
        transcript: with times on the call clock.
        call: the call audio at 8 kHz, shape ``(n, 2)``: customer, agent.
        music: music on hold of customer and agent, which has no words.
    """
    frames = -(-length(call) // round(FRAME_S * 8000))
    speech = [
        _without(_padded(one.active, frames), spans_of) for one, spans_of in zip(of_call(call), music, strict=True)
    ]
    words = {who: _frames_of(transcript, who, frames) for who in _SPEAKERS}
    has_sides = any(words[who].any() for who in _CHANNELS)
    rows = _rows(words, speech)
    lags, correlations = _correlate(rows, frames)
    at_zero, best = float(correlations[lags == 0][0]), int(np.argmax(correlations))
    is_shifted = float(correlations[best]) > at_zero + LEAST_GAIN
    shift_s = float(lags[best]) * FRAME_S if is_shifted else 0.0
    swapped = None
    if has_sides:
        swapped = float(_correlate(_rows(words, speech[::-1]), frames)[1][lags == 0][0])
    counted, errors = _start_errors(transcript, speech, shift_s)
    covered, speech_s = _covered(words, speech)
    beyond = sum(turn.from_s > frames * FRAME_S + REACH_S for turn in transcript.turns)
    return TranscriptTiming(
        shift_s, at_zero, float(correlations[best]), swapped, tuple(errors), counted, covered, speech_s, beyond
    )


def _padded(active: Flags, frames: int) -> Flags:
    out = np.zeros(frames, np.bool_)
    out[: len(active)] = active[:frames]
    return out


def _without(active: Flags, music: Sequence[Span]) -> Flags:
    out = active.copy()
    for span in music:
        out[int(span.start_s / FRAME_S) : int(np.ceil(span.end_s / FRAME_S))] = False
    return out


def _frames_of(transcript: Transcript, who: str, frames: int) -> Flags:
    """The frames of the call that have words."""
    out = np.zeros(frames, np.bool_)
    for turn in transcript.turns:
        if turn.speaker == who:
            out[int(turn.from_s / FRAME_S) : int(np.ceil(turn.to_s / FRAME_S))] = True
    return out


def _rows(words: dict[Speaker, Flags], speech: Sequence[Flags]) -> list[tuple[Flags, Flags]]:
    """Pairs of words and speech to compare: by channel, and of both channels for unknown speakers."""
    pairs = [(words[who], one) for who, one in zip(_CHANNELS, speech, strict=True)]
    if words["unknown"].any():
        if not any(mine.any() for mine, _ in pairs):
            return [(words["unknown"], speech[0] | speech[1])]
        pairs.append((words["unknown"] | pairs[0][0] | pairs[1][0], speech[0] | speech[1]))
    return pairs


def _correlate(rows: Sequence[tuple[Flags, Flags]], frames: int) -> tuple[Doubles, Doubles]:
    """The correlation of all rows together over all shifts: a positive one moves the words earlier."""
    most = min(frames - 1, round(MOST_SHIFT_S / FRAME_S))
    size = 1 << int(np.ceil(np.log2(2 * frames + 1)))
    total, ours, theirs = np.zeros(2 * most + 1), 0.0, 0.0
    lags = np.arange(-most, most + 1)
    for words, speech in rows:
        a = close_gaps(words, round(PAUSE_S / FRAME_S)).astype(np.float64)
        b = close_gaps(speech, round(BRIDGED_S / FRAME_S)).astype(np.float64)
        a -= a.mean()
        b -= b.mean()
        found = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
        total += found[lags]
        ours += float(np.dot(a, a))
        theirs += float(np.dot(b, b))
    return lags.astype(np.float64), total / max(np.sqrt(ours * theirs), 1e-9)


def _onsets_s(active: Flags) -> Doubles:
    """Starts of speech after a pause."""
    return np.asarray([a for a, _ in spans(close_gaps(active, round(PAUSE_S / FRAME_S)))], np.float64) * FRAME_S


def _start_errors(transcript: Transcript, speech: Sequence[Flags], shift_s: float) -> tuple[int, list[float]]:
    """How many turns there are, and the start errors of those whose speech begins near."""
    onsets = {who: _onsets_s(one) for who, one in zip(_CHANNELS, speech, strict=True)}
    onsets["unknown"] = _onsets_s(speech[0] | speech[1])
    errors = []
    for turn in transcript.turns:
        known, at_s = onsets[turn.speaker], turn.from_s - shift_s
        if len(known):
            i = int(np.searchsorted(known, at_s))
            near = min(known[max(i - 1, 0) : i + 1], key=lambda onset: abs(onset - at_s))
            if abs(near - at_s) <= REACH_S:
                errors.append(float(turn.from_s - near))
    return len(transcript.turns), errors


def _covered(words: dict[Speaker, Flags], speech: Sequence[Flags]) -> tuple[float, float]:
    """The share of the speech with words beside it, and the seconds of speech."""
    both = spoken = 0
    for who, one in zip(_CHANNELS, speech, strict=True):
        near = close_gaps(words[who] | words["unknown"], round(BRIDGED_S / FRAME_S))
        both += int(np.count_nonzero(near & one))
        spoken += int(np.count_nonzero(one))
    return both / max(spoken, 1), spoken * FRAME_S
