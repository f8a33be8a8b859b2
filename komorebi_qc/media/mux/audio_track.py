"""The output's audio track: encoded in a thread of its own, muxed, captured on request."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.error import InvalidDataError

from komorebi_qc.core.output import AUDIO_CODEC
from komorebi_qc.media.mux.encoders import audio_encoder

if TYPE_CHECKING:
    from av.container import OutputContainer

    from komorebi_qc.core.output import RenderPlan
    from komorebi_qc.core.samples import Pcm
    from komorebi_qc.media.output_tap import OutputCapture

_BLOCK_S = 1.0


class AudioTrack:
    """Encodes blocks of audio into packets. It may run in a thread: PyAV's codecs release the lock meanwhile.

    Attributes:
        stream: PyAV's stream in the output.
    """

    def __init__(self, output: OutputContainer, plan: RenderPlan) -> None:
        name, options = audio_encoder(AUDIO_CODEC[plan.container], plan.audio_bit_rate)
        self._rate = plan.audio_rate
        self._is_planar = plan.container == "mp4"
        stream: Any = output.add_stream(name, rate=plan.audio_rate, options=options)
        stream.layout = "stereo"
        stream.bit_rate = plan.audio_bit_rate
        stream.codec_context.format = "fltp" if self._is_planar else "flt"
        self.stream = stream

    @property
    def block_size(self) -> int:
        """Samples to encode at once: whole packets of about a second. Known only after the output was started."""
        packet = int(self.stream.codec_context.frame_size or 1024)
        return packet * math.ceil(_BLOCK_S * self._rate / packet)

    def encode(self, block: Pcm, first: int) -> list[Any]:
        """Encode a block, shape ``(n, 2)``; `first` is the index of its first sample. PyAV cuts it into frames."""
        data = np.ascontiguousarray(block.T if self._is_planar else block.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(data, format="fltp" if self._is_planar else "flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = self._rate, first, Fraction(1, self._rate)
        return list(self.stream.encode(frame))

    def flush(self) -> list[Any]:
        """The packets that the encoder still holds at the end."""
        return list(self.stream.encode(None))


class AudioMuxer:
    """Writes audio packets into the output.

    Attributes:
        output: the output.
        capture: sees each packet first; None for no capture.
    """

    def __init__(self, output: OutputContainer, capture: OutputCapture | None) -> None:
        self.output = output
        self.capture = capture

    def write(self, packets: list[Any]) -> int:
        """Write packets.

        Returns:
            How many damaged video packets the muxer dropped meanwhile: it interleaves, and so holds them back.
        """
        dropped = 0
        for packet in packets:
            if self.capture is not None:
                self.capture.note(packet)
            try:
                self.output.mux(packet)
            except InvalidDataError:
                dropped += 1
        return dropped
