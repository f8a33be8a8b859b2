"""The examination of a delivered file: the disputed one, beside the result that this software makes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.samples import RATE
from komorebi_qc.findings.sync.delivered import delivered_dict, delivered_findings
from komorebi_qc.measure.delivered import DeliveredMeasurement, measure_delivered
from komorebi_qc.media.decode_8khz import decode_recording_8khz
from komorebi_qc.media.probe import probe_recording
from komorebi_qc.pipeline.correction.before import on_clock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.source import Source
    from komorebi_qc.pipeline.examine import Examined


@dataclass(frozen=True, slots=True, eq=False)
class Delivered:
    """A delivered file and its measurement.

    Attributes:
        name: of the file.
        measured: against call and recording.
        findings: about it.
        audio: its sound at 8 kHz on the output clock of the new result, ``(n,)``, silent in that result's masks.
    """

    name: str
    measured: DeliveredMeasurement
    findings: tuple[Finding, ...]
    audio: NDArray[np.int16]

    def to_dict(self) -> dict[str, Any]:
        """The measurement and its findings for JSON."""
        return delivered_dict(self.measured, self.findings, self.name)


def with_delivered(examined: Examined, source: Source, name: str, limits: Limits) -> Examined:
    """The examination with the measurement of a delivered file.

    Args:
        examined: the examination of call and recording.
        source: the delivered file.
        name: the file's name for people.
        limits: the limits of its findings.

    Raises:
        MediaError: the file isn't media, or has no audio.
    """
    info = probe_recording(source)
    if info.audio is None:
        raise MediaError(f"{name} has no audio track, so nothing of it can be compared: name another delivered file")
    sound = decode_recording_8khz(source, info)
    own, alignment = examined.diagnosis.recording, examined.alignment
    starts = [0.0 if one.video is None else one.video.span.start_s for one in (info, own)]
    pair = examined.diagnosis.pair
    measured = measure_delivered(pair.call, pair.recording, sound, alignment, starts[0] - starts[1])
    audio = on_clock(sound, alignment.output_shift_s - measured.shift_s, len(examined.tracks.recording))
    for span in examined.masks.output if examined.masks.masks_sound else ():
        audio[int(span.start_s * RATE) : int(np.ceil(span.end_s * RATE))] = 0
    findings = tuple(delivered_findings(measured, limits))
    return replace(examined, delivered=Delivered(name, measured, findings, audio))
