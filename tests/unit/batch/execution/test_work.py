"""The work for one recording: the answer is always a row."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from analyses import as_json, redacted_analysis, times, turn
from captures import CAPTURES

from komorebi_qc.batch.dataset.dataset import open_dataset
from komorebi_qc.batch.dataset.schema import LEVELS, WITH_DAY
from komorebi_qc.batch.execution import work
from komorebi_qc.batch.execution.resolver import Resolver
from komorebi_qc.batch.execution.rows import failed, unresolved_row
from komorebi_qc.batch.execution.tasks import BatchRequest, Task
from komorebi_qc.batch.manifest.items import Item
from komorebi_qc.core.errors import AccessDeniedError, MediaError, StorageError
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.pipeline.examine import examine
from komorebi_qc.pipeline.options import Options
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """A task for a capture."""
    one = CAPTURES["vp8.webm"]
    item = Item("vp8", "files", "here", str(one.call), str(one.recording), one.call_end)
    return Resolver(BatchRequest("diagnose", str(tmp_path), {"KOMOREBI_LIMITS": "drift=50"})).task(item)


def _raising(error: BaseException) -> Callable[[Task], Any]:
    def do(_task: Task) -> Any:
        raise error

    return do


@pytest.mark.parametrize(
    ("error", "error_class", "is_worth_a_retry"),
    [
        (MediaError("it isn't media"), "MediaError", False),
        (StorageError("no answer"), "StorageError", True),
        (AccessDeniedError("refused"), "AccessDeniedError", True),
        (ZeroDivisionError("by zero"), "Unforeseen", False),
        (OSError("no disk"), "Unforeseen", True),
    ],
)
def test_an_error_is_a_row(
    task: Task, monkeypatch: pytest.MonkeyPatch, error: Exception, error_class: str, *, is_worth_a_retry: bool
) -> None:
    """With its class and words, and whether a retry may help, also if it wasn't foreseen."""
    monkeypatch.setitem(work.ACTIONS, "diagnose", _raising(error))
    row = work.carry_out(task)
    assert row.keys() == set(WITH_DAY.names)
    assert (row["status"], row["error_class"], row["verdict"]) == ("failed", error_class, None)
    assert str(error) in row["error"]
    assert row["is_worth_a_retry"] is is_worth_a_retry
    assert row["work_key"] == task.work_key


def test_half_a_character_is_written_as_an_escape(tmp_path: Path) -> None:
    """An item's attribute may have one, and Parquet refuses it."""
    item = Item("one", "files", "here", "/x/call.wav", "/x/own.webm", agent="agent \ud83d", browser="\ude00")
    row = {**unresolved_row(item, "diagnose", failed("InputError", "no \ud83d")), "recording_bytes": 1}
    dataset = open_dataset(str(tmp_path))
    dataset.add(row)
    dataset.compact_journal()
    (found,) = dataset.read().to_pylist()
    assert (found["agent"], found["browser"], found["error"]) == ("agent \\ud83d", "\\ude00", "no \\ud83d")


@pytest.mark.parametrize("swapped", [False, True])
def test_an_audit_has_the_findings_of_a_diagnosis(tmp_path: Path, *, swapped: bool) -> None:
    """With levels, durations and codecs, by the same limits, for a pair and for a wrong pair."""
    one, other = CAPTURES["vp8.webm"], CAPTURES["vp9.mp4" if swapped else "vp8.webm"]
    limit = "call_speech_level=-3..-1:-4..-0.5"
    item = Item("one", "files", "here", str(other.call), str(one.recording), one.call_end)
    diagnosed = work.carry_out(Resolver(BatchRequest("diagnose", str(tmp_path), limits=(limit,))).task(item))
    options = Options(limits=DEFAULT.changed_by(limit))
    with opened_file(other.call) as call, opened_file(one.recording) as own:
        found = work.examined_columns(examine(call, own, parse_call_end(one.call_end), tmp_path, options=options))
    assert found["verdict"] == diagnosed["verdict"] == "fail"
    assert "call_agent_speech_level" in found["failures"]
    for name in ("warnings", "failures"):
        assert set(diagnosed[name]) <= set(found[name])
    same = (*LEVELS, "duration_s", "call_s", "call_codec", "audio_codec", "video_codec", "sync_status")
    assert {name: found.get(name) for name in same} == {name: diagnosed[name] for name in same}


def test_a_listed_analysis_is_read(tmp_path: Path) -> None:
    """Its redaction masks the video. The row names it, and another version of it gives another work key."""
    one = CAPTURES["vp8.webm"]
    analysis = tmp_path / "analysis.json"
    analysis.write_bytes(as_json(redacted_analysis(turn(3000, 6000, "My [PII].", times(3000, 6000)))))
    item = Item("one", "files", "here", str(one.call), str(one.recording), one.call_end, analysis=str(analysis))
    request = BatchRequest("process", str(tmp_path / "data"))
    task = Resolver(request).task(item)
    row = work.carry_out(task)
    assert (row["status"], row["analysis"]) == ("done", str(analysis)), row["error"]
    document = json.loads((tmp_path / "data" / "_unified" / "one" / "recording.qc.json").read_text())
    assert [(span["call_from_s"], span["masked"]) for span in document["redactions"]] == [(3.0, "picture")]
    analysis.write_bytes(as_json(redacted_analysis(turn(3000, 6000))) + b" ")
    assert Resolver(request).task(item).work_key != task.work_key
    analysis.write_bytes(b"{}")
    row = work.carry_out(Resolver(replace(request, action="diagnose")).task(item))
    assert (row["status"], row["error_class"]) == ("failed", "AnalysisError")
    assert "isn't a Contact Lens analysis" in row["error"]


def test_the_callers_settings_are_used(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of the machine's own, which are restored afterwards."""
    monkeypatch.setenv("KOMOREBI_LIMITS", "drift=1")
    monkeypatch.setenv("INPUT_BUCKET_NAME", "the-workers-own")
    seen: dict[str, str | None] = {}

    def do(_task: Task) -> dict[str, Any]:
        seen.update({name: os.environ.get(name) for name in ("KOMOREBI_LIMITS", "INPUT_BUCKET_NAME")})
        return {"status": "done"}

    monkeypatch.setitem(work.ACTIONS, "diagnose", do)
    work.carry_out(task)
    assert seen == {"KOMOREBI_LIMITS": "drift=50", "INPUT_BUCKET_NAME": None}
    assert os.environ["KOMOREBI_LIMITS"] == "drift=1"
    assert os.environ["INPUT_BUCKET_NAME"] == "the-workers-own"


def test_a_triage_is_a_row_without_levels(task: Task) -> None:
    """It has the columns of a diagnosis; those that nobody looked at are null."""
    row = work.carry_out(replace(task, request=replace(task.request, action="triage")))
    whole = work.carry_out(task)
    assert (row["status"], row["action"], row["verdict"], row["sync_status"]) == ("done", "triage", "pass", "aligned")
    assert row["offset_s"] == whole["offset_s"]
    assert row["duration_s"] == whole["duration_s"]
    assert row["browser"] == whole["browser"]
    assert all(row[name] is None for name in LEVELS)
    assert row["suspended_count"] is None
