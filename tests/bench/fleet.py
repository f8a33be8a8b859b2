"""The fleet report on 100,000 rows: how long it takes to make, how large it is, and how soon a browser has it open.

    .venv/bin/python tests/bench/fleet.py [--rows 100000] [--worst 24] [--out DIR] [--runs 5] [--check] [--shot F.png]

The rows are made by sampling real diagnoses (`komorebi_qc.fleet.synthetic`), written as a dataset and read back. The
worst rows have audits: reports and thumbnails of the shipped recordings, so that video and audio are real, though
not theirs. Headless Chromium then opens the page as a file, with no network, a fresh browser for each run; the time is
from the request to the end of ``load`` and the first frame after it. Prints Markdown.

Exit status: 0; with ``--check`` 1 where the page is 5 MB or more, or takes 3 s or more to open.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    # A script's own folder is first on the path, but the shared modules are in these two.
    sys.path[:1] = [str(Path(__file__).resolve().parents[1] / name) for name in ("", "support")]

from captures import CAPTURES
from fleet_audits import audited_dataset

from komorebi_qc.fleet.report import fleet_named, write_report

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_S, MOST_BYTES = 3.0, 5_000_000
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
    shutil.rmtree(given.out, ignore_errors=True)
    given.out.mkdir(parents=True)
    audited_dataset(given.out, given.rows, given.worst, sorted(CAPTURES))
    began = time.perf_counter()
    fleet = fleet_named(str(given.out))
    read_s = time.perf_counter() - began
    written: Any = write_report(fleet, str(given.out / "fleet.html"), given.worst)
    made_s = time.perf_counter() - began
    opened = opening_s(given.out / "fleet.html", given.runs, given.shot)
    print("| | measured | must be |\n|---|---|---|")
    print(f"| rows | {given.rows:,} | |")
    print(f"| reading the dataset | {read_s:.1f} s | |")
    print(f"| reading, asking, drawing, writing | {made_s:.1f} s | |")
    print(f"| the page | {written.size / 1e6:.2f} MB | < {MOST_BYTES / 1e6:g} MB |")
    print(f"| opening it, median of {given.runs} | {statistics.median(opened):.2f} s | < {MOST_S:g} s |")
    print(f"| opening it, slowest | {max(opened):.2f} s | < {MOST_S:g} s |")
    return int(given.check and (written.size >= MOST_BYTES or max(opened) >= MOST_S))


if __name__ == "__main__":
    sys.exit(main())
