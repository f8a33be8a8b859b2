"""Whose voice is it in the recording? The spectra of both voices, learned where only one of them speaks in the call.

The customer's voice comes through the telephone, the agent's from a microphone in the room: their average spectra
differ, also for voices that are alike. A linear discriminant of log-spectra decides on a second of speech. It is used
only if it is right about the call's own turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, length, piece
from komorebi_qc.core.timebase import Span
from komorebi_qc.sync.evidence.spans import DEAD_DB, speech_frames
from komorebi_qc.sync.fit.model import CUSTOMER
from komorebi_qc.sync.vad import FRAME, FRAME_S, of_call, of_recording, spans

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Flags, Floats, Ints, Track
    from komorebi_qc.core.timebase import Alignment
    from komorebi_qc.sync.vad import Activity

BANDS = 18
LEAST_LEARNED_S = 3.0
"""Speech of each voice alone that the spectra need."""
LEAST_RIGHT = 0.9
"""Share of the call's own turns, of each voice, that the discriminant must get right."""
LEAST_PRESENT = 0.3
"""Share of the customer's own turns in which the recording has speech, if it has the customer at all."""
_MOST_LEARNED_S = 600.0
"""The spectra are learned from the part of the call that is nearest to the question."""
_WORD = 25
"""Frames of a second: the spectrum of a single frame is that of a vowel, not of a voice."""
_PART = 3 * _WORD
"""Frames of a voice's speech that are learned from, or asked about, together."""
_NEAR = 15
"""Frames: speech this near to a voice's own is that voice's, delayed."""
_NOISE_PERCENT, _OVER_NOISE_DB = 8, 3.0
"""The share of quiet frames whose level is that of the noise; noise itself is above it by up to 1.5 dB."""
_EDGES_HZ = np.geomspace(110.0, 3800.0, BANDS + 1)
_WINDOW = np.hanning(FRAME)
_BATCH = 500
"""Frames that are measured together."""


@dataclass(frozen=True, slots=True, eq=False)
class Voices:
    """The discriminant of both voices in a recording.

    Attributes:
        weights: of the log-spectrum's bands; a positive sum is the customer.
        bias: added to the sum.
        usual: the customer's mean sum; the agent's is as far below 0.
    """

    weights: Doubles
    bias: float
    usual: float

    def customer_frames(self, recording: Track, speaking: Flags, *, least: float = 0.0) -> Flags:
        """Return the frames in which the customer speaks, decided word by word.

        Args:
            recording: the recording's own audio.
            speaking: its frames with speech that are in question.
            least: the least sum of a word, as a share of the customer's usual one. An agent's word may be just above 0.
        """
        out = np.zeros(len(speaking), bool)
        for first, last in spans(speaking):
            for start, stop in _words(first, last):
                score = float(np.mean(_spectra(recording, np.arange(start, stop)) @ self.weights)) + self.bias
                out[start:stop] = score > least * self.usual
        return out


def speaking_frames(recording: Track) -> Flags:
    """Return the recording's frames of 40 ms with speech or music. A second of nothing but its noise has neither."""
    level_db = of_recording(recording).level_db
    speaking = speech_frames(level_db)
    if speaking.any():
        # Of a noisy recording, the noise is above the threshold of speech.
        noise_db = float(np.percentile(level_db[level_db > DEAD_DB], _NOISE_PERCENT))
        for first, last in spans(speaking):
            for start, stop in _words(first, last):
                speaking[start:stop] &= float(np.max(level_db[start:stop])) >= noise_db + _OVER_NOISE_DB
    return speaking


def on_call_clock(frames: Flags, alignment: Alignment, call_s: float) -> tuple[Span, ...]:
    """Return the recording's flagged frames as spans of the call clock."""
    edges = ((first * FRAME_S, last * FRAME_S) for first, last in spans(frames))
    found = ((alignment.to_call(a, call_s), alignment.to_call(b, call_s)) for a, b in edges)
    return tuple(Span(a, b) for a, b in found if b > a)


def has_customer(call: Track, alignment: Alignment, speaking: Flags) -> bool:
    """Return whether the recording has the customer's speech; a headset keeps it out. True if nothing shows it.

    Args:
        call: the call audio.
        alignment: of the call.
        speaking: the result of `speaking_frames`.
    """
    customer, agent = of_call(call)
    frames = _alone(customer, agent)
    return len(frames) == 0 or len(_spoken(frames, alignment, speaking)) >= LEAST_PRESENT * len(frames)


def learn(call: Track, recording: Track, alignment: Alignment, speaking: Flags, near_s: float) -> Voices | None:
    """Learn both voices where only one of them speaks in the call; None if they can't be distinguished.

    Args:
        call: the call audio.
        recording: the recording's own audio.
        alignment: of the call.
        speaking: the result of `speaking_frames`.
        near_s: the moment in question, on the call clock.
    """
    n = length(call)
    half = round(_MOST_LEARNED_S / 2 * RATE)
    start = max(0, min(round(near_s * RATE) - half, n - 2 * half)) // FRAME * FRAME
    part = call[start : min(start + 2 * half, n)]
    sides = [
        _alone(activity, other) if activity.active.any() else _pauses(other)
        for activity, other in _pairs(of_call(part))
    ]
    samples = [_spoken(frames + start // FRAME, alignment, speaking) for frames in sides]
    if min(len(s) for s in samples) * FRAME_S < LEAST_LEARNED_S:
        return None
    spectra = [_spectra(recording, frames) for frames in samples]
    folds = [_folds(frames) for frames in samples]
    words: tuple[list[bool], list[bool]] = ([], [])
    for fold in (0, 1):
        trained = _trained(*(x[f != fold] for x, f in zip(spectra, folds, strict=True)))
        if trained is None:
            return None
        for side, (x, frames, f) in enumerate(zip(spectra, samples, folds, strict=True)):
            words[side].extend(_right(trained, x[f == fold], frames[f == fold], is_customer=side == CUSTOMER))
    if any(not right or np.mean(right) < LEAST_RIGHT for right in words):
        return None
    return _trained(*spectra)


def _pairs(activities: tuple[Activity, Activity]) -> tuple[tuple[Activity, Activity], tuple[Activity, Activity]]:
    return activities, activities[::-1]


def _alone(activity: Activity, other: Activity) -> Ints:
    """Return the call's frames in which only one side speaks, and has for some frames."""
    n = min(len(activity.active), len(other.active))
    alone = activity.active[:n] & ~other.active[:n]
    for shift in (1, 2, 3):
        alone[shift:] &= ~other.active[: n - shift]
        alone[: n - shift] &= ~other.active[shift:n]
    return np.flatnonzero(alone)


def _pauses(other: Activity) -> Ints:
    """Return the frames of a dead channel's voice: the recording's speech in them is its own."""
    near = np.convolve(other.active, np.ones(2 * _NEAR + 1), mode="same") > 0
    return np.flatnonzero(~near)


def _spoken(frames: Ints, alignment: Alignment, speaking: Flags) -> Ints:
    """Return the recording's frames with speech at the call's frames."""
    at = np.array([alignment.to_recording(float(f) * FRAME_S) for f in frames]) / FRAME_S
    index = np.rint(at).astype(int) if len(frames) else np.zeros(0, int)
    index = index[(index >= 0) & (index < len(speaking))]
    return np.unique(index[speaking[index]])


def _folds(frames: Ints) -> Ints:
    """Return two folds of equal weight, in parts of some seconds of the voice's own speech."""
    parts = 2 * max(1, len(frames) // (2 * _PART))
    folds: Ints = np.arange(len(frames)) * parts // max(len(frames), 1) % 2
    return folds


def _spectra(recording: Track, frames: Ints) -> Doubles:
    """Return the log-power of each frame in each band, without its level."""
    out = np.empty((len(frames), BANDS))
    edges = np.searchsorted(np.fft.rfftfreq(FRAME, 1 / RATE), _EDGES_HZ)
    low, high = edges[:-1], np.maximum(edges[1:], edges[:-1] + 1)
    for first in range(0, len(frames), _BATCH):
        x = _samples(recording, frames[first : first + _BATCH]) * _WINDOW
        power = np.abs(np.fft.rfft(x)) ** 2
        total = np.zeros((len(x), power.shape[1] + 1))
        np.cumsum(power, axis=1, out=total[:, 1:])
        out[first : first + _BATCH] = total[:, high] - total[:, low] + 1e-9
    levels = np.log10(out)
    shapes: Doubles = levels - levels.mean(axis=1, keepdims=True)
    return shapes


def _samples(recording: Track, frames: Ints) -> Floats:
    """Return the samples of some frames, shape ``(frames, FRAME)``."""
    out = np.empty((len(frames), FRAME), np.float32)
    edges = np.flatnonzero(np.diff(frames) != 1) + 1
    for first, last in pairwise([0, *edges.tolist(), len(frames)]):
        if last > first:
            start = int(frames[first]) * FRAME
            out[first:last] = piece(recording, start, start + (last - first) * FRAME).reshape(-1, FRAME)
    return out


def _trained(customer: Doubles, agent: Doubles) -> Voices | None:
    """Return the linear discriminant of two voices' spectra."""
    if min(len(customer), len(agent)) < 2 * BANDS:
        return None
    means = customer.mean(axis=0), agent.mean(axis=0)
    spread = (_covariance(customer) + _covariance(agent)) / 2
    spread += np.eye(BANDS) * 0.05 * np.trace(spread) / BANDS
    weights = np.linalg.solve(spread, means[0] - means[1])
    return Voices(weights, -float(weights @ (means[0] + means[1]) / 2), float(weights @ (means[0] - means[1]) / 2))


def _covariance(spectra: Doubles) -> Doubles:
    """Return the covariance of the bands, in products too small for BLAS to use threads.

    Threads gain nothing on them; waiting for each other, they took a sixth of the CPU time of diagnosing 5 minutes.
    """
    apart = spectra - spectra.mean(axis=0)
    whole = len(apart) // _BATCH * _BATCH
    parts, rest = apart[:whole].reshape(-1, _BATCH, BANDS), apart[whole:]
    total: Doubles = np.matmul(parts.transpose(0, 2, 1), parts).sum(axis=0) + rest.T @ rest
    return total / (len(spectra) - 1)


def _right(voices: Voices, spectra: Doubles, frames: Ints, *, is_customer: bool) -> list[bool]:
    """Return for each word of a voice whether a discriminant gets it right."""
    scores = spectra @ voices.weights + voices.bias
    edges = np.flatnonzero(np.diff(frames // _WORD)) + 1
    words = [float(np.mean(part)) for part in np.split(scores, edges) if len(part) >= _WORD // 3]
    return [(score > 0) == is_customer for score in words]


def _words(first: int, last: int) -> list[tuple[int, int]]:
    """Return a stretch of speech in parts of about a second."""
    count = max(1, round((last - first) / _WORD))
    return list(pairwise(np.linspace(first, last, count + 1).astype(int).tolist()))
