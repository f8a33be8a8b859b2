"""Audio tracks for the report, as small files beside the page: each side alone, and both sides, one in each ear.

The tracks run on the output clock, like the unified recording's video: output time ``output_s`` is at the same time of
the file, exact to a sample. (An edit list removes AAC's priming, and browsers follow it.)
"""

from __future__ import annotations

import base64
import io
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

import av
import numpy as np

from komorebi_qc.core.samples import RATE
from komorebi_qc.storage.atomic_file import make_folder, new_part_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from komorebi_qc.pipeline.examine import AlignedTracks, Examined

FOLDER = "audio"
_NAMES = ("customer", "agent", "recording", "both", "before", "delivered")
TRACK_FILES = tuple(f"{FOLDER}/{name}.m4a" for name in _NAMES)
"""All that `write_audio_tracks` may write, relative to the page."""
MEDIA_TYPE = "audio/mp4"
_BLOCK = 60 * RATE
_BIT_RATE = 16_000
"""Bits a second of one channel: telephone speech at 8 kHz."""
_TARGET_PEAK = 0.25
"""A quiet track is amplified to this peak, as a share of full scale (-12 dBFS)."""
_MOST_GAIN = 16.0
_SOUNDING = 100
"""A sample above this is part of a sound (-50 dBFS)."""


def compared_tracks(examined: Examined) -> dict[str, tuple[NDArray[np.int16], ...]]:
    """The sides of what an analyst compares with the result; both are silent in its masks.

    Returns:
        By name: ``before`` with the call at its place without the correction left and the agent recording right, and
        ``delivered`` with a delivered file's sound. A name is missing if there is nothing to compare.
    """
    tracks: dict[str, tuple[NDArray[np.int16], ...]] = {}
    if examined.before is not None:
        call = examined.before.customer.astype(np.int32) + examined.before.agent
        tracks["before"] = ((call // 2).astype(np.int16), examined.tracks.recording)
    if examined.delivered is not None:
        tracks["delivered"] = (examined.delivered.audio,)
    return tracks


def write_audio_tracks(
    aligned: AlignedTracks, folder: Path, compared: Mapping[str, tuple[NDArray[np.int16], ...]] | None = None
) -> dict[str, str]:
    """Write ``audio/*.m4a`` into a folder. A track of an earlier report that this one doesn't have is removed.

    Args:
        aligned: audio of all sides.
        folder: the page's folder.
        compared: more tracks, from `compared_tracks`.

    Returns:
        Addresses relative to the page, by name: ``customer``, ``agent``, ``recording``, and ``both`` with the call
        audio left and the agent recording right. ``recording`` and ``both`` are missing if the recording is silent.

    Raises:
        InputError: The folder can't be written to.
        StorageError: The disk is full.
    """
    make_folder(folder / FOLDER)
    addresses = {}
    for name, sides in {**_tracks(aligned), **(compared or {})}.items():
        address = f"{FOLDER}/{name}.m4a"
        with new_part_file(folder / address) as part:
            write_track(str(part.path), sides, _BIT_RATE)
            part.move_to(folder / address)
        addresses[name] = address
    for name in set(_NAMES) - addresses.keys():
        (folder / FOLDER / f"{name}.m4a").unlink(missing_ok=True)
    return addresses


def embedded_audio_tracks(
    aligned: AlignedTracks, start_s: float, length_s: float, bit_rate: int = 12_000
) -> dict[str, str]:
    """An excerpt of the same tracks as data URIs. Their time counts from the excerpt's start.

    Args:
        aligned: audio of all sides.
        start_s: the excerpt's start on the output clock.
        length_s: its length.
        bit_rate: bits a second of each channel.
    """
    first, last = round(start_s * RATE), round((start_s + length_s) * RATE)
    addresses = {}
    for name, sides in _tracks(aligned).items():
        file = io.BytesIO()
        write_track(file, tuple(side[first:last] for side in sides), bit_rate)
        addresses[name] = f"data:{MEDIA_TYPE};base64,{base64.b64encode(file.getvalue()).decode()}"
    return addresses


def _tracks(aligned: AlignedTracks) -> Mapping[str, tuple[NDArray[np.int16], ...]]:
    """The sides of each track, left then right."""
    tracks: dict[str, tuple[NDArray[np.int16], ...]] = {"customer": (aligned.customer,), "agent": (aligned.agent,)}
    if aligned.recording.any():
        tracks |= {"recording": (aligned.recording,), "both": (mixed_call(aligned), aligned.recording)}
    return tracks


def audio_levels(
    aligned: AlignedTracks, compared: Mapping[str, tuple[NDArray[np.int16], ...]] | None = None
) -> dict[str, float]:
    """The level of each track as it plays: the root mean square of its sounding samples, as a share of full scale.

    Args:
        aligned: audio of all sides.
        compared: more tracks, from `compared_tracks`.

    Returns:
        By name, with ``result`` for the unified recording, or for the agent recording without one. A silent track is
        missing.
    """
    result = aligned.recording if aligned.output is None else aligned.output
    tracks = {
        name: [(side, gain_of(side)) for side in sides]
        for name, sides in {**_tracks(aligned), **(compared or {})}.items()
    }
    levels = {name: _level(sides) for name, sides in {"result": [(result, 1.0)], **tracks}.items()}
    return {name: round(level, 6) for name, level in levels.items() if level > 0}


def _level(sides: Sequence[tuple[NDArray[np.int16], float]]) -> float:
    powers = []
    for side, gain in sides:
        sounding = side[np.abs(side.astype(np.int32)) > _SOUNDING].astype(np.float64)
        if len(sounding):
            powers.append(float(np.mean((sounding * gain / 32768) ** 2)))
    return min(float(np.sqrt(np.mean(powers))), 1.0) if powers else 0.0


def mixed_call(aligned: AlignedTracks, first: int = 0, last: int | None = None) -> NDArray[np.int16]:
    """Both channels of the call audio in one, at half their level, from sample `first` to `last`."""
    both: NDArray[np.int32] = aligned.customer[first:last].astype(np.int32) + aligned.agent[first:last]
    return (both // 2).astype(np.int16)


def write_track(
    file: str | BinaryIO,
    sides: tuple[NDArray[np.int16], ...],
    bit_rate: int,
    gains: Sequence[float] | None = None,
) -> None:
    """Encode a track into an MP4 file with AAC. Quiet sides are amplified.

    Args:
        file: a path, or a seekable file.
        sides: one or two, each ``(n,)`` at 8 kHz.
        bit_rate: bits a second of each side.
        gains: factor of each side; None to find them in the sides.
    """
    layout = "mono" if len(sides) == 1 else "stereo"
    # With the index at the front, playback starts before the download ends. FFmpeg can move it in files only.
    options = {"movflags": "faststart"} if isinstance(file, str) else {}
    with av.open(file, "w", format="mp4", options=options) as out:
        # The default coder takes five times as long without a gain for telephone speech.
        stream: Any = out.add_stream("aac", rate=RATE, options={"aac_coder": "fast"})
        stream.layout, stream.bit_rate = layout, bit_rate * len(sides)
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=RATE)
        for frame in _frames(sides, layout, [gain_of(side) for side in sides] if gains is None else gains):
            for ready in resampler.resample(frame):
                out.mux(stream.encode(ready))
        for ready in resampler.resample(None):
            out.mux(stream.encode(ready))
        out.mux(stream.encode(None))


def _frames(sides: tuple[NDArray[np.int16], ...], layout: str, factors: Sequence[float]) -> Iterator[av.AudioFrame]:
    gains = np.array(factors, np.float32)[:, None]
    for start in range(0, len(sides[0]), _BLOCK):
        wide = np.stack([side[start : start + _BLOCK] for side in sides]).astype(np.float32) * gains
        clipped = np.clip(np.rint(wide), -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(clipped.T).reshape(1, -1), "s16", layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield frame


def gain_of(side: NDArray[np.int16]) -> float:
    """The factor that brings a side's loudest samples, without the top thousandth (clicks), to the target peak."""
    loud = np.abs(side[:: max(1, len(side) // 1_000_000)].astype(np.float32))
    loud = loud[loud > 32]
    if not len(loud):
        return 1.0
    peak = float(np.quantile(loud, 0.999)) / 32768
    return min(max(1.0, _TARGET_PEAK / peak), _MOST_GAIN)
