"""Who speaks when: frame levels, activity and turns of each track.

Frames of 40 ms (`FRAME`), levels in dB relative to full scale after a first difference (it takes out hum and
the DC offset and weighs consonants up). A call channel counts as active only while it isn't clearly weaker than
the other one: sound 12 dB below is crosstalk or echo of the other speaker, and its lag would be the echo's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from komorebi_qc.core.samples import RATE, Doubles, Flags, Floats, Ints, Track, length, piece

FRAME = 320
FRAME_S = FRAME / RATE
CROSSTALK_DB = 12.0
QUIET_DB = -58.0
"""Nothing below counts as speech: idle noise of a mu-law channel is near -62 dBFS."""
_BLOCK = FRAME * 1500


@dataclass(frozen=True, slots=True)
class Activity:
    """The frames of one track: `level_db`, `active`, and turns as frame spans [start, stop)."""

    level_db: Floats
    active: Flags
    turns: tuple[tuple[int, int], ...]

    @property
    def active_s(self) -> float:
        """Seconds of activity."""
        return float(np.count_nonzero(self.active)) * FRAME_S


def levels(track: Track, channel: int | None = None) -> Floats:
    """Return the level of every whole frame in dB; -120 for digital silence."""
    level: Floats = _levels(track, channel)[0]
    return level


def _levels(track: Track, *channels: int | None) -> Floats:
    """Return the levels of several channels, shape ``(channels, frames)``."""
    n = length(track) // FRAME
    out = np.empty((len(channels), n), np.float32)
    for start in range(0, n * FRAME, _BLOCK):
        stop = min(start + _BLOCK, n * FRAME)
        block = track[start:stop]  # once for all channels: it may have to be unpacked
        for powers, channel in zip(out, channels, strict=True):
            x = piece(block, 0, stop - start, channel)
            d = np.empty_like(x)
            d[0] = 0.0
            np.subtract(x[1:], x[:-1], out=d[1:])
            frames = d.reshape(-1, FRAME)
            powers[start // FRAME : stop // FRAME] = np.einsum("ij,ij->i", frames, frames) / FRAME
    level: Floats = 10.0 * np.log10(out + np.float32(1e-12))
    return level


def threshold(level_db: Floats, under_loud_db: float = 15.0) -> float:
    """Return the level above which a frame counts as speech or music, in dB: at most `under_loud_db` below loud parts.

    A track without pauses (music) has no floor. A noisy recording's floor may be that close to its speech.
    """
    sounding = level_db[level_db > -100.0]
    if len(sounding) == 0:
        return QUIET_DB
    floor, loud = float(np.percentile(sounding, 8)), float(np.percentile(sounding, 98))
    return max(min(floor + 7.0, loud - under_loud_db), loud - 35.0, QUIET_DB)


def close_gaps(active: Flags, frames: int) -> Flags:
    """Fill pauses of up to `frames` in the activity."""
    edges = spans(active)
    out = active.copy()
    for (_, stop), (start, _) in pairwise(edges):
        if start - stop <= frames:
            out[stop:start] = True
    return out


def spans(flags: Flags) -> list[tuple[int, int]]:
    """Return runs of True as [start, stop)."""
    if len(flags) == 0:
        return []
    edges: Ints = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _finish(level_db: Floats, active: Flags) -> Activity:
    turns = tuple((a, b) for a, b in spans(close_gaps(active, 15)) if np.count_nonzero(active[a:b]) >= 8)
    return Activity(level_db, active, turns)


def of_recording(recording: Track) -> Activity:
    """Return the recording's activity, mono."""
    level = levels(recording)
    return _finish(level, close_gaps(level > threshold(level, 4.0), 3))


def of_call(call: Track) -> tuple[Activity, Activity]:
    """Return the activity of customer and agent. Turns end at pauses of more than 0.6 s."""
    both = _levels(call, 0, 1)
    flags = [level > threshold(level) for level in both]
    out = []
    for mine, other in ((0, 1), (1, 0)):
        rival = np.where(flags[other], both[other], -np.inf)
        # Crosstalk may trail the voice by a frame or two.
        rival = np.maximum(rival, np.maximum(np.roll(rival, 1), np.roll(rival, -1)))
        active = flags[mine] & (both[mine] > rival - CROSSTALK_DB)
        out.append(_finish(both[mine], close_gaps(active, 2)))
    return out[0], out[1]


def share(active: Flags, starts_s: Doubles, length_s: float) -> Doubles:
    """Return the active share of the spans [start, start + length), 0..1."""
    total = np.concatenate([[0], np.cumsum(active)])
    n = len(active)
    a = np.clip(np.rint(starts_s / FRAME_S).astype(int), 0, n)
    b = np.clip(np.rint((starts_s + length_s) / FRAME_S).astype(int), 0, n)
    part: Doubles = (total[b] - total[a]) * FRAME_S / length_s
    return part
