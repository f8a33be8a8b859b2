"""Tags in a recording's header: container, codecs, and the browser."""

from __future__ import annotations

import io
import shutil
import time
from pathlib import Path

import bombs
import pytest
from captures import CAPTURES
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.batch.execution.media_tags import read_tags

MEDIA = Path(__file__).parents[3] / "media"


def header(writing_app: str) -> io.BytesIO:
    """The beginning of a Matroska file with this writing app."""
    name = writing_app.encode()
    info = b"\x57\x41" + bytes([0x80 | len(name)]) + name
    segment = b"\x15\x49\xa9\x66" + bytes([0x80 | len(info)]) + info
    return io.BytesIO(b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67" + bytes([0x80 | len(segment)]) + segment)


@pytest.mark.parametrize(
    "name",
    [
        "Chrome",
        "Chromium 142.0.1",
        "Google Chrome 142",
        "HeadlessChrome/142.0",
        "Firefox/140",
        "Mozilla5.0",
        "Edg/142.0",
    ],
)
def test_a_browser_is_recognised(name: str) -> None:
    """By its name, with and without a version."""
    assert read_tags(header(name))["browser"] == name


@pytest.mark.parametrize(
    "name", ["Lavf61.7.103", "Lavf61 for Chrome", "Edgeworth Recorder", "Operator 2", "Chromecast Tool", "OBS", ""]
)
def test_an_encoder_is_not_a_browser(name: str) -> None:
    """It is the writing app only."""
    tags = read_tags(header(name))
    assert (tags["writing_app"], "browser" in tags) == (name, False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vp8.webm", {"container": "webm", "video_codec": "vp8", "audio_codec": "opus", "browser": "Chrome"}),
        ("vp9.mp4", {"container": "mp4", "video_codec": "vp9", "audio_codec": "opus"}),
        ("sample", {"container": "mp4", "video_codec": "h264", "audio_codec": "opus"}),
    ],
)
def test_a_captures_header_is_read(name: str, expected: dict[str, str]) -> None:
    """Container, codecs, size, and the browser if the file names one; the file's position is restored."""
    with CAPTURES[name].recording.open("rb") as file:
        file.seek(7)
        found = read_tags(file)
        assert file.tell() == 7
    assert {key: found.get(key) for key in expected} == expected
    assert ("browser" in found) == ("browser" in expected)
    assert found["width_px"] >= found["height_px"] > 0


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    """Also behind Matroska's first four bytes."""
    for content in (data, b"\x1a\x45\xdf\xa3" + data):
        assert set(read_tags(io.BytesIO(content))) <= set(WITH_DAY.names)


OTHER = {
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\na=recvonly\n",
    "ffconcat": "ffconcat version 1.0\nfile '{other}'\n",
    "playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{other}\n#EXT-X-ENDLIST\n",
}


@pytest.mark.parametrize("kind", sorted(OTHER))
def test_a_text_that_names_other_media_has_no_tags(kind: str, tmp_path: Path) -> None:
    """Neither a file nor an address in it is opened, and no port is bound: the answer comes at once."""
    other = tmp_path / "other.mp4"
    shutil.copy(CAPTURES["sample"].recording, other)
    path = tmp_path / "recording.mp4"
    path.write_text(OTHER[kind].format(other=other))
    began = time.monotonic()
    with path.open("rb") as file:
        assert read_tags(file) == {}
    assert time.monotonic() - began < 1.0


def test_a_file_beyond_a_bound_has_no_tags() -> None:
    """The measurement reports it."""
    assert read_tags(io.BytesIO(bombs.declared_samples(6_000_000))) == {}


def test_a_codec_that_nobody_decodes_is_left_out() -> None:
    """Video without a decoder has no codec and no size; the rest of the header is still read."""
    content = (MEDIA / "vp9.mp4").read_bytes().replace(b"vp09", b"zz99")
    tags = read_tags(io.BytesIO(content))
    assert tags["container"] == "mp4"
    assert not {"video_codec", "width_px", "height_px"} & tags.keys()
    assert "audio_codec" in tags
