"""The measured levels of one channel, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komorebi_qc.core.timebase import Span


@dataclass(frozen=True, slots=True)
class HoldMusic:
    """A span that sounds like music on hold: tonal, and without the pauses of speech.

    Attributes:
        span: its place.
        confidence: 0.4 to 0.6 for steady tonal audio, which may also be a tone or a singer; 0.9 if it repeats itself
            as well. It is a rank, not a probability.
        period_s: the time after which it repeats itself, to 0.1 s; None if it doesn't repeat within the span.
    """

    span: Span
    confidence: float
    period_s: float | None


@dataclass(frozen=True, slots=True)
class ChannelLevels:
    """All measurements of one channel. A track too short or too silent for one has None there, never NaN.

    Spans are on the track's own clock, which begins with its first sample.

    Attributes:
        length_s: length in seconds.
        samples: length in samples.
        rms_dbfs: RMS level of the whole channel, DC offset included; None if every sample is zero.
        peak_dbfs: largest sample magnitude; None if every sample is zero.
        true_peak_dbtp: largest magnitude between samples too, 4 times oversampled (ITU-R BS.1770-5, annex 2); None if
            every sample is zero.
        speech_dbfs: active speech level (ITU-T P.56, method B); None if nothing exceeds -90 dBFS. Steady noise about
            15.9 dB below the speech makes the method ambiguous by 2 dB either way.
        activity: share of the time that P.56 counts as speech, 0 to 1.
        loudness_lufs: integrated loudness (ITU-R BS.1770-5) of this channel alone; None below -70 LUFS or 0.4 s.
        clipped_samples: samples in flat tops or at full scale, in runs of 3 or more.
        clipped_runs: number of such runs.
        dc_offset: mean sample, full scale 1.
        digital_silence_s: total of the 100 ms hops in which only the last bit changes.
        is_dead: no 100 ms hop exceeds -60 dBFS.
        dropouts: runs of 5 to 200 ms of exact zeros with audio directly before and after; the first 1,000.
        dropout_count: number of all dropouts.
        silences: spans of 2 s or more in which every 100 ms hop is below the P.56 threshold (15.9 dB below the speech
            level), or below -60 dBFS.
        hold_music: spans that sound like music on hold; an estimate, see `HoldMusic`.
        noise_floor_dbfs: mean power of the quietest tenth, digital silence excluded; None if nothing else is left.
            Speech without pauses makes it too high.
        snr_db: speech level above the noise floor, the noise's share of the speech level removed; None if the two are
            within 1 dB.
        bandwidth_hz: highest frequency at which the speech spectrum is 6 dB above the noise and less than 50 dB below
            its own maximum; None for a dead channel.
        invalid_samples: samples that were NaN or infinite, and counted as 0.
    """

    length_s: float
    samples: int
    rms_dbfs: float | None
    peak_dbfs: float | None
    true_peak_dbtp: float | None
    speech_dbfs: float | None
    activity: float
    loudness_lufs: float | None
    clipped_samples: int
    clipped_runs: int
    dc_offset: float
    digital_silence_s: float
    is_dead: bool
    dropouts: tuple[Span, ...]
    dropout_count: int
    silences: tuple[Span, ...]
    hold_music: tuple[HoldMusic, ...]
    noise_floor_dbfs: float | None
    snr_db: float | None
    bandwidth_hz: float | None
    invalid_samples: int
