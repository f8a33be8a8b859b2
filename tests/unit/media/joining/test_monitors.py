"""Several monitors in one picture: each frame at its own time, and the sound as it was."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from monitor_tracks import Track, write_tracks

from komorebi_qc.core.errors import StorageError
from komorebi_qc.core.joining.monitors import side_by_side
from komorebi_qc.core.source import Source
from komorebi_qc.media.joining.monitors import TOGETHER_S, Screen, write_monitors
from komorebi_qc.media.probe import probe_recording

if TYPE_CHECKING:
    from pathlib import Path

FAST = Track((160, 90), tuple((n / 5, 40 + 10 * (n % 15)) for n in range(20)))
LATE = Track((128, 96), ((0.73, 60), (1.408, 200), (3.1, 90)))
SLOW = Track((96, 160), tuple((n + (0.01 if n else 0.0), 50 + 40 * n) for n in range(4)))
ALL = (FAST, LATE, SLOW)
BLACK = 16


def screen(path: Path) -> Screen:
    """A file in memory."""
    source = Source(path.name, io.BytesIO(path.read_bytes()), path.stat().st_size)
    return Screen(source, probe_recording(source))


def level(track: Track, at_s: float) -> int:
    """A monitor's brightness at a moment."""
    return next((bright for began_s, bright in reversed(track.changes) if began_s <= at_s + 1e-3), BLACK)


def sounds(file: Any) -> list[tuple[float, bytes]]:
    """Time and content of each audio packet."""
    file.seek(0)
    with av.open(file, "r") as container:
        stream: Any = container.streams.audio[0]
        return [(float((p.pts or 0) * p.time_base), bytes(p)) for p in container.demux(stream) if p.size]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, io.BytesIO]:
    """Three monitors with frames at different times, and their picture."""
    path = write_tracks(tmp_path_factory.mktemp("monitors") / "three.mp4", ALL, sound_s=4.0)
    out = io.BytesIO()
    write_monitors([screen(path)], out)
    return path, out


def test_each_monitor_shows_its_frames_at_their_times(made: tuple[Path, io.BytesIO]) -> None:
    """A monitor without a new frame keeps its last one, and is black before its first one."""
    cells = side_by_side([one.size for one in ALL])
    made[1].seek(0)
    with av.open(made[1], "r") as container:
        shown = [(f.time or 0.0, np.asarray(f.to_ndarray())) for f in container.decode(video=0)]
        duration_s = float((container.duration or 0) / av.time_base)
    height = cells[0][1]
    assert shown[0][1].shape == (height * 3 // 2, sum(width for width, _ in cells))
    begins = sorted([*(at_s for at_s, _ in FAST.changes), 0.73, 3.1])  # the others are within 20 ms of one of these
    assert [at_s for at_s, _ in shown] == pytest.approx(begins, abs=1e-3)
    left = 0
    for track, (width, _) in zip(ALL, cells, strict=True):
        for at_s, plane in shown:
            found = plane[height // 4 : height // 2, left + width // 4 : left + width // 2].mean()
            assert found == pytest.approx(level(track, at_s + TOGETHER_S), abs=3), (track, at_s)
        left += width
    assert duration_s == pytest.approx(4.0, abs=0.03)


def test_sound_is_copied_packet_by_packet(made: tuple[Path, io.BytesIO]) -> None:
    """With its own timestamps, up to the unit of a sample."""
    before, after = sounds(io.BytesIO(made[0].read_bytes())), sounds(made[1])
    assert [data for _, data in after] == [data for _, data in before]
    assert [at_s for at_s, _ in after] == pytest.approx([at_s for at_s, _ in before], abs=1e-5)


def test_a_silent_file_stays_silent(tmp_path: Path) -> None:
    """The picture has no audio track."""
    out = io.BytesIO()
    path = write_tracks(tmp_path / "silent.mp4", (FAST, SLOW))
    write_monitors([screen(path)], out)
    out.seek(0)
    with av.open(out, "r") as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_a_full_disk_is_an_error_that_may_pass(tmp_path: Path) -> None:
    """Its text names the folder for temporary files."""

    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    path = write_tracks(tmp_path / "two.mp4", (FAST, SLOW))
    with pytest.raises(StorageError, match="folder for temporary files"):
        write_monitors([screen(path)], Full())
