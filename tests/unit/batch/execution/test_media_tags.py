"""What a file tells of who wrote it: a browser is one by its name, and whatever else writes files isn't."""

from __future__ import annotations

import io

import pytest

from komorebi_qc.batch.execution.media_tags import read_tags


def header(writing_app: str) -> io.BytesIO:
    """The beginning of a Matroska file that names its writer."""
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
def test_a_browser_is_told(name: str) -> None:
    """By its own name, with a version or without."""
    assert read_tags(header(name))["browser"] == name


@pytest.mark.parametrize(
    "name", ["Lavf61.7.103", "Lavf61 for Chrome", "Edgeworth Recorder", "Operator 2", "Chromecast Tool", "OBS", ""]
)
def test_an_encoder_is_no_browser(name: str) -> None:
    """It is told as what wrote the file, and as nothing else."""
    told = read_tags(header(name))
    assert (told["writing_app"], "browser" in told) == (name, False)
