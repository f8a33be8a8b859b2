"""``komorebi-qc`` against the predecessor's six FFmpeg processes, one FFmpeg process, the network, and its limits.

    .venv/bin/python tests/bench/process.py [--rows call-end s3 ...] [--minutes 60] [--runs 3] [--check]
        [--markdown FILE]

All sides work on the same recordings, which are made once and kept in ``bench-output/``: 720p H.264 at about 900 kb/s
with 48 kHz stereo AAC, a call over five sixths of it, all of its speech real voices. They take turns, after one run of
each that isn't counted; before every run its input is read into memory, and other processes' unwritten pages are
written to the disk. Ratios are of medians. CPU is the user and system time of the whole process tree.

`rows` has the rows and their goals, `sides` the commands that are compared, `storage` the runs from S3
to S3 and by the worker. ``--markdown`` writes the table between a file's markers, or as a new file.

Exit status: 0; with ``--check`` 1 if a row misses its goal, or couldn't be measured; 2 if the bench can't run.
"""

from __future__ import annotations

import argparse
import compileall
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # As a script this folder comes first, where `bench` isn't to be found.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.measuring import HERE, ROOT, BenchError, machine, say
from bench.rows import NAMES, Bench, Result, measure, needs
from bench.table import misses, table

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bench.sides import Run

__all__ = ["machine", "main", "report"]


def report(found: Result, about: str) -> str:
    """Machine and date, the table, the misses, and each run, in Markdown."""
    lines = [about, "", table(found.rows), "", misses(found.rows), *_notes(found)]
    if found.runs:
        lines += ["", "| minutes | run of | wall, s | CPU, s | memory, MB |", "|---" * 5 + "|"]
        lines += [_line(run) for run in found.runs]
    return "\n".join(lines)


def _notes(found: Result) -> list[str]:
    return ["", *(f"- {note}" for note in found.notes)] if found.notes else []


def _line(run: Run) -> str:
    memory = "" if math.isnan(run.memory_mb) else f"{run.memory_mb:.1f}"
    return f"| {run.minutes:g} | {run.side} | {run.wall_s:.2f} | {run.cpu_s:.2f} | {memory} |"


def make_inputs(names: Collection[str], minutes: float, folder: Path) -> None:
    """Make the inputs in a separate process, which frees the gigabyte that an hour's audio takes."""
    say(f"the input is in {folder}; missing files are made now")
    wanted = [":".join([f"{length:g}", *sorted(extras)]) for length, extras in needs(names, minutes).items()]
    subprocess.run([sys.executable, str(HERE / "inputs.py"), str(folder), *wanted], check=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", nargs="+", choices=NAMES, default=NAMES, metavar="ROW", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--minutes", type=float, default=60.0, help="the recordings' length")
    parser.add_argument("--runs", type=int, default=3, help="runs of each side that count")
    parser.add_argument("--calls", type=int, default=100, help="how many calls the worker gets")
    parser.add_argument("--folder", type=Path, default=ROOT / "bench-output" / "process", help="folder of the inputs")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a row misses what it must be")
    parser.add_argument("--markdown", type=Path, help="write the table between this file's markers")
    parser.add_argument("--make-only", action="store_true", help="make the input and stop")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; the exit status."""
    parser = _parser()
    wanted = parser.parse_args(arguments)
    if wanted.runs < 1 or wanted.minutes < 0.5 or wanted.calls < 2:
        parser.error("at least one run, half a minute, and two calls")
    missing = [name for name in ("ffmpeg", "ffprobe") if shutil.which(name) is None]
    if missing:
        say(
            f"{missing[0]} isn't on the PATH: FFmpeg makes the bench's input, and the reference is six runs of it; "
            "install it"
        )
        return 2
    try:
        if wanted.markdown:
            from bench.sync.judge.report import check, put  # noqa: PLC0415  it loads what the other bench measures

            check(wanted.markdown)
        make_inputs(wanted.rows, wanted.minutes, wanted.folder)
        if wanted.make_only:
            return 0
        load = os.getloadavg()[0]
        about = f"{machine()}. Load average before the first run: {load:.2f} (other processes slow all sides down)."
        say(about)
        # As an installation does. The runs write no compiled modules, and would compile all of them each time.
        compileall.compile_dir(ROOT / "komorebi_qc", quiet=1)
        found = measure(Bench(wanted.minutes, wanted.runs, wanted.folder, wanted.calls), wanted.rows)
    except (BenchError, ValueError, subprocess.CalledProcessError) as error:
        say(str(error))
        return 2
    print(report(found, about))
    if wanted.markdown:
        put("\n".join([table(found.rows), *_notes(found), "", about]), wanted.markdown)
    return 1 if wanted.check and any(row.is_met is False for row in found.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
