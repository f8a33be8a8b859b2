"""The audio of a capture as samples, and the presentation time of each by the packets' timestamps.

Timestamps are rounded to a millisecond, and Chromium's jitter by 5 ms through a mixing graph. So the samples are
counted in the order of decoding, and the stamps' mean over two seconds gives a counted sample its time. If the means
over MEMORY frames before and after differ by more than STEP_S, a new stretch begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
import numpy as np
from media.studio.signals import FULL, Signal

if TYPE_CHECKING:
    from pathlib import Path

STEP_S, AROUND_S, MEMORY = 0.003, 1.0, 12


@dataclass(frozen=True)
class Sound:
    """Mono samples at FULL in the order of decoding, and frame by frame: first sample, timestamp, stretch."""

    samples: Signal
    firsts: Signal
    stamps_s: Signal
    stretches: Signal

    def presented_s(self, sample: float) -> float:
        """When a sample is presented."""
        here = max(0, int(np.searchsorted(self.firsts, sample, "right")) - 1)
        alike = (self.stretches == self.stretches[here]) & (np.abs(self.firsts - self.firsts[here]) < AROUND_S * FULL)
        return float(np.mean(self.stamps_s[alike] - self.firsts[alike] / FULL)) + sample / FULL

    def doubt_s(self, sample: float) -> float:
        """The distance between the stamps near a sample, MEMORY of them, and those of the two seconds around it."""
        here = max(0, int(np.searchsorted(self.firsts, sample, "right")) - 1)
        few = slice(max(0, here - MEMORY // 2), here + MEMORY // 2)
        alike = self.stretches[few] == self.stretches[here]
        nearby = float(np.mean((self.stamps_s[few] - self.firsts[few] / FULL)[alike]))
        return abs(nearby + sample / FULL - self.presented_s(sample))

    def steps(self) -> list[tuple[float, float]]:
        """Every step of the timestamps: when, and by how much they jump (seconds)."""
        out = []
        for k in np.flatnonzero(np.diff(self.stretches)) + 1:
            before = self.presented_s(float(self.firsts[k]) - 1) + 1 / FULL
            out.append((before, self.presented_s(float(self.firsts[k])) - before))
        return out


def sound(path: Path) -> Sound:
    """All audio of a file.

    Raises:
        RuntimeError: if it has no audio.
    """
    samples, stamps, counts = [], [], []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", FULL)
        stream = container.streams.audio[0]
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue  # a packet that was cut by a lost chunk
            for frame in frames:
                if frame.pts is None or frame.time_base is None:
                    continue
                frame_s = float(frame.pts * frame.time_base)
                data = (
                    [out.to_ndarray()[0] for out in resampler.resample(frame)]
                    if frame.sample_rate != FULL
                    else [
                        np.mean(frame.to_ndarray().reshape(-1, frame.samples), axis=0)
                        if frame.format.is_planar
                        else frame.to_ndarray().reshape(frame.samples, -1).mean(axis=1)
                    ]
                )
                if not data:
                    continue
                one = np.concatenate(data).astype(np.float64)
                samples.append(one)
                stamps.append(frame_s)
                counts.append(len(one))
    if not samples:
        raise RuntimeError(f"{path.name} has no audio")
    firsts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.float64)
    stamped = np.array(stamps)
    stretches = _stretches(stamped - firsts / FULL)
    return Sound(np.concatenate(samples), firsts, stamped, stretches)


def _stretches(offsets: Signal) -> Signal:
    """The number of the stretch that each frame belongs to."""
    change = np.zeros(len(offsets))
    for k in range(MEMORY, len(offsets) - MEMORY + 1):
        change[k] = abs(np.mean(offsets[k : k + MEMORY]) - np.mean(offsets[k - MEMORY : k]))
    starts = np.zeros(len(offsets))
    for k in map(int, np.flatnonzero(change > STEP_S)):
        around = slice(max(0, k - MEMORY), k + MEMORY + 1)
        if change[k] == np.max(change[around]) and not starts[around].any():
            starts[k] = 1
    return np.asarray(np.cumsum(starts))
