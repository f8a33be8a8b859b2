"""The rows of the bench's table: the commands of each, and its goals."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bench.inputs import input_folder
from bench.measuring import HERE, output_of, say
from bench.sides import SIDES, Run, rounds, run_side
from bench.table import Row, compared, not_measured, single

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

SHORTEST_MINUTES = 0.5
HOURS = 10
"""How many times as long the recording of a whole shift is."""
CALL_MINUTES = 5.0
"""The worker's calls, where the recordings of the other rows are longer."""


@dataclass(frozen=True, slots=True)
class Bench:
    """How the bench is run.

    Attributes:
        minutes: the recordings' length.
        runs: of each side, after one that isn't counted.
        folder: of the inputs.
        calls: how many the worker gets.
    """

    minutes: float
    runs: int
    folder: Path
    calls: int = 100


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one or several rows.

    Attributes:
        rows: of the table.
        runs: all that counted.
        notes: sentences beside the table.
    """

    rows: list[Row] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __add__(self, more: Result) -> Result:
        return Result(self.rows + more.rows, self.runs + more.runs, self.notes + more.notes)


@dataclass(frozen=True, slots=True)
class Pair:
    """One measure of one side against another's.

    Attributes:
        row: whose it is.
        ours: a side.
        against: another.
        measure: of a `Run`.
        what: it is, in words.
        must: of the ratio.
        aim: of the ratio.
    """

    row: str
    ours: str
    against: str
    measure: str
    what: str
    must: str
    aim: str


CALL_ONLY, WEBM_FLOOR = "call-only floor", "call-only floor, WebM"
PAIRS = (
    Pair("call-end", "call-end", "reference", "wall_s", "wall, s, against the reference", "<= 1/5", "1/7"),
    Pair("call-end", "call-end", "reference", "cpu_s", "CPU, s, against the reference", "<= 1/4.5", "1/6"),
    Pair(
        "call-end48", "call-end48", "reference48", "wall_s", "48 kHz: wall, s, against the reference", "<= 1/3", "1/4"
    ),
    Pair("call-end48", "call-end48", "reference48", "cpu_s", "48 kHz: CPU, s, against the reference", "<= 1/3", "1/4"),
    Pair("floor", "call-end", "floor", "cpu_s", "CPU, s, against one FFmpeg process", "<= 1.1x", "0.9x"),
    Pair("auto", "auto", "floor", "cpu_s", "alignment measured: CPU, s, against one FFmpeg process", "<= 1.5x", "1.2x"),
    Pair("webm", "webm", "reference", "wall_s", "WebM: wall, s, against the reference on H.264", "<= 1/2", "1/3"),
    Pair(
        "webm",
        "webm",
        WEBM_FLOOR,
        "cpu_s",
        "WebM: CPU, s, against one FFmpeg process that encodes only the call",
        "<= 1.1x",
        "0.8x",
    ),
    Pair("measured", "auto", CALL_ONLY, "cpu_s", "alignment measured: CPU, s", "<= 1.35x", "1.15x"),
    Pair("measured", "auto", CALL_ONLY, "wall_s", "alignment measured: wall, s", "<= 1.35x", "1.1x"),
    Pair("measured", "auto, mono", CALL_ONLY, "cpu_s", "alignment measured, mono: CPU, s", "<= 1.35x", "1.15x"),
    Pair("measured", "auto, mono", CALL_ONLY, "wall_s", "alignment measured, mono: wall, s", "<= 1.35x", "1.1x"),
    Pair("measured", "auto, WebM", WEBM_FLOOR, "cpu_s", "alignment measured, Opus: CPU, s", "<= 1.35x", "1.15x"),
    Pair("measured", "auto, WebM", WEBM_FLOOR, "wall_s", "alignment measured, Opus: wall, s", "<= 1.35x", "1.1x"),
    Pair(
        "measured",
        "auto, WebM, mono",
        WEBM_FLOOR,
        "cpu_s",
        "alignment measured, Opus mono: CPU, s",
        "<= 1.35x",
        "1.15x",
    ),
    Pair(
        "measured",
        "auto, WebM, mono",
        WEBM_FLOOR,
        "wall_s",
        "alignment measured, Opus mono: wall, s",
        "<= 1.35x",
        "1.1x",
    ),
    Pair("measured", "placed", CALL_ONLY, "cpu_s", "placed by hand and checked: CPU, s", "", ""),
    Pair(
        "measured",
        "placed, drifting",
        "placed",
        "cpu_s",
        "40 ppm of drift followed: CPU, s, against the same without",
        "<= 1.10x",
        "1.03x",
    ),
    Pair("diagnose", "diagnose", CALL_ONLY, "cpu_s", "diagnose, AAC: CPU, s", "<= 0.40x", "0.28x"),
    Pair("diagnose", "diagnose, mono", CALL_ONLY, "cpu_s", "diagnose, AAC mono: CPU, s", "<= 0.40x", "0.28x"),
    Pair("diagnose", "diagnose, WebM", CALL_ONLY, "cpu_s", "diagnose, Opus: CPU, s", "<= 0.55x", "0.40x"),
    Pair("diagnose", "diagnose, WebM, mono", CALL_ONLY, "cpu_s", "diagnose, Opus mono: CPU, s", "<= 0.55x", "0.40x"),
)
TABLE = tuple(dict.fromkeys(pair.row for pair in PAIRS))
"""The rows that are sides against sides."""


def _versus(bench: Bench, names: Collection[str]) -> Result:
    """Every side of these rows in turn, and each pair's ratio."""
    pairs = [pair for pair in PAIRS if pair.row in names]
    if not pairs:
        return Result()
    sides = dict.fromkeys(side for pair in pairs for side in (pair.ours, pair.against))
    runs = rounds(list(sides), bench.minutes, bench.runs, bench.folder)
    return Result(pair_rows(pairs, runs, bench.minutes), runs, [NOTES[row] for row in NOTES if row in names])


def pair_rows(pairs: Collection[Pair], runs: Collection[Run], minutes: float) -> list[Row]:
    """Each pair's row, from the runs of its sides.

    Raises:
        ValueError: if the two sides of a pair didn't run as often as each other.
    """
    rows = []
    for pair in pairs:
        ours, others = (
            [float(getattr(run, pair.measure)) for run in runs if run.side == side]
            for side in (pair.ours, pair.against)
        )
        rows.append(compared(pair.row, minutes, pair.what, ours, others, pair.must, pair.aim))
    return rows


NOTES = {
    "call-end48": "At 48 kHz the reference gets a call that is at 48 kHz already, and joins it without a change. "
    "komorebi-qc gets the call audio of Connect, at 8 kHz.",
    "floor": "The floor is one FFmpeg process: video copied, audio through one filter graph (resample, trim, two "
    "crossfades of 10 ms) into the same coder with the same bit rate, and its tools on. It makes no thumbnail and "
    "checks nothing; komorebi-qc makes its thumbnail in these runs too.",
    "measured": "The rows `measured` and `diagnose` compare with one FFmpeg process that does less: it copies the "
    "video of the stereo MP4 and encodes the call at 16 kHz, with the same coder and bit rate, and its tools on. It "
    "never reads the recording's own audio, so nothing plays before and after the call. The rows `alignment measured, "
    "Opus` make a WebM. The process that they are compared with makes one, too: it copies VP8 and encodes the call as "
    "Opus.",
}


def _memory(bench: Bench) -> Result:
    """The tree's peak at three lengths, placed by the reported call end, and once diagnosed."""
    lengths = memory_lengths(bench.minutes)
    peaks, runs = [], []
    with tempfile.TemporaryDirectory(dir=bench.folder, prefix="run-") as scratch:
        for name, minutes in (*(("call-end", length) for length in lengths), ("auto", bench.minutes)):
            own = []
            for _ in range(bench.runs):
                used = run_side(SIDES[name], minutes, bench.folder, Path(scratch), watch=True)
                say(f"{minutes:g} min, {name}: {used.memory_mb:.1f} MB at its peak")
                own.append(Run(f"{name}, watched", minutes, used.wall_s, used.cpu_s, used.memory_mb))
            peaks.append(max(run.memory_mb for run in own))
            runs += own
    return Result(memory_rows(lengths, peaks), runs)


def memory_lengths(minutes: float) -> tuple[float, float, float]:
    """Between which memory's growth is measured: a sixth of the length, itself, and four times it (10, 60, 240)."""
    return short_minutes(minutes), minutes, minutes * 4


def short_minutes(minutes: float) -> float:
    """A sixth of the length, from which growth is measured."""
    return max(round(minutes / 6, 2), SHORTEST_MINUTES)


def memory_rows(lengths: tuple[float, float, float], peaks: Collection[float]) -> list[Row]:
    """The rows of memory, from the peaks in MB: placed by the reported call end, and diagnosed at the second length."""
    short, whole, long, diagnosed = peaks
    few, some, many = (f"{length:g}" for length in lengths)
    return [
        single("memory", some, "peak memory, MB", whole, "<= 200 MB", "120 MB"),
        single("memory", f"{few} to {some}", "memory's growth, MB", whole - short, "<= 30 MB"),
        single("memory", f"{few} to {many}", "memory's growth, MB", long - short, "<= 60 MB"),
        single("memory", some, "alignment measured: peak memory, MB", diagnosed),
    ]


def _hours(bench: Bench) -> Result:
    """A recording ten times as long, with its alignment measured, once: seconds and the tree's peak."""
    minutes = HOURS * bench.minutes
    with tempfile.TemporaryDirectory(dir=bench.folder, prefix="run-") as scratch:
        used = run_side(SIDES["auto"], minutes, bench.folder, Path(scratch), watch=True)
    say(f"{minutes:g} min, auto: {used.wall_s:.2f} s, CPU {used.cpu_s:.2f} s, {used.memory_mb:.1f} MB at its peak")
    run = Run("auto, watched", minutes, used.wall_s, used.cpu_s, used.memory_mb)
    return Result([hours_row(minutes, used.memory_mb, used.wall_s)], [run])


def hours_row(minutes: float, memory_mb: float, wall_s: float) -> Row:
    """The row of a recording of a whole shift."""
    what, note = "alignment measured: peak memory, MB", f"done in {wall_s:.0f} s"
    return single("hours", f"{minutes:g}", what, memory_mb, "<= 300 MB", "200 MB", note=note)


def _quality(bench: Bench) -> Result:
    """PESQ-NB of one output, by `quality.py`."""
    what, must, aim = "PESQ-NB of the call's worse channel", ">= 4.3", "4.45"
    minutes = f"{bench.minutes:g}"
    if find_spec("pesq") is None:
        why = "pesq isn't installed (pip install -e '.[quality]' builds it; it needs a C compiler)"
        return Result([not_measured("quality", minutes, what, why, must, aim)])
    side = SIDES["call-end"]
    with tempfile.TemporaryDirectory(dir=bench.folder, prefix="run-") as name:
        scratch = Path(name)
        kept: list[Path] = []

        def keep(out: Path) -> None:
            kept.append(out.rename(scratch / out.name))

        used = run_side(side, bench.minutes, bench.folder, scratch, keep=keep)
        connect = input_folder(bench.folder, bench.minutes) / side.connect
        document = json.loads(used.printed)
        begins_s = document["alignment"]["offset_s"] + max(0.0, -document["alignment"]["offset_s"])
        command = [sys.executable, str(HERE / "quality.py"), str(connect), str(kept[0]), str(begins_s)]
        say(f"{minutes} min, quality: listening")
        found = json.loads(output_of(command))
    return Result(quality_rows(minutes, found))


def quality_rows(minutes: str, found: dict[str, dict[str, float]]) -> list[Row]:
    """The row of the worse channel, from each channel's mean and worst window and how many there were."""
    worse = min(found.values(), key=lambda channel: channel["mean"])
    note = ", ".join(
        f"{name} {channel['mean']:.2f}, worst of {channel['windows']:.0f} windows {channel['worst']:.2f}"
        for name, channel in found.items()
    )
    what = "PESQ-NB of the call's worse channel"
    return [single("quality", minutes, what, worse["mean"], ">= 4.3", "4.45", digits=2, note=note)]


def _s3(bench: Bench) -> Result:
    from bench.storage import s3  # noqa: PLC0415  boto3 loads only for these rows

    return s3(bench)


def _worker(bench: Bench) -> Result:
    from bench.storage import worker  # noqa: PLC0415

    return worker(bench)


ALONE: dict[str, Callable[[Bench], Result]] = {
    "memory": _memory,
    "hours": _hours,
    "quality": _quality,
    "s3": _s3,
    "worker": _worker,
}
NAMES = (
    *("call-end", "call-end48", "floor", "auto", "measured", "diagnose"),
    "memory",
    "hours",
    "s3",
    "quality",
    "worker",
    "webm",
)
"""All rows, in the table's order."""


def needs(names: Collection[str], minutes: float) -> dict[float, set[str]]:
    """Which inputs these rows take: extras by length in minutes."""
    wanted: dict[float, set[str]] = {}
    for name in names:
        if name == "worker":
            wanted.setdefault(min(CALL_MINUTES, minutes), set())
            continue
        sides = {side for pair in PAIRS if pair.row == name for side in (pair.ours, pair.against)}
        wanted.setdefault(minutes, set()).update(extra for side in sides for extra in SIDES[side].extras())
        others = {"memory": memory_lengths(minutes), "hours": (HOURS * minutes,), "s3": (short_minutes(minutes),)}
        for length in others.get(name, ()):
            wanted.setdefault(length, set())
    return wanted


def measure(bench: Bench, names: Collection[str]) -> Result:
    """These rows.

    Raises:
        BenchError: if something that is measured fails.
    """
    found = _versus(bench, names)
    for name, row in ALONE.items():
        if name in names:
            found += row(bench)
    return Result(sorted(found.rows, key=lambda row: NAMES.index(row.row)), found.runs, found.notes)
