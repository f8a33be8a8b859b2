"""A run: what is listed goes to the crew as far as it isn't done, and what comes back goes into the dataset at once."""

from __future__ import annotations

from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from komorebi_qc.batch.child import Fault
from komorebi_qc.batch.keys import bounded_key
from komorebi_qc.batch.rows import failed, failure_of, row_of, set_aside_row, unresolved_row
from komorebi_qc.errors import KomorebiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from komorebi_qc.batch.child import Bounds
    from komorebi_qc.batch.crew import Crew
    from komorebi_qc.batch.dataset import Dataset, Known
    from komorebi_qc.batch.manifest import Item, Listed
    from komorebi_qc.batch.rows import Row
    from komorebi_qc.batch.tasks import Resolver, Task

_LOOK_S = 0.2
_ASKED_AT_ONCE = 8
_AHEAD = 32
"""Recordings whose media are looked up ahead of their work."""
_BOUNDED = ("TimeLimit", "MemoryLimit")
_MOST_TOLD = 20


class Watcher(Protocol):
    """Whom a run tells how it goes."""

    def begin(self, total: int) -> None:
        """So many recordings are asked for."""
        ...

    def done(self, outcome: str) -> None:
        """One more is done: pass, warn, fail, failed, set_aside or unchanged."""
        ...


@dataclass(slots=True)
class Tally:
    """What became of a run.

    Attributes:
        total: recordings that were asked for, set aside ones too.
        counts: by outcome: pass, warn, fail, failed, set_aside and unchanged.
        told: ID and reason of the first that failed or were set aside.
        is_stopped: whether it was stopped before its end.
    """

    total: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    told: list[tuple[str, str]] = field(default_factory=list)
    is_stopped: bool = False

    def note(self, outcome: str, name: str = "", reason: str = "") -> None:
        """Count one."""
        self.counts[outcome] += 1
        if outcome in ("failed", "set_aside") and len(self.told) < _MOST_TOLD:
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
    crew: Crew
    bounds: Bounds
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
            self.dataset.file_away(drop=self._mended(listed))  # and what a run that was killed has left
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
                    self.dataset.file_away()

    def _mended(self, listed: Listed) -> list[str]:
        """Rows that an earlier reading of this list set aside, and this one doesn't."""
        aside = {one.listed_in for one in listed.set_aside}
        known = self.dataset.known().items()
        ours = [name for name, row in known if row.status == "set_aside" and _list_of(row.listed_in) == listed.name]
        return [name for name in ours if name not in aside]

    def _begin_all(self, listed: Listed, do: str, tally: Tally) -> None:
        for one in listed.set_aside:
            self._keep(set_aside_row(one, do), tally)
        known = self.dataset.known()
        for item, task in _resolved(listed.items, self.resolver.task, self.check):
            if isinstance(task, KomorebiError):
                self._keep(unresolved_row(item, do, failure_of(task)), tally)
            elif not self.force and self._is_done(known.get(item.recording_id), task):
                tally.note("unchanged")
                self.watcher.done("unchanged")
            else:
                while not self.crew.has_room():
                    self._take(tally)
                self.crew.begin(task)
                self._take(tally, wait_s=0.0)

    def _take(self, tally: Tally, *, wait_s: float = _LOOK_S, may_stop: bool = True) -> None:
        for task, answer in self.crew.answers(wait_s):
            row = self._of_fault(task, answer) if isinstance(answer, Fault) else answer
            self.dataset.add(row)
            self._tell(row, tally)
        if may_stop:
            self.check()

    def _of_fault(self, task: Task, fault: Fault) -> Row:
        row = row_of(task, failed(fault.kind, fault.text, is_worth_a_retry=fault.is_worth_a_retry))
        return {**row, "work_key": bounded_key(task.work_key, self.bounds)} if fault.kind in _BOUNDED else row

    def _keep(self, row: Row, tally: Tally) -> None:
        """A row that took no work; where it says nothing new it isn't written again."""
        before = self.dataset.known().get(row["recording_id"])
        is_new = before is None or (before.status, before.error) != (row["status"], row["error"])
        # What may pass doesn't take the place of what was measured.
        if is_new and not (before is not None and before.status == "done" and row["is_worth_a_retry"]):
            self.dataset.add(row)
        self._tell(row, tally)
        self.check()

    def _tell(self, row: Row, tally: Tally) -> None:
        outcome = row["verdict"] if row["status"] == "done" else row["status"]
        tally.note(outcome, row["recording_id"], row["error"] or "")
        self.watcher.done(outcome)

    def _is_done(self, row: Known | None, task: Task) -> bool:
        if row is None or not row.work_key or row.is_worth_a_retry:
            return False
        if row.work_key in (task.work_key, bounded_key(task.work_key, self.bounds)):
            return True
        return row.status == "done" and row.has_levels and row.work_key in task.keys_that_do


def _list_of(listed_in: str) -> str:
    return listed_in.rpartition(":")[0] if not listed_in.startswith("s3://") else ":".join(listed_in.split(":")[:2])


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
