"""What is kept of a rendering on its way, for a check of a file that can't be read again: it has gone up in parts.

Of the recording's own audio the samples near the wanted places, as they were decoded. Of the output a twin: a file of
the same container with the output's own audio packets near those places, at their own time stamps, and nothing else.
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
from komorebi_qc.media.packet_timing import opus_lead_in_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Doubles, Pcm


_MARGIN_S = 0.5
"""A decoder is in its stride a few packets after a gap; what is before is kept as well."""


class OutputCapture:
    """The output's audio packets near some places, as a file in memory."""

    def __init__(self, container: str, stream: Any, wanted: Sequence[Span]) -> None:
        """Begin it; `track` is the audio track's number in WebM.

        Args:
            container: the output's.
            stream: the output's audio track, once the output has been started.
            wanted: the places, on the output's clock.
        """
        self._file = io.BytesIO()
        self.track = stream.index + 1
        self._base = 0.0
        # WebM counts from the encoder's lead-in on, which players skip.
        self._lead_in_s = opus_lead_in_s(stream.codec_context.extradata)
        # The beginning settles where the track begins.
        near = [Span(s.start_s - _MARGIN_S, s.end_s + _MARGIN_S) for s in (Span(0.0, 0.0), *wanted)]
        self._near = merged(near)
        self._at = 0
        self._stamps = array("q")
        self._output = av.open(self._file, "w", format=container)
        self._stream: Any = self._output.add_stream_from_template(stream, opaque=True)
        self._stream.time_base = stream.time_base

    def note(self, packet: Any) -> None:
        """See a packet before it is written."""
        if not self._stamps:
            self._base = float(packet.time_base)  # the encoder's, of all of them
        self._stamps.append(packet.pts)
        at_s = packet.pts * self._base
        while self._at < len(self._near) and self._near[self._at].end_s < at_s:
            self._at += 1
        if self._at < len(self._near) and self._near[self._at].start_s <= at_s:
            copy: Any = av.Packet(bytes(packet))
            copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
            copy.duration, copy.stream = packet.duration, self._stream
            self._output.mux(copy)

    def finished(self, rate: int, recording: Sequence[tuple[int, Pcm]], blocks_s: Doubles | None) -> CapturedAudio:
        """All that was kept; `rate` and `recording` as in `CapturedAudio`, `blocks_s` as WebM's blocks have them."""
        self._output.close()
        file = self._file
        source = Source("the output", file, file.seek(0, io.SEEK_END))
        stamps_s = np.array(self._stamps, np.float64) * self._base
        return CapturedAudio(
            rate, tuple(recording), source, stamps_s, None if blocks_s is None else blocks_s - self._lead_in_s
        )
