"""The result check's oracle: a finished file read again from its start, in the place of a capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from komorebi_qc.core.output import CapturedAudio
from komorebi_qc.core.timebase import merged
from komorebi_qc.measure.check_spans import capture_spans
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.demux import packets
from komorebi_qc.media.opening import RECORDING_FORMATS, audio_stream, open_container

if TYPE_CHECKING:
    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.samples import Doubles
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.splice import Splice


Recorded = tuple[int, tuple[tuple[int, NDArray[np.float32]], ...]]
"""The rate of a recording's audio, and for each checked span its first sample and its samples."""


def read_again(output: Source, recorded: Recorded) -> CapturedAudio:
    """Read a finished output.

    Args:
        output: the output, of any kind: its timestamps are those of its packets.
        recorded: the audio of the recording that it was made from, by `recorded_audio`.
    """
    rate, own = recorded
    pts_s = _pts_s(output)
    return CapturedAudio(rate, own, output, pts_s, pts_s)


def recorded_audio(recording: Source, info: MediaInfo, splice: Splice) -> Recorded:
    """Read the checked spans of an agent recording.

    Args:
        recording: the agent recording.
        info: the result of `probe_recording`.
        splice: which source was planned when.
    """
    if info.audio is None:
        return 0, ()
    spans = capture_spans(splice).recording
    with open_container(recording.reopen(), RECORDING_FORMATS) as container:
        decoder = AudioDecoder(container, origin_s=info.origin_s, spans=merged(spans, 0.5), captured=spans)
        decoder.read_to_end()
        return decoder.rate, tuple(decoder.captured())


def _pts_s(output: Source) -> Doubles:
    with open_container(output.reopen(), RECORDING_FORMATS) as container:
        stream = audio_stream(container)
        if stream is None:
            return np.zeros(0)
        return np.array([float(packet.pts * packet.time_base) for packet in packets(container, [stream])])
