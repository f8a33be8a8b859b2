"""A run: recordings whose work isn't done go to the executor, and their rows go to the dataset at once."""

from __future__ import annotations

from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from komorebi_qc.batch.dataset.row_summary import outcome_of
from komorebi_qc.batch.execution.rows import failed, failure_of, rejected_row, row_of, unresolved_row
from komorebi_qc.batch.execution.work_keys import limited_key
from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.isolation.resource_limits import WorkerFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from komorebi_qc.batch.dataset.dataset import Dataset
    from komorebi_qc.batch.dataset.row_summary import RowSummary
    from komorebi_qc.batch.execution.executor import Executor
    from komorebi_qc.batch.execution.resolver import Resolver
    from komorebi_qc.batch.execution.rows import Row
    from komorebi_qc.batch.execution.tasks import Task
    from komorebi_qc.batch.manifest.items import Item, Listing
    from komorebi_qc.isolation.resource_limits import ResourceLimits

_CHECK_EVERY_S = 0.2
_RESOLVE_AT_ONCE = 8
_RESOLVE_AHEAD = 32
"""Recordings whose media are looked up before their work begins."""
_REJECTED_AT_ONCE = 500
"""Rejected rows in one journal file."""
_LIMITED = ("TimeLimit", "MemoryLimit")
_MAX_FAILURES = 20


class Watcher(Protocol):
    """Receives the progress of a run."""

    def begin(self, total: int) -> None:
        """The run is about `total` recordings."""
        ...

    def done(self, outcome: str, *, took_work: bool = True) -> None:
        """One more has an outcome: a key of `Tally.counts`. Without work if it is an earlier one's."""
        ...


@dataclass(slots=True)
class Tally:
    """The outcome of a run.

    Attributes:
        total: recordings of the list, with rejected rows.
        counts: by outcome: pass, warn, fail, failed, held and rejected.
        unchanged: how many outcomes are from earlier runs.
        unconfirmed: how many were published although the audio doesn't confirm the pair.
        corrected: how many have an alignment that an analyst corrected.
        first_corrected: IDs of the first of them.
        first_failures: ID and reason of the first that failed or are held.
        is_stopped: whether the run was stopped before its end.
    """

    total: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    unchanged: int = 0
    unconfirmed: int = 0
    corrected: int = 0
    first_corrected: list[str] = field(default_factory=list)
    first_failures: list[tuple[str, str]] = field(default_factory=list)
    is_stopped: bool = False

    def note(self, outcome: str, name: str = "", reason: str = "") -> None:
        """Count one."""
        self.counts[outcome] += 1
        if outcome in ("failed", "held") and len(self.first_failures) < _MAX_FAILURES:
            self.first_failures.append((name, reason))

    def note_correction(self, name: str) -> None:
        """Count a recording that an analyst corrected."""
        self.corrected += 1
        if len(self.first_corrected) < _MAX_FAILURES:
            self.first_corrected.append(name)

    @property
    def left(self) -> int:
        """Recordings without an outcome yet."""
        return self.total - self.counts.total()


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that a run needs.

    Attributes:
        dataset: receives the rows.
        resolver: makes an item's task.
        executor: does the tasks.
        limits: the executor's limits for each recording.
        watcher: receives the progress.
        check: called often; it may raise an exception to stop the run.
        force: whether to repeat work that is done.
    """

    dataset: Dataset
    resolver: Resolver
    executor: Executor
    limits: ResourceLimits
    watcher: Watcher
    check: Callable[[], None] = lambda: None
    force: bool = False

    def carry_out(self, listing: Listing, action: str, tally: Tally) -> None:
        """Do the work that is missing or whose inputs have changed; `tally` is kept current.

        Whether it ends normally or not, finished rows are in the files of their days.

        Raises:
            KomorebiError: The dataset can't be written, or no work can be done at all.
            KeyboardInterrupt: The run was stopped; or another exception from `check`.
        """
        tally.total = len(listing.items) + len(listing.rejected)
        with closing(self.executor):
            self.watcher.begin(tally.total)
            listed = (item.recording_id for item in listing.items)
            self.dataset.look_up([*listed, *(one.listed_in for one in listing.rejected)])
            self.dataset.compact_journal(drop=self._corrected(listing))  # with rows of an earlier, killed run
            try:
                self._begin_all(listing, action, tally)
                while tally.left > 0:
                    self._take(tally)
            finally:
                # Running tasks are lost, but tasks that are done aren't.
                try:
                    self._take(tally, wait_s=0.0, may_stop=False)
                finally:
                    self.executor.close()
                    self.dataset.compact_journal()

    def _corrected(self, listing: Listing) -> list[str]:
        """Rows that an earlier run rejected and this one doesn't, from this list or another that is usable now."""
        rejected, usable = ({one.listed_in for one in some} for some in (listing.rejected, listing.items))
        ours = f"{listing.name}:"
        return [
            name
            for name, place in self.dataset.rejected().items()
            if name not in rejected and (place in usable or (listing.is_whole and place.startswith(ours)))
        ]

    def _begin_all(self, listing: Listing, action: str, tally: Tally) -> None:
        for at in range(0, len(listing.rejected), _REJECTED_AT_ONCE):
            rows = [rejected_row(one, action) for one in listing.rejected[at : at + _REJECTED_AT_ONCE]]
            self._add_without_work(rows, tally)
        for item, task in _resolved(listing.items, self._resolved_again, self.check):
            before = self.dataset.summary(item.recording_id)
            if not isinstance(task, KomorebiError) and task.correction:
                tally.note_correction(item.recording_id)
            if isinstance(task, KomorebiError):
                self._add_without_work([unresolved_row(item, action, failure_of(task))], tally)
            elif before is not None and not self.force and (earlier := self._earlier_outcome(before, task)) is not None:
                tally.unchanged += 1
                tally.unconfirmed += action == "process" and before.publication == "unconfirmed"
                self._report(earlier[0], item.recording_id, earlier[1], tally)
                self.check()
            else:
                while not self.executor.has_room():
                    self._take(tally)
                self.executor.begin(task)
                self._take(tally, wait_s=0.0)

    def _resolved_again(self, item: Item) -> Task:
        """Make an item's task. No record is read again for a recording that is done and whose files are the same."""
        before = self.dataset.summary(item.recording_id)
        is_known = before is not None and before.call_by_record and item.named_by == "id" and not self.force
        if before is not None and is_known and self.resolver.asks_api:
            with suppress(KomorebiError):  # the file that was named has gone: the record may name another one
                task = self.resolver.task(item, before.call_by_record)
                if self._earlier_outcome(before, task) is not None:
                    return task
        return self.resolver.task(item)

    def _take(self, tally: Tally, *, wait_s: float = _CHECK_EVERY_S, may_stop: bool = True) -> None:
        answers = self.executor.answers(wait_s)
        now = datetime.now(UTC)  # one clock for all workers: of several rows the newest counts
        rows = [
            {**(self._failure_row(task, answer) if isinstance(answer, WorkerFailure) else answer), "done_at": now}
            for task, answer in answers
        ]
        self.dataset.add(*rows)  # together: a disk may take single files more slowly than rows are made
        for row in rows:
            name, outcome = row["recording_id"], outcome_of(row["status"], row["error_class"])
            if outcome == "done":  # with earlier findings on levels that weren't measured again
                kept = self.dataset.summary(name)
                outcome = (kept and kept.verdict) or row["verdict"]
            tally.unconfirmed += row["publication"] == "unconfirmed"
            self._report(outcome, name, row["error"], tally, took_work=True)
        if may_stop:
            self.check()

    def _failure_row(self, task: Task, failure: WorkerFailure) -> Row:
        row = row_of(task, failed(failure.kind, failure.text, is_worth_a_retry=failure.is_worth_a_retry))
        return {**row, "work_key": limited_key(task.work_key, self.limits)} if failure.kind in _LIMITED else row

    def _add_without_work(self, rows: list[Row], tally: Tally) -> None:
        """Add rows that took no work; unchanged ones aren't written again."""
        self.dataset.add(*(row for row in rows if self._is_new(row)))
        for row in rows:
            self._report(row["status"], row["recording_id"], row["error"], tally)
        self.check()

    def _is_new(self, row: Row) -> bool:
        before = self.dataset.summary(row["recording_id"])
        if before is None:
            return True
        # A measured row doesn't note it: nothing was attempted, and the next run finds the same, or finds the media.
        return before.status != "done" and (before.status, before.error) != (row["status"], row["error"])

    def _earlier_outcome(self, before: RowSummary, task: Task) -> tuple[str, str] | None:
        """Outcome and reason of this work in an earlier run; None if it has to be done."""
        same, attempt = self._with_limits(task.work_key), before.last_attempt
        if attempt is not None and attempt.key in same:
            return None if attempt.is_worth_a_retry else (attempt.outcome, attempt.error)
        if before.status != "done":
            if task.request.action == "triage":  # a diagnosis that failed for good fails as a triage, too
                same |= self._with_limits(*task.equivalent_keys)
            return None if before.is_worth_a_retry or before.work_key not in same else (before.outcome, before.error)
        is_done = before.work_key in same or (before.level_verdict and before.work_key in task.equivalent_keys)
        return (before.verdict, "") if is_done and task.has_results else None

    def _with_limits(self, *keys: str) -> set[str]:
        return {*keys, *(limited_key(key, self.limits) for key in keys)}

    def _report(self, outcome: str, name: str, reason: str | None, tally: Tally, *, took_work: bool = False) -> None:
        tally.note(outcome, name, reason or "")
        self.watcher.done(outcome, took_work=took_work)


def _resolved(
    items: tuple[Item, ...], resolve: Callable[[Item], Task], check: Callable[[], None]
) -> Iterator[tuple[Item, Task | KomorebiError]]:
    """Each item with its task, in their order; several are resolved at once."""

    def resolved(item: Item) -> Task | KomorebiError:
        try:
            return resolve(item)
        except KomorebiError as error:
            return error

    waiting: deque[tuple[Item, Future[Task | KomorebiError]]] = deque()
    coming = iter(items)
    pool = ThreadPoolExecutor(_RESOLVE_AT_ONCE, thread_name_prefix="komorebi-resolve")
    try:
        while True:
            while len(waiting) < _RESOLVE_AHEAD and (item := next(coming, None)) is not None:
                waiting.append((item, pool.submit(resolved, item)))
            if not waiting:
                return
            item, future = waiting.popleft()
            while not future.done():
                check()
                wait([future], timeout=_CHECK_EVERY_S)
            yield item, future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
