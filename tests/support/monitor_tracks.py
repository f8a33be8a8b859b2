"""Made files with a video track for each monitor, whose brightness changes at known times."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Track:
    """A monitor.

    Attributes:
        size: in pixels.
        changes: time in seconds and brightness of each frame.
    """

    size: tuple[int, int]
    changes: tuple[tuple[float, int], ...]


def write_tracks(path: Path, tracks: tuple[Track, ...], sound_s: float = 0.0) -> Path:
    """Write an MP4 with these tracks, and with a tone of a length if it isn't 0."""
    with av.open(str(path), "w", format="mp4") as out:
        videos = [_video(out, one) for one in tracks]
        audio: Any = None
        if sound_s:
            audio = out.add_stream("aac", rate=48_000)
            audio.layout = "mono"
        frames = sorted((at_s, n, level) for n, one in enumerate(tracks) for at_s, level in one.changes)
        for at_s, number, level in frames:
            width, height = tracks[number].size
            plane = np.full((height * 3 // 2, width), 128, np.uint8)
            plane[:height] = level
            frame = av.VideoFrame.from_ndarray(plane, format="yuv420p")
            frame.pts, frame.time_base = round(at_s * 90_000), Fraction(1, 90_000)
            out.mux(videos[number].encode(frame))
        if sound_s:
            tone = np.sin(np.arange(round(sound_s * 48_000)) * 0.05).astype(np.float32) * 0.3
            for first in range(0, len(tone), 1024):
                block = av.AudioFrame.from_ndarray(tone[None, first : first + 1024], format="fltp", layout="mono")
                block.sample_rate, block.pts, block.time_base = 48_000, first, Fraction(1, 48_000)
                out.mux(audio.encode(block))
        for stream in [*videos, *([audio] if sound_s else [])]:
            out.mux(stream.encode(None))
    return path


def _video(out: Any, track: Track) -> Any:
    stream = out.add_stream("libx264", rate=5, options={"preset": "ultrafast", "threads": "1", "bf": "0", "crf": "10"})
    stream.width, stream.height, stream.pix_fmt = *track.size, "yuv420p"
    stream.codec_context.time_base = Fraction(1, 90_000)
    return stream
