"""The frames of a clip: the video, moving waveforms of all tracks, the playhead, and a time code.

One function of time draws each frame into one array: the scaled video, a window of prepared waveforms, and a time code
of prepared digits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from komorebi_qc.core.privacy.masked_time import MaskedTime
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.picture_masks import picture_masks
from komorebi_qc.desk.words.rates import rate_changes, size_text
from komorebi_qc.desk.words.suspensions import REDACTED, SUSPENDED, redacted_spans, suspended_spans
from komorebi_qc.measure.envelope import waveform_envelope
from komorebi_qc.media.plain_picture import plain_picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from komorebi_qc.desk.clip.job import ClipJob
    from komorebi_qc.pipeline.examine import Examined

FPS = 25
"""Frames of a clip in a second."""
_VISIBLE_S = 8.0
"""Seconds of waveform from the left edge to the right."""
_BACK, _INK, _FAINT, _PLAYHEAD, _MARK = (18, 20, 24), (235, 235, 235), (120, 124, 130), (255, 94, 58), (214, 130, 196)
_TRACKS = {
    "customer": ("Customer · call audio", (240, 178, 40)),
    "agent": ("Agent · call audio", (86, 170, 232)),
    "recording": ("Agent recording", (170, 170, 170)),
    "output": ("Unified recording", (110, 210, 160)),
}
_SUSPENDED, _MASKED, _MASKED_BACK = (92, 78, 178), (58, 51, 104), (32, 30, 48)
_MARKS = {
    "reported end": ((255, 138, 76), (6, 4)),
    "seam": (_INK, (2, 3)),
    "jump": (_MARK, (8, 2)),
    "rate": (_MARK, (1, 3)),
}
"""Colour and dash of a mark's line by the first word of its label, as in the report."""
_LEAST_PEAK = 0.02


class VideoFrames:
    """The video's frames in order, each for as long as it is visible."""

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
        """The frame that is visible then; the first frame before the video starts; None if the video has no frame."""
        while self._next is not None and float(self._next.time or 0.0) + self._shift_s <= output_s + 1e-4:
            self._now, self._next = self._next, next(self._frames, None)
        return self._now if self._now is not None else self._next


class FramePainter:
    """Draws the frames of a clip."""

    def __init__(self, examined: Examined, job: ClipJob, start_s: float, seconds: float, frames: VideoFrames) -> None:
        self._job, self._start_s, self._frames_in = job, start_s, frames
        names = ["customer", "agent", "recording", *(["output"] if examined.tracks.output is not None else [])]
        self._strip_height = (job.height * 2 // 5) // 2 * 2
        self._ruler = max(self._strip_height // 12, 14)
        has_band = examined.masks.output or suspended_spans(examined.document) or redacted_spans(examined.document)
        self._tracks_height = self._strip_height - self._ruler * (2 if has_band else 1)
        self._per_s = job.width / _VISIBLE_S
        self._marks = marks_of(examined)
        self._strip = self._draw_strip(examined, names, seconds)
        self._labels = self._draw_labels(names)
        self._glyphs = _Glyphs(max(job.height // 26, 14))
        self._shift_s = examined.alignment.output_shift_s
        self._is_measured = examined.placement.source == "measured"
        self._masked = MaskedTime(picture_masks(examined))
        self._current: tuple[int, Any] | None = None
        self._screen = np.zeros((job.height - self._strip_height, job.width, 3), np.uint8)
        self._plain = plain_picture(job.width, job.height - self._strip_height)

    def frame(self, t: float) -> NDArray[np.uint8]:
        """The frame that is on show for 1/25 s from `t` seconds of the clip."""
        now_s = self._start_s + t
        out = np.empty((self._job.height, self._job.width, 3), np.uint8)
        top = self._job.height - self._strip_height
        out[:top] = self._video_frame(now_s)
        left = round((now_s - self._start_s) * self._per_s)
        out[top:] = self._strip[:, left : left + self._job.width]
        mask = self._labels[:, :, 3:] > 0
        np.copyto(out[top:, : self._labels.shape[1]], self._labels[:, :, :3], where=mask)
        middle = self._job.width // 2
        out[top:, middle - 1 : middle + 1] = _PLAYHEAD
        self._draw_times(out, now_s)
        return out

    def _video_frame(self, now_s: float) -> NDArray[np.uint8]:
        found = self._frames_in.at(now_s)
        if self._masked.is_shown(now_s, now_s + 1 / FPS):
            return self._plain
        if found is None:
            return self._screen
        if self._current is None or self._current[0] != id(found):
            height, width = self._screen.shape[:2]
            scale = min(width / found.width, height / found.height)
            w, h = max(int(found.width * scale) // 2 * 2, 2), max(int(found.height * scale) // 2 * 2, 2)
            x, y = (width - w) // 2, (height - h) // 2
            self._screen[:] = 0
            self._screen[y : y + h, x : x + w] = found.reformat(width=w, height=h, format="rgb24").to_ndarray()
            self._current = (id(found), found)  # a reference, so that no other frame gets its identity
        return self._screen

    def _draw_times(self, out: NDArray[np.uint8], now_s: float) -> None:
        texts = [f"OUT {clock_text(now_s)}"]
        if self._shift_s:
            texts.append(f"REC {clock_text(now_s - self._shift_s)}")
        y = 8
        for text in texts:
            y = self._glyphs.draw(out, text, 10, y) + 4
        if not self._is_measured:
            self._glyphs.draw(out, "PLACE NOT MEASURED", 10, y)
        near = min(self._marks, key=lambda mark: abs(mark[0] - now_s), default=None)
        if near is not None and abs(near[0] - now_s) < 60.0:
            off_s = near[0] - now_s
            word = f"{near[1]} in {off_s:.2f} s" if off_s > 0 else f"{near[1]} {-off_s:.2f} s ago"
            self._glyphs.draw(out, word, self._job.width - self._glyphs.width(word) - 10, 8)

    def _draw_strip(self, examined: Examined, names: Sequence[str], seconds: float) -> NDArray[np.uint8]:
        """Everything that passes under the playhead, drawn once."""
        height, width = self._strip_height, round(seconds * self._per_s) + self._job.width + 2
        begin_s = self._start_s - _VISIBLE_S / 2
        image = Image.new("RGB", (width, height), _BACK)
        draw = ImageDraw.Draw(image)
        ruler = self._ruler
        font = _font(ruler - 3)
        step = 1.0
        at_s = math.ceil(begin_s / step) * step
        while (x := round((at_s - begin_s) * self._per_s)) < width:
            if at_s >= 0:
                draw.line([(x, 0), (x, height)], fill=(40, 44, 50))
                draw.text((x + 3, height - ruler), clock_text(at_s)[3:8], fill=_FAINT, font=font)
            at_s += step
        for mask in examined.masks.output:
            edges = [round((at_s - begin_s) * self._per_s) for at_s in (mask.start_s, mask.end_s)]
            draw.rectangle([edges[0], 0, edges[1], height - ruler - 1], fill=_MASKED_BACK)
        room = self._tracks_height / len(names)
        canvas = np.asarray(image).copy()
        for row, name in enumerate(names):
            samples = getattr(examined.tracks, name)
            self._draw_track(canvas, samples, begin_s, (row + 0.5) * room, room * 0.46, _TRACKS[name][1])
        image = Image.fromarray(canvas)
        draw = ImageDraw.Draw(image)
        self._draw_suspensions(draw, examined, begin_s, (self._tracks_height, height - ruler - 1), font)
        ends: list[float] = []
        for at_s, word in self._marks:
            x = round((at_s - begin_s) * self._per_s)
            if 0 <= x < width:
                color, dash = mark_style(word)
                for y in range(0, height - ruler, sum(dash)):
                    draw.line([(x, y), (x, min(y + dash[0], height - ruler) - 1)], fill=color, width=2)
                row = next(k for k, end in enumerate([*ends, -1.0]) if x >= end)
                ends[row:] = [x + 12 + font.getlength(word), *ends[row + 1 :]]
                draw.rectangle(draw.textbbox((x + 4, 1 + row * ruler), word, font=font), fill=_BACK)
                draw.text((x + 4, 1 + row * ruler), word, fill=color, font=font)
        return np.asarray(image).copy()

    def _draw_track(
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
        wave = waveform_envelope(samples, None, [edges])
        scale = half / max(wave.peak, _LEAST_PEAK)
        rows = np.arange(canvas.shape[0])[:, None]
        is_wave = (rows >= np.floor(middle - wave.high * scale)) & (rows <= np.ceil(middle - wave.low * scale))
        canvas[is_wave & wave.has_samples] = color

    def _draw_suspensions(
        self, draw: ImageDraw.ImageDraw, examined: Examined, begin_s: float, rows: tuple[int, int], font: Any
    ) -> None:
        """A strip below the tracks: masks, the suspensions and redactions in them, and the meaning at their start."""

        def drawn(from_s: float, to_s: float, color: tuple[int, int, int]) -> int:
            first, last = (round((at_s - begin_s) * self._per_s) for at_s in (from_s, to_s))
            draw.rectangle([first, rows[0], last, rows[1]], fill=color)
            return first

        masks = examined.masks.output
        for mask in masks:
            drawn(mask.start_s, mask.end_s, _MASKED)
        spans = [(*span, SUSPENDED) for span in suspended_spans(examined.document)]
        spans += [(*span, REDACTED) for span in redacted_spans(examined.document)]
        texts = [(drawn(from_s, to_s, _SUSPENDED), from_s, words) for from_s, to_s, words in sorted(spans)]
        for first, from_s, words in texts:
            around = [mask.start_s for mask in masks if mask.start_s <= from_s <= mask.end_s]
            x = round((around[0] - begin_s) * self._per_s) if around else first
            text = f"masked: {words}" if around else words
            draw.text((max(x, 0) + 4, sum(rows) / 2), text, fill=_INK, font=font, anchor="lm")

    def _draw_labels(self, names: Sequence[str]) -> NDArray[np.uint8]:
        height = self._strip_height
        font = _font(max(self._ruler - 2, 12))
        image = Image.new("RGBA", (self._job.width // 3, height), (0, 0, 0, 0))
        draw = ImageDraw.Draw(image)
        room = self._tracks_height / len(names)
        for row, name in enumerate(names):
            text, color = _TRACKS[name]
            box = draw.textbbox((6, row * room + 2), text, font=font)
            draw.rectangle((box[0] - 3, box[1] - 2, box[2] + 3, box[3] + 2), fill=(*_BACK, 255))
            draw.text((6, row * room + 2), text, fill=(*color, 255), font=font)
        return np.asarray(image).copy()


class _Glyphs:
    """Text from glyphs that were drawn once. Digits have one width, so that a running time code doesn't move."""

    def __init__(self, size: int) -> None:
        self._font = _font(size)
        self._digit = max(math.ceil(self._font.getlength(c)) for c in "0123456789") + 1
        self._high = size + 8
        self._drawn_glyphs: dict[str, NDArray[np.uint8]] = {}

    def width(self, text: str) -> int:
        """Width of a text in pixels."""
        return sum(self._drawn(char).shape[1] for char in text)

    def draw(self, out: NDArray[np.uint8], text: str, x: int, y: int) -> int:
        """Draw a text from its upper left corner, clipped to the frame, and return its lower edge."""
        for char in text:
            drawn = self._drawn(char)
            part = out[y : y + self._high, max(x, 0) : x + drawn.shape[1]]
            part[:] = drawn[: part.shape[0], : part.shape[1]]
            x += drawn.shape[1]
        return y + self._high

    def _drawn(self, char: str) -> NDArray[np.uint8]:
        if char not in self._drawn_glyphs:
            wide = math.ceil(self._font.getlength(char))
            room = self._digit if char.isdigit() else max(wide + 1, self._digit // 2)
            image = Image.new("RGB", (room, self._high), (0, 0, 0))
            ImageDraw.Draw(image).text(((room - wide) / 2, 2), char, fill=_INK, font=self._font)
            self._drawn_glyphs[char] = np.asarray(image)
        return self._drawn_glyphs[char]


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def mark_style(label: str) -> tuple[tuple[int, int, int], tuple[int, int]]:
    """Colour and dash, on and off in pixels, of the line with this label."""
    return next((style for name, style in _MARKS.items() if label.startswith(name)), (_MARK, (8, 2)))


def marks_of(examined: Examined) -> list[tuple[float, str]]:
    """Moments with a line: the reported call end, jumps, changes of the clock's rate, and seams."""
    alignment = examined.alignment
    found = [(examined.diagnosis.call_end.recording_s + alignment.output_shift_s, "reported end")]
    found += [(alignment.to_output(jump.call_s), f"jump {size_text(jump.size_s)}") for jump in alignment.jumps]
    if examined.placement.source == "measured":
        changes = rate_changes(alignment, examined.call_s)
        found += [(alignment.to_output(change.call_s), f"rate {change.after_ppm:+.1f} ppm") for change in changes]
    if examined.outcome is not None:
        # A jump's end is a seam as well: one label is enough.
        seams_s = [
            seam_s for seam_s in examined.timeline.seams_s if all(abs(seam_s - at_s) > 0.001 for at_s, _ in found)
        ]
        found += [(seam_s, "seam") for seam_s in seams_s]
    return sorted(found)
