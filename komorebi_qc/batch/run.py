"""A run: what is listed goes to the crew as far as it isn't done, and what comes back goes into the dataset at once."""

from __future__ import annotations

from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from komorebi_qc.batch.execution.rows import failed, failure_of, row_of, set_aside_row, unresolved_row
from komorebi_qc.batch.execution.work_keys import bounded_key
from komorebi_qc.batch.execution.worker_process import WorkerFailure
from komorebi_qc.core.errors import KomorebiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from komorebi_qc.batch.dataset.dataset import Dataset, Known
    from komorebi_qc.batch.execution.executor import Executor
    from komorebi_qc.batch.execution.rows import Row
    from komorebi_qc.batch.execution.tasks import Resolver, Task
    from komorebi_qc.batch.execution.worker_process import ResourceLimits
    from komorebi_qc.batch.manifest.manifest_file import Item, Listed

_LOOK_S = 0.2
_ASKED_AT_ONCE = 8
_AHEAD = 32
"""Recordings whose media are looked up ahead of their work."""
_AT_ONCE = 500
"""Rows that are set aside and written as one."""
_BOUNDED = ("TimeLimit", "MemoryLimit")
_MOST_TOLD = 20


class Watcher(Protocol):
    """Whom a run tells how it goes."""

    def begin(self, total: int) -> None:
        """So many recordings are asked for."""
        ...

    def done(self, outcome: str, *, took_work: bool = True) -> None:
        """One more is done: pass, warn, fail, failed or set_aside; or was so before, which takes no work."""
        ...


@dataclass(slots=True)
class Tally:
    """What became of a run.

    Attributes:
        total: recordings that were asked for, set aside ones too.
        counts: by outcome: pass, warn, fail, failed and set_aside.
        unchanged: how many of these were so before, and weren't done again.
        told: ID and reason of the first that failed.
        is_stopped: whether it was stopped before its end.
    """

    total: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    unchanged: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)
    is_stopped: bool = False

    def note(self, outcome: str, name: str = "", reason: str = "") -> None:
        """Count one."""
        self.counts[outcome] += 1
        if outcome == "failed" and len(self.told) < _MOST_TOLD:
            self.told.append((name, reason))

    @property
    def left(self) -> int:
        """How many weren't come to."""
        return self.total - self.counts.total()


@dataclass(frozen=True, slots=True)
class Run:
    """All that a run needs.

    Attributes:
        dataset: where rows go.
        resolver: from an item to its task.
        crew: who does it.
        bounds: that the crew keeps.
        watcher: told how it goes.
        check: called often: what it raises stops the run.
        force: do what is done already.
    """

    dataset: Dataset
    resolver: Resolver
    crew: Executor
    bounds: ResourceLimits
    watcher: Watcher
    check: Callable[[], None] = lambda: None
    force: bool = False

    def carry_out(self, listed: Listed, do: str, tally: Tally) -> None:
        """Do what is listed, as far as it is missing or changed; `tally` is kept up to date.

        However it ends, what is done lies under its day then.

        Raises:
            KomorebiError: where the dataset can't be written, or nothing can be asked for at all.
            KeyboardInterrupt: where it is stopped, or whatever else `check` raises.
        """
        tally.total = len(listed.items) + len(listed.set_aside)
        with closing(self.crew):
            self.watcher.begin(tally.total)
            self.dataset.compact_journal(drop=self._mended(listed))  # and what a run that was killed has left
            try:
                self._begin_all(listed, do, tally)
                while tally.left > 0:
                    self._take(tally)
            finally:
                # What is under way is lost with it; what came back meanwhile isn't.
                try:
                    self._take(tally, wait_s=0.0, may_stop=False)
                finally:
                    self.crew.close()
                    self.dataset.compact_journal()

    def _mended(self, listed: Listed) -> list[str]:
        """Rows that an earlier reading set aside, of this very list or of what it can use now, and this one doesn't."""
        aside, usable = ({one.listed_in for one in some} for some in (listed.set_aside, listed.items))
        ours = f"{listed.name}:"
        return [
            name
            for name, row in self.dataset.known().items()
            if row.status == "set_aside"
            and name not in aside
            and (row.listed_in in usable or row.listed_in.startswith(ours))
        ]

    def _begin_all(self, listed: Listed, do: str, tally: Tally) -> None:
        for at in range(0, len(listed.set_aside), _AT_ONCE):
            self._keep([set_aside_row(one, do) for one in listed.set_aside[at : at + _AT_ONCE]], tally)
        known = self.dataset.known()
        for item, task in _resolved(listed.items, self.resolver.task, self.check):
            before = known.get(item.recording_id)
            if isinstance(task, KomorebiError):
                self._keep([unresolved_row(item, do, failure_of(task))], tally)
            elif before is not None and not self.force and (was := self._was(before, task)) is not None:
                tally.unchanged += 1
                self._tell(was[0], item.recording_id, was[1], tally)
                self.check()
            else:
                while not self.crew.has_room():
                    self._take(tally)
                self.crew.begin(task)
                self._take(tally, wait_s=0.0)

    def _take(self, tally: Tally, *, wait_s: float = _LOOK_S, may_stop: bool = True) -> None:
        answers = self.crew.answers(wait_s)
        now = datetime.now(UTC)  # by one clock, whoever did it: of several rows the newest counts
        rows = [
            {**(self._of_fault(task, answer) if isinstance(answer, WorkerFailure) else answer), "done_at": now}
            for task, answer in answers
        ]
        self.dataset.add(*rows)  # at once: where they come faster than a disk takes them one by one
        for row in rows:
            name, outcome = row["recording_id"], row["status"]
            if outcome == "done":  # with what was found before in levels that weren't measured again
                outcome = self.dataset.known()[name].verdict or row["verdict"]
            self._tell(outcome, name, row["error"], tally, took_work=True)
        if may_stop:
            self.check()

    def _of_fault(self, task: Task, fault: WorkerFailure) -> Row:
        row = row_of(task, failed(fault.kind, fault.text, is_worth_a_retry=fault.is_worth_a_retry))
        return {**row, "work_key": bounded_key(task.work_key, self.bounds)} if fault.kind in _BOUNDED else row

    def _keep(self, rows: list[Row], tally: Tally) -> None:
        """Rows that took no work; those that say nothing new aren't written again."""
        self.dataset.add(*(row for row in rows if self._is_new(row)))
        for row in rows:
            self._tell(row["status"], row["recording_id"], row["error"], tally)
        self.check()

    def _is_new(self, row: Row) -> bool:
        """Whether a row that took no work says anything new."""
        before = self.dataset.known().get(row["recording_id"])
        if before is None:
            return True
        # Beside what was measured it isn't noted: nothing was tried, and the next run is told the same, or finds it.
        return before.status != "done" and (before.status, before.error) != (row["status"], row["error"])

    def _was(self, before: Known, task: Task) -> tuple[str, str] | None:
        """How this work ended before: outcome and reason; None where it has to be done."""
        same, tried = (task.work_key, bounded_key(task.work_key, self.bounds)), before.last_try
        if tried is not None and tried.key in same:
            return None if tried.is_worth_a_retry else ("failed", tried.error)
        if before.status != "done":
            return None if before.is_worth_a_retry or before.work_key not in same else (before.status, before.error)
        is_it = before.work_key in same or (before.level_verdict and before.work_key in task.keys_that_do)
        return (before.verdict, "") if is_it and task.is_there else None

    def _tell(self, outcome: str, name: str, reason: str | None, tally: Tally, *, took_work: bool = False) -> None:
        tally.note(outcome, name, reason or "")
        self.watcher.done(outcome, took_work=took_work)


def _resolved(
    items: tuple[Item, ...], resolve: Callable[[Item], Task], check: Callable[[], None]
) -> Iterator[tuple[Item, Task | KomorebiError]]:
    """Each item with its task, in their order; several are asked for at once."""

    def asked(item: Item) -> Task | KomorebiError:
        try:
            return resolve(item)
        except KomorebiError as error:
            return error

    waiting: deque[tuple[Item, Future[Task | KomorebiError]]] = deque()
    coming = iter(items)
    pool = ThreadPoolExecutor(_ASKED_AT_ONCE, thread_name_prefix="komorebi-resolve")
    try:
        while True:
            while len(waiting) < _AHEAD and (item := next(coming, None)) is not None:
                waiting.append((item, pool.submit(asked, item)))
            if not waiting:
                return
            item, future = waiting.popleft()
            while not future.done():
                check()
                wait([future], timeout=_LOOK_S)
            yield item, future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
