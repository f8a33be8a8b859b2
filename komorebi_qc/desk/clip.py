"""A short video round a moment: the picture, both sides' moving waveforms, the playhead, and a burned-in time code.

Each frame is drawn by one function of time into one array: the picture scaled, a window cut out of waveforms that were
drawn once, and the time code put together from digits that were drawn once. The sound goes to the encoder as it is.
"""

from __future__ import annotations

import math
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import av
import numpy as np
import soxr
from PIL import Image, ImageDraw, ImageFont

from komorebi_qc.core.errors import InputError, missing_extra
from komorebi_qc.core.progress import SILENT
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.media.decode_8khz import RATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from komorebi_qc.core.progress import Progress
    from komorebi_qc.pipeline.examine import Examined

Sound = Literal["output", "sides"]
SOUNDS = ("output", "sides")
LONGEST_S = 600.0
_FPS = 25
_AUDIO_RATE = 48_000
_SHOWN_S = 8.0
"""Seconds of waveform from the left edge to the right."""
_BACK, _INK, _FAINT, _HEAD, _MARK = (18, 20, 24), (235, 235, 235), (120, 124, 130), (255, 94, 58), (214, 130, 196)
_LANES = {
    "customer": ("Customer · Connect", (240, 178, 40)),
    "agent": ("Agent · Connect", (86, 170, 232)),
    "recording": ("Agent recording", (170, 170, 170)),
    "output": ("Unified recording", (110, 210, 160)),
}
_LEAST_PEAK = 0.02


@dataclass(frozen=True, slots=True)
class ClipJob:
    """What is to be shown.

    Attributes:
        at_s: the middle, output clock.
        seconds: how long.
        sound: ``output``, or ``sides``: Connect's audio in the left ear, the agent recording's in the right one.
        width: of the picture, in pixels; even.
        height: even.

    Raises:
        InputError: where a value can't be used.
    """

    at_s: float
    seconds: float = 20.0
    sound: Sound = "output"
    width: int = 1280
    height: int = 720

    def __post_init__(self) -> None:
        if not 0.2 <= self.seconds <= LONGEST_S:
            raise InputError(f"a clip of {self.seconds:g} s: it takes from 0.2 to {LONGEST_S:g} s")
        if self.sound not in SOUNDS:
            raise InputError(f"the sound {self.sound!r} is none of {', '.join(SOUNDS)}")
        if self.width < 320 or self.height < 240 or self.width % 2 or self.height % 2:
            raise InputError(f"{self.width} x {self.height}: it takes even numbers, from 320 x 240 on")


def write_clip(examined: Examined, job: ClipJob, out: Path, progress: Progress = SILENT) -> tuple[float, float]:
    """Render the clip into an MP4; the whole file, or none.

    Returns:
        From where to where it goes, on the output clock.

    Raises:
        InputError: where moviepy isn't installed, the moment lies outside, or nothing can be written there.
    """
    try:
        from moviepy import VideoClip  # noqa: PLC0415  an extra
        from proglog import ProgressBarLogger  # noqa: PLC0415
    except ImportError:
        raise missing_extra("desk", "moviepy", needed_by="a clip") from None
    if out.suffix.lower() != ".mp4":
        raise InputError(f"{out} isn't named .mp4: a clip is MP4")
    length_s = len(examined.lanes.recording) / RATE
    if not 0.0 <= job.at_s <= length_s:
        raise InputError(f"{clock_text(job.at_s)} lies outside: there are {clock_text(length_s)}")
    seconds = min(job.seconds, max(length_s, 0.2))
    start_s = min(max(job.at_s - seconds / 2, 0.0), max(length_s - seconds, 0.0))
    start_s = round(start_s * RATE) / RATE

    class Told(ProgressBarLogger):  # type: ignore[misc]  # proglog has no types
        """Hands moviepy's progress on."""

        def bars_callback(self, bar: str, attr: str, value: Any, old_value: Any = None) -> None:  # noqa: ARG002
            """Called with each frame."""
            total = self.bars.get(bar, {}).get("total")
            if attr == "index" and total:
                progress.advance(min(value / total, 1.0))

    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.name[:60]}.", dir=out.resolve().parent) as scratch:
            part, wav = Path(scratch) / "clip.mp4", Path(scratch) / "sound.wav"
            _write_sound(wav, examined, job.sound, start_s, seconds)
            with av.open(str(examined.video)) as container:
                painter = Painter(examined, job, start_s, seconds, _Pictures(container, start_s, _shift_s(examined)))
                clip = VideoClip(painter.frame, duration=seconds)
                clip.write_videofile(
                    str(part),
                    fps=_FPS,
                    codec="libx264",
                    preset="veryfast",
                    pixel_format="yuv420p",
                    audio=str(wav),
                    audio_codec="aac",
                    audio_bitrate="96k",
                    ffmpeg_params=["-movflags", "+faststart", "-crf", "24", "-shortest"],
                    logger=Told(),
                )
                clip.close()
            part.replace(out)
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror or str(error).strip().splitlines()[0]}") from error
    return start_s, start_s + seconds


def _shift_s(examined: Examined) -> float:
    """By how much the output clock is ahead of the video file's."""
    return 0.0 if examined.outcome is not None else examined.alignment.output_shift_s


def _write_sound(path: Path, examined: Examined, sound: Sound, start_s: float, seconds: float) -> None:
    lanes = examined.lanes
    first, last = round(start_s * RATE), round((start_s + seconds) * RATE)
    if sound == "output" and lanes.output is not None:
        sides = [lanes.output[first:last]] * 2
    elif sound == "output":
        sides = [lanes.recording[first:last]] * 2
    else:
        call = (lanes.customer[first:last].astype(np.int32) + lanes.agent[first:last]).clip(-32768, 32767)
        sides = [call.astype(np.int16), lanes.recording[first:last]]
    count = last - first
    both = np.zeros((count, 2), np.float32)
    for k, side in enumerate(sides):
        both[: len(side), k] = side.astype(np.float32) / 32768.0
    # Browsers and players take 48 kHz everywhere; soxr's low-pass moves nothing in time.
    finer = soxr.resample(both, RATE, _AUDIO_RATE, quality="HQ")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(_AUDIO_RATE)
        file.writeframes(np.rint(np.clip(finer, -1, 1) * 32767).astype("<i2").tobytes())


class _Pictures:
    """The video's frames in order, each as long as it is shown."""

    def __init__(self, container: Any, start_s: float, shift_s: float) -> None:
        self._stream = container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._shift_s = shift_s
        base = self._stream.time_base
        if start_s > shift_s:
            container.seek(int((start_s - shift_s) / base), stream=self._stream, backward=True, any_frame=False)
        self._frames: Iterator[Any] = container.decode(self._stream)
        self._now: Any = None
        self._next: Any = next(self._frames, None)

    def at(self, output_s: float) -> Any:
        """The frame that is seen then; the first one before the picture begins; None where there is none at all."""
        while self._next is not None and float(self._next.time or 0.0) + self._shift_s <= output_s + 1e-4:
            self._now, self._next = self._next, next(self._frames, None)
        return self._now if self._now is not None else self._next


class Painter:
    """Draws each frame; `frame` is the function of time."""

    def __init__(self, examined: Examined, job: ClipJob, start_s: float, seconds: float, pictures: _Pictures) -> None:
        self._job, self._start_s, self._pictures = job, start_s, pictures
        names = ["customer", "agent", "recording", *(["output"] if examined.lanes.output is not None else [])]
        self._strip_height = (job.height * 2 // 5) // 2 * 2
        self._per_s = job.width / _SHOWN_S
        self._marks = _marks(examined)
        self._strip = self._draw_strip(examined, names, seconds)
        self._labels = self._draw_labels(names)
        self._characters = _Characters(max(job.height // 26, 14))
        self._shift_s = examined.alignment.output_shift_s
        self._shown: tuple[int, Any] | None = None
        self._screen = np.zeros((job.height - self._strip_height, job.width, 3), np.uint8)

    def frame(self, t: float) -> NDArray[np.uint8]:
        """The picture at `t` seconds of the clip."""
        now_s = self._start_s + t
        out = np.empty((self._job.height, self._job.width, 3), np.uint8)
        top = self._job.height - self._strip_height
        out[:top] = self._picture(now_s)
        left = round((now_s - self._start_s) * self._per_s)
        out[top:] = self._strip[:, left : left + self._job.width]
        mask = self._labels[:, :, 3:] > 0
        np.copyto(out[top:, : self._labels.shape[1]], self._labels[:, :, :3], where=mask)
        middle = self._job.width // 2
        out[top:, middle - 1 : middle + 1] = _HEAD
        self._write_times(out, now_s)
        return out

    def _picture(self, now_s: float) -> NDArray[np.uint8]:
        found = self._pictures.at(now_s)
        if found is None:
            return self._screen
        if self._shown is None or self._shown[0] != id(found):
            height, width = self._screen.shape[:2]
            scale = min(width / found.width, height / found.height)
            w, h = max(int(found.width * scale) // 2 * 2, 2), max(int(found.height * scale) // 2 * 2, 2)
            x, y = (width - w) // 2, (height - h) // 2
            self._screen[:] = 0
            self._screen[y : y + h, x : x + w] = found.reformat(width=w, height=h, format="rgb24").to_ndarray()
            self._shown = (id(found), found)  # kept, so that no other frame gets its identity
        return self._screen

    def _write_times(self, out: NDArray[np.uint8], now_s: float) -> None:
        texts = [f"OUT {clock_text(now_s)}"]
        if self._shift_s:
            texts.append(f"REC {clock_text(now_s - self._shift_s)}")
        y = 8
        for text in texts:
            y = self._characters.write(out, text, 10, y) + 4
        near = min(self._marks, key=lambda mark: abs(mark[0] - now_s), default=None)
        if near is not None and abs(near[0] - now_s) < 60.0:
            off_s = near[0] - now_s
            word = f"{near[1]} in {off_s:.2f} s" if off_s > 0 else f"{near[1]} {-off_s:.2f} s ago"
            self._characters.write(out, word, self._job.width - self._characters.width(word) - 10, 8)

    def _draw_strip(self, examined: Examined, names: Sequence[str], seconds: float) -> NDArray[np.uint8]:
        """All that passes under the playhead, drawn once."""
        height, width = self._strip_height, round(seconds * self._per_s) + self._job.width + 2
        begin_s = self._start_s - _SHOWN_S / 2
        image = Image.new("RGB", (width, height), _BACK)
        draw = ImageDraw.Draw(image)
        ruler = max(height // 12, 14)
        font = _font(ruler - 3)
        step = 1.0
        at_s = math.ceil(begin_s / step) * step
        while (x := round((at_s - begin_s) * self._per_s)) < width:
            if at_s >= 0:
                draw.line([(x, 0), (x, height)], fill=(40, 44, 50))
                draw.text((x + 3, height - ruler), clock_text(at_s)[3:8], fill=_FAINT, font=font)
            at_s += step
        room = (height - ruler) / len(names)
        canvas = np.asarray(image).copy()
        for row, name in enumerate(names):
            samples = getattr(examined.lanes, name)
            self._draw_lane(canvas, samples, begin_s, (row + 0.5) * room, room * 0.46, _LANES[name][1])
        image = Image.fromarray(canvas)
        draw = ImageDraw.Draw(image)
        ends: list[float] = []
        for at_s, word in self._marks:
            x = round((at_s - begin_s) * self._per_s)
            if 0 <= x < width:
                draw.line([(x, 0), (x, height - ruler)], fill=_MARK, width=2)
                row = next(k for k, end in enumerate([*ends, -1.0]) if x >= end)
                ends[row:] = [x + 12 + font.getlength(word), *ends[row + 1 :]]
                draw.rectangle(draw.textbbox((x + 4, 1 + row * ruler), word, font=font), fill=_BACK)
                draw.text((x + 4, 1 + row * ruler), word, fill=_MARK, font=font)
        return np.asarray(image).copy()

    def _draw_lane(
        self,
        canvas: NDArray[np.uint8],
        samples: NDArray[np.int16],
        begin_s: float,
        middle: float,
        half: float,
        color: tuple[int, int, int],
    ) -> None:
        width = canvas.shape[1]
        edges = np.rint((begin_s + np.arange(width + 1) / self._per_s) * RATE).astype(np.int64)
        held = np.zeros(int(edges[-1] - edges[0]), np.float32)
        first, last = max(int(edges[0]), 0), min(int(edges[-1]), len(samples))
        if last > first:
            held[first - edges[0] : last - edges[0]] = samples[first:last].astype(np.float32) / 32768.0
        starts = edges[:-1] - edges[0]
        low, high = np.minimum.reduceat(held, starts), np.maximum.reduceat(held, starts)
        scale = half / max(float(np.abs(held).max(initial=0.0)), _LEAST_PEAK)
        rows = np.arange(canvas.shape[0])[:, None]
        is_wave = (rows >= np.floor(middle - high * scale)) & (rows <= np.ceil(middle - low * scale))
        there = (edges[:-1] >= 0) & (edges[:-1] < len(samples))
        canvas[is_wave & there] = color

    def _draw_labels(self, names: Sequence[str]) -> NDArray[np.uint8]:
        height = self._strip_height
        ruler = max(height // 12, 14)
        font = _font(max(ruler - 2, 12))
        image = Image.new("RGBA", (self._job.width // 3, height), (0, 0, 0, 0))
        draw = ImageDraw.Draw(image)
        room = (height - ruler) / len(names)
        for row, name in enumerate(names):
            text, color = _LANES[name]
            box = draw.textbbox((6, row * room + 2), text, font=font)
            draw.rectangle((box[0] - 3, box[1] - 2, box[2] + 3, box[3] + 2), fill=(*_BACK, 255))
            draw.text((6, row * room + 2), text, fill=(*color, 255), font=font)
        return np.asarray(image).copy()


class _Characters:
    """Text from characters that were drawn once; digits are of one width, so that a running time code stands still."""

    def __init__(self, size: int) -> None:
        self._font = _font(size)
        self._digit = max(math.ceil(self._font.getlength(c)) for c in "0123456789") + 1
        self._high = size + 8
        self._held: dict[str, NDArray[np.uint8]] = {}

    def width(self, text: str) -> int:
        """In pixels."""
        return sum(self._drawn(char).shape[1] for char in text)

    def write(self, out: NDArray[np.uint8], text: str, x: int, y: int) -> int:
        """Write it at its left upper corner, clipped to the picture; the lower edge is returned."""
        for char in text:
            drawn = self._drawn(char)
            part = out[y : y + self._high, max(x, 0) : x + drawn.shape[1]]
            part[:] = drawn[: part.shape[0], : part.shape[1]]
            x += drawn.shape[1]
        return y + self._high

    def _drawn(self, char: str) -> NDArray[np.uint8]:
        if char not in self._held:
            wide = math.ceil(self._font.getlength(char))
            room = self._digit if char.isdigit() else max(wide + 1, self._digit // 2)
            image = Image.new("RGB", (room, self._high), (0, 0, 0))
            ImageDraw.Draw(image).text(((room - wide) / 2, 2), char, fill=_INK, font=self._font)
            self._held[char] = np.asarray(image)
        return self._held[char]


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _marks(examined: Examined) -> list[tuple[float, str]]:
    """What is worth a line: the told end, jumps, and the seams of what was made."""
    alignment = examined.alignment
    found = [(examined.diagnosis.call_end.recording_s + alignment.output_shift_s, "told end")]
    found += [(alignment.to_output(jump.call_s), f"jump {jump.size_s * 1000:+.0f} ms") for jump in alignment.jumps]
    if examined.outcome is not None:
        # A jump's end is a seam as well: one word is enough.
        seams_s = [seam_s for seam_s in examined.laid.seams_s if all(abs(seam_s - at_s) > 0.001 for at_s, _ in found)]
        found += [(seam_s, "seam") for seam_s in seams_s]
    return sorted(found)
