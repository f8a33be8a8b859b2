"""Decoded audio frames as stereo samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from av.audio.fifo import AudioFifo

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Pcm

MAX_CHANNELS = 8
"""PyAV reads beyond FFmpeg's array of planes for planar audio with more, and crashes. Damaged AAC claims dozens."""
_PLAIN_LAYOUTS = ("mono", "stereo", "1 channels", "2 channels")
"""Layouts of one or two channels without a channel list in FFmpeg's memory."""


class FrameQueue:
    """Consecutive frames of one format, to be taken out as one: one by one costs as much as decoding.

    FFmpeg's own queue joins mono and stereo frames. A frame of any other layout stays alone.
    """

    def __init__(self) -> None:
        self._fifo = AudioFifo()
        self._channels = 0
        """Of the queue's frames, or of its last ones."""
        self._is_plain = False
        self._is_empty = True
        self._single: AudioFrame | None = None

    def add(self, frame: AudioFrame) -> bool:
        """Append a frame; False if the queue has to be taken out first."""
        if frame.layout.nb_channels != self._channels or self._single is not None:
            # FFmpeg's queue compares format and rate, but would read a plane that doesn't exist.
            if not self._is_empty:
                return False
            self._begin(frame)
        if self._is_plain:
            frame.pts = None  # otherwise the queue compares it with its own count
            try:
                self._fifo.write(frame)
            except ValueError:  # another format, rate or time base; a decoder's last frame may have that
                if not self._is_empty:
                    return False
                self._begin(frame)
                return self.add(frame)
        else:
            self._single = frame
        self._is_empty = False
        return True

    def _begin(self, frame: AudioFrame) -> None:
        """Take in frames like this one from now on."""
        self._fifo, self._channels = AudioFifo(), frame.layout.nb_channels
        self._is_plain = frame.layout.name in _PLAIN_LAYOUTS

    def take(self) -> AudioFrame | None:
        """All frames as one; None if the queue is empty. It is empty afterwards."""
        joined = self._fifo.read() if self._single is None else self._single
        self._single, self._is_empty = None, True
        return joined


def stereo_samples(frame: AudioFrame) -> Pcm:
    """A frame's samples, shape ``(n, 2)``, float32, full scale +-1. Mono plays on both sides; more are mixed down."""
    count = frame.samples
    planes: Any = frame.planes
    if len(planes) <= 2 and frame.format.name == "fltp":
        # The format of AAC and Opus, without PyAV's detour through lists: each channel stays contiguous.
        out = np.empty((2, count), np.float32)
        out[0] = np.frombuffer(planes[0], np.float32, count)
        out[1] = np.frombuffer(planes[-1], np.float32, count)
        return out.T
    data = frame.to_ndarray()  # one row per channel, or all channels interleaved in one row
    pcm = _as_float(data.T if len(data) > 1 else data.reshape(count, -1))
    channels = pcm.shape[1]
    if channels == 1:
        return np.repeat(pcm, 2, axis=1)
    if channels > 2:
        return np.repeat(pcm.mean(axis=1, keepdims=True, dtype=np.float32), 2, axis=1)
    return pcm


def _as_float(samples: NDArray[Any]) -> Pcm:
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    if samples.dtype.kind == "u":
        return (samples.astype(np.float32) - 128.0) / np.float32(128.0)
    return samples.astype(np.float32) / np.float32(1 << (8 * samples.dtype.itemsize - 1))
