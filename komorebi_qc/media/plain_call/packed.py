"""Connect's own WAV in memory, packed without loss (FLAC, RFC 9639): half of its size.

A call that comes over a network is read several times: for its levels, for the sync measurement, to be mixed. FLAC's
second level packs 50 minutes in half a second, and gives them back in a quarter of one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from komorebi_qc.core.samples import length

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Track

_LEVEL = "2"
_RATE = 192_000
"""The rate that the encoder is given: it makes shorter frames of lower ones, and each takes some time in Python."""
_FRAMES = 16
"""FLAC frames of a block: 9 s at 8 kHz."""
_KEPT_BLOCKS = 4


class PackedCall:
    """A stereo track of 16 bits. Several threads can read it.

    Attributes:
        shape: ``(samples, 2)``.
    """

    def __init__(self, track: Track, check_cancelled: Callable[[], None] = lambda: None) -> None:
        """Pack a track.

        Args:
            track: shape ``(samples, 2)``.
            check_cancelled: called between two blocks; its exception ends the reading.
        """
        self.shape = (length(track), 2)
        self._lock = threading.Lock()
        self._packets: list[bytes] = []
        self._unpacked: OrderedDict[int, NDArray[np.int16]] = OrderedDict()
        encoder: Any = av.CodecContext.create("flac", "w")
        encoder.sample_rate, encoder.format, encoder.layout = _RATE, "s16", "stereo"
        encoder.options = {"compression_level": _LEVEL}
        encoder.open()
        self._frame: int = encoder.frame_size
        self._block = self._frame * _FRAMES
        for start in range(0, self.shape[0], self._block):
            check_cancelled()
            block = track[start : min(start + self._block, self.shape[0])]
            for at in range(0, len(block), self._frame):
                self._pack(encoder, block[at : at + self._frame], start + at)
        self._packets += [bytes(packet) for packet in encoder.encode(None) if packet.size]
        self._decoder: Any = av.CodecContext.create("flac", "r")
        self._decoder.extradata, self._decoder.sample_rate = encoder.extradata, _RATE
        self._decoder.layout = "stereo"

    @property
    def packed_bytes(self) -> int:
        """The size in memory."""
        return sum(map(len, self._packets))

    def __getitem__(self, key: slice, /) -> NDArray[np.int16]:
        """Samples from start to stop."""
        start, stop, _ = key.indices(self.shape[0])
        out = np.empty((max(stop - start, 0), 2), np.int16)
        for number in range(start // self._block, -(-stop // self._block) if stop > start else 0):
            first = number * self._block
            block = self._read(number)
            low, high = max(first, start), min(first + len(block), stop)
            out[low - start : high - start] = block[low - first : high - first]
        return out

    def _pack(self, encoder: Any, samples: NDArray[np.int16], at: int) -> None:
        frame: Any = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples).reshape(1, -1), format="s16", layout="stereo"
        )
        frame.sample_rate, frame.pts = _RATE, at
        self._packets += [bytes(packet) for packet in encoder.encode(frame)]

    def _read(self, number: int) -> NDArray[np.int16]:
        with self._lock:
            block = self._unpacked.get(number)
            if block is None:
                packets = self._packets[number * _FRAMES : (number + 1) * _FRAMES]
                frames = [frame for packet in packets for frame in self._decoder.decode(av.Packet(packet))]
                block = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in frames])
                self._unpacked[number] = block
                if len(self._unpacked) > _KEPT_BLOCKS:
                    self._unpacked.popitem(last=False)
            else:
                self._unpacked.move_to_end(number)
            return block
