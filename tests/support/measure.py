"""Real inputs, the command line's outputs, and measurements of them that share no code with the package.

Conventions: times are seconds of presentation time; PCM is ``(n, 2)`` float32, full scale +-1, sample ``i`` at
``i / rate``; a lag is positive where the second signal is the later one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import av
import numpy as np
import pytest
import soxr

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from numpy.typing import NDArray

    Pcm = NDArray[np.float32]

HERE = Path(__file__).resolve().parents[1]
SAMPLE = HERE.parent / "komorebi_qc" / "demo" / "sample"
MEDIA = HERE / "media"
BAND_HZ = (300.0, 3400.0)
"""The telephone band: call audio and recording share no other frequencies."""
_GAP_S = 0.005
"""WebM's timestamps are whole milliseconds: a smaller difference from the count of samples is rounding."""
_RIVAL_S = 0.0025
"""A second peak nearer than this is the same peak's flank."""


@dataclass(frozen=True, slots=True)
class Case:
    """A call with its known position in the recording.

    Attributes:
        name: the recording's file name.
        recording: as the browser made it.
        connect: the call, 8 kHz stereo.
        offset_s: recording time of the call's first sample.
        call_s: its length.
        call_end: the reported call end, in whole seconds.
        video_codec: in the recording.
    """

    name: str
    recording: Path
    connect: Path
    offset_s: float
    call_s: float
    call_end: str
    video_codec: str


def _case(recording: Path, connect: Path, truth: dict[str, Any]) -> Case:
    reported_end = truth["callEndingTimestamp"]
    return Case(
        recording.name, recording, connect, truth["offset_s"], truth["call_s"], reported_end, truth["video_codec"]
    )


def cases() -> dict[str, Case]:
    """The sample call (``recording.mp4``) and every capture in ``tests/media``, by file name."""
    found = {name: _case(MEDIA / name, MEDIA / "call.wav", truth) for name, truth in _truth(MEDIA).items()}
    return {"recording.mp4": _case(SAMPLE / "recording.mp4", SAMPLE / "call.wav", _truth(SAMPLE)), **found}


def _truth(folder: Path) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads((folder / "truth.json").read_text(encoding="utf-8")))


def process(case: Case, out: Path, offset_s: float | None = None) -> dict[str, Any]:
    """Run ``komorebi-qc process`` on the case, placed by its known offset or another one: the object it prints.

    The path of what it made is under ``output``.
    """
    arguments = {
        "--connect": case.connect,
        "--recording": case.recording,
        "--call-end": case.call_end,
        "--offset": case.offset_s if offset_s is None else offset_s,
        "--out": out,
    }
    command = [sys.executable, "-m", "komorebi_qc.cli.main", "process", "--json"]
    command += [text for name, value in arguments.items() for text in (name, str(value))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in (0, 3), f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return cast("dict[str, Any]", json.loads(done.stdout))


def unavailable(reason: str) -> NoReturn:
    """Skip the test; in CI, where all that tests need is installed, fail instead."""
    if os.environ.get("CI", "").lower() in ("", "0", "false"):
        pytest.skip(reason)
    pytest.fail(f"{reason}, and in CI it must be there")


def decode_audio(path: Path) -> tuple[Pcm, int]:
    """The first audio track from second 0 on, ``(n, 2)`` float32, and its rate.

    The first frame is placed by its timestamp and the rest by counting, as players do. If a timestamp shows missing
    audio, the gap is silent. Audio before 0 is cut off.
    """
    frames, rate = _frames(path)
    pcm = np.zeros((max((at + len(data) for at, data in frames), default=0), 2), np.float32)
    for at, data in frames:
        start = max(at, 0)
        pcm[start : at + len(data)] = data[start - at :]
    return pcm, rate


def _frames(path: Path) -> tuple[list[tuple[int, Pcm]], int]:
    placed: list[tuple[int, Pcm]] = []
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        rate = stream.codec_context.sample_rate
        follows: int | None = None
        for frame in container.decode(stream):
            data = _stereo(frame.to_ndarray(), frame.layout.nb_channels, planar=frame.format.is_planar)
            stamp = follows if frame.time is None else round(frame.time * rate)
            if follows is None or (stamp is not None and abs(stamp - follows) > _GAP_S * rate):
                follows = stamp or 0
            placed.append((follows, data))
            follows += len(data)
    return placed, rate


def _stereo(data: NDArray[Any], channels: int, *, planar: bool) -> Pcm:
    pcm = data.T if planar else data.reshape(-1, channels)
    if pcm.dtype.kind == "i":
        pcm = pcm / np.float32(-np.iinfo(pcm.dtype).min)
    return np.repeat(pcm, 2, axis=1).astype(np.float32) if channels == 1 else pcm[:, :2].astype(np.float32)


def resampled(pcm: Pcm, rate: int, to: int) -> Pcm:
    """The same audio at another rate."""
    return pcm if rate == to else cast("Pcm", soxr.resample(pcm, rate, to, quality="VHQ").astype(np.float32))


def video_pts(path: Path) -> list[float]:
    """The presentation time of every video packet, in order of presentation."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        base = cast("Fraction", stream.time_base)
        return sorted(float(packet.pts * base) for packet in container.demux(stream) if packet.pts is not None)


def lag_s(a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]], rate: int) -> tuple[float, float]:
    """How many seconds later `a` is in `b`, and the ratio of that peak to the next best one.

    GCC-PHAT (Knapp and Carter 1976): the cross-spectrum with all magnitudes set to one within `BAND_HZ`, and a
    parabola through its correlation's three highest samples. Both signals are one-dimensional; a ratio of 1.6 and
    more is a find, 1 is noise.
    """
    if a.ndim != 1 or b.ndim != 1:
        raise ValueError(f"one channel each, not shapes {a.shape} and {b.shape}: did you pass stereo?")
    size = 1 << (len(a) + len(b) - 1).bit_length()
    cross = np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size))
    hz = np.fft.rfftfreq(size, 1 / rate)
    inside = (hz > BAND_HZ[0]) & (hz < BAND_HZ[1])
    whitened = np.where(inside, cross / np.maximum(np.abs(cross), 1e-12), 0.0)
    correlation = np.fft.irfft(whitened, size)
    # From the lags where only b's start meets a's end to those where only its end meets a's start.
    correlation = np.concatenate([correlation[size - len(a) + 1 :], correlation[: len(b)]])
    peak = int(np.argmax(correlation[1:-1])) + 1
    left, top, right = correlation[peak - 1 : peak + 2]
    bend = left - 2 * top + right
    between = 0.5 * (left - right) / bend if bend else 0.0
    apart = max(2, round(_RIVAL_S * rate))
    rivals = np.concatenate([correlation[: max(0, peak - apart)], correlation[peak + apart :]])
    rival = max(float(np.max(rivals, initial=0.0)), 1e-12)
    return (peak + between - (len(a) - 1)) / rate, float(top) / rival


def window_lags_s(a: Pcm, b: Pcm, rate: int, window_s: float = 2.0, step_s: float = 0.5) -> Iterator[tuple[float, int]]:
    """For each window, how much later the audio of `a` is in `b`, and on which channel (0 left, 1 right).

    Both are on one clock, and lags up to 0.1 s are searched. Windows with almost no audio are left out, and
    so are those without a clear peak.
    """
    size, margin = round(window_s * rate), round(0.1 * rate)
    floor = 0.2 * np.sqrt(np.mean(np.square(a), axis=0))
    for start in range(margin, min(len(a), len(b) - margin) - size, round(step_s * rate)):
        for channel in (0, 1):
            part = a[start : start + size, channel]
            if np.sqrt(np.mean(np.square(part))) <= max(float(floor[channel]), 1e-4):
                continue
            lag, ratio = lag_s(part, b[start - margin : start + size + margin, channel], rate)
            if ratio >= 1.6:
                yield lag - margin / rate, channel
