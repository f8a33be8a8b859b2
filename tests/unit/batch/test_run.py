"""A run: what is missing or changed is done, and nothing else, however the last one ended."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from batch_desk import Desk, Scripted, Told
from komorebi_qc.cli.batch_progress import Bar, Lines

from komorebi_qc.batch.execution.resolver import Resolver
from komorebi_qc.batch.execution.resource_limits import ResourceLimits, WorkerFailure
from komorebi_qc.batch.execution.rows import row_of
from komorebi_qc.batch.execution.tasks import BatchRequest
from komorebi_qc.batch.manifest.items import Item, Listing, RejectedRow
from komorebi_qc.batch.manifest.manifest_file import read_manifest
from komorebi_qc.batch.run import Run, Tally

if TYPE_CHECKING:
    from komorebi_qc.batch.execution.rows import Row
    from komorebi_qc.batch.execution.tasks import Task


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Six recordings."""
    made = Desk(tmp_path)
    made.make(6)
    return made


def good(task: Task) -> Row:
    """A row that passes."""
    return row_of(task, {"status": "done", "verdict": "pass", "recording_snr_db": 20.0, "is_worth_a_retry": False})


def test_all_is_done_once_and_then_nothing(desk: Desk) -> None:
    """A second run begins no work, and leaves every byte of the dataset as it is."""
    tally = desk.run()
    assert tally.counts == {"pass": 2, "warn": 2, "fail": 2}
    assert desk.begun() == Counter({f"r{n:03}": 1 for n in range(6)})
    assert [row["day"] for row in desk.rows()] == [f"2026-11-{d:02}" for d in (1, 1, 2, 3, 4, 5)]
    before = {path: path.read_bytes() for path in (desk.folder / "dataset").rglob("*.parquet")}
    again = desk.run()
    assert (again.counts, again.unchanged) == (tally.counts, 6)
    assert not desk.begun()
    assert {path: path.read_bytes() for path in (desk.folder / "dataset").rglob("*.parquet")} == before


def test_what_changed_is_done_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another content, told call end, limit or version of the software is other work; what is the same isn't."""
    desk.run()
    desk.begun()
    (desk.folder / "2026/11/01/r000.webm").write_bytes(b"another")
    assert desk.run().unchanged == 5
    assert desk.begun() == {"r000": 1}
    desk.manifest.write_text(desk.manifest.read_text().replace("00:01:00", "00:01:01", 1))
    desk.run()
    assert desk.begun() == {"r000": 1}
    desk.run(limits=("drift=50",))
    assert desk.begun().total() == 6
    monkeypatch.setattr("komorebi_qc.batch.execution.work_keys.__version__", "99.0")
    desk.run(limits=("drift=50",))
    assert desk.begun().total() == 6
    desk.run(limits=("drift=50",))
    assert not desk.begun()


def test_force_does_all(desk: Desk) -> None:
    """Done before or not."""
    desk.run()
    desk.begun()
    desk.run(force=True)
    assert desk.begun().total() == 6


def test_a_failure_is_a_row_and_waits_for_a_change(desk: Desk) -> None:
    """What no try can help isn't tried again, and what may pass is."""
    faults = {
        "r001": WorkerFailure("Crash", "it crashed"),
        "r002": WorkerFailure("Crash", "killed", is_worth_a_retry=True),
    }
    tally = desk.run(crew=Scripted(lambda task: faults.get(task.item.recording_id) or good(task)))
    assert tally.counts == {"pass": 4, "failed": 2}
    assert tally.first_failures == [("r001", "it crashed"), ("r002", "killed")]
    row = next(row for row in desk.rows() if row["recording_id"] == "r001")
    assert (row["status"], row["error_class"], row["error"], row["verdict"]) == ("failed", "Crash", "it crashed", None)
    again = Scripted(good)
    tally = desk.run(crew=again)
    assert (tally.counts, tally.unchanged) == ({"pass": 5, "failed": 1}, 5)
    assert tally.first_failures == [("r001", "it crashed")]
    assert again.asked == ["r002"]


def _of_bounds(desk: Desk, crew: Scripted, bounds: ResourceLimits, do: Any) -> Tally:
    tally = Tally()
    resolver = Resolver(BatchRequest(do, str(desk.folder / "dataset")))
    Run(desk.dataset, resolver, crew, bounds, Told()).carry_out(read_manifest(desk.manifest), do, tally)
    return tally


def test_a_failed_try_leaves_what_was_measured(desk: Desk) -> None:
    """Other work on the same inputs that fails is noted beside the measured row and told again, until it succeeds."""
    desk.run(crew=Scripted(good))
    before = desk.rows()
    failing = Scripted(lambda _: WorkerFailure("TimeLimit", "too long"))
    assert desk.run(crew=failing, do="audit").counts == {"failed": 6}
    noted = {"last_attempt_action": "audit", "last_attempt_error_class": "TimeLimit", "last_attempt_error": "too long"}
    for row, was in zip(desk.rows(), before, strict=True):
        assert row == {**was, **{name: value for name, value in row.items() if name.startswith("last_attempt_")}}
        assert {name: row[name] for name in noted} == noted
        assert row["last_attempt_at"] is not None
        assert row["last_attempt_is_worth_a_retry"] is False
    # The same work isn't tried again and is told as failed; the diagnosis is still done; other bounds are a chance.
    same = Scripted(good)
    tally = desk.run(crew=same, do="audit")
    assert (same.asked, tally.counts, tally.unchanged, tally.first_failures[0]) == (
        [],
        {"failed": 6},
        6,
        ("r000", "too long"),
    )
    assert desk.run(crew=same).counts == {"pass": 6}
    assert same.asked == []
    assert _of_bounds(desk, Scripted(good), ResourceLimits(time_s=999), "audit").counts == {"pass": 6}
    assert {row["last_attempt_error"] for row in desk.rows()} == {None}
    assert {row["action"] for row in desk.rows()} == {"audit"}


def test_a_failed_try_that_may_pass_is_failed_again(desk: Desk) -> None:
    """By the next run of the same work, and by no other one."""
    desk.run(crew=Scripted(good))
    desk.run(crew=Scripted(lambda _: WorkerFailure("Crash", "killed", is_worth_a_retry=True)), do="audit")
    other, same = Scripted(good), Scripted(good)
    assert desk.run(crew=other).counts == {"pass": 6}
    assert other.asked == []
    desk.run(crew=same, do="audit")
    assert len(same.asked) == 6


def test_a_failure_of_other_inputs_takes_the_row(desk: Desk) -> None:
    """What was measured on what lay there before says nothing of what lies there now."""
    desk.run(crew=Scripted(good))
    desk.manifest.write_text(desk.manifest.read_text().replace("00:01:00", "00:01:01"))
    desk.run(crew=Scripted(lambda _: WorkerFailure("Crash", "it crashed")))
    assert {(row["status"], row["verdict"], row["last_attempt_error"]) for row in desk.rows()} == {
        ("failed", None, None)
    }


def test_a_measured_row_outlives_its_files(desk: Desk) -> None:
    """Where a file is gone since, the row stays as it was, and every run tells it until the file is back."""
    desk.run(crew=Scripted(good))
    listed = read_manifest(desk.manifest)
    measured, file = desk.rows(), desk.folder / "2026/11/02/r001.webm"
    file.rename(desk.folder / "kept")
    for _ in range(2):
        tally = desk.run(listed=listed, crew=Scripted(good))
        assert tally.counts == {"pass": 5, "failed": 1}
        assert "can't be read" in dict(tally.first_failures)["r001"]
        assert desk.rows() == measured
    (desk.folder / "kept").rename(file)
    assert desk.run(listed=listed, crew=Scripted(good)).counts == {"pass": 6}
    assert desk.rows() == measured


def test_an_audit_is_done_where_its_report_is(desk: Desk) -> None:
    """One whose folder is gone, or that is asked for elsewhere, is made again."""

    def audited(task: Task) -> Row:
        Path(task.out).mkdir(parents=True)
        (Path(task.out) / "report.html").touch()
        return good(task)

    desk.run(crew=Scripted(audited), do="audit")
    again = Scripted(audited)
    shutil.rmtree(desk.folder / "dataset" / "_reports" / "r002")
    assert desk.run(crew=again, do="audit").unchanged == 5
    assert again.asked == ["r002"]
    assert desk.run(crew=again, do="audit", results=str(desk.folder / "elsewhere")).unchanged == 0
    assert desk.run(crew=again).unchanged == 6  # a diagnosis needs no report


def test_levels_judged_before_count(desk: Desk) -> None:
    """Work that measures no levels says with its own findings what a diagnosis found in them, in run and dataset."""

    def diagnosed(task: Task) -> Row:
        return {**good(task), "verdict": "warn", "warnings": ["call_agent_snr", "drift"], "warn_count": 2}

    def processed(task: Task) -> Row:
        Path(task.out).mkdir(parents=True)
        (Path(task.out) / "recording.qc.json").touch()
        return {**good(task), "recording_snr_db": None, "warnings": [], "failures": [], "warn_count": 0}

    desk.run(crew=Scripted(diagnosed))
    assert desk.run(crew=Scripted(processed), do="process").counts == {"warn": 6}
    for row in desk.rows():
        assert (row["action"], row["verdict"], row["warnings"]) == ("process", "warn", ["call_agent_snr"])
        assert (row["warn_count"], row["fail_count"], row["recording_snr_db"]) == (1, 0, 20.0)
    assert desk.run(crew=Scripted(processed), do="process").counts == {"warn": 6}


def test_other_bounds_are_another_chance(desk: Desk) -> None:
    """What ended at its time limit is tried again by another limit, and by the same one it isn't."""
    desk.run(crew=Scripted(lambda _: WorkerFailure("TimeLimit", "too long")))
    same = Scripted(good)
    desk.run(crew=same)
    assert same.asked == []
    assert _of_bounds(desk, Scripted(good), ResourceLimits(time_s=999), "diagnose").counts == {"pass": 6}


def test_a_diagnosis_is_done_by_an_audit(desk: Desk) -> None:
    """Rows that were audited since aren't diagnosed again, as long as they know the levels that only that measures."""
    desk.run(crew=Scripted(good))
    bare = Scripted(lambda task: {**good(task), "recording_snr_db": None})
    desk.run(crew=bare, do="audit")
    assert len(bare.asked) == 6
    assert {row["action"] for row in desk.rows()} == {"audit"}
    assert {row["recording_snr_db"] for row in desk.rows()} == {20.0}
    assert desk.run(crew=Scripted(good)).unchanged == 6
    desk.manifest.write_text(desk.manifest.read_text().replace("00:01:00", "00:01:01"))
    desk.run(crew=bare, do="audit")
    assert desk.run(crew=Scripted(good)).unchanged == 0


def test_rows_set_aside_are_in_the_table_until_they_are_mended(desk: Desk) -> None:
    """With place and reason; a list that no longer has them takes them out, another list doesn't."""
    name = read_manifest(desk.manifest).name
    aside = Listing(name, (), (RejectedRow(f"{name}:7", "call_end is missing"),))
    assert desk.run(listed=aside).counts == {"rejected": 1}
    other = Listing("other.csv", (), (RejectedRow("other.csv:2", "it is no row"),))
    desk.run(listed=other)
    desk.run()
    found = {row["recording_id"]: row for row in desk.rows()}
    assert f"{name}:7" not in found
    assert (found["other.csv:2"]["status"], found["other.csv:2"]["error"]) == ("rejected", "it is no row")
    assert len(found) == 7


def test_what_was_set_aside_under_other_dates_goes_when_it_is_usable(desk: Desk) -> None:
    """A window that moves on leaves no row behind for an item that was mended, and one for each that wasn't."""
    items = read_manifest(desk.manifest).items
    usable = replace(items[0], listed_in="table T:one")
    bad = {name: RejectedRow(f"table T:{name}", "noon is no call end") for name in ("one", "two")}
    desk.run(listed=Listing("table T 2026-11-01 to 2026-11-02", (), tuple(bad.values())))
    desk.run(listed=Listing("table T 2026-11-02 to 2026-11-03", (usable,), ()))
    assert [row["recording_id"] for row in desk.rows() if row["status"] == "rejected"] == ["table T:two"]


def test_an_input_that_is_gone_fails_its_own_row(desk: Desk) -> None:
    """Between the list's validation and its turn a file may go: the others are done, and the row says why."""
    listed = read_manifest(desk.manifest)
    (desk.folder / "2026/11/02/r001.webm").unlink()
    tally = desk.run(listed=listed)
    assert tally.counts["failed"] == 1
    assert "r001.webm can't be read" in tally.first_failures[0][1]
    assert len(desk.rows()) == 6


def test_nobody_tells_the_call_end(desk: Desk) -> None:
    """A recording without one is a failed row with what to do about it."""
    item = Item("r9", "files", "list", str(desk.folder / "call.wav"), str(desk.folder / "2026/11/01/r000.webm"))
    tally = desk.run(listed=Listing("list", (item,), ()))
    assert tally.first_failures == [
        ("r9", "nothing tells the call end of r9: list it in a manifest and name that by --call-ends")
    ]


def test_a_stop_keeps_what_is_done(desk: Desk) -> None:
    """Whatever stops it, what came back lies under its day, the crew is closed, and the next run does the rest."""
    crew, asked = Scripted(good), 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if len(crew.asked) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.run(crew=crew, check=check)
    assert crew.is_closed
    kept = [row["recording_id"] for row in desk.rows()]
    assert kept == [name for name in ("r000", "r001", "r002", "r003", "r004", "r005") if name in set(crew.asked)]
    assert not desk.dataset.store.names("_journal/")
    rest = Scripted(good)
    desk.run(crew=rest)
    assert sorted(crew.asked + rest.asked) == [f"r{n:03}" for n in range(6)]


_SCRIPT = """
import sys
from pathlib import Path
from batch_desk import Desk
Desk(Path(sys.argv[1])).run()
"""


@pytest.mark.parametrize("seed", range(4))
def test_killed_anywhere_it_goes_on(tmp_path: Path, seed: int) -> None:
    """Killed by SIGKILL, a run loses at most what was in flight; the next one ends as an undisturbed one does."""
    whole, killed = Desk(tmp_path / "whole"), Desk(tmp_path / "killed")
    for desk in (whole, killed):
        desk.folder.mkdir()
        desk.make(40, "slow")
    whole.run()
    wait_for = random.Random(seed).randrange(1, 38)  # noqa: S311  no secret
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", _SCRIPT, str(killed.folder)], env={**os.environ, **paths}) as run:
        while run.poll() is None and len(list((killed.folder / "begun").iterdir())) < wait_for:
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
    begun = killed.begun()
    kept = set(killed.dataset.summaries())
    assert len(begun.keys() - kept) <= 3 + 2  # two workers and what waits for them; begun since we looked
    tally = killed.run()
    assert tally.unchanged == len(kept)
    assert killed.begun().keys().isdisjoint(kept)
    assert _without_places(killed) == _without_places(whole)


def _without_places(desk: Desk) -> str:
    """All rows; the folder's name and what depends on it and on when files were written are left out."""
    keys = ("call_etag", "recording_etag", "work_key", "inputs_key")
    rows = [{k: v for k, v in row.items() if k not in keys} for row in desk.rows()]
    return json.dumps(rows, default=str).replace(str(desk.folder), "")


def test_what_took_no_work_says_nothing_of_the_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six hundred recordings of before and then one a second are one a second, in a log and on a bar."""
    clock = [0.0]
    monkeypatch.setattr("komorebi_qc.cli.batch_progress.time", SimpleNamespace(monotonic=lambda: clock[0]))
    lines, bar = Lines(), Bar()
    lines.begin(1000)
    bar.begin(1000)
    for number in range(640):
        took_work = number >= 600
        clock[0] += 1.0 if took_work else 0.01
        lines.done("pass", took_work=took_work)
        bar.done("pass", took_work=took_work)
        if number == 599:
            assert bar._bar.tasks[0].speed is None
            assert bar._bar.tasks[0].completed == 600
    assert "  1.0/s  " in capsys.readouterr().err
    assert bar._bar.tasks[0].completed == 640
