"""The head and the fragments of fragmented MP4 files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import pytest
from captures import CAPTURES
from made import Shape, recording

from komorebi_qc.media.ranges.mp4_parts import Fragments, read_head

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.media.ranges.sync_points import SyncPoint


def _points(data: bytes, begin: int, track: int, scale_s: float) -> list[SyncPoint]:
    finder = Fragments(b"", begin, track, scale_s, lambda at, count: data[at : at + count])
    points, at = [], begin
    while (point := finder.find(data[at:], at)) is not None:
        points.append(point)
        at = point.at + 8
    return points


def test_the_fragments_of_a_browsers_file() -> None:
    """Each fragment has the time of the audio's first packet in it."""
    path = CAPTURES["vp9.mp4"].recording
    data = path.read_bytes()
    found = read_head(data)
    assert found is not None
    head, begin = found
    assert data.startswith(head)
    assert data[begin + 4 : begin + 8] == b"moof"
    with av.open(str(path)) as container:
        audio = container.streams.audio[0]
        points = _points(data, begin, int(audio.id), float(audio.time_base or 0))
        stamps = {round(float(p.pts * p.time_base), 4) for p in container.demux(audio) if p.pts is not None}
    assert points
    assert {round(point.time_s, 4) for point in points} <= stamps


def test_fragments_of_a_second(tmp_path: Path) -> None:
    """A tool's fragments have rising times, and those of the picture alone are passed over."""
    options = (("movflags", "frag_keyframe+empty_moov+default_base_moof"),)
    path = recording(tmp_path / "a.mp4", Shape(seconds=8.0, fps=4, video="libx264", audio="aac", options=options))
    data = path.read_bytes()
    found = read_head(data)
    assert found is not None
    with av.open(str(path)) as container:
        audio = container.streams.audio[0]
        track, base = int(audio.id), float(audio.time_base or 0)
    times = [point.time_s for point in _points(data, found[1], track, base)]
    assert len(times) >= 6
    assert times == sorted(times)
    assert _points(data, found[1], 99, base) == []


def test_absolute_places_are_refused(tmp_path: Path) -> None:
    """Fragments whose data has a place in the whole file can't be moved."""
    options = (("movflags", "frag_keyframe+empty_moov"),)
    path = recording(tmp_path / "a.mp4", Shape(seconds=4.0, fps=4, video="libx264", audio="aac", options=options))
    data = path.read_bytes()
    found = read_head(data)
    assert found is not None
    with av.open(str(path)) as container:
        track = int(container.streams.audio[0].id)
    assert _points(data, found[1], track, 1e-3) == []


@pytest.mark.parametrize("data", [b"", bytes(64), b"\0\0\0\x10ftypisom\0\0\0\0"])
def test_other_bytes_have_no_head(data: bytes) -> None:
    """A file of another kind, or cut off, is left to a whole reading."""
    assert read_head(data) is None


def test_an_mp4_with_an_index_has_no_fragments(tmp_path: Path) -> None:
    """Its index lists its packets."""
    path = recording(tmp_path / "a.mp4", Shape(seconds=2.0, fps=4, video="libx264", audio="aac"))
    assert read_head(path.read_bytes()) is None
