"""Several files written as one: packets at their places, and plain pictures between them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from made import Shape, recording

from komorebi_qc.core.errors import MediaError, StorageError
from komorebi_qc.core.source import Source
from komorebi_qc.core.timebase import Span
from komorebi_qc.media.joining.write import FileAtPlace, joined_unit_s, write_joined
from komorebi_qc.media.probe import probe_recording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

GAP_S = 4.5


def placed(path: Path, shift_s: float, to_s: float | None = None) -> FileAtPlace:
    """A file at a place, up to its end or to `to_s`."""
    source = Source(path.name, io.BytesIO(path.read_bytes()), path.stat().st_size)
    info = probe_recording(source)
    return FileAtPlace(source, info, shift_s, Span(shift_s, shift_s + info.end_s if to_s is None else to_s))


def joined(files: Sequence[FileAtPlace]) -> tuple[io.BytesIO, tuple[bool, ...]]:
    """The joined file."""
    out = io.BytesIO()
    copies = write_joined(files, out)
    out.seek(0)
    return out, copies


def read(file: io.BytesIO) -> tuple[list[tuple[float, float]], list[float]]:
    """Time and brightness in the corner of each picture, and the time of each sound packet."""
    file.seek(0)
    with av.open(file, "r") as container:
        pictures = [
            (float((f.pts or 0) * (f.time_base or 0)), float(np.asarray(f.to_ndarray(format="gray"))[:8, :8].mean()))
            for f in container.decode(container.streams.video[0])
        ]
    file.seek(0)
    with av.open(file, "r") as container:
        stream: Any = container.streams.audio[0]
        sound = [float((p.pts or 0) * (p.time_base or 0)) for p in container.demux(stream) if p.size]
    return pictures, sound


@pytest.mark.parametrize(
    ("extension", "video", "audio"),
    [(".webm", "libvpx", "libopus"), (".webm", "libvpx-vp9", "libopus"), (".mp4", "libx264", "aac")],
)
def test_each_picture_and_sound_is_at_its_own_place(tmp_path: Path, extension: str, video: str, audio: str) -> None:
    """Pictures are copied, and the gap has a plain one each second."""
    fast = (("preset", "ultrafast"), ("bf", "0")) if video == "libx264" else (("deadline", "realtime"),)
    shape = Shape(seconds=2.0, video=video, audio=audio, encoding=fast)
    one, other = (recording(tmp_path / f"{name}{extension}", shape) for name in "ab")
    first = placed(one, 0.0)
    second = placed(other, first.info.end_s + GAP_S)
    file, copies = joined([first, second])
    assert copies == (True, True)
    pictures, sound = read(file)
    alone, alone_sound = read(io.BytesIO(one.read_bytes()))
    gap = [level for at_s, level in pictures if first.used.end_s - 1e-3 <= at_s < second.shift_s - 1e-3]
    assert len(gap) == 5
    assert max(abs(level - 48.0) for level in gap) < 12.0
    kept = [(at_s, level) for at_s, level in pictures if not first.used.end_s - 1e-3 <= at_s < second.shift_s - 1e-3]
    wanted = [*alone, *((at_s + second.shift_s, level) for at_s, level in alone)]
    assert np.allclose(kept, wanted, atol=(1.1e-3))
    late = [at_s for at_s in sound if at_s > first.used.end_s + 1.0]
    assert late[0] == pytest.approx(alone_sound[0] + second.shift_s, abs=1.1e-3)
    assert len(late) == pytest.approx(len(alone_sound), abs=1)


def test_a_file_of_another_size_is_encoded_again_in_the_first_ones_size(tmp_path: Path) -> None:
    """It is scaled with its proportions; the first file is still copied."""
    one = recording(tmp_path / "a.webm", Shape(seconds=1.0))
    other = recording(tmp_path / "b.webm", Shape(seconds=1.0, size=(120, 120), video="libvpx-vp9"))
    first = placed(one, 0.0)
    file, copies = joined([first, placed(other, first.info.end_s)])
    assert copies == (True, False)
    pictures, _ = read(file)
    assert len(pictures) == 20
    file.seek(0)
    with av.open(file, "r") as container:
        last = [np.asarray(f.to_ndarray(format="gray")) for f in container.decode(video=0)][-1]
    assert last.shape == (90, 160)
    assert last[45, :25].mean() < 40  # black beside the square picture
    assert last[45, 60:100].mean() == pytest.approx(pictures[9][1], abs=80)


def test_a_file_ends_where_the_next_one_begins(tmp_path: Path) -> None:
    """Its later packets are left out."""
    one, other = (recording(tmp_path / f"{name}.webm", Shape(seconds=2.0)) for name in "ab")
    file, _ = joined([placed(one, 0.0, 1.5), placed(other, 1.5)])
    pictures, sound = read(file)
    wanted = [n / 10 for n in range(15)] + [1.5 + n / 10 for n in range(20)]
    assert [at_s for at_s, _ in pictures] == pytest.approx(wanted)
    assert sound == sorted(sound)


def test_a_file_without_sound_is_silent(tmp_path: Path) -> None:
    """The track of the other file goes on."""
    one = recording(tmp_path / "a.webm", Shape(seconds=1.0, audio=None))
    other = recording(tmp_path / "b.webm", Shape(seconds=1.0))
    _, sound = read(joined([placed(one, 0.0), placed(other, 1.0)])[0])
    assert 0.98 < min(sound) < 1.01


def test_other_sound_is_refused(tmp_path: Path) -> None:
    """The sentence names both files and what to do."""
    one = recording(tmp_path / "a.mp4", Shape(seconds=1.0, video="libx264", audio="aac"))
    other = recording(tmp_path / "b.webm", Shape(seconds=1.0))
    with pytest.raises(MediaError, match=r"b\.webm has opus audio .* a\.mp4 has aac .*Process the files one by one"):
        joined([placed(one, 0.0), placed(other, 1.0)])


def test_a_picture_that_nobody_can_encode_is_refused(tmp_path: Path) -> None:
    """The gap's plain picture must be of the same codec."""
    encoding = (("preset", "ultrafast"), ("x265-params", "log-level=none"))
    one = recording(tmp_path / "a.mp4", Shape(seconds=1.0, video="libx265", audio="aac", encoding=encoding))
    with pytest.raises(MediaError, match=r"a\.mp4 has hevc .* which can't be joined with another file"):
        joined([placed(one, 0.0), placed(one, 2.0)])


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """It may have room later."""

    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    one = recording(tmp_path / "a.webm", Shape(seconds=1.0))
    with pytest.raises(StorageError, match=r"No space left on device.*as much room as all of them"):
        write_joined([placed(one, 0.0), placed(one, 2.0)], Full())


def test_shifts_are_exact_in_the_unit_of_the_container(tmp_path: Path) -> None:
    """WebM counts milliseconds."""
    one = recording(tmp_path / "a.webm", Shape(seconds=1.0))
    assert joined_unit_s(placed(one, 0.0).info) == 1e-3
