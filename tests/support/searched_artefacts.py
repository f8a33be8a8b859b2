"""All sounds and pictures in files that people get, and a search of them for a sound or a picture."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import soxr
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Mono = NDArray[np.float64]

RATE = 8000
_EMBEDDED = re.compile(rb"data:(audio|video|image)/([a-z0-9.+-]+)(?:;[a-z0-9=.]+)*;base64,([A-Za-z0-9+/=]+)")
_CHUNK = re.compile(rb'"(AAAA[A-Za-z0-9+/]{100,}={0,2})"')
"""An MP4 file in Base64, as a report's ``audio/trial.html`` holds its chunks."""
_OUTPUT = re.compile(rb'"image/(png|jpeg|webp)": ?"([A-Za-z0-9+/=\\n]+)"')
_MEDIA = frozenset({".mp4", ".webm", ".m4a", ".opus", ".ogg", ".wav", ".aac", ".mp3", ".mkv"})
_PICTURES = frozenset({".png", ".webp", ".jpg", ".jpeg"})
_PAGES = frozenset({".html", ".ipynb", ".json", ".txt", ".log", ".csv", ".pickle", ".parquet"})
_BAND = (250.0, 3500.0)
_LEVEL_S = 0.1
_PLACE_S = 0.3
"""A sound agrees with itself around its place, and with its echo."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A sound, a video or a picture: a file of its own, or a part of a page or of a notebook."""

    name: str
    kind: str
    content: bytes


def artefacts(folder: Path) -> Iterator[Artefact]:
    """Everything in a folder that can be played or looked at; a file of an unknown kind is refused."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name, content = str(path.relative_to(folder)), path.read_bytes()
        if path.suffix in _MEDIA:
            yield Artefact(name, "media", content)
        elif path.suffix in _PICTURES:
            yield Artefact(name, "picture", content)
        elif path.suffix in _PAGES:
            yield from embedded(name, content)
        else:
            raise AssertionError(f"{path} has a kind that nobody searches")


def embedded(name: str, content: bytes) -> Iterator[Artefact]:
    """The media inside of a page or of a notebook."""
    for number, found in enumerate(_CHUNK.finditer(content)):
        yield Artefact(f"{name} chunk {number}", "media", base64.b64decode(found[1]))
    for number, (kind, _, data) in enumerate(_EMBEDDED.findall(content), 1):
        part = f"{name} #{number} {kind.decode()}"
        yield Artefact(part, "picture" if kind == b"image" else "media", base64.b64decode(data))
    for number, (_, data) in enumerate(_OUTPUT.findall(content), 1):
        yield Artefact(f"{name} output {number}", "picture", base64.b64decode(data.replace(b"\\n", b"")))


def channels(content: bytes) -> list[Mono]:
    """Each channel of each audio stream of a file, at 8 kHz."""
    found: list[Mono] = []
    with av.open(io.BytesIO(content), "r") as file:
        count = len(file.streams.audio)
    for stream in range(count):
        with av.open(io.BytesIO(content), "r") as file:
            parts = [_floats(frame) for frame in file.decode(audio=stream)]
            rate = int(file.streams.audio[stream].rate or 0)
        sides = np.concatenate(parts, axis=1) if parts else np.zeros((1, 0))
        found += [soxr.resample(side, rate, RATE) for side in sides]
    return found


def _floats(frame: Any) -> Mono:
    samples = frame.to_ndarray()
    if frame.format.is_packed:
        samples = samples.reshape(-1, len(frame.layout.channels)).T
    if samples.dtype.kind == "i":
        return np.asarray(samples, np.float64) / float(np.iinfo(samples.dtype).max)
    return np.asarray(samples, np.float64)


def held(wanted: Sequence[Mono], sound: Mono, others: Sequence[Mono]) -> float:
    """How much of any of some sounds another one holds at any lag, 0 to 1, beyond chance.

    A matched filter over all lags, of sounds with flat spectra and flat levels. Its peak is normalised by the sound
    under the template.

    Args:
        wanted: the sounds, `flattened`.
        sound: searched.
        others: other sounds of the same voices, `flattened`. Their peaks, except near their own places, are chance.
    """
    if not sound.any():
        return 0.0
    flat = flattened(sound)
    chance = max(_but_its_place(_matches(other, flat)) for other in others)
    return max(0.0, max(float(_matches(one, flat).max()) for one in wanted) - chance)


def _but_its_place(matches: Mono) -> float:
    best, near = int(np.argmax(matches)), round(_PLACE_S * RATE)
    return float(max(matches[: max(best - near, 0)].max(initial=0.0), matches[best + near :].max(initial=0.0)))


def flattened(sound: Mono) -> Mono:
    """The telephone band with a flat spectrum and a flat level; digital silence stays silent."""
    size = 1 << max(len(sound) - 1, 1).bit_length()
    spectrum = np.fft.rfft(sound, size)
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    wide = max(3, round(100.0 / (RATE / size)))
    power = _smoothed(np.abs(spectrum) ** 2, wide)
    spectrum *= ((hertz > _BAND[0]) & (hertz < _BAND[1])) / np.sqrt(power + 1e-3 * power.max() + 1e-30)
    white = np.fft.irfft(spectrum, size)[: len(sound)]
    level = np.sqrt(_smoothed(white**2, round(_LEVEL_S * RATE)))
    floor = 0.03 * float(np.quantile(level, 0.9))
    flat: Mono = np.where(level > floor, white / np.maximum(level, 1e-30), 0.0)
    return flat


def _smoothed(values: Mono, count: int) -> Mono:
    """The mean of `count` neighbours of each value."""
    total = np.concatenate([[0.0], np.cumsum(np.pad(values, (count // 2, count - count // 2 - 1), "edge"))])
    mean: Mono = np.maximum((total[count:] - total[:-count]) / count, 0.0)
    return mean


def _matches(template: Mono, sound: Mono) -> Mono:
    """The agreement at each lag, 0 to 1."""
    n = len(template)
    padded = np.concatenate([np.zeros(n), sound, np.zeros(n)])
    size = 1 << (len(padded) + n).bit_length()
    product = np.fft.irfft(np.fft.rfft(padded, size) * np.conj(np.fft.rfft(template, size)), size)[: len(padded) - n]
    power = np.concatenate([[0.0], np.cumsum(padded**2)])
    under = np.sqrt(np.maximum(power[n:] - power[:-n], 0.0))[: len(product)]
    norm = float(np.linalg.norm(template))
    # In a nearly silent window, a few samples agree by chance: a quarter of the template's power is the least.
    agreement: Mono = np.abs(product) / (norm * np.maximum(under, 0.5 * norm))
    return agreement


def frames(content: bytes) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """The frames of a video, each with its time on the file's clock; nothing of a file without video."""
    with av.open(io.BytesIO(content), "r") as file:
        if file.streams.video:
            for frame in file.decode(video=0):
                yield float(frame.time or 0.0), np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def picture(content: bytes) -> NDArray[np.uint8]:
    """An image file's pixels."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def is_grey(pixels: NDArray[np.uint8], ground: int) -> bool:
    """Whether a part of a picture has one grey, except a line of text and the codec's noise."""
    off = np.abs(pixels.astype(int) - ground)
    return bool(np.median(off) <= 6 and np.mean(off < 24) > 0.85)
