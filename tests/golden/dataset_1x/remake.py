"""Write the dataset of schema 1.1 beside this file, with komorebi_qc 0.1.0, the last version that wrote it.

Put the root of a checkout of that version on PYTHONPATH:

    PYTHONPATH=OLD_CHECKOUT python tests/golden/dataset_1x/remake.py

The rows: real diagnoses of captures in ``tests/media``, a row with the renamed findings, a failed attempt beside a
measured row, a rejected row of a list, and an item whose media are missing. One row stays in the journal.
"""

# mypy: ignore-errors
# It imports the modules of version 0.1.0.

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import komorebi_qc  # isort: split

from komorebi_qc.batch.rows import failed, failure_of, measured, row_of, set_aside_row, unresolved_row
from komorebi_qc.batch.schema import SCHEMA_VERSION
from komorebi_qc.batch.tasks import Ask, Task
from komorebi_qc.diagnose import diagnose
from komorebi_qc.errors import MissingMediaError
from komorebi_qc.limits import DEFAULT
from komorebi_qc.stores_local import opened_file
from komorebi_qc.timebase import parse_call_end

from komorebi_qc.batch import dataset as dataset_module
from komorebi_qc.batch.manifest import Item, SetAside

HERE = Path(__file__).parent
MEDIA = HERE.parents[1] / "media"
FIRST = datetime(2026, 11, 20, 12, tzinfo=UTC)


def task(number: int, day: str, do: str = "diagnose") -> Task:
    """A task with made-up places, and keys that depend on its number."""
    name, key = f"r{number:03}", f"{number:032x}"
    call, recording = f"s3://calls/CallRecordings/{name}.wav", f"s3://recordings/2026/11/20/agent-1/{name}.mp4"
    item = Item(name, "id", f"table Recording:{name}", call_end="00:00:22")
    ask: Any = Ask(do, "s3://quality/dataset")
    return Task(
        item, ask, call, f"call{number}", recording, f"own{number}", "agent-1", day, "", "", f"in{key[2:]}", key
    )


def diagnosed(name: str) -> dict[str, Any]:
    """The columns that a diagnosis of a capture fills."""
    with opened_file(MEDIA / "call.wav") as call, opened_file(MEDIA / name) as own:
        return measured(diagnose(call, own, parse_call_end("00:00:22"), DEFAULT).to_dict())


def at(row: dict[str, Any], minutes: int) -> dict[str, Any]:
    """The row, made at a fixed time."""
    return {**row, "done_at": FIRST + timedelta(minutes=minutes)}


def main() -> None:
    """Write the dataset."""
    if SCHEMA_VERSION != "1.1":
        raise SystemExit(f"this is komorebi_qc {komorebi_qc.__version__}, which writes schema {SCHEMA_VERSION}")
    for old in ("day=2026-11-20", "day=2026-11-21", "day=unknown", "_journal"):
        shutil.rmtree(HERE / old, ignore_errors=True)
    dataset_module.secrets.token_hex = lambda _count: "abcdef"
    dataset_module.os.getpid = lambda: 1
    dataset = dataset_module.open_dataset(str(HERE))
    first, second = task(1, "2026-11-20"), task(2, "2026-11-21")
    frozen = measured(  # no capture freezes or has disordered timestamps: the findings are named by hand
        {
            "findings": [{"name": "picture_frozen", "status": "fail"},
                         {"name": "video_time_stamps_disordered", "status": "warn"},
                         {"name": "recording_first_time_stamp", "status": "warn"},
                         {"name": "drift", "status": "warn"}],
            "call_end": {"told_s": 22.0, "error_s": 0.5},
            "sync": {"status": "aligned", "offset_s": 2.5, "jumps": [], "sides": "both", "coverage": 0.9},
        }
    )  # fmt: skip
    dataset.add(
        at(row_of(first, diagnosed("vp8.webm")), 0),
        at(row_of(second, {**frozen, "report": "_reports/r002/report.html"}), 1),
        at(set_aside_row(SetAside("/lists/day.csv:17", "call_end is missing"), "diagnose"), 2),
        at(
            unresolved_row(
                Item("r004", "id", "table Recording:r004", day="2026-11-21"),
                "diagnose",
                failure_of(MissingMediaError("r004.wav isn't there")),
            ),
            3,
        ),
        at(row_of(replace(first, ask=replace(first.ask, do="audit")), failed("TimeLimit", "it took too long")), 4),
    )
    dataset.file_away()
    dataset.add(at(row_of(task(3, "2026-11-20", "process"), diagnosed("vp9.mp4")), 5))
    (HERE / "_lock").unlink()


if __name__ == "__main__":
    main()
