"""The bench's recordings: 720p H.264 or VP8 at about 900 kb/s, and a call whose speech is all real voices.

    .venv/bin/python tests/bench/inputs.py FOLDER MINUTES[:EXTRA...]...

Each length has its own folder, made whole or not at all. Extras are made when a row needs them: ``webm`` is
a VP8 and Opus twin as MediaRecorder writes one (no duration, no cues), ``mono`` and ``webm-mono`` are the same pictures
with one channel of audio, ``wide`` is the call at 48 kHz. The video is two minutes long and repeated by copying, so
that hours of it are made in seconds.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from numpy.typing import NDArray

    Pcm = NDArray[np.int16]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SAMPLE = ROOT / "komorebi_qc" / "demo" / "sample"
MEDIA = ROOT / "tests" / "media"
LEAD_S = 3.25
"""Recording time of the call's first sample."""
CALL_SHARE = 5 / 6
LOOP_S = 120.0
RECIPE = 2
"""Increased with every change of the inputs, so that older inputs are made again."""
CALL_RATE, OWN_RATE = 8_000, 48_000
LINE_NOISE = 22.0
"""Steps of 16 bits, root mean square (-63 dB): as between the sentences of the sample call."""
NOISE_BLOCK_S = 600
RECORDING, CONNECT = "recording.mp4", "connect.wav"
WEBM, WIDE = "recording.webm", "connect-48k.wav"
MONO, WEBM_MONO = "recording-mono.mp4", "recording-mono.webm"
EXTRAS = {"webm": WEBM, "wide": WIDE, "mono": MONO, "webm-mono": WEBM_MONO}


def input_folder(folder: Path, minutes: float) -> Path:
    """The folder of the recording of that length and its call."""
    return folder / f"{minutes:g}min"


def call_s(minutes: float) -> float:
    """The call's length in a recording of that length."""
    return round(minutes * 60 * CALL_SHARE, 2)


def call_end(minutes: float) -> str:
    """When the call ended, on the recording's clock, as ``HH:MM:SS.ss``."""
    return clock(LEAD_S + call_s(minutes))


def clock(seconds: float) -> str:
    """Seconds as ``HH:MM:SS.ss``."""
    return f"{int(seconds // 3600):02d}:{int(seconds // 60 % 60):02d}:{seconds % 60:05.2f}"


def make_inputs(wanted: Mapping[float, Collection[str]], folder: Path) -> None:
    """Make what is missing of each length in minutes, and of its extras.

    Raises:
        CalledProcessError: if FFmpeg fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="make-") as name:
        scratch = Path(name)
        lengths = [length for length in wanted if not is_made(input_folder(folder, length))]
        if lengths:
            loop = scratch / "loop.mp4"
            _picture(loop, min(LOOP_S, max(lengths) * 60), H264)
            voices = _voices()
        for length in lengths:
            made = scratch / "made"
            made.mkdir()
            _call_and_recording(length, voices, loop, made)
            (made / "recipe").write_text(str(RECIPE))
            place = input_folder(folder, length)
            shutil.rmtree(place, ignore_errors=True)
            made.rename(place)
        for length, extras in wanted.items():
            place = input_folder(folder, length)
            for extra in extras:
                if not is_made(place, extra):
                    make = {"webm": _webm, "wide": _wide, "mono": _mono, "webm-mono": _webm_mono}[extra]
                    make(place, length, scratch)


def is_made(place: Path, *extras: str) -> bool:
    """Whether a length and these extras of it exist, made by the present recipe."""
    recipe = place / "recipe"
    names = (RECORDING, CONNECT, *(EXTRAS[extra] for extra in extras))
    return all((place / name).exists() for name in (*names, recipe.name)) and recipe.read_text() == str(RECIPE)


H264 = "-c:v libx264 -preset superfast -pix_fmt yuv420p -g 150 -bf 0 -b:v 900k -maxrate 1000k -bufsize 1800k"
VP8 = "-c:v libvpx -deadline realtime -cpu-used 8 -pix_fmt yuv420p -g 150 -b:v 900k -maxrate 1000k -bufsize 1800k"


def _picture(path: Path, seconds: float, how: str) -> None:
    """Moving video with enough noise that its encoder uses all its allowed bits."""
    source = "testsrc2=size=1280x720:rate=15,noise=alls=8:allf=t"
    _ffmpeg("-f", "lavfi", "-i", source, "-t", str(seconds), *how.split(), str(path))


def _webm(place: Path, minutes: float, scratch: Path) -> None:
    """The recording's twin as a browser's MediaRecorder writes one: live, so without a duration and without cues."""
    loop, made = scratch / "loop.webm", scratch / WEBM
    if not loop.exists():
        _picture(loop, LOOP_S, VP8)
    sound = ["-c:a", "libopus", "-application", "voip", "-b:a", "128k"]
    inputs = ["-stream_loop", "-1", "-i", str(loop), "-i", str(place / RECORDING), "-map", "0:v", "-map", "1:a"]
    _ffmpeg(*inputs, "-c:v", "copy", *sound, "-t", f"{minutes * 60:.3f}", "-live", "1", str(made))
    made.rename(place / WEBM)


def _mono(place: Path, _minutes: float, scratch: Path) -> None:
    """The recording with one channel of audio."""
    made = scratch / MONO
    sound = ["-ac", "1", "-c:a", "aac", "-aac_coder", "fast", "-b:a", "96k"]
    _ffmpeg("-i", str(place / RECORDING), "-c:v", "copy", *sound, str(made))
    made.rename(place / MONO)


def _webm_mono(place: Path, minutes: float, scratch: Path) -> None:
    """The twin with one channel of audio."""
    if not is_made(place, "webm"):
        _webm(place, minutes, scratch)
    made = scratch / WEBM_MONO
    inputs = ["-i", str(place / WEBM), "-i", str(place / RECORDING), "-map", "0:v", "-map", "1:a"]
    sound = ["-ac", "1", "-c:a", "libopus", "-application", "voip", "-b:a", "64k"]
    _ffmpeg(*inputs, "-c:v", "copy", *sound, "-t", f"{minutes * 60:.3f}", "-live", "1", str(made))
    made.rename(place / WEBM_MONO)


def _wide(place: Path, _minutes: float, scratch: Path) -> None:
    """The call at 48 kHz, for the reference, which joins call and after-call audio without resampling."""
    made = scratch / WIDE
    _ffmpeg("-i", str(place / CONNECT), "-ar", str(OWN_RATE), "-c:a", "pcm_s16le", str(made))
    made.rename(place / WIDE)


def _ffmpeg(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True)


@dataclass(frozen=True, slots=True)
class Voices:
    """Stretches of real speech, cut at their pauses.

    Attributes:
        call: as Connect records them, each with the audio of the agent's browser.
        after: the agent's speech after a call, as the browser records it.
    """

    call: list[tuple[Pcm, Pcm]]
    after: list[Pcm]


def _voices() -> Voices:
    truths = {MEDIA / name: truth for name, truth in json.loads((MEDIA / "truth.json").read_text()).items()}
    truths[SAMPLE / RECORDING] = json.loads((SAMPLE / "truth.json").read_text())
    voices = Voices([], [])
    for recording, truth in truths.items():
        connect = recording.parent / "call.wav"
        with wave.open(str(connect)) as file:
            call: Pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        own = _decoded(recording)
        begins, ends = (round(at_s * OWN_RATE) for at_s in (truth["offset_s"], truth["call_end_in_recording_s"]))
        scale = OWN_RATE // CALL_RATE
        for low, high in _stretches(call, CALL_RATE):
            voices.call.append((call[low:high], own[begins + low * scale : begins + high * scale]))
        voices.after.extend(own[ends + low : ends + high] for low, high in _stretches(own[ends:], OWN_RATE))
    return voices


def _decoded(recording: Path) -> Pcm:
    command = ["ffmpeg", "-v", "error", "-nostdin", "-copyts", "-i", str(recording), "-vn"]
    command += ["-af", "aresample=async=1:first_pts=0", "-f", "s16le", "-ac", "2", "-ar", str(OWN_RATE), "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<i2").reshape(-1, 2)


def _stretches(pcm: Pcm, rate: int) -> list[tuple[int, int]]:
    """Starts and ends of speech, in samples; pauses under 0.2 s belong to the speech."""
    frame = rate // 50
    whole = pcm[: len(pcm) // frame * frame].astype(np.float32).max(axis=1).reshape(-1, frame)
    loud = np.flatnonzero(whole.max(axis=1) > 300)
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > 10) + 1)
    return [(int(group[0]) * frame, (int(group[-1]) + 1) * frame) for group in groups if len(group) > 10]


def _call_and_recording(minutes: float, voices: Voices, loop: Path, place: Path) -> None:
    rng = np.random.default_rng(round(minutes * 60))
    # No line is digitally silent between two sentences, and encoders take another time over one that is.
    call = _line(rng, round(call_s(minutes) * CALL_RATE))
    placed: list[tuple[int, Pcm]] = []  # (sample on the recording clock, audio from there on)
    for at, number in _order(rng, [len(pcm) for pcm, _ in voices.call], len(call), CALL_RATE):
        connect, own = voices.call[number]
        call[at : at + len(connect)] = connect
        placed.append((round(LEAD_S * OWN_RATE) + at * (OWN_RATE // CALL_RATE), own))
    total = round(minutes * 60 * OWN_RATE)
    ends = round((LEAD_S + call_s(minutes)) * OWN_RATE)
    for at, number in _order(rng, [len(pcm) for pcm in voices.after], total - ends, OWN_RATE):
        placed.append((ends + at, voices.after[number]))
    with wave.open(str(place / CONNECT), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(CALL_RATE)
        file.writeframes(call.tobytes())
    command = ["ffmpeg", "-v", "error", "-y", "-stream_loop", "-1", "-i", str(loop)]
    command += ["-f", "s16le", "-ar", str(OWN_RATE), "-ac", "2", "-i", "pipe:0", "-map", "0:v", "-map", "1:a"]
    command += ["-c:v", "copy", "-c:a", "aac", "-aac_coder", "fast", "-b:a", "128k"]
    command += ["-t", f"{minutes * 60:.3f}", str(place / RECORDING)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        pipe = cast("IO[bytes]", encoder.stdin)
        for pcm in _with_noise(rng, placed, total):
            pipe.write(pcm.tobytes())
        pipe.close()
    if encoder.returncode:
        raise subprocess.CalledProcessError(encoder.returncode, command)


def _line(rng: np.random.Generator, samples: int) -> Pcm:
    """A line's noise, drawn block by block: hours of it in doubles would take gigabytes."""
    call = np.empty((samples, 2), np.int16)
    for at in range(0, samples, NOISE_BLOCK_S * CALL_RATE):
        part = call[at : at + NOISE_BLOCK_S * CALL_RATE]
        part[:] = rng.normal(0, LINE_NOISE, part.shape).astype(np.int16)
    return call


def _order(rng: np.random.Generator, lengths: list[int], total: int, rate: int) -> Iterator[tuple[int, int]]:
    """First sample and number of each stretch: rounds of all of them, shuffled, with pauses of 0.2 to 1.2 s."""
    at = 0
    while True:
        for number in rng.permutation(len(lengths)):
            at += int(rng.integers(rate // 5, rate * 6 // 5))
            if at + lengths[number] > total:
                return
            yield at, int(number)
            at += lengths[number]


def _with_noise(rng: np.random.Generator, placed: list[tuple[int, Pcm]], total: int) -> Iterator[Pcm]:
    """The recording's audio from start to end, over a room's noise."""
    noise = rng.normal(0, LINE_NOISE, (OWN_RATE * 30, 2)).astype(np.int16)
    at = 0
    for start, pcm in [*placed, (total, noise[:0])]:
        while at < start:
            silent = noise[: min(start - at, len(noise))]
            at += len(silent)
            yield silent
        at += len(pcm)
        yield np.clip(pcm.astype(np.int32) + noise[: len(pcm)], -32768, 32767).astype(np.int16)


if __name__ == "__main__":
    wishes = (word.split(":") for word in sys.argv[2:])
    make_inputs({float(length): extras for length, *extras in wishes}, Path(sys.argv[1]))
