"""Small files that made FFmpeg take gigabytes or minutes: refused in less than 2 s and 250 MB, each with a sentence."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import bombs
import numpy as np
import pytest
from made import Shape, noise, recording, wav

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux shows a process's peak memory in /proc")
MOST_MB, MOST_S = 250, 2.0


def still(side: int) -> bytes:
    """A QuickTime film of one grey PNG."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head, packer, rows = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0), zlib.compressobj(1), b""
    for _ in range(side // 1000):
        rows += packer.compress(bytes(1 + side) * 1000)
    rows += packer.flush()
    picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return film(picture, side, "png ", b"", 1)


def film(picture: bytes, side: int, codec: str, config: bytes, samples: int) -> bytes:
    """An MP4 with one picture for every sample, each a millisecond after the one before."""
    described = bombs.video_description(codec, side, side, config=config)
    tables = [bombs.times(samples, 1), bombs.table("stsz", len(picture), samples), bombs.table("stsc", 1, 1, 1, 1)]
    at = len(bombs.mp4(bombs.track(described, *tables, bombs.table("stco", samples, *[0] * samples)), data=b""))
    offsets = bombs.table("stco", samples, *[at] * samples)
    return bombs.mp4(bombs.track(described, *tables, offsets), data=picture)


def keyframe(side: int) -> tuple[bytes, bytes]:
    """A grey picture in H.264, and the configuration of its decoder."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream: Any = out.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = side, side, "yuv420p"
        grey = av.VideoFrame.from_ndarray(np.full((side * 3 // 2, side), 128, np.uint8), format="yuv420p")
        grey.pts, grey.time_base = 0, Fraction(1, 10)
        out.mux(stream.encode(grey))
        out.mux(stream.encode(None))
    content = file.getvalue()
    at = content.index(b"avcC")
    config = content[at + 4 : at - 4 + int.from_bytes(content[at - 4 : at], "big")]
    data = content.index(b"mdat")
    return content[data + 4 : data - 4 + int.from_bytes(content[data - 4 : data], "big")], config


def one_picture() -> bytes:
    """All chunk offsets of the file name one picture of 3000 x 3000 pixels."""
    picture, config = keyframe(3000)
    return film(picture, 3000, "avc1", config, 2000)


BOMBS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "60 million samples": ("mp4", bombs.declared_samples, "declares an index of 60,000,000 samples"),
    "60 million times": ("mp4", bombs.declared_times, "declares 60,000,000 samples in its table of times"),
    "60 million blocks of PCM": ("mp4", bombs.declared_chunks, "declares an index of 62,914,560 samples"),
    "60 million edited samples": ("mp4", bombs.declared_edits, "declares an index of 59,999,000 samples"),
    "60 million samples of a fragment": ("mp4", bombs.declared_fragment, "declares fragments of 60,000,000 samples"),
    "a table in another box": ("mp4", bombs.hidden_table, "has 'stsz' in its box 'stsd'"),
    **{
        f"a short table {kind}": ("mp4", lambda kind=kind: bombs.declared_table(kind), "the table can't hold them")  # type: ignore[misc]
        for kind in ("stsz", "stts", "stsc", "stco")
    },
    "300 million encrypted samples": ("mp4", bombs.encrypted, "is encrypted (DRM)"),
    "fragments of 64 tracks": ("mp4", lambda: bombs.empty_fragments(131_000), "fragments of 64 tracks"),
    "lists of fragments of 64 tracks": ("mp4", bombs.listed_fragments, "fragments of 64 tracks"),
    "200,000 texts": ("mp4", lambda: bombs.many_texts(200_000), "more than 2,000 texts"),
    "a million tracks": ("webm", lambda: bombs.many_tracks(1_000_000), "more than 64 tracks"),
    "two million cues": ("webm", lambda: bombs.many_cues(2_000_000), "more than 432,000 cues"),
    "packets of one moment": ("webm", lambda: bombs.laced(20_000), "no recorder writes more than 640 a second"),
    "headers that unpack to 400 MB": ("webm", bombs.unpacked_headers, "has a track with compressed packets"),
    "packets that unpack to 600 MB": ("webm", bombs.unpacked_packets, "has a track with compressed packets"),
    "an addition to 256 packets": ("webm", lambda: bombs.added(1, 2_000_000, laced=True), "additions to one block"),
    "100,000 tags": ("webm", lambda: bombs.many_tags(100_000), "bytes of its element Tags"),
    "a still of 16000 x 16000": ("mov", lambda: still(16_000), "has a picture of 16000 x 16000 pixels"),
    "a still of 8000 x 8000": ("mov", lambda: still(8000), "has a video track in PNG"),
    "one picture for all samples": ("mp4", one_picture, "several are the same bytes"),
}


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_bomb_is_refused(name: str, tmp_path: Path) -> None:
    """By the first step that opens it. The process itself takes 80 MB with its libraries."""
    suffix, make, says = BOMBS[name]
    path = tmp_path / f"recording.{suffix}"
    path.write_bytes(make())
    found = bombs.run_apart(path, bombs.PROBE)
    assert says in found["error"]
    assert str(path) in found["error"]
    assert found["kind"] == "MediaError"
    assert found["mb"] < MOST_MB
    assert found["s"] < MOST_S


@pytest.mark.parametrize("name", ["one picture for all samples", "packets of one moment", "a still of 8000 x 8000"])
def test_a_thumbnail_of_a_bomb_is_refused(name: str, tmp_path: Path) -> None:
    """Within the same bounds, also if no other step opened the file before."""
    suffix, make, _ = BOMBS[name]
    path = tmp_path / f"recording.{suffix}"
    path.write_bytes(make())
    found = bombs.run_apart(path, bombs.THUMBNAIL)
    assert found["kind"] == "MediaError"
    assert found["mb"] < MOST_MB
    assert found["s"] < MOST_S


IMPORTS = """
from komorebi_qc.api import process
from komorebi_qc.pipeline.options import Options
FORCED = Options(align='call-end', force=True)
def beside(name): return path.with_name(name)
"""
WRITE = "process(connect=beside('call.wav'), recording=path, call_end=58, out=beside('out.mp4'), options=FORCED)"
FILLER = b"\x0c" + b"\xff" * 200_000
"""A unit of H.264 that decoders skip."""


def matroska(path: Path, loop: Path, *, is_interleaved: bool) -> Path:
    """A minute in a Matroska file of 120 MB, interleaved or with all of its picture in front of its sound."""
    options = {} if is_interleaved else {"max_interleave_delta": "1"}
    with av.open(str(loop), "r") as given, av.open(str(path), "w", format="matroska", options=options) as out:
        kinds = [given.streams.video[0], given.streams.audio[0]]
        streams = {kind.index: out.add_stream_from_template(kind, opaque=True) for kind in kinds}
        coming = [packet for packet in given.demux(kinds) if packet.dts is not None]
        if not is_interleaved:
            coming.sort(key=lambda packet: packet.stream.type == "audio")
        for packet in coming:
            is_picture = packet.stream.type == "video"
            copy: Any = av.Packet(bytes(packet) + (struct.pack(">I", len(FILLER)) + FILLER if is_picture else b""))
            copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
            copy.duration, copy.is_keyframe = packet.duration, packet.is_keyframe
            copy.stream = streams[packet.stream.index]
            out.mux(copy)
    return path


def test_tracks_that_arent_interleaved_take_little_more_memory(tmp_path: Path) -> None:
    """Of 120 MB of picture in front of the sound, 32 MiB wait at most: 50 MB more than for an interleaved file."""
    loop = recording(tmp_path / "loop.mp4", Shape(seconds=60, fps=10, video="libx264", audio="aac"))
    wav(tmp_path / "call.wav", np.stack([noise(50, 8000, seed) for seed in (1, 2)], axis=1))
    found = [
        bombs.run_apart(
            matroska(tmp_path / f"{is_interleaved}.mkv", loop, is_interleaved=is_interleaved), (IMPORTS, WRITE)
        )
        for is_interleaved in (True, False)
    ]
    assert [one["error"] for one in found] == ["", ""]
    assert found[1]["mb"] - found[0]["mb"] < 50
