"""A batch's dataset of 10 thousand to 10 million rows: the cost of starting, of adding 10,000 rows, of erasing one.

    .venv/bin/python tests/bench/dataset.py [--rows 10000 100000 1000000] [--new 10000] [--kills 5] [--out DIR]
        [--check]

The rows are synthetic, with IDs, keys and addresses as long as real ones (`filled.py`). Each step runs in a process of
its own on links to the same files, so that its memory is its own; CPU is user and system together. Requests are those
that the step sends to its store: on S3, each is one of S3's. At the end a run that adds rows is killed by SIGKILL some
times and continued, and the files are read as another program reads them. Prints Markdown.

Ten million rows take 2.1 GB of disk and two minutes of CPU to make: ``--rows 10000000``. A dataset that is there is
used again.

Exit status: 0; with ``--check`` 1 where a step misses its bound, or a row is lost or there twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.filled import days_for, fill, new_rows

from komorebi_qc.batch.dataset.dataset import Dataset
from komorebi_qc.erasure.dataset_rows import DatasetRows
from komorebi_qc.erasure.name_match import NameMatch
from komorebi_qc.storage.object_store import Folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from komorebi_qc.storage.object_store import FilePart, ObjectStore, VersionedObject

ROWS = (10_000, 100_000, 1_000_000)
MOST_CPU_S, MOST_GROWTH_MB = 30.0, 100.0
"""Bounds: CPU of any step but an erasure, and memory beyond the same step's with the smallest dataset."""
ADDED_AT_ONCE = 50
STEPS = {
    "look": "start of a run over {new:,} new recordings",
    "day": "add {new:,} new rows of one day",
    "spread": "add {new:,} new rows of all days",
    "again": "start of a run over {new:,} recordings that are done",
    "replace": "replace {new:,} rows of one run",
    "erase": "find and remove the rows of one recording",
}


@dataclass
class Counting:
    """A store that counts requests and bytes."""

    store: ObjectStore
    requests: dict[str, int] = field(default_factory=lambda: {"LIST": 0, "GET": 0, "PUT": 0, "DELETE": 0})
    moved: dict[str, int] = field(default_factory=lambda: {"read": 0, "written": 0})

    @property
    def address(self) -> str:
        """See `ObjectStore`."""
        return self.store.address

    def address_of(self, name: str) -> str:
        """See `ObjectStore`."""
        return self.store.address_of(name)

    def names(self, start: str = "") -> list[str]:
        """See `ObjectStore`."""
        found = self.store.names(start)
        self.requests["LIST"] += 1 + len(found) // 1000
        return found

    def read(self, name: str, *, max_bytes: int | None = None) -> VersionedObject | None:
        """See `ObjectStore`."""
        content = self.store.read(name, max_bytes=max_bytes)
        self.requests["GET"] += 1
        self.moved["read"] += len(content.content) if content else 0
        return content

    def read_part(self, name: str, start: int, count: int) -> FilePart | None:
        """See `ObjectStore`."""
        part = self.store.read_part(name, start, count)
        self.requests["GET"] += 1
        self.moved["read"] += len(part.content) if part else 0
        return part

    def has(self, name: str) -> bool:
        """See `ObjectStore`."""
        return self.store.has(name)

    def write(self, name: str, content: bytes) -> None:
        """See `ObjectStore`."""
        self.store.write(name, content)
        self.requests["PUT"] += 1
        self.moved["written"] += len(content)

    def replace(self, name: str, content: bytes, before: VersionedObject | None) -> bool:
        """See `ObjectStore`."""
        self.requests["PUT"] += 1
        self.moved["written"] += len(content)
        return self.store.replace(name, content, before)

    def remove(self, names: Iterable[str]) -> None:
        """See `ObjectStore`."""
        some = list(names)
        self.requests["DELETE"] += -(-len(some) // 1000)
        self.store.remove(some)

    def exclusive(self) -> Any:
        """See `ObjectStore`."""
        return self.store.exclusive()


def step(name: str, root: Path, rows: int, new: int) -> dict[str, Any]:
    """Do a step, and measure it."""
    days = {"spread": days_for(rows)}.get(name, 1)
    added = new_rows(new, days=days, seed=0 if name in ("again", "replace", "day") else 1)
    counting = Counting(Folder(root))
    if name in ("again", "replace"):
        _add(Dataset(Folder(root)), added)
        if name == "replace":
            added = new_rows(new, days=days, seed=0)
    before, began = _cpu_s(), time.monotonic()
    ids = [row["recording_id"] for row in added]
    if name == "erase":
        dataset = DatasetRows(counting, NameMatch(_some_id(root)))
        found = list(dataset.find())
        for one in found:
            dataset.remove(one)
        if not found or list(DatasetRows(Folder(root), NameMatch(_some_id(root, gone=True))).find()):
            raise SystemExit("the recording wasn't found, or is still there")
    else:
        dataset_of = Dataset(counting)
        dataset_of.look_up(ids)
        if name not in ("look", "again"):
            _add(dataset_of, added)
        elif (dataset_of.summary(ids[0]) is not None) != (name == "again"):
            raise SystemExit(f"{name}: the recordings are known, or aren't, against expectation")
    return {
        "cpu_s": _cpu_s() - before,
        "wall_s": time.monotonic() - began,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        **counting.requests,
        **counting.moved,
    }


def _add(dataset: Dataset, rows: Sequence[dict[str, Any]]) -> None:
    dataset.look_up(row["recording_id"] for row in rows)
    for at in range(0, len(rows), ADDED_AT_ONCE):
        dataset.add(*rows[at : at + ADDED_AT_ONCE])
    dataset.compact_journal()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _some_id(root: Path, *, gone: bool = False) -> str:
    """A recording in the middle of the dataset; the same again after it is gone."""
    note = root.parent / "erased.txt"
    if not gone:
        files = sorted(root.glob("day=*/rows*.parquet"))
        middle = str(files[len(files) // 2])
        (found,) = duckdb.execute("select recording_id from read_parquet(?) limit 1 offset 20", [middle]).fetchall()
        note.write_text(str(found[0]))
    return note.read_text()


def in_files(root: Path) -> tuple[int, int]:
    """Rows and recordings in the files of days, as another program reads them."""
    (found,) = duckdb.execute(
        "select count(*), count(distinct recording_id) from read_parquet(?)", [str(root / "day=*" / "*.parquet")]
    ).fetchall()
    return int(found[0]), int(found[1])


def killed(rows: int, new: int, kills: int, root: Path) -> bool:
    """Kill a run that adds rows some times, continue it each time, and print whether all rows are there once."""
    dice = random.Random(1)  # noqa: S311  no secret
    command = [
        sys.executable,
        __file__,
        "--step",
        "spread",
        "--root",
        str(root),
        "--rows",
        str(rows),
        "--new",
        str(new),
    ]
    whole_s = 0.0
    for number in range(kills + 1):
        began = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as run:
            while run.poll() is None and not (root / "_journal").is_dir():
                time.sleep(0.01)
            if number < kills:
                try:
                    run.wait(dice.uniform(0, max(whole_s, 5.0)))
                except subprocess.TimeoutExpired:
                    os.killpg(run.pid, signal.SIGKILL)
        whole_s = max(whole_s, time.monotonic() - began)
    Dataset(Folder(root)).compact_journal()
    there, different = in_files(root)
    is_right = there == different == rows + new and not Folder(root).names("_journal/")
    print(
        f"\nKilled {kills} times while it added {new:,} rows to {rows:,}: {there:,} rows of {different:,} recordings."
    )
    return is_right


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the datasets, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--new", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("bench-output/dataset"))
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.step:
        print(json.dumps(step(given.step, given.root, given.rows[0], given.new)))
        return 0
    is_good = True
    least_mb: dict[str, float] = {}
    print("| rows there | step | CPU, s | wall, s | memory, MB | LIST, GET, PUT, DELETE | MB read, written | bound |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for rows in given.rows:
        base = given.out / f"{rows}"
        if not base.is_dir():
            fill(given.out / f"{rows}.part", rows)
            (given.out / f"{rows}.part").rename(base)
        for name, text in STEPS.items():
            found = _alone(base, given.out / "linked", partial(_in_process, name, rows, given.new))
            growth_mb = found["memory_mb"] - least_mb.setdefault(name, found["memory_mb"])
            is_kept = growth_mb <= MOST_GROWTH_MB and (name == "erase" or found["cpu_s"] <= MOST_CPU_S)
            is_good = is_good and is_kept
            requests = ", ".join(f"{found[key]:,}" for key in ("LIST", "GET", "PUT", "DELETE"))
            print(
                f"| {rows:,} | {text.format(new=given.new)} | {found['cpu_s']:.1f} | {found['wall_s']:.1f} | "
                f"{found['memory_mb']:.0f} | {requests} | {found['read'] / 1e6:.1f}, {found['written'] / 1e6:.1f} | "
                f"{'kept' if is_kept else 'MISSED'} |",
                flush=True,
            )
    print(
        f"\nBounds: {MOST_CPU_S:g} s of CPU but for an erasure; {MOST_GROWTH_MB:g} MB more than with the fewest rows."
    )
    smallest = min(given.rows)
    work = partial(killed, smallest, given.new, given.kills)
    if given.kills and not _alone(given.out / f"{smallest}", given.out / "linked", work):
        print("**Rows are lost, or there twice.**")
        is_good = False
    return int(given.check and not is_good)


def _alone(base: Path, root: Path, work: Callable[[Path], Any]) -> Any:
    """Work on links to the files of a dataset, which are replaced and never changed."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(base, root, copy_function=os.link)
    try:
        return work(root)
    finally:
        shutil.rmtree(root)


def _in_process(name: str, rows: int, new: int, root: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--step", name, "--root", str(root), "--rows", str(rows), "--new", str(new)]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
