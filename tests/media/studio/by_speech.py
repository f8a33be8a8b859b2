"""The truth of a capture without a pilot: GCC-PHAT of the call's own speech in the telephone band."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from media.studio.dialogue import CUSTOMER_GAIN_DB
from media.studio.signals import BAND, FULL, NARROW, Signal, decode, gain, resampled

if TYPE_CHECKING:
    from pathlib import Path


def phat(reference: Signal, recorded: Signal, rate: int) -> tuple[float, float]:
    """How many seconds later `reference` starts in `recorded` (GCC-PHAT in BAND), and the peak over the next best."""
    n = 1 << int(np.ceil(np.log2(len(reference) + len(recorded))))
    cross = np.fft.rfft(recorded, n) * np.conj(np.fft.rfft(reference, n))
    f = np.fft.rfftfreq(n, 1 / rate)
    inside = (f >= BAND[0]) & (f <= BAND[1])
    cross = np.where(inside, cross / np.maximum(np.abs(cross), 1e-12), 0)
    r = np.fft.irfft(cross, n)
    r = r[: len(recorded) - len(reference) + 1]  # only lags at which all of the reference fits
    k = int(np.argmax(r))
    rest = np.concatenate([r[: max(0, k - rate // 200)], r[k + rate // 200 :]])
    sure = float(r[k] / max(np.max(rest, initial=1e-12), 1e-12))
    if not 0 < k < len(r) - 1:
        return k / rate, 0.0
    left, mid, right = r[k - 1 : k + 2]
    return (k + 0.5 * (left - right) / (left - 2 * mid + right)) / rate, sure


@dataclass(frozen=True)
class Measured:
    """The call's position in a capture, over all windows."""

    offset_s: float
    spread_s: float  # median absolute deviation of the windows
    worst_s: float
    drift_ppm: float
    windows: int


def measure(connect: Signal, recording: Path, window_s: float = 2.0, step_s: float = 0.25) -> Measured:
    """The recording time of the call's second 0."""
    recorded = decode(["-copyts", "-i", str(recording), "-vn", "-af", "aresample=async=1:first_pts=0"], FULL)
    mix = resampled(connect[:, 0] * gain(CUSTOMER_GAIN_DB) + connect[:, 1], NARROW, FULL)
    coarse, _ = phat(mix, np.concatenate([recorded, np.zeros(FULL)]), FULL)
    size, margin = round(window_s * FULL), FULL // 10
    floor = 0.2 * np.sqrt(np.mean(mix**2))
    at, offsets = [], []
    for i in range(0, len(mix) - size, round(step_s * FULL)):
        part = mix[i : i + size]
        j = round(coarse * FULL) + i - margin
        if j < 0 or j + size + 2 * margin > len(recorded) or np.sqrt(np.mean(part**2)) < floor:
            continue
        delay, sure = phat(part, recorded[j : j + size + 2 * margin], FULL)
        if sure > 1.5:
            at.append((i + size / 2) / FULL)
            offsets.append(j / FULL + delay - i / FULL)
    if len(offsets) < 8:
        raise RuntimeError(f"{recording.name}: only {len(offsets)} windows show the call")
    values, times = np.array(offsets), np.array(at)
    middle = float(np.median(values))
    spread = float(np.median(np.abs(values - middle)))
    good = np.abs(values - middle) < max(5 * spread, 0.0005)
    slope = float(np.polyfit(times[good], values[good], 1)[0])
    return Measured(middle, spread, float(np.max(np.abs(values - middle))), slope * 1e6, len(values))


def streams(recording: Path) -> dict[str, Any]:
    """The streams that ffprobe finds, after a complete decoding without a single error."""
    errors = subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-xerror",
            "-i",
            str(recording),
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            "demux",
            "-f",
            "null",
            "-",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if errors.returncode or errors.stderr.strip():
        raise RuntimeError(f"{recording.name} does not decode: {errors.stderr.strip()[:500]}")
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", str(recording)],
        capture_output=True,
        check=True,
    ).stdout
    found: dict[str, Any] = {"format": json.loads(shown)["format"]}
    found.update({s["codec_type"]: s for s in json.loads(shown)["streams"]})
    first = subprocess.run(
        [
            "ffprobe",
            "-v",
            "error",
            "-of",
            "json",
            "-select_streams",
            "a:0",
            "-read_intervals",
            "%+1",
            "-show_entries",
            "frame=pts_time",
            str(recording),
        ],
        capture_output=True,
        check=True,
    ).stdout
    found["first_audio_pts_s"] = float(json.loads(first)["frames"][0]["pts_time"])
    return found
