"""A folder with recordings, a manifest and a dataset, and executors that answer at once."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.batch.dataset.dataset import Dataset, open_dataset
from komorebi_qc.batch.execution.executor import LocalExecutor
from komorebi_qc.batch.execution.resolver import Resolver
from komorebi_qc.batch.execution.rows import measured, row_of
from komorebi_qc.batch.execution.tasks import BatchRequest
from komorebi_qc.batch.manifest.manifest_file import read_manifest
from komorebi_qc.batch.run import Run, Tally
from komorebi_qc.isolation.resource_limits import ResourceLimits, WorkerFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.batch.execution.executor import Answer
    from komorebi_qc.batch.execution.rows import Row
    from komorebi_qc.batch.execution.tasks import Task


LIMITS = ResourceLimits(time_s=60.0)
VARIABLE_COLUMNS = ("done_at", "took_s", "peak_memory_mb")
"""Columns that differ between any two runs."""


def quick(task: Task) -> Row:
    """Work that takes no time; its result depends on the size of the recording alone."""
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
class RecordingWatcher:
    """A watcher that records the progress."""

    total: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    worked: int = 0

    def begin(self, total: int) -> None:
        """Record it."""
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
        """Write recordings of different sizes."""
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
        """The list of the recordings."""
        return self.folder / "list.jsonl"

    @property
    def dataset(self) -> Dataset:
        """A new view of the dataset, as another process has."""
        return open_dataset(str(self.folder / "dataset"))

    def begun(self) -> Counter[str]:
        """How often each recording's work began since the last call."""
        found = list((self.folder / "begun").iterdir())
        for path in found:
            path.unlink()
        return Counter(path.name.partition("-")[0] for path in found)

    def run(
        self,
        *,
        executor: Any = None,
        action: Any = "diagnose",
        check: Callable[[], None] = lambda: None,
        limits: ResourceLimits = LIMITS,
        **more: Any,
    ) -> Tally:
        """One run over the manifest, or over a `listing`; `changed` are limits of findings."""
        force, changed = more.pop("force", False), more.pop("changed", ())
        tally, watcher = Tally(), RecordingWatcher()
        listing = more.pop("listing", None) or read_manifest(self.manifest)
        request = BatchRequest(action, str(self.folder / "dataset"), limits=changed, **more)
        executor = executor or LocalExecutor(2, limits, "batch_desk:quick")
        tasks_before = len(getattr(executor, "tasks", ()))
        run = Run(self.dataset, Resolver(request), executor, limits, watcher, check, force)
        run.carry_out(listing, action, tally)
        assert watcher.total == tally.total
        assert watcher.outcomes == tally.counts
        if isinstance(executor, Scripted):
            assert watcher.worked == len(executor.tasks) - tasks_before
        return tally

    def rows(self) -> list[Row]:
        """The dataset's rows, without columns that differ between any two runs."""
        return [{k: v for k, v in row.items() if k not in VARIABLE_COLUMNS} for row in self.dataset.read().to_pylist()]


class Scripted:
    """An executor that answers at once, by a function."""

    def __init__(self, answer: Callable[[Task], Row | WorkerFailure]) -> None:
        self.tasks: list[str] = []
        self.is_closed = False
        self._answer, self._done = answer, list[Any]()

    def has_room(self) -> bool:
        """For two tasks."""
        return len(self._done) < 2

    def begin(self, task: Task) -> None:
        """Compute the answer."""
        self.tasks.append(task.item.recording_id)
        self._done.append((task, self._answer(task)))

    def answers(self, wait_s: float) -> list[Answer]:
        """All answers."""
        assert wait_s < 1
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Record it."""
        self.is_closed = True
