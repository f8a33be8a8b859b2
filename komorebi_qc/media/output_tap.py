"""A capture of the output while it is written, for a check of a file that may be gone: its parts are already uploaded.

The audio packets near some spans are copied into a small file of the same container, at their own timestamps. The
result check decodes that file in the place of the output.
"""

from __future__ import annotations

import io
from array import array
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from komorebi_qc.core.output import CapturedAudio
from komorebi_qc.core.source import Source
from komorebi_qc.core.timebase import Span, merged
from komorebi_qc.media.packet_timing import opus_preskip_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Doubles, Pcm

_MARGIN_S = 0.5
"""A decoder needs a few packets after a gap before its output is right, so those before a span are captured as well."""


class OutputCapture:
    """The output's audio packets near some spans, as a file in memory.

    Attributes:
        track_number: the audio track's number in WebM.
    """

    def __init__(self, container: str, stream: Any, spans: Sequence[Span]) -> None:
        """Begin the file.

        Args:
            container: the output's container.
            stream: the output's audio stream, after the output was started.
            spans: the spans to capture, on the output clock.
        """
        self.track_number = stream.index + 1
        self._file = io.BytesIO()
        self._base = 0.0
        # WebM counts from the start of the encoder's pre-skip, which players don't play.
        self._preskip_s = opus_preskip_s(stream.codec_context.extradata)
        # The first packets decide where the track begins.
        near = [Span(s.start_s - _MARGIN_S, s.end_s + _MARGIN_S) for s in (Span(0.0, 0.0), *spans)]
        self._spans = merged(near)
        self._next_span = 0
        self._pts = array("q")
        self._output = av.open(self._file, "w", format=container)
        self._stream: Any = self._output.add_stream_from_template(stream, opaque=True)
        self._stream.time_base = stream.time_base

    def note(self, packet: Any) -> None:
        """Look at a packet before it is written, and copy it if it is near a span."""
        if not self._pts:
            self._base = float(packet.time_base)  # the encoder's, the same for all packets
        self._pts.append(packet.pts)
        pts_s = packet.pts * self._base
        spans = self._spans
        while self._next_span < len(spans) and spans[self._next_span].end_s < pts_s:
            self._next_span += 1
        if self._next_span < len(spans) and spans[self._next_span].start_s <= pts_s:
            copy: Any = av.Packet(bytes(packet))
            copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
            copy.duration, copy.stream = packet.duration, self._stream
            self._output.mux(copy)

    def finish(
        self, recording_rate: int, recording: Sequence[tuple[int, Pcm]], block_pts_s: Doubles | None
    ) -> CapturedAudio:
        """Close the file.

        Args:
            recording_rate: as in `CapturedAudio`.
            recording: as in `CapturedAudio`.
            block_pts_s: the timestamps of the WebM's blocks, pre-skip included; None for MP4.
        """
        self._output.close()
        source = Source("the output", self._file, self._file.seek(0, io.SEEK_END))
        muxed_pts_s = np.array(self._pts, np.float64) * self._base
        return CapturedAudio(
            recording_rate,
            tuple(recording),
            source,
            muxed_pts_s,
            None if block_pts_s is None else block_pts_s - self._preskip_s,
        )
