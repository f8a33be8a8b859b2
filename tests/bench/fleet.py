"""The fleet report on 100,000 rows: how long it takes to make, how large it is, and how soon a browser has it open.

    .venv/bin/python tests/bench/fleet.py [--rows 100000] [--worst 24] [--out DIR] [--runs 5] [--check] [--shot F.png]

The rows are made by sampling real diagnoses (`komorebi_qc.fleet.synthetic`), written as a dataset and read back. The
worst
have audits beside them: reports and thumbnails of the shipped recordings, so that pictures and sounds are real, though
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

import pyarrow as pa
from captures import CAPTURES
from report_pages import sample_report

from komorebi_qc.fleet.dataset import fleet_of
from komorebi_qc.fleet.page.contact_sheet import REPORT, THUMBNAIL
from komorebi_qc.fleet.report import fleet_named, write_report
from komorebi_qc.fleet.study.queries import worst
from komorebi_qc.fleet.synthetic import synthetic_rows, write_dataset
from komorebi_qc.media.thumbnail import png_at
from komorebi_qc.storage.local import opened_file
from komorebi_qc.storage.object_store import Folder

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_S, MOST_BYTES = 3.0, 5_000_000
AUDITS = "_reports"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
DRAWN = """new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"""


def write_audits(root: Path, ids: Sequence[str], captures: Sequence[str]) -> dict[str, str]:
    """Audits of the captures in turn, one under each ID; their reports' places from the root, by ID."""
    made: dict[str, Path] = {}
    for name in captures:
        folder = root / "_made" / name.partition(".")[0]
        sample_report(folder, name, CAPTURES[name].call_end)
        with opened_file(CAPTURES[name].recording) as source:
            (folder / THUMBNAIL).write_bytes(png_at(source, 1.0))
        made[name] = folder
    places = {}
    for number, one in enumerate(ids):
        folder = root / AUDITS / one
        folder.mkdir(parents=True)
        for file in (REPORT, THUMBNAIL):
            shutil.copy(made[captures[number % len(captures)]] / file, folder / file)
        places[one] = f"{AUDITS}/{one}/{REPORT}"
    shutil.rmtree(root / "_made")
    return places


def with_reports(rows: pa.Table, places: dict[str, str]) -> pa.Table:
    """The rows, with the audits' reports."""
    named = [places.get(one) for one in rows["recording_id"].to_pylist()]
    return rows.set_column(rows.column_names.index("report"), rows.schema.field("report"), pa.array(named, pa.string()))


def made_dataset(root: Path, count: int, most: int, captures: Sequence[str]) -> None:
    """So many rows, the worst of them with audits."""
    rows = synthetic_rows(count)
    ids = [one.recording_id for one in worst(fleet_of(rows, Folder(root), str(root)), most)]
    write_dataset(with_reports(rows, write_audits(root, ids, captures)), root)


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
    made_dataset(given.out, given.rows, given.worst, sorted(CAPTURES))
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
