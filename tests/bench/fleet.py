"""The fleet report: how long it takes to make, how much memory, how large it is, and how soon a browser has it open.

    .venv/bin/python tests/bench/fleet.py [--rows 100000] [--worst 24] [--out DIR] [--runs 5] [--check] [--shot F.png]

The rows are made by sampling real diagnoses (`komorebi_qc.fleet.synthetic`), written as a dataset and read back. The
worst rows have audits: reports and thumbnails of the shipped recordings, so that video and audio are real, though
not theirs. Datasets of more than a million rows have no audits, and their rows are as long as real ones (`filled.py`);
one that is there is used again. The command makes the page, as for a user. Headless Chromium then opens it as a file,
with no network, a fresh browser for each run; the time is from the request to the end of ``load`` and the first frame
after it. Prints Markdown.

Exit status: 0; with ``--check`` 1 where the page takes more than 60 s or 2 GB to make, is 5 MB or more, or takes 3 s
or more to open.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # A script's own folder is first on the path, but the shared modules are in these two.
    sys.path[:1] = [str(Path(__file__).resolve().parents[1] / name) for name in ("", "support")]

from bench.filled import fill
from captures import CAPTURES
from fleet_audits import audited_dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_S, MOST_BYTES = 3.0, 5_000_000
MOST_MADE_S, MOST_MADE_MB = 60.0, 2000.0
MOST_AUDITED = 1_000_000
TOOL = Path(sys.executable).with_name("komorebi-qc")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
DRAWN = """new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"""


def opening_s(page: Path, runs: int, shot: Path | None) -> list[float]:
    """Seconds to open the page, of each run."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  a test extra

    taken = []
    with sync_playwright() as playwright:
        for run in range(runs):
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
            shown = context.new_page()
            shown.goto(page.resolve().as_uri())
            taken.append(float(shown.evaluate(DRAWN)) / 1000)
            if shot is not None and not run:
                shown.screenshot(path=str(shot))
            browser.close()
    return taken


def made(dataset: Path, page: Path, worst: int) -> tuple[float, float, float]:
    """Make the page, and return wall seconds, CPU seconds and the peak of memory in MB."""
    began = time.perf_counter()
    run = subprocess.Popen(
        [TOOL, "fleet", dataset, "--out", page, "--worst", str(worst), "--json"], stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(run.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit("the page wasn't made")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    """Make, report, open, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--worst", type=int, default=24)
    parser.add_argument("--out", type=Path, default=Path("bench-output/fleet"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--shot", type=Path, help="write a screenshot of the first screen here")
    given = parser.parse_args(arguments)
    page = given.out / "fleet.html"
    if given.rows <= MOST_AUDITED:
        shutil.rmtree(given.out, ignore_errors=True)
        given.out.mkdir(parents=True)
        audited_dataset(given.out, given.rows, given.worst, sorted(CAPTURES))
    elif not any(given.out.glob("day=*")):
        fill(given.out, given.rows)
    wall_s, cpu_s, memory_mb = made(given.out, page, given.worst)
    size = page.stat().st_size
    opened = opening_s(page, given.runs, given.shot)
    print("| | measured | must be |\n|---|---|---|")
    print(f"| rows | {given.rows:,} | |")
    print(f"| making the page, wall | {wall_s:.1f} s | < {MOST_MADE_S:g} s |")
    print(f"| making the page, CPU | {cpu_s:.1f} s | |")
    print(f"| making the page, memory | {memory_mb:.0f} MB | < {MOST_MADE_MB:g} MB |")
    print(f"| the page | {size / 1e6:.2f} MB | < {MOST_BYTES / 1e6:g} MB |")
    print(f"| opening it, median of {given.runs} | {statistics.median(opened):.2f} s | < {MOST_S:g} s |")
    print(f"| opening it, slowest | {max(opened):.2f} s | < {MOST_S:g} s |")
    is_kept = wall_s < MOST_MADE_S and memory_mb < MOST_MADE_MB and size < MOST_BYTES and max(opened) < MOST_S
    return int(given.check and not is_kept)


if __name__ == "__main__":
    sys.exit(main())
