"""The time in a recording's header."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import av
import pytest
from made import Shape, recording

from komorebi_qc.core.source import Source
from komorebi_qc.media.joining.start_time import started_at

if TYPE_CHECKING:
    from pathlib import Path


def with_time(path: Path, text: str) -> Source:
    """A recording whose header has a time."""
    made = recording(path.with_name(f"plain{path.suffix}"), Shape(seconds=0.5, video="libvpx-vp9"))
    with av.open(str(made)) as source, av.open(str(path), "w") as out:
        out.metadata["creation_time"] = text
        streams = {one.index: out.add_stream_from_template(one) for one in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return Source(path.name, io.BytesIO(path.read_bytes()), path.stat().st_size)


@pytest.mark.parametrize("extension", [".mp4", ".mkv"])
def test_the_header_has_the_start(tmp_path: Path, extension: str) -> None:
    """In UTC."""
    source = with_time(tmp_path / f"a{extension}", "2026-11-24T12:00:07Z")
    assert started_at(source) == datetime(2026, 11, 24, 12, 0, 7, tzinfo=UTC)


def test_an_epoch_is_no_time(tmp_path: Path) -> None:
    """Writers without a clock leave it there."""
    assert started_at(with_time(tmp_path / "a.mp4", "1970-01-01T00:00:00Z")) is None


def test_browsers_webm_has_no_time(tmp_path: Path) -> None:
    """Its header doesn't name the time."""
    path = recording(tmp_path / "a.webm", Shape(seconds=0.5))
    assert started_at(Source("a.webm", io.BytesIO(path.read_bytes()), path.stat().st_size)) is None
