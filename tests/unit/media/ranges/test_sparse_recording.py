"""Spans of a recording are the samples that a whole reading gives, for every kind of file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from captures import CAPTURES
from made import RATE as WIDE_RATE
from made import Shape, noise, recording

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.timebase import Span
from komorebi_qc.media.decode_8khz import decode_recording_8khz
from komorebi_qc.media.probe import probe_recording
from komorebi_qc.media.ranges import blocks, sync_points
from komorebi_qc.media.ranges import sparse_recording as sparse
from komorebi_qc.media.ranges.sparse_recording import sparse_recording
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RATE = 8000
SECONDS = 40.0
FRAGMENTS = (("movflags", "frag_keyframe+empty_moov+default_base_moof"),)
CLUSTERS = (("cluster_time_limit", "1000"),)
SHAPES = {
    "index.mp4": Shape(seconds=SECONDS, fps=2, video="libx264", audio="aac"),
    "fragments.mp4": Shape(seconds=SECONDS, fps=2, video="libx264", audio="aac", options=FRAGMENTS),
    "clusters.webm": Shape(seconds=SECONDS, fps=2, options=CLUSTERS),
    "far.webm": Shape(seconds=SECONDS, fps=2, options=CLUSTERS, start_s=7200.0),
    "tiny.webm": Shape(seconds=SECONDS, fps=2, options=(("cluster_time_limit", "60"),)),
    "gap.webm": Shape(seconds=SECONDS, fps=2, options=CLUSTERS, gap=(20.5, 21.5)),
}
SPANS = [Span(3.0, 5.0), Span(5.1, 6.0), Span(20.0, 23.0), Span(36.0, 39.0)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files with the same sound."""
    place, sound = tmp_path_factory.mktemp("spans"), noise(SECONDS, WIDE_RATE)
    for name, shape in SHAPES.items():
        recording(place / name, shape, sound)
    return place


def _joined(runs: Iterable[tuple[int, np.ndarray]], count: int) -> np.ndarray:
    out = np.zeros(count, np.int16)
    for start, run in runs:
        low, high = max(start, 0), min(start + len(run), count)
        out[low:high] = run[low - start : high - start]
    return out


def _compare(path: Path, spans: list[Span], *, is_indexed: bool) -> None:
    with opened_file(path) as source:
        info = probe_recording(source.reopen())
        whole = decode_recording_8khz(source.reopen(), info)
        with sparse_recording(source) as parts:
            assert parts is not None
            assert parts.is_indexed == is_indexed
            assert parts.length_s == pytest.approx(len(whole) / RATE, abs=0.1)
            assert info.video is not None
            assert parts.info.video is not None
            assert parts.info.video.codec == info.video.codec
            assert parts.info.end_s == pytest.approx(info.end_s, abs=1.1)
            # In two readings, in either order.
            runs = [*parts.read(spans[2:]), *parts.read(spans[:2])]
    found = _joined(runs, len(whole))
    for span in spans:
        part = slice(round(span.start_s * RATE), round(span.end_s * RATE))
        assert np.abs(whole[part]).max() > 1000
        difference = found[part].astype(int) - whole[part]
        assert np.abs(difference).max() <= 16, span


@pytest.mark.parametrize("name", SHAPES)
def test_spans_are_those_of_a_whole_reading(folder: Path, name: str) -> None:
    """The samples of all spans are the same, within the memory of a decoder that begins in the middle."""
    _compare(folder / name, SPANS, is_indexed=name == "index.mp4")


def test_a_file_that_was_cut_off_ends_where_its_audio_does(folder: Path, tmp_path: Path) -> None:
    """The samples of the last fragment are lost: the length is that of the fragments before it."""
    data = (folder / "fragments.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: data.rindex(b"moof", 0, len(data) * 3 // 4) + 2000])
    with opened_file(path) as source, sparse_recording(source) as parts:
        assert parts is not None
        assert parts.info.audio is not None
        whole = probe_recording(source.reopen())
        assert whole.audio is not None
        assert parts.length_s == pytest.approx(whole.audio.span.end_s, abs=0.1)
        assert parts.length_s > SECONDS / 2


def test_a_file_whose_audio_ends_early_is_read_whole(tmp_path: Path) -> None:
    """Its last parts have a picture only, and don't show where the sound ends."""
    path = recording(
        tmp_path / "early.webm",
        Shape(seconds=SECONDS * 2, fps=2, options=CLUSTERS),
        noise(SECONDS, WIDE_RATE),
    )
    with opened_file(path) as source, sparse_recording(source) as parts:
        assert parts is None


@pytest.mark.parametrize("name", ["vp8.webm", "vp9.mp4"])
def test_spans_of_a_browsers_file(name: str) -> None:
    """Files of Chromium have no index, and their audio begins a little after 0."""
    _compare(CAPTURES[name].recording, [Span(1.0, 2.5), Span(4.0, 6.0), Span(8.0, 11.0)], is_indexed=False)


@pytest.mark.parametrize("name", ["index.mp4", "fragments.mp4", "clusters.webm"])
def test_only_a_part_of_a_file_is_read(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A span is read around its place only. The blocks are as small as the file is."""
    for module in (blocks, sparse):
        monkeypatch.setattr(module, "BLOCK_BYTES", 8192)
    monkeypatch.setattr(sparse, "_FRONT_BYTES", (16384,))
    monkeypatch.setattr(sparse, "_SEEK_BYTES", 4096)
    monkeypatch.setattr(sync_points, "_SCAN_BYTES", 8192)
    with opened_file(folder / name) as source, sparse_recording(source) as parts:
        assert parts is not None
        list(parts.read([Span(20.0, 21.0)]))
        assert 0 < parts.fetched_bytes < 0.9 * source.size


def test_files_without_parts(tmp_path: Path) -> None:
    """A recording without sound, and one of a single cluster, have no parts."""
    silent = recording(tmp_path / "silent.mp4", Shape(seconds=2.0, fps=2, video="libx264", audio=None))
    single = recording(tmp_path / "single.webm", Shape(seconds=0.4, fps=10))
    for path in (silent, single):
        with opened_file(path) as source, sparse_recording(source) as parts:
            assert parts is None


def test_no_media(tmp_path: Path) -> None:
    """Other bytes have no parts either, and a broken MP4 is refused as ever."""
    other = tmp_path / "a.webm"
    other.write_bytes(bytes(4000))
    with opened_file(other) as source, sparse_recording(source) as parts:
        assert parts is None
    broken = tmp_path / "b.mp4"
    broken.write_bytes(b"\0\0\0\x18ftypisom" + bytes(400))
    with opened_file(broken) as source, pytest.raises(MediaError), sparse_recording(source):
        pass
