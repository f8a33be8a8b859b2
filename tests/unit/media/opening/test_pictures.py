"""Pictures of five codecs and of a bounded size are decoded."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import bombs
import pytest
from av.error import FFmpegError
from captures import CAPTURES
from made import Shape, recording

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.source import Source
from komorebi_qc.media.opening import RECORDING_FORMATS, open_container, pictures, video_stream
from komorebi_qc.media.opening.pictures import allowed_decoders

if TYPE_CHECKING:
    from pathlib import Path


def png(width: int, height: int) -> bytes:
    """A grey picture of one level, 8 bits a pixel."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1 + width) * height, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def mov_of(picture: bytes, width: int, height: int, codec: str = "png ") -> bytes:
    """A QuickTime film of one picture."""
    described = bombs.video_description(codec, width, height, config=b"")
    tables = (bombs.times(1, 1000), bombs.table("stsz", 0, 1, len(picture)), bombs.table("stsc", 1, 1, 1, 1))
    at = len(bombs.mp4(bombs.track(described, *tables, bombs.table("stco", 1, 0)), data=b""))
    return bombs.mp4(bombs.track(described, *tables, bombs.table("stco", 1, at)), data=picture)


def refusal(content: bytes) -> str:
    """The sentence for a file."""
    with (
        pytest.raises(MediaError) as caught,
        open_container(Source("a.mov", io.BytesIO(content), len(content)), RECORDING_FORMATS),
    ):
        pass
    return str(caught.value)


def test_a_still_picture_as_video_is_refused() -> None:
    """A PNG of 4000 x 4000 pixels takes 16 kB, and its decoder takes megabytes."""
    assert refusal(mov_of(png(4000, 4000), 4000, 4000)) == (
        "a.mov has a video track in PNG, and only H.264, HEVC, VP8, VP9 and AV1 are decoded: record or convert it to "
        "one of them"
    )


@pytest.mark.parametrize("name", sorted(CAPTURES))
def test_the_codecs_of_browsers_are_decoded(name: str) -> None:
    """With a bound on the size of every picture of the file."""
    content = CAPTURES[name].recording.read_bytes()
    with open_container(Source(name, io.BytesIO(content), len(content)), RECORDING_FORMATS) as container:
        stream = video_stream(container)
        # It may grow up to the size that is decoded while a file is opened, and a little for padding.
        assert 4096 * 4096 < int(stream.codec_context.options["max_pixels"]) < 4250 * 4250
        assert next(container.decode(stream)).width == stream.codec_context.width


def webm_of(width: int, height: int) -> bytes:
    """A WebM of one block whose header declares a size."""
    sides = b"".join(bombs.ebml(name, struct.pack(">H", side)) for name, side in ((0xB0, width), (0xBA, height)))
    entry = bombs.ebml(0xD7, b"\1") + bombs.ebml(0x73C5, b"\1") + bombs.ebml(0x83, b"\1") + bombs.ebml(0x86, b"V_VP8")
    track = bombs.ebml(0x1654AE6B, bombs.ebml(0xAE, entry + bombs.ebml(0xE0, sides)))
    return bombs.webm(bombs.INFO, track, bombs.CLUSTER)


@pytest.mark.parametrize(("width", "height"), [(8200, 100), (100, 9000), (9000, 9000)])
def test_a_side_is_bounded(width: int, height: int) -> None:
    """By the header of the file, before a picture is decoded."""
    says = f"a.mov has a picture of {width} x {height} pixels, and a picture has at most 8192 x 8192"
    assert refusal(webm_of(width, height)).startswith(says)


@pytest.mark.parametrize(("width", "height"), [(8192, 8192), (8192, 100), (4096, 4096), (160, 90)])
def test_a_size_within_the_bounds_is_known(width: int, height: int) -> None:
    """Also that of a picture so large that FFmpeg decodes one frame at most while it opens the file."""
    content = webm_of(width, height)
    with open_container(Source("a.mov", io.BytesIO(content), len(content)), RECORDING_FORMATS) as container:
        context = video_stream(container).codec_context
        assert (context.width, context.height) == (width, height)


def test_no_other_pictures_are_decoded_while_a_file_is_opened() -> None:
    """All audio decoders may run, and those of five video codecs."""
    allowed = allowed_decoders().split(",")
    assert {"h264", "hevc", "vp8", "vp9", "libdav1d", "aac", "opus", "mp3float", "pcm_s16le"} <= set(allowed)
    assert not {"png", "mjpeg", "mpeg4", "prores", "gif", "cinepak"} & set(allowed)


def test_a_picture_that_grows_beyond_the_bound_isnt_decoded(tmp_path: Path) -> None:
    """The header may declare another size; the decoder itself refuses a larger picture."""
    path = recording(tmp_path / "a.webm", Shape(seconds=0.5, audio=None))
    content = bytearray(path.read_bytes())
    at = content.index(b"\x9d\x01\x2a")  # a keyframe of VP8: its start code, then 14 bits of width and height
    content[at + 3 : at + 7] = struct.pack("<HH", 16383, 16383)
    with open_container(Source("a.webm", io.BytesIO(bytes(content)), len(content)), RECORDING_FORMATS) as container:
        stream = video_stream(container)
        with pytest.raises(FFmpegError, match="avcodec_send_packet"):
            stream.codec_context.decode(next(container.demux(stream)))


@pytest.mark.parametrize(("depth", "is_refused"), [("yuv420p", False), ("yuv444p10le", True)])
def test_a_deep_picture_has_a_bound_in_bytes(depth: str, *, is_refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same size in all colours and 10 bits takes four times as much memory."""
    monkeypatch.setattr(pictures, "FRAME_BYTES", 320 * 180 * 3 // 2)
    content = keyframe(depth)
    if is_refused:
        shown = "has pictures of 345,600 bytes (320 x 180 in yuv444p10le), and a decoded picture has at most 86,400"
        assert shown in refusal(content)
        return
    with open_container(Source("a.mp4", io.BytesIO(content), len(content)), RECORDING_FORMATS) as container:
        assert video_stream(container).width == 320


def keyframe(depth: str) -> bytes:
    """An MP4 of one picture in H.264."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream: Any = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 180, depth
        frame = av.VideoFrame(320, 180, depth)
        frame.pts, frame.time_base = 0, Fraction(1, 10)
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()
