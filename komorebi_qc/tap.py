"""What is kept of a rendering on its way, for a check of a file that can't be read again: it has gone up in parts.

Of the recording's own audio the samples near the wanted places, as they were decoded. Of the output a twin: a file of
the same container with the output's own audio packets near those places, at their own time stamps, and nothing else.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from komorebi_qc.media import codec_name
from komorebi_qc.stores import Source
from komorebi_qc.timebase import Span, merged
from komorebi_qc.timing import Step, opus_packet_s, steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.pcm import Pcm

MARGIN_S = 0.5
"""A decoder is in its stride a few packets after a gap; what is before is kept as well."""
_STEPS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which places are to be kept.

    Attributes:
        recording: of the recording's own audio, on its clock.
        output: of the output's audio, on its clock.
    """

    recording: tuple[Span, ...]
    output: tuple[Span, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Tapped:
    """What was kept.

    Attributes:
        rate: of the recording's samples.
        recording: of each wanted place the index of its first sample on the recording's clock, and its samples.
        twin: an audio file with what was wanted of the output.
        steps: where an audio packet of the output didn't begin where the one before it ended.
        audio_packets: how many the output has.
    """

    rate: int
    recording: tuple[tuple[int, Pcm], ...]
    twin: Source
    steps: tuple[Step, ...]
    audio_packets: int


class Twin:
    """The output's audio packets near some places, as a file in memory."""

    def __init__(self, container: str, stream: Any, wanted: Sequence[Span]) -> None:
        """Begin it.

        Args:
            container: the output's.
            stream: the output's audio track, once the output has been started.
            wanted: the places, on the output's clock.
        """
        self._file = io.BytesIO()
        self._base = float(stream.time_base)
        self._is_opus = codec_name(stream) == "opus"
        # The beginning settles where the track begins.
        near = [Span(s.start_s - MARGIN_S, s.end_s + MARGIN_S) for s in (Span(0.0, 0.0), *wanted)]
        self._near = merged(near)
        self._at = 0
        self._noted: list[tuple[float, float]] = []
        self._steps: list[Step] = []
        self._count = 0
        self._output = av.open(self._file, "w", format=container)
        self._stream: Any = self._output.add_stream_from_template(stream, opaque=True)
        self._stream.time_base = stream.time_base

    def note(self, packet: Any) -> None:
        """See a packet before it is written."""
        at_s = float(packet.pts * packet.time_base)
        own_s = opus_packet_s(packet) if self._is_opus else float((packet.duration or 0) * packet.time_base)
        self._count += 1
        self._noted.append((at_s, own_s))
        if len(self._noted) >= _STEPS_AT_ONCE:
            self._find_steps()
        while self._at < len(self._near) and self._near[self._at].end_s < at_s:
            self._at += 1
        if self._at < len(self._near) and self._near[self._at].start_s <= at_s:
            copy: Any = av.Packet(bytes(packet))
            copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
            copy.duration, copy.stream = packet.duration, self._stream
            self._output.mux(copy)

    def _find_steps(self) -> None:
        noted = np.array(self._noted, np.float64).reshape(-1, 2)
        self._steps += steps(noted[:, 0], noted[:, 1])
        self._noted = self._noted[-1:]

    def finished(self, rate: int, recording: Sequence[tuple[int, Pcm]]) -> Tapped:
        """All that was kept; `rate` and `recording` as in `Tapped`."""
        self._find_steps()
        self._output.close()
        file = self._file
        source = Source("the output", file, file.seek(0, io.SEEK_END))
        return Tapped(rate, tuple(recording), source, tuple(self._steps), self._count)
