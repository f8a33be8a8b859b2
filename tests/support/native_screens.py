"""Made screen recordings as Amazon Connect's client writes them: MP4, H.264, 5 frames a second, up to three monitors.

The shape is the admin guide's (https://docs.aws.amazon.com/connect/latest/adminguide/agent-screen-recording.html and
the FAQ beside it): MP4, 5 frames a second, up to three monitors. The guide doesn't say whether several monitors are
tracks of one file or one wide picture, and no real file was seen. So both are made, with and without sound.

The voices are real: those of the calls in `tests/media` and of the sample. The call is one of these files, cut or
repeated, and the recording's sound is the same call on another clock, at another level, with noise, as AAC. The seed of
a case decides all of it.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import av
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

ROOT = Path(__file__).parents[2]
VOICES = (
    ROOT / "tests" / "media" / "softphone" / "call.wav",
    ROOT / "komorebi_qc" / "demo" / "sample" / "call.wav",
    ROOT / "tests" / "media" / "call.wav",
)
CALL_RATE, RATE = 8_000, 48_000
LEG_S = 0.07
"""How much later the customer's voice is in the screen recording than in Connect's."""
_TAPS = 32
_BLOCK = 1 << 16

Sound = Literal["agent", "both", "none"]


@dataclass(frozen=True, slots=True)
class NativeCase:
    """A made screen recording and its call.

    Attributes:
        name: of the case.
        seed: of the noise, the levels and the moments of the frames.
        sound: the agent's voice, both voices, or no audio track.
        offset_s: the call's start on the recording clock; negative if the call began first.
        drift_ppm: by how much the recording's clock is faster.
        sizes: of the video tracks, in pixels.
        is_moov_first: whether the index is at the file's start.
        after_s: how long the recording goes on after the call.
        jitter_s: how far a frame is from its place at most.
        frozen_s: a time without new frames in the middle of the call.
        fps: frames a second.
        voice: the number of the call in `VOICES`. The agent's side of the first one has an echo of the customer's, so
            it serves for recordings of both sides.
    """

    name: str
    seed: int
    sound: Sound = "agent"
    offset_s: float = 2.0
    drift_ppm: float = 0.0
    sizes: tuple[tuple[int, int], ...] = ((1280, 720),)
    is_moov_first: bool = True
    after_s: float = 6.0
    jitter_s: float = 0.0
    frozen_s: float = 0.0
    fps: int = 5
    voice: int = 1


_HD, _FULL, _WIDE, _THREE = (1280, 720), (1920, 1080), (3840, 1080), (5760, 1080)
_LAPTOP, _QUAD = (1366, 768), (2560, 1440)
CASES = (
    NativeCase("agent", 1),
    NativeCase("agent, index last", 2, offset_s=1.2345, is_moov_first=False),
    NativeCase("agent, call began first", 3, offset_s=-0.8),
    NativeCase("agent, drift +60 ppm", 4, offset_s=3.3, drift_ppm=60.0),
    NativeCase("agent, drift -80 ppm", 5, offset_s=0.4, drift_ppm=-80.0),
    NativeCase("agent, two tracks", 6, offset_s=2.75, sizes=(_FULL, _HD)),
    NativeCase("agent, three tracks", 7, offset_s=5.1, sizes=(_HD, _FULL, _LAPTOP), is_moov_first=False),
    NativeCase("agent, wide picture", 8, offset_s=1.9, sizes=(_WIDE,)),
    NativeCase("agent, three monitors wide", 9, offset_s=0.65, sizes=(_THREE,)),
    NativeCase("agent, jittered frames", 10, offset_s=2.2, jitter_s=0.05, sizes=(_LAPTOP,)),
    NativeCase("agent, long before", 11, offset_s=14.2),
    NativeCase("both", 12, "both", offset_s=2.4, voice=0),
    NativeCase("both, drift +30 ppm", 13, "both", offset_s=1.1, drift_ppm=30.0, is_moov_first=False, voice=0),
    NativeCase("both, three tracks", 14, "both", offset_s=3.7, sizes=(_FULL, _FULL, _FULL)),
    NativeCase("both, wide picture", 15, "both", offset_s=0.9, sizes=(_WIDE,)),
    NativeCase("both, call began first", 16, "both", offset_s=-1.6, sizes=(_QUAD,)),
    NativeCase("no sound", 17, "none", offset_s=2.3),
    NativeCase("no sound, index last", 18, "none", offset_s=4.4, is_moov_first=False),
    NativeCase("no sound, three tracks", 19, "none", offset_s=1.7, sizes=(_HD, _HD, _HD)),
    NativeCase("no sound, wide picture", 20, "none", offset_s=-0.5, sizes=(_THREE,)),
)
FROZEN = NativeCase("frozen", 21, offset_s=2.0, frozen_s=14.0)
"""A real freeze: 14 s of the call have no new frame."""


@dataclass(frozen=True, slots=True)
class Made:
    """The files of a case, and its truth.

    Attributes:
        case: the case.
        call: the call audio.
        recording: the screen recording.
        call_s: the call's length.
        recording_s: the recording's length.
    """

    case: NativeCase
    call: Path
    recording: Path
    call_s: float
    recording_s: float

    @property
    def call_end_s(self) -> float:
        """The call's end as it was made, on the recording clock."""
        return self.case.offset_s + self.call_s * (1.0 + self.case.drift_ppm * 1e-6)


def make(folder: Path, case: NativeCase) -> Made:
    """Write a case's two files."""
    sides = _voices(case.voice)
    call = folder / "call.wav"
    _write_wav(call, sides)
    call_s = len(sides) / CALL_RATE
    made = Made(case, call, folder / "screen.mp4", call_s, 0.0)
    recording_s = np.ceil((made.call_end_s + case.after_s) * case.fps) / case.fps
    sound = None if case.sound == "none" else _sound(case, sides, round(recording_s * RATE))
    _write_mp4(made.recording, case, recording_s, sound)
    return replace(made, recording_s=float(recording_s))


def _voices(number: int) -> Doubles:
    """A call, shape ``(n, 2)``: customer, agent."""
    with wave.open(str(VOICES[number]), "rb") as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return data.astype(np.float64) / 32768.0


def _write_wav(path: Path, sides: Doubles) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(CALL_RATE)
        file.writeframes(np.round(np.clip(sides, -1, 1) * 32767).astype("<i2").tobytes())


def _sound(case: NativeCase, sides: Doubles, count: int) -> Doubles:
    """The recording's sound at 48 kHz: the voices on its clock, other speech after the call, and noise."""
    rng = np.random.default_rng(case.seed)
    at_s = (np.arange(count) / RATE - case.offset_s) / (1.0 + case.drift_ppm * 1e-6)
    out = _resampled(sides[:, 1], at_s) * rng.uniform(0.85, 1.0)
    if case.sound == "both":
        out += _resampled(sides[:, 0], at_s - LEG_S) * rng.uniform(0.2, 0.5)
    later = _voices(2)[:, 1]
    out += _resampled(later, at_s - len(sides) / CALL_RATE - 0.7) * 0.6
    return out + rng.normal(0.0, 10 ** (-rng.uniform(55, 62) / 20), count)


def _resampled(samples: Doubles, at_s: Doubles) -> Doubles:
    """A band-limited signal at any moments, by a windowed sinc; silence outside of it."""
    padded = np.concatenate([np.zeros(_TAPS), samples, np.zeros(_TAPS)])
    out = np.zeros(len(at_s))
    steps = np.arange(-_TAPS // 2 + 1, _TAPS // 2 + 1)
    for low in range(0, len(at_s), _BLOCK):
        place = at_s[low : low + _BLOCK] * CALL_RATE
        whole = np.floor(place).astype(np.int64)
        near = (whole > -_TAPS // 2) & (whole < len(samples) + _TAPS // 2 - 1)
        if not near.any():
            continue
        distance = (place[near] - whole[near])[:, None] - steps
        kernel = np.sinc(distance) * (0.5 + 0.5 * np.cos(np.pi * np.clip(distance / (_TAPS / 2), -1, 1)))
        picked = padded[(whole[near][:, None] + steps) + _TAPS]
        block = np.zeros(len(place))
        block[near] = np.einsum("ij,ij->i", kernel, picked)
        out[low : low + len(place)] = block
    return out


def _write_mp4(path: Path, case: NativeCase, seconds: float, sound: Doubles | None) -> None:
    options = {"movflags": "faststart"} if case.is_moov_first else {}
    with av.open(str(path), "w", format="mp4", options=options) as out:
        videos = [_video(out, case, size) for size in case.sizes]
        audio: Any = None
        if sound is not None:
            audio = out.add_stream("aac", rate=RATE, options={"b": "64000"})
            audio.layout = "mono"
        pictures = [_pictures(case, number, size, seconds) for number, size in enumerate(case.sizes)]
        blocks = iter(()) if sound is None else _blocks(sound, seconds, case.fps)
        for frames in zip(*pictures, strict=True):
            for stream, frame in zip(videos, frames, strict=True):
                if frame is not None:
                    out.mux(stream.encode(frame))
            for block in next(blocks, ()):
                out.mux(audio.encode(block))
        for stream in [*videos, *([] if audio is None else [audio])]:
            out.mux(stream.encode(None))


def _video(out: Any, case: NativeCase, size: tuple[int, int]) -> Any:
    stream = out.add_stream("libx264", rate=case.fps, options={"preset": "ultrafast", "threads": "1", "bf": "0"})
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    stream.codec_context.time_base = Fraction(1, 90_000)
    stream.codec_context.gop_size = case.fps * 10
    return stream


def _pictures(case: NativeCase, number: int, size: tuple[int, int], seconds: float) -> Iterator[Any]:
    """A monitor's frames: a window that moves each second. None for a frame that is left out."""
    rng = np.random.default_rng((case.seed, number))
    width, height = size
    middle = seconds / 2
    for at in range(round(seconds * case.fps)):
        at_s = at / case.fps
        moved_s = at_s + (rng.uniform(-case.jitter_s, case.jitter_s) if at else 0.0)
        if abs(at_s - middle) < case.frozen_s / 2:
            yield None
            continue
        plane = np.full((height * 3 // 2, width), 128, np.uint8)
        plane[:height] = 60 + 50 * number
        left = round(at_s * 16) % (width - 128)
        plane[height // 4 : height // 4 + 64, left : left + 128] = 220
        frame = av.VideoFrame.from_ndarray(plane, format="yuv420p")
        frame.pts, frame.time_base = round(moved_s * 90_000), Fraction(1, 90_000)
        yield frame


def _blocks(sound: Doubles, seconds: float, fps: int) -> Iterator[list[Any]]:
    """The sound of each frame's time, in the encoder's blocks of 1024 samples."""
    at, frames = 0, round(seconds * fps)
    for number in range(1, frames + 1):
        ready = []
        until = len(sound) if number == frames else min(len(sound), number * RATE // fps)
        while at < until:
            piece = sound[at : at + 1024].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(piece[None, :], format="fltp", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), at
            ready.append(frame)
            at += len(piece)
        yield ready
