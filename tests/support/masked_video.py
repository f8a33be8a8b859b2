"""Videos with masks: made, written, decoded, and compared with their source frame by frame.

A made video shows a texture that is another one in each frame, so a frame matches only itself.
"""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from made import noise, wav

from komorebi_qc.core.output import ENCODED_AS, RenderPlan, can_mask_in_place, plan_container
from komorebi_qc.core.privacy.masks import Masks
from komorebi_qc.core.source import Source
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Span
from komorebi_qc.media.mux import RenderJob, write_output
from komorebi_qc.media.mux.masking.scheduling import usual_scheduling
from komorebi_qc.media.plain_picture import plain_grey
from komorebi_qc.media.probe import probe_call, probe_recording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from komorebi_qc.core.output import Container, Rendered

    Grey = NDArray[np.uint8]

FPS = 10


@dataclass(frozen=True, slots=True)
class Moving:
    """How a made video is.

    Attributes:
        encoder: FFmpeg's name.
        seconds: of video, ten frames each.
        group: frames from keyframe to keyframe.
        size: width and height in pixels.
        pixel_format: FFmpeg's name.
        options: for the encoder.
        skipped: frames that were never captured, by number.
    """

    encoder: str
    seconds: float = 3.0
    group: int = 10
    size: tuple[int, int] = (160, 96)
    pixel_format: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    skipped: frozenset[int] = frozenset()


def texture(number: int, size: tuple[int, int]) -> Grey:
    """The picture of a frame: smooth blobs of its own, shape ``(height, width)``."""
    width, height = size
    blobs = np.random.default_rng(number).integers(40, 216, (height // 16 + 1, width // 16 + 1), dtype=np.uint8)
    return np.kron(blobs, np.ones((16, 16), np.uint8))[:height, :width]


def moving(path: Path, shape: Moving) -> Path:
    """Write a video without sound."""
    for attempt in range(3):
        made = path.with_name(f"{attempt}-{path.name}")
        writing = threading.Thread(target=_write, args=(made, shape), daemon=True)
        writing.start()
        writing.join(60 if shape.encoder == "libsvtav1" else None)  # it may get stuck, as `bounded_encoder` says
        if not writing.is_alive():
            return made.rename(path)
    raise AssertionError(f"{shape.encoder} got stuck three times")


def _write(path: Path, shape: Moving) -> None:
    kind = {".webm": "webm", ".mkv": "matroska", ".mp4": "mp4"}[path.suffix]
    with usual_scheduling(), av.open(str(path), "w", format=kind) as out:
        stream: Any = out.add_stream(shape.encoder, rate=FPS, options=dict(shape.options))
        stream.width, stream.height = shape.size
        stream.pix_fmt = shape.pixel_format
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.gop_size = shape.group
        if shape.encoder != "libsvtav1":  # its own options do that
            stream.codec_context.thread_count = 1
        for number in range(round(shape.seconds * FPS)):
            if number not in shape.skipped:
                frame = av.VideoFrame.from_ndarray(texture(number, shape.size), format="gray")
                frame = frame.reformat(format=shape.pixel_format)
                frame.pts, frame.time_base = number * 1000 // FPS, Fraction(1, 1000)
                out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet of a file: PTS in seconds, whether it is a keyframe, and its bytes."""

    pts_s: float
    is_keyframe: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Shown:
    """A decoded frame: PTS in seconds, its brightness, and by how much players turn it."""

    pts_s: float
    grey: Grey
    rotation: int


@dataclass(frozen=True, slots=True)
class Masked:
    """A written output.

    Attributes:
        file: its bytes.
        rendered: the counts of its frames.
        container: of the file.
    """

    file: io.BytesIO
    rendered: Rendered
    container: Container


def masks_of(spans: Sequence[tuple[float, float]], shift_s: float = 0.0) -> Masks:
    """Masks of sound and picture at these spans of the recording."""
    recording = tuple(Span(first, last) for first, last in spans)
    output = tuple(Span(span.start_s + shift_s, span.end_s + shift_s) for span in recording)
    return Masks("picture", output, recording, output)


def written(
    path: Path,
    spans: Sequence[tuple[float, float]],
    wanted: Container | None = None,
    alignment: Alignment | None = None,
    folder: Path | None = None,
) -> Masked:
    """Write the output of a recording and a call of noise, with masks of the recording at `spans`.

    The call is written into `folder`, by default the recording's.
    """
    call_path = wav((folder or path.parent) / "call-of-noise.wav", noise(1.0, 8000))
    with path.open("rb") as own_file, call_path.open("rb") as call_file:
        own = Source(str(path), own_file, path.stat().st_size)
        call = Source(str(call_path), call_file, call_path.stat().st_size)
        info, audio = probe_recording(own), probe_call(call).audio
        assert info.video is not None
        assert audio is not None
        alignment = alignment or Alignment(0.5)
        container, copies = plan_container(info.video.codec, wanted)
        copies = copies and can_mask_in_place(info.video)
        plan = RenderPlan(container, info.video.codec if copies else ENCODED_AS[container], copies, 16_000, 64_000)
        own_span = None if info.audio is None else info.audio.span
        planned = splice(alignment, call_s=audio.span.end_s, recording_audio=own_span)
        masks = masks_of(spans, alignment.output_shift_s)
        job = RenderJob(planned, plan, call, own, info, info.video, masks=masks)
        files: list[io.BytesIO] = []

        def begin(_: int) -> io.BytesIO:
            files.append(io.BytesIO())
            return files[-1]

        done = write_output(job, begin, lambda _: None)
    files[-1].seek(0)
    return Masked(files[-1], done, container)


def packets(file: Path | io.BytesIO) -> list[Packet]:
    """The packets of the video track in file order."""
    with _opened(file) as container:
        stream = container.streams.video[0]
        return [
            Packet(float(p.pts * p.time_base), p.is_keyframe, bytes(p))
            for p in container.demux(stream)
            if p.size and p.pts is not None
        ]


def frames(file: Path | io.BytesIO) -> list[Shown]:
    """The frames in order of presentation. A packet that can't be decoded is an error."""
    with _opened(file) as container:
        return [
            Shown(float(f.pts * f.time_base), f.to_ndarray(format="gray"), round(f.rotation or 0))
            for f in container.decode(video=0)
        ]


def _opened(file: Path | io.BytesIO) -> Any:
    if isinstance(file, io.BytesIO):
        file.seek(0)
        return av.open(file, "r")
    return av.open(str(file), "r")


def is_plain(frame: Shown) -> bool:
    """Whether a frame is the plain picture: nowhere far from it, and next to it on average."""
    upright = np.rot90(frame.grey, k=round(frame.rotation / 90) % 4)
    plain = plain_grey(upright.shape[1], upright.shape[0])
    deviation = np.abs(upright.astype(int) - plain)
    return bool(deviation.mean() < 3.0 and np.percentile(deviation, 99) < 48)


def likeness(one: Shown, other: Shown) -> float:
    """The correlation of two frames, 0 for a plain one."""
    if one.grey.shape != other.grey.shape or not (one.grey.std() and other.grey.std()):
        return 0.0
    return float(np.corrcoef(one.grey.ravel(), other.grey.ravel())[0, 1])


def on_show(shown: Sequence[Shown], spans: Sequence[tuple[float, float]]) -> list[bool]:
    """Which frames are on show in a span, if only for a moment."""
    ends = [*(frame.pts_s for frame in shown[1:]), float("inf")]
    return [
        any(frame.pts_s < last - 1e-9 and end > first + 1e-9 for first, last in spans)
        for frame, end in zip(shown, ends, strict=True)
    ]
