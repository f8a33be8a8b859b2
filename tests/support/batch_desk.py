"""A folder with recordings, a manifest and a dataset, and workers that answer at once."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.batch.dataset.dataset import Dataset, open_dataset
from komorebi_qc.batch.execution.executor import LocalExecutor
from komorebi_qc.batch.execution.rows import measured, row_of
from komorebi_qc.batch.execution.tasks import BatchRequest, Resolver
from komorebi_qc.batch.execution.worker_process import ResourceLimits, WorkerFailure
from komorebi_qc.batch.manifest.manifest_file import read_manifest
from komorebi_qc.batch.run import Run, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.batch.execution.executor import Answer
    from komorebi_qc.batch.execution.rows import Row
    from komorebi_qc.batch.execution.tasks import Task


BOUNDS = ResourceLimits(time_s=60.0)


MOVING = ("done_at", "took_s", "peak_memory_mb")
"""Columns that no two runs have alike."""


def quick(task: Task) -> Row:
    """Work that takes no time: what it says depends on the recording's bytes alone."""
    size = Path(task.recording).stat().st_size
    (Path(task.item.connect).parent / "begun" / f"{task.item.recording_id}-{time.monotonic_ns()}").touch()
    if "slow" in task.item.agent:
        time.sleep(0.03)
    document = {
        "findings": [{"name": "drift", "status": ("pass", "warn", "fail")[size % 3]}],
        "call_end": {"reported_s": 60.0, "error_s": size / 1000},
        "sync": {"status": "aligned", "offset_s": size / 100, "jumps": [], "sides": "both", "coverage": 1.0},
        "levels": {"recording": {"mixed": dict.fromkeys(_LEVELS, -20.0)}},
    }
    return row_of(task, measured(document))


_LEVELS = ("speech_dbfs", "true_peak_dbtp", "noise_floor_dbfs", "snr_db")


@dataclass
class Told:
    """A watcher that remembers."""

    total: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    worked: int = 0

    def begin(self, total: int) -> None:
        """Remember it."""
        self.total = total

    def done(self, outcome: str, *, took_work: bool = True) -> None:
        """Count it."""
        self.outcomes[outcome] += 1
        self.worked += took_work


@dataclass
class Desk:
    """A folder with recordings, a manifest and a dataset."""

    folder: Path

    def make(self, count: int, agent: str = "agent-1") -> None:
        """So many recordings, each of another size."""
        (self.folder / "begun").mkdir(exist_ok=True)
        (self.folder / "call.wav").write_bytes(b"call")
        lines = []
        for n in range(count):
            name = f"2026/11/{1 + n % 5:02}/r{n:03}.webm"
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * (100 + n))
            named = {"recording_id": f"r{n:03}", "connect": "call.wav", "recording": name}
            lines.append(json.dumps({**named, "call_end": "00:01:00", "agent": agent}))
        self.manifest.write_text("\n".join(lines) + "\n")

    @property
    def manifest(self) -> Path:
        """The list of them."""
        return self.folder / "list.jsonl"

    @property
    def dataset(self) -> Dataset:
        """Opened anew, as another process would."""
        return open_dataset(str(self.folder / "dataset"))

    def begun(self) -> Counter[str]:
        """How often each recording's work was begun since this was asked last."""
        found = list((self.folder / "begun").iterdir())
        for path in found:
            path.unlink()
        return Counter(path.name.partition("-")[0] for path in found)

    def run(self, *, crew: Any = None, check: Callable[[], None] = lambda: None, **more: Any) -> Tally:
        """One run over the manifest."""
        do, force = more.pop("do", "diagnose"), more.pop("force", False)
        tally, told = Tally(), Told()
        listed = more.pop("listed", None) or read_manifest(self.manifest)
        ask = BatchRequest(do, str(self.folder / "dataset"), **more)
        crew = crew or LocalExecutor(2, BOUNDS, "batch_desk:quick")
        asked = len(getattr(crew, "asked", ()))
        Run(self.dataset, Resolver(ask), crew, BOUNDS, told, check, force).carry_out(listed, do, tally)
        assert told.total == tally.total
        assert told.outcomes == tally.counts
        if isinstance(crew, Scripted):
            assert told.worked == len(crew.asked) - asked
        return tally

    def rows(self) -> list[Row]:
        """What the dataset says, without what no two runs have alike."""
        return [{k: v for k, v in row.items() if k not in MOVING} for row in self.dataset.read().to_pylist()]


class Scripted:
    """A crew that answers at once, with what it was told to."""

    def __init__(self, answer: Callable[[Task], Row | WorkerFailure]) -> None:
        self.asked: list[str] = []
        self.is_closed = False
        self._answer, self._done = answer, list[Any]()

    def has_room(self) -> bool:
        """For two."""
        return len(self._done) < 2

    def begin(self, task: Task) -> None:
        """Have the answer at once."""
        self.asked.append(task.item.recording_id)
        self._done.append((task, self._answer(task)))

    def answers(self, wait_s: float) -> list[Answer]:
        """All that there are."""
        assert wait_s < 1
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Remember that."""
        self.is_closed = True
