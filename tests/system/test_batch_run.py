"""A run: missing and changed work is done, and nothing else, however the run before ended."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from batch_desk import Desk, Scripted
from child_process import child_process

from komorebi_qc.batch.execution.rows import failure_of, row_of
from komorebi_qc.batch.manifest.items import Item, Listing, RejectedRow
from komorebi_qc.batch.manifest.manifest_file import read_manifest
from komorebi_qc.core.errors import HeldError
from komorebi_qc.isolation.resource_limits import ResourceLimits, WorkerFailure

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


def test_a_second_run_does_nothing(desk: Desk) -> None:
    """It begins no work, and every byte of the dataset is unchanged."""
    tally = desk.run()
    assert tally.counts == {"pass": 2, "warn": 2, "fail": 2}
    assert desk.begun() == Counter({f"r{n:03}": 1 for n in range(6)})
    assert [row["day"] for row in desk.rows()] == [f"2026-11-{d:02}" for d in (1, 1, 2, 3, 4, 5)]
    before = {path: path.read_bytes() for path in (desk.folder / "dataset").rglob("*.parquet")}
    again = desk.run()
    assert (again.counts, again.unchanged) == (tally.counts, 6)
    assert not desk.begun()
    assert {path: path.read_bytes() for path in (desk.folder / "dataset").rglob("*.parquet")} == before


def test_changed_work_is_repeated(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another content, reported call end, limit or version of the software is other work."""
    desk.run()
    desk.begun()
    (desk.folder / "2026/11/01/r000.webm").write_bytes(b"another")
    assert desk.run().unchanged == 5
    assert desk.begun() == {"r000": 1}
    desk.manifest.write_text(desk.manifest.read_text().replace("00:01:00", "00:01:01", 1))
    desk.run()
    assert desk.begun() == {"r000": 1}
    desk.run(changed=("drift=50",))
    assert desk.begun().total() == 6
    monkeypatch.setattr("komorebi_qc.batch.execution.work_keys.__version__", "99.0")
    desk.run(changed=("drift=50",))
    assert desk.begun().total() == 6
    desk.run(changed=("drift=50",))
    assert not desk.begun()


def test_force_repeats_everything(desk: Desk) -> None:
    """Whether it is done or not."""
    desk.run()
    desk.begun()
    desk.run(force=True)
    assert desk.begun().total() == 6


def test_a_failure_is_a_row_and_isnt_repeated(desk: Desk) -> None:
    """Only a failure that is worth a retry is attempted again."""
    failures = {
        "r001": WorkerFailure("Crash", "it crashed"),
        "r002": WorkerFailure("Crash", "killed", is_worth_a_retry=True),
    }
    tally = desk.run(executor=Scripted(lambda task: failures.get(task.item.recording_id) or good(task)))
    assert tally.counts == {"pass": 4, "failed": 2}
    assert tally.first_failures == [("r001", "it crashed"), ("r002", "killed")]
    row = next(row for row in desk.rows() if row["recording_id"] == "r001")
    assert (row["status"], row["error_class"], row["error"], row["verdict"]) == ("failed", "Crash", "it crashed", None)
    again = Scripted(good)
    tally = desk.run(executor=again)
    assert (tally.counts, tally.unchanged) == ({"pass": 5, "failed": 1}, 5)
    assert tally.first_failures == [("r001", "it crashed")]
    assert again.tasks == ["r002"]


def test_a_failed_attempt_leaves_the_measured_row(desk: Desk) -> None:
    """The failure of another action is noted beside the measured row, and counted again, until it succeeds."""
    desk.run(executor=Scripted(good))
    before = desk.rows()
    failing = Scripted(lambda _: WorkerFailure("TimeLimit", "too long"))
    assert desk.run(executor=failing, action="audit").counts == {"failed": 6}
    noted = {"last_attempt_action": "audit", "last_attempt_error_class": "TimeLimit", "last_attempt_error": "too long"}
    for row, was in zip(desk.rows(), before, strict=True):
        assert row == {**was, **{name: value for name, value in row.items() if name.startswith("last_attempt_")}}
        assert {name: row[name] for name in noted} == noted
        assert row["last_attempt_at"] is not None
        assert row["last_attempt_is_worth_a_retry"] is False
    # The audit isn't repeated and counts as failed, the diagnosis is still done, and other limits allow an attempt.
    same = Scripted(good)
    tally = desk.run(executor=same, action="audit")
    assert (same.tasks, tally.counts, tally.unchanged, tally.first_failures[0]) == (
        [],
        {"failed": 6},
        6,
        ("r000", "too long"),
    )
    assert desk.run(executor=same).counts == {"pass": 6}
    assert same.tasks == []
    assert desk.run(executor=Scripted(good), limits=ResourceLimits(time_s=999), action="audit").counts == {"pass": 6}
    assert {row["last_attempt_error"] for row in desk.rows()} == {None}
    assert {row["action"] for row in desk.rows()} == {"audit"}


def test_a_failed_try_that_may_pass_is_failed_again(desk: Desk) -> None:
    """By the next run of the same action only."""
    desk.run(executor=Scripted(good))
    desk.run(executor=Scripted(lambda _: WorkerFailure("Crash", "killed", is_worth_a_retry=True)), action="audit")
    other, same = Scripted(good), Scripted(good)
    assert desk.run(executor=other).counts == {"pass": 6}
    assert other.tasks == []
    desk.run(executor=same, action="audit")
    assert len(same.tasks) == 6


def test_a_failure_of_other_inputs_replaces_the_row(desk: Desk) -> None:
    """A measurement of earlier inputs isn't valid for the current ones."""
    desk.run(executor=Scripted(good))
    desk.manifest.write_text(desk.manifest.read_text().replace("00:01:00", "00:01:01"))
    desk.run(executor=Scripted(lambda _: WorkerFailure("Crash", "it crashed")))
    assert {(row["status"], row["verdict"], row["last_attempt_error"]) for row in desk.rows()} == {
        ("failed", None, None)
    }


def test_a_measured_row_stays_without_its_files(desk: Desk) -> None:
    """If a file is missing, the row stays unchanged, and every run reports the failure until the file is back."""
    desk.run(executor=Scripted(good))
    listed = read_manifest(desk.manifest)
    measured, file = desk.rows(), desk.folder / "2026/11/02/r001.webm"
    file.rename(desk.folder / "kept")
    for _ in range(2):
        tally = desk.run(listing=listed, executor=Scripted(good))
        assert tally.counts == {"pass": 5, "failed": 1}
        assert "can't be read" in dict(tally.first_failures)["r001"]
        assert desk.rows() == measured
    (desk.folder / "kept").rename(file)
    assert desk.run(listing=listed, executor=Scripted(good)).counts == {"pass": 6}
    assert desk.rows() == measured


def test_an_audit_is_done_if_its_report_exists(desk: Desk) -> None:
    """It is repeated if its folder was removed, or another folder is named."""

    def audited(task: Task) -> Row:
        Path(task.out).mkdir(parents=True)
        (Path(task.out) / "report.html").touch()
        return good(task)

    desk.run(executor=Scripted(audited), action="audit")
    again = Scripted(audited)
    shutil.rmtree(desk.folder / "dataset" / "_reports" / "r002")
    assert desk.run(executor=again, action="audit").unchanged == 5
    assert again.tasks == ["r002"]
    assert desk.run(executor=again, action="audit", results=str(desk.folder / "elsewhere")).unchanged == 0
    assert desk.run(executor=again).unchanged == 6  # a diagnosis needs no report


def test_findings_on_earlier_levels_count(desk: Desk) -> None:
    """Processing measures no levels: a diagnosis's level findings stay in the verdict of run and dataset."""

    def diagnosed(task: Task) -> Row:
        return {**good(task), "verdict": "warn", "warnings": ["call_agent_snr", "drift"], "warn_count": 2}

    def processed(task: Task) -> Row:
        Path(task.out).mkdir(parents=True)
        (Path(task.out) / "recording.qc.json").touch()
        return {**good(task), "recording_snr_db": None, "warnings": [], "failures": [], "warn_count": 0}

    desk.run(executor=Scripted(diagnosed))
    assert desk.run(executor=Scripted(processed), action="process").counts == {"warn": 6}
    for row in desk.rows():
        assert (row["action"], row["verdict"], row["warnings"]) == ("process", "warn", ["call_agent_snr"])
        assert (row["warn_count"], row["fail_count"], row["recording_snr_db"]) == (1, 0, 20.0)
    assert desk.run(executor=Scripted(processed), action="process").counts == {"warn": 6}


def test_work_that_hit_a_limit_is_repeated_with_another(desk: Desk) -> None:
    """With the same limit it isn't."""
    desk.run(executor=Scripted(lambda _: WorkerFailure("TimeLimit", "too long")))
    same = Scripted(good)
    desk.run(executor=same)
    assert same.tasks == []
    assert desk.run(executor=Scripted(good), limits=ResourceLimits(time_s=999), action="diagnose").counts == {"pass": 6}


def test_an_audit_includes_a_diagnosis(desk: Desk) -> None:
    """An audited row isn't diagnosed again while it has the levels that a diagnosis measures."""
    desk.run(executor=Scripted(good))
    bare = Scripted(lambda task: {**good(task), "recording_snr_db": None})
    desk.run(executor=bare, action="audit")
    assert len(bare.tasks) == 6
    assert {row["action"] for row in desk.rows()} == {"audit"}
    assert {row["recording_snr_db"] for row in desk.rows()} == {20.0}
    assert desk.run(executor=Scripted(good)).unchanged == 6
    desk.manifest.write_text(desk.manifest.read_text().replace("00:01:00", "00:01:01"))
    desk.run(executor=bare, action="audit")
    assert desk.run(executor=Scripted(good)).unchanged == 0


def test_rejected_rows_stay_until_they_are_corrected(desk: Desk) -> None:
    """They have place and reason. The corrected list removes them; another list doesn't."""
    name = read_manifest(desk.manifest).name
    aside = Listing(name, (), (RejectedRow(f"{name}:7", "call_end is missing"),))
    assert desk.run(listing=aside).counts == {"rejected": 1}
    other = Listing("other.csv", (), (RejectedRow("other.csv:2", "it is no row"),))
    desk.run(listing=other)
    desk.run()
    found = {row["recording_id"]: row for row in desk.rows()}
    assert f"{name}:7" not in found
    assert (found["other.csv:2"]["status"], found["other.csv:2"]["error"]) == ("rejected", "it is no row")
    assert len(found) == 7


def test_a_part_of_a_list_says_nothing_about_its_other_rows(desk: Desk) -> None:
    """Work on some recordings of a list leaves the rows of those that were rejected."""
    listed = read_manifest(desk.manifest)
    desk.run(listing=replace(listed, rejected=(RejectedRow(f"{listed.name}:7", "call_end is missing"),)))
    desk.run(listing=replace(listed, items=listed.items[:2], is_whole=False), action="audit", executor=Scripted(good))
    assert [row["recording_id"] for row in desk.rows() if row["status"] == "rejected"] == [f"{listed.name}:7"]


def test_a_triage_isnt_repeated_after_a_diagnosis_that_failed(desk: Desk) -> None:
    """A recording that can't be diagnosed fails as a triage, too, until a retry may help."""
    desk.run(executor=Scripted(lambda _: WorkerFailure("MediaError", "it isn't media")), action="diagnose")
    again = Scripted(good)
    assert desk.run(executor=again, action="triage").unchanged == 6
    assert again.tasks == []
    desk.run(executor=Scripted(lambda _: WorkerFailure("TimeLimit", "too long")), action="diagnose", force=True)
    assert desk.run(executor=again, action="triage").unchanged == 6
    assert again.tasks == []
    assert desk.run(executor=again, action="triage", limits=ResourceLimits(time_s=999)).counts == {"pass": 6}


def test_a_row_rejected_under_other_dates_goes_once_it_is_usable(desk: Desk) -> None:
    """A later window of dates removes the row of a corrected item, and keeps the others."""
    items = read_manifest(desk.manifest).items
    usable = replace(items[0], listed_in="table T:one")
    bad = {name: RejectedRow(f"table T:{name}", "noon is no call end") for name in ("one", "two")}
    desk.run(listing=Listing("table T 2026-11-01 to 2026-11-02", (), tuple(bad.values())))
    desk.run(listing=Listing("table T 2026-11-02 to 2026-11-03", (usable,), ()))
    assert [row["recording_id"] for row in desk.rows() if row["status"] == "rejected"] == ["table T:two"]


def test_a_missing_input_fails_its_own_row(desk: Desk) -> None:
    """A file may be removed after the list was validated: the row has the reason, and the others are done."""
    listed = read_manifest(desk.manifest)
    (desk.folder / "2026/11/02/r001.webm").unlink()
    tally = desk.run(listing=listed)
    assert tally.counts["failed"] == 1
    assert "r001.webm can't be read" in tally.first_failures[0][1]
    assert len(desk.rows()) == 6


def test_a_recording_without_a_call_end_fails(desk: Desk) -> None:
    """The reason says what to do."""
    item = Item("r9", "files", "list", str(desk.folder / "call.wav"), str(desk.folder / "2026/11/01/r000.webm"))
    tally = desk.run(listing=Listing("list", (item,), ()))
    assert tally.first_failures == [
        (
            "r9",
            (
                "no call end is listed for r9: add a call_end column to the manifest, or name a list with recording_id "
                "and call_end by --call-ends"
            ),
        )
    ]


def test_a_stopped_run_keeps_finished_rows(desk: Desk) -> None:
    """They are in the files of their days, the executor is closed, and the next run does the rest."""
    executor = Scripted(good)

    def check() -> None:
        if len(executor.tasks) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.run(executor=executor, check=check)
    assert executor.is_closed
    kept = [row["recording_id"] for row in desk.rows()]
    assert kept == [name for name in ("r000", "r001", "r002", "r003", "r004", "r005") if name in set(executor.tasks)]
    assert not desk.dataset.store.names("_journal/")
    rest = Scripted(good)
    desk.run(executor=rest)
    assert sorted(executor.tasks + rest.tasks) == [f"r{n:03}" for n in range(6)]


_SCRIPT = """
import sys
from pathlib import Path
from batch_desk import Desk
Desk(Path(sys.argv[1])).run()
"""


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_run_is_continued(tmp_path: Path, seed: int) -> None:
    """SIGKILL loses the running tasks at most; the next run ends with the result of an undisturbed one."""
    whole, killed = Desk(tmp_path / "whole"), Desk(tmp_path / "killed")
    for desk in (whole, killed):
        desk.folder.mkdir()
        desk.make(24, "slow")
    whole.run()
    begun_before_kill = random.Random(seed).randrange(1, 22)  # noqa: S311  not a secret
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with child_process([sys.executable, "-c", _SCRIPT, str(killed.folder)], env={**os.environ, **paths}) as run:
        while run.poll() is None and len(list((killed.folder / "begun").iterdir())) < begun_before_kill:
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
    begun = killed.begun()
    kept = set(killed.dataset.summaries())
    assert len(begun.keys() - kept) <= 3 + 2  # two workers, one task that waits, and two that began after the count
    tally = killed.run()
    assert tally.unchanged == len(kept)
    assert killed.begun().keys().isdisjoint(kept)
    assert _without_places(killed) == _without_places(whole)


def _without_places(desk: Desk) -> str:
    """All rows as text, without the folder's name and without values that depend on it or on file times."""
    keys = ("call_etag", "recording_etag", "work_key", "inputs_key")
    rows = [{k: v for k, v in row.items() if k not in keys} for row in desk.rows()]
    return json.dumps(rows, default=str).replace(str(desk.folder), "")


def held(task: Task) -> Row:
    """A row of a held recording."""
    return row_of(task, failure_of(HeldError("nothing confirms it", "3 s of 9 s agree")))


def unconfirmed(task: Task) -> Row:
    """A row of a recording that was published although nothing confirms it."""
    return {**good(task), "publication": "unconfirmed"}


def test_held_and_unconfirmed_recordings_are_counted_apart(desk: Desk) -> None:
    """In the run that does the work, and in the next one, which does nothing."""
    rows = {"r001": held, "r002": unconfirmed, "r003": unconfirmed}
    tally = desk.run(executor=Scripted(lambda task: rows.get(task.item.recording_id, good)(task)), action="process")
    assert (tally.counts, tally.unconfirmed) == ({"pass": 5, "held": 1}, 2)
    assert tally.first_failures == [("r001", "nothing confirms it")]
    found = {row["recording_id"]: row for row in desk.rows()}
    assert (found["r001"]["status"], found["r001"]["publication"]) == ("failed", "held")
    assert not found["r001"]["is_worth_a_retry"]
    for name in found:
        result = desk.folder / "dataset" / "_unified" / name / "recording.qc.json"
        result.parent.mkdir(parents=True)
        result.touch()
    again = desk.run(executor=Scripted(good), action="process")
    assert (again.counts, again.unchanged, again.unconfirmed) == (tally.counts, 6, 2)


def test_a_held_recording_beside_a_diagnosis_is_counted(desk: Desk) -> None:
    """Its measured row stays, and its attempt is counted as held in later runs, too."""
    desk.run(executor=Scripted(good))
    for _ in range(2):
        tally = desk.run(executor=Scripted(held), action="process", results=str(desk.folder))
        assert tally.counts == {"held": 6}
    assert {row["publication"] for row in desk.rows()} == {"held"}


@pytest.mark.parametrize(
    "change", [{"unconfirmed": "publish"}, {"whole_call": True}, {"environ": {"KOMOREBI_OUTSIDE_CALL": "own"}}]
)
def test_another_rule_is_other_work(desk: Desk, change: dict[str, Any]) -> None:
    """Held recordings are attempted again; the default is the environment's rule."""
    desk.run(executor=Scripted(held), action="process")
    same = Scripted(held)
    desk.run(executor=same, action="process", unconfirmed="auto")
    assert same.tasks == []
    other = Scripted(unconfirmed)
    assert desk.run(executor=other, action="process", **change).unconfirmed == 6
    assert len(other.tasks) == 6


@pytest.mark.parametrize("action", ["process", "audit"])
def test_other_masks_are_other_work(desk: Desk, action: Any) -> None:
    """Results with other masks are made again; a mask that is chosen as it is set by default is the same."""
    for environ, count in (
        ({}, 6),
        ({"KOMOREBI_MASK": "picture", "KOMOREBI_MASK_MARGIN_S": "0.50"}, 0),
        ({"KOMOREBI_MASK": "none"}, 6),
        ({"KOMOREBI_MASK": "none", "KOMOREBI_MASK_MARGIN_S": "2"}, 6),
    ):
        executor = Scripted(held)
        desk.run(executor=executor, action=action, environ=environ)
        assert len(executor.tasks) == count
