"""The bench runs from end to end, and tells the truth about a target that is missed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bench import process
from measure import unavailable

BENCH = Path(process.__file__)
MEASURES = ("wall, s", "CPU, s", "memory, MB", "memory's growth, MB")


def _runs(ours_s: float, ours_mb: tuple[float, float]) -> list[process.Run]:
    """Two runs of each side on 10 and 60 minutes, the reference's of 100 s and 90 MB."""
    runs = []
    for minutes, memory_mb in zip((10.0, 60.0), ours_mb, strict=True):
        for extra in (0.0, 2.0):
            runs.append(process.Run("komorebi-qc", minutes, ours_s + extra, ours_s + extra, memory_mb))
            runs.append(process.Run("reference", minutes, 100.0, 100.0, 90.0))
    return runs


def test_short_bench_prints_its_table(tmp_path: Path) -> None:
    """From no input at all the bench makes its own, runs both sides and prints every measure with its target."""
    if shutil.which("ffmpeg") is None:
        unavailable("ffmpeg isn't on the PATH")
    command = [sys.executable, str(BENCH), "--minutes", "0.5", "1", "--runs", "1", "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "|" in line]
    found = {(cells[0], cells[1]): cells[-1] for cells in table if cells[1] in MEASURES}
    assert [what for _, what in found] == [*MEASURES[:3], *MEASURES[:3], MEASURES[3]]
    assert all(verdict in ("met", "MISSED") for verdict in list(found.values())[2:])
    assert found["1", "memory, MB"] == "met"
    assert "cores of" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.5min", "1min"]


def test_table_meets_what_is_within_the_targets() -> None:
    """Within all targets nothing is called missed, and the ratio is the medians'."""
    table = process.rows(_runs(19.0, (100.0, 120.0)))
    assert [row.is_met for row in table] == [None, None, True, True, True, True, True]
    assert table[3].ratio == "0.200 (0.190 to 0.210)"


@pytest.mark.parametrize(
    ("ours_s", "ours_mb", "missed"),
    [
        (24.5, (100.0, 120.0), {"wall, s", "CPU, s"}),
        (19.0, (230.0, 255.0), {"memory, MB"}),
        (19.0, (100.0, 131.0), {"memory's growth, MB"}),
    ],
)
def test_table_says_what_is_missed(ours_s: float, ours_mb: tuple[float, float], missed: set[str]) -> None:
    """A target that is missed by a little is called missed, and no other."""
    runs = _runs(ours_s, ours_mb)
    assert {row.what for row in process.rows(runs) if row.is_met is False} == missed
    assert sum("MISSED" in row.markdown() for row in process.rows(runs)) == len(missed)


@pytest.mark.parametrize(("arguments", "expected"), [([], 0), (["--check"], 1)])
def test_missed_target_fails_the_bench_only_if_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], expected: int
) -> None:
    """With ``--check`` a missed target is exit status 1, without it the bench reports and succeeds."""
    monkeypatch.setattr(process, "bench", lambda *_: _runs(50.0, (100.0, 120.0)))
    monkeypatch.setattr(process, "machine", lambda: "no machine")
    monkeypatch.setattr(shutil, "which", lambda _: "ffmpeg")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    assert process.main([*arguments, "--folder", str(tmp_path)]) == expected


def test_missing_ffmpeg_is_a_sentence(tmp_path: Path) -> None:
    """Without FFmpeg the bench says so in one line, with exit status 2 and no table."""
    command = [sys.executable, str(BENCH), "--folder", str(tmp_path / "bench")]
    environ = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ffmpeg isn't on the PATH")
    assert done.stderr.count("\n") == 1
