"""Whose sound and whose screen a chain's unified recordings have, measured in the files that were published.

Nothing of the product is used: PyAV decodes, and NumPy correlates each second of a video's sound with the sound that
the contact's own files had at this time. As a control, each stretch is also searched for in the whole call audio of
all other contacts of its chain.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import soxr
from bench.chained.media import CALL_RATE, HUES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.chained.media import Media
    from bench.chained.plan import Contact
    from numpy.typing import NDArray

    Mono = NDArray[np.float32]

WINDOW_S, REACH_S = 1.0, 0.03
OWN_LEAST = 0.7
"""Correlation with the own file, of speech that AAC at 64 kb/s has coded."""
QUIET = 2e-3
"""RMS of full scale: less is silence."""
CONTROL_S, CONTROL_EVERY_S = 3.0, 7.0


@dataclass(frozen=True, slots=True)
class Judged:
    """The windows of one video.

    Attributes:
        right: windows with the own sound, or the own silence.
        wrong: places of the other ones: clock and second.
        lowest: the lowest correlation of a window with the own sound.
        control: the highest correlation of a stretch with the call audio of another contact, anywhere in it. The voices
            have some phrases in more than one prompt.
        margin: the least by which a stretch agrees more with the own call audio than with any other.
        has_own_screen: whether the picture has the contact's colour.
    """

    right: int
    wrong: tuple[str, ...]
    lowest: float
    control: float
    margin: float
    has_own_screen: bool


def judge(video: bytes, one: Contact, media: Sequence[Media]) -> Judged:
    """Compare a video with the files of all contacts of its chain."""
    sound, own = _sound(video), media[one.number]
    call_s, end_s = one.left_s - one.connected_s, one.lead_s + one.left_s - one.connected_s
    right, lowest, wrong = 0, 1.0, list[str]()
    for channel in (0, 1):
        for at in np.arange(0.0, call_s - WINDOW_S, WINDOW_S):
            score = _agreement(sound[:, channel], one.lead_s + at, own.call[:, channel], at)
            right, lowest = right + (score >= OWN_LEAST), min(lowest, score)
            if score < OWN_LEAST:
                wrong.append(f"call {'LR'[channel]} {at:.0f} s ({score:.2f})")
        for at in np.arange(0.0, one.lead_s - WINDOW_S, WINDOW_S):
            is_silent = _rms(_part(sound[:, channel], at, WINDOW_S)) < QUIET
            right += is_silent
            wrong += [] if is_silent else [f"before {'LR'[channel]} {at:.0f} s"]
        for at in np.arange(end_s + 0.5, end_s + one.after_s - WINDOW_S, WINDOW_S):
            score = _agreement(sound[:, channel], at, own.own, at)
            right, lowest = right + (score >= OWN_LEAST), min(lowest, score)
            if score < OWN_LEAST:
                wrong.append(f"after {'LR'[channel]} {at:.0f} s ({score:.2f})")
    others = [other.call for at, other in enumerate(media) if at != one.number]
    control, margin = _control(sound, one, own.call, others)
    return Judged(right, tuple(wrong), lowest, control, margin, _screen(video) == one.number)


def _sound(video: bytes) -> NDArray[np.float32]:
    """A video's sound at 8 kHz on its clock, shape ``(n, 2)``."""
    with av.open(io.BytesIO(video), "r") as file:
        (stream,) = file.streams.audio
        resampler = av.AudioResampler("fltp", "stereo", stream.rate)
        parts = [
            (float((frame.pts or 0) * (frame.time_base or 0)), ready.to_ndarray())
            for frame in file.decode(stream)
            for ready in resampler.resample(frame)
        ]
        rate = int(stream.rate or 0)
    out = np.zeros((2, max(round(at * rate) + part.shape[1] for at, part in parts)), np.float32)
    for at, part in parts:
        first = round(at * rate)
        out[:, max(first, 0) : first + part.shape[1]] = part[:, max(-first, 0) :]
    found: NDArray[np.float32] = soxr.resample(out.T, rate, CALL_RATE)
    return found


def _part(sound: Mono, at_s: float, length_s: float) -> Mono:
    first = round(at_s * CALL_RATE)
    part = sound[max(first, 0) : first + round(length_s * CALL_RATE)]
    return np.pad(part, (0, round(length_s * CALL_RATE) - len(part)))


def _rms(part: Mono) -> float:
    return float(np.sqrt(np.mean(np.square(part, dtype=np.float64))))


def _agreement(found: Mono, found_at_s: float, wanted: Mono, wanted_at_s: float) -> float:
    """The correlation of two windows within the reach; 1 if both are silent, 0 if only one of them is."""
    one = _part(wanted, wanted_at_s, WINDOW_S)
    other = _part(found, found_at_s, WINDOW_S)
    are_quiet = (_rms(one) < QUIET, _rms(other) < QUIET)
    if any(are_quiet):
        is_near = max(_rms(one), _rms(other)) < 2 * QUIET
        return 1.0 if all(are_quiet) or is_near else 0.0
    wide = _part(found, found_at_s - REACH_S, WINDOW_S + 2 * REACH_S) if found_at_s > REACH_S else other
    return _best(one, wide)


def _best(wanted: Mono, wide: Mono) -> float:
    """The highest normalised correlation of a window anywhere in a longer sound."""
    size = 1 << (len(wanted) + len(wide)).bit_length()
    product = np.fft.irfft(np.fft.rfft(wide, size) * np.conj(np.fft.rfft(wanted, size)), size)
    count = len(wide) - len(wanted) + 1
    energy = np.concatenate([[0.0], np.cumsum(np.square(wide, dtype=np.float64))])
    norms = np.sqrt(np.maximum(energy[len(wanted) :] - energy[: len(wide) - len(wanted) + 1], 1e-9))
    scores = product[:count] / (np.linalg.norm(wanted) * np.maximum(norms, 0.05 * norms.max()))
    return float(scores.max())


def _control(
    sound: NDArray[np.float32], one: Contact, own: NDArray[np.float32], others: Sequence[NDArray[np.float32]]
) -> tuple[float, float]:
    """The highest agreement of a stretch with this side of another contact's call, and the least lead of the own.

    The other call is searched as a whole; the own one is compared at the stretch's own place.
    """
    control, margin = 0.0, 1.0
    for channel in (0, 1):
        for at in _stretches(one):
            part = _part(sound[:, channel], one.lead_s + at, CONTROL_S)
            if _rms(part) > 5 * QUIET:
                best = max((_best(part, other[:, channel]) for other in others), default=0.0)
                at_place = _part(own[:, channel], max(at - REACH_S, 0.0), CONTROL_S + 2 * REACH_S)
                control, margin = max(control, best), min(margin, _best(part, at_place) - best)
    return control, margin


def _stretches(one: Contact) -> Iterator[float]:
    # Not at the very start: a lag of one sample to the left has no place there.
    yield from np.arange(0.5, one.left_s - one.connected_s - CONTROL_S, CONTROL_EVERY_S)


def _screen(video: bytes) -> int:
    """The contact whose colour a picture in the middle has."""
    with av.open(io.BytesIO(video), "r") as file:
        frames: list[Any] = list(file.decode(video=0))
    planes = frames[len(frames) // 2].reformat(format="yuv420p").planes
    found = [
        float(np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width].mean()) for plane in planes
    ]
    away = [abs(found[1] - u) + abs(found[2] - v) for u, v in HUES]
    return int(np.argmin(away))
