"""The sync bench runs from end to end on a few voices out of the repository, and tells the truth about what fails."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from bench.sync import bench, paths, voices
from bench.sync.score import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
FILES = (ROOT / "komorebi_qc" / "sample" / "connect.wav", ROOT / "tests" / "media" / "call.wav")
SPEEDS = np.linspace(0.8, 1.25, 8)
"""Each makes other words of the same ones: told apart by an alignment as another voice's would be."""
PIECE_S = 2.5


def _channels() -> list[NDArray[np.int16]]:
    """The sides of both calls, 8 kHz."""
    sides = []
    for path in FILES:
        with wave.open(str(path), "rb") as source:
            sound = np.frombuffer(source.readframes(source.getnframes()), "<i2").reshape(-1, source.getnchannels())
        sides += [sound[:, 0], sound[:, 1]]
    return sides


def _clips(sound: NDArray[np.int16], speeds: NDArray[np.float64]) -> list[NDArray[np.int16]]:
    """Pieces in which somebody speaks, at 16 kHz, at each speed."""
    n = int(PIECE_S * paths.CALL_RATE)
    pieces = [sound[i : i + n].astype(np.float32) for i in range(0, len(sound) - n, n)]
    loud = [p for p in pieces if np.sqrt(np.mean(p**2)) > 300]
    return [
        np.clip(paths.resampled(p, round(paths.CALL_RATE * speed), paths.RATE), -32768, 32767).astype(np.int16)
        for speed in speeds
        for p in loud
    ]


@pytest.fixture(autouse=True)
def _usual_places() -> Iterator[None]:
    """Leave the bench's folders as they were."""
    yield
    voices.use(voices.SOUNDS, voices.CACHE)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A voice cache that needs no packages."""
    folder = tmp_path / "voices"
    voices.use(tmp_path / "none", folder)
    sides = _channels()
    for k, name in enumerate(voices.FOLDERS):
        voices.keep(name, _clips(sides[k % len(sides)], SPEEDS * (1.0 if k < len(sides) else 1.03)))
    t = np.arange(90 * voices.RATE) / voices.RATE
    tune = sum(np.sin(2 * np.pi * (330 + 110 * k) * t) * (np.sin(t * (k + 1.3)) > 0) for k in range(5))
    voices.keep(voices.MUSIC, [(np.asarray(tune) * 3000).astype(np.int16)])
    return folder


def test_few_cases_make_a_table(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Right pairs are measured to the limits, wrong ones aren't accepted, and every case is in the JSON."""
    target = tmp_path / "rows.json"
    arguments = ["--case", "plain:1", "--case", "jump:4", "--case", "customer_leg:16", "--case", "aac:3"]
    arguments += ["--case", "w_same_speakers:1000001", "--workers", "1", "--json", str(target)]

    assert bench.main([*arguments, "--cache", str(cache), "--sounds", str(tmp_path / "none")]) == 0

    table = capsys.readouterr().out
    rows = json.loads(target.read_text(encoding="utf-8"))
    assert [row["family"] for row in rows] == ["plain", "jump", "customer_leg", "aac", "w_same_speakers"]
    assert "0 of 5 cases failed." in table
    assert "| wrong pairs accepted | 0 of 300 | 0 of 1,000 | 0 of 1 | met |" in table
    assert "| right pairs refused | 2 of 300 | 0 of 1,000 | 0 of 4 | met |" in table


def test_miss_is_told_with_its_case() -> None:
    """A wrong pair that is accepted and an offset beyond its limit are misses, each with its family and seed."""
    rows = [
        Row("w_hold", 7, matches=False, status="aligned", reason="", failures=["status aligned"]),
        Row(
            "plain",
            8,
            matches=True,
            status="aligned",
            reason="",
            failures=["offset off by +0.700 ms"],
            numbers={"offset_ms": 0.7},
        ),
    ]
    rows[1].numbers = {"offset_ms": 0.7}

    found = bench.report(rows)

    assert "| 1 of 1 | MISSED |" in found
    assert "worst 0.7000 of 1 | MISSED |" in found
    assert "- `w_hold:7` status aligned" in found
    assert "- `plain:8` offset off by +0.700 ms" in found


def test_missing_voices_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the packages the bench names each, and how they come."""
    assert bench.main(["--cache", str(tmp_path / "cache"), "--sounds", str(tmp_path / "sounds")]) == 2

    told = capsys.readouterr().err
    assert "apt-get install asterisk-core-sounds-en-g722 " in told
    assert "asterisk-moh-opsound-wav" in told
