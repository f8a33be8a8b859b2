"""The tracks to listen to, as small files beside the page: each side alone, and both at once, one in each ear.

They run on the output clock, as the unified recording's video does: what lies at ``output_s`` plays at that time of
the file, exact to a sample (AAC's priming is told by an edit list, which browsers heed).
"""

from __future__ import annotations

import base64
import io
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

import av
import numpy as np

from komorebi_qc.media.decode_8khz import RATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from komorebi_qc.pipeline.examine import Lanes

FOLDER = "audio"
MEDIA_TYPE = "audio/mp4"
_BLOCK = 60 * RATE
_BIT_RATE = 16_000
"""A channel's: telephone speech at 8 kHz."""
_LOUD = 0.25
"""What the loudest of a quiet track is raised to, of full scale (-12 dBFS)."""
_MOST_GAIN = 16.0


def listen_tracks(lanes: Lanes, folder: Path) -> dict[str, str]:
    """Write ``audio/*.m4a`` into a folder.

    Args:
        lanes: the sound of all sides.
        folder: where the page will lie.

    Returns:
        Their addresses relative to the page, by name: ``customer``, ``agent``, ``recording``, and ``both``, with
        Connect's audio in the left ear and the agent recording in the right one. ``recording`` and ``both`` are left
        out where the recording has no sound.

    Raises:
        OSError: where the folder can't be written to.
    """
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    made = {}
    for name, sides in _tracks(lanes).items():
        address = f"{FOLDER}/{name}.m4a"
        part = folder / f"{address}.part"
        write_track(str(part), sides, _BIT_RATE)
        part.replace(folder / address)
        made[name] = address
    return made


def embedded_tracks(lanes: Lanes, start_s: float, length_s: float, bit_rate: int = 12_000) -> dict[str, str]:
    """The same as data URIs, of a stretch alone; they count from its start.

    Args:
        lanes: the sound of all sides.
        start_s: the stretch's start on the output clock.
        length_s: its length.
        bit_rate: bits a second of each channel.
    """
    first, last = round(start_s * RATE), round((start_s + length_s) * RATE)
    made = {}
    for name, sides in _tracks(lanes).items():
        file = io.BytesIO()
        write_track(file, tuple(side[first:last] for side in sides), bit_rate)
        made[name] = f"data:{MEDIA_TYPE};base64,{base64.b64encode(file.getvalue()).decode()}"
    return made


def _tracks(lanes: Lanes) -> Mapping[str, tuple[NDArray[np.int16], ...]]:
    """The sides of each track, in the order left, right."""
    tracks: dict[str, tuple[NDArray[np.int16], ...]] = {"customer": (lanes.customer,), "agent": (lanes.agent,)}
    if lanes.recording.any():
        call = ((lanes.customer.astype(np.int32) + lanes.agent) // 2).astype(np.int16)
        tracks |= {"recording": (lanes.recording,), "both": (call, lanes.recording)}
    return tracks


def write_track(file: str | BinaryIO, sides: tuple[NDArray[np.int16], ...], bit_rate: int) -> None:
    """Encode a track into an MP4 file with AAC, quiet sides raised so that they can be heard.

    Args:
        file: its path, or what to write to, which must be able to seek.
        sides: one or two, each ``(n,)`` at 8 kHz.
        bit_rate: bits a second of each side.
    """
    layout = "mono" if len(sides) == 1 else "stereo"
    # With its index at the front it plays before it is there as a whole; FFmpeg moves it in files alone.
    options = {"movflags": "faststart"} if isinstance(file, str) else {}
    with av.open(file, "w", format="mp4", options=options) as out:
        # The default coder takes five times as long, and telephone speech gains nothing by it.
        stream: Any = out.add_stream("aac", rate=RATE, options={"aac_coder": "fast"})
        stream.layout, stream.bit_rate = layout, bit_rate * len(sides)
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=RATE)
        for frame in _frames(sides, layout):
            for ready in resampler.resample(frame):
                out.mux(stream.encode(ready))
        for ready in resampler.resample(None):
            out.mux(stream.encode(ready))
        out.mux(stream.encode(None))


def _frames(sides: tuple[NDArray[np.int16], ...], layout: str) -> Iterator[av.AudioFrame]:
    gains = np.array([_gain(side) for side in sides], np.float32)[:, None]
    for start in range(0, len(sides[0]), _BLOCK):
        wide = np.stack([side[start : start + _BLOCK] for side in sides]).astype(np.float32) * gains
        clipped = np.clip(np.rint(wide), -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(clipped.T).reshape(1, -1), "s16", layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield frame


def _gain(side: NDArray[np.int16]) -> float:
    """By how much a side is raised: the loudest of it but for clicks, a thousandth of what sounds, to a quarter."""
    loud = np.abs(side[:: max(1, len(side) // 1_000_000)].astype(np.float32))
    loud = loud[loud > 32]
    if not len(loud):
        return 1.0
    peak = float(np.quantile(loud, 0.999)) / 32768
    return min(max(1.0, _LOUD / peak), _MOST_GAIN)
