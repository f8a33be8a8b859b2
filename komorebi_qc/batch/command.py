"""A batch and a rerun as a person asks for them: checked arguments, the list of recordings, the run and its result."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from komorebi_qc.core.errors import InputError, missing_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from komorebi_qc.batch.dataset.dataset import Dataset
    from komorebi_qc.batch.execution.executor import Executor
    from komorebi_qc.batch.execution.tasks import Action, BatchRequest
    from komorebi_qc.batch.manifest.items import Listing
    from komorebi_qc.batch.run import Tally, Watcher
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.isolation.resource_limits import ResourceLimits
    from komorebi_qc.pipeline.options import MaskRequest, Unconfirmed

RERUN_TIME_S, RERUN_MEMORY_MB, RATE_HZ = 1800.0, 4000.0, 5.0
"""A rerun's defaults: an audit needs more than a diagnosis."""
_MOST_REASONS = 20
_MASK_OPTIONS = {
    "KOMOREBI_MASK": "--mask",
    "KOMOREBI_MASK_MARGIN_S": "--mask-margin",
    "KOMOREBI_OUTSIDE_CALL": "--outside-call",
}
"""A batch's masks go to its workers as variables, so that a cluster's machines mask as this one would."""

THEN = ("diagnose", "audit")
_NOUNS = {"diagnose": "diagnosis", "triage": "triage"}


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run is done.

    Attributes:
        out: the dataset's folder or ``s3://`` prefix.
        workers: processes on this machine; 0 for one per core.
        dask: address of a Dask scheduler; empty for this machine.
        time_limit_s: for one recording.
        memory_limit_mb: for one recording.
        csv: a CSV file for all rows; may be empty.
        force: whether to do again what is done already.

    Raises:
        InputError: a value can't be used, or a library is missing.
    """

    out: str
    workers: int = 0
    dask: str = ""
    time_limit_s: float = 900.0
    memory_limit_mb: float = 2000.0
    csv: str = ""
    force: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "out", checked_address(self.out))
        object.__setattr__(self, "csv", checked_address(self.csv))
        if not self.out:
            raise InputError("--out is missing: the folder of the dataset, or s3://bucket/prefix")
        if not self.out.startswith("s3://") and Path(self.out).exists() and not Path(self.out).is_dir():
            raise InputError(f"{self.out} is a file: a dataset is a folder, or s3://bucket/prefix")
        if self.workers and self.dask:
            raise InputError("--workers and --dask are both given: one is for this machine, the other for a cluster")
        for name, value in {"--time-limit": self.time_limit_s, "--memory-limit": self.memory_limit_mb}.items():
            if not math.isfinite(value):
                raise InputError(f"{name} {value} is no limit: give a number, and a large one to stop nothing")
        check_library("pyarrow", "fleet")


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run.

    Attributes:
        tally: the counts, and the first reasons of recordings that failed.
        listing: the list.
        dataset: address of the dataset.
        csv: address of the CSV file; may be empty.
        stopped_by: the exception of the signal that stopped the run.
        failing: listed recordings whose findings fail, in the list's order.
        reports: addresses of the audits' reports; those of `failing` if any fails. Empty unless the action is an audit.
    """

    tally: Tally
    listing: Listing
    dataset: str
    csv: str
    stopped_by: BaseException | None
    failing: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()

    @property
    def lost(self) -> int:
        """Number of recordings that couldn't be examined or are held."""
        return self.tally.counts["failed"] + self.tally.counts["held"] + self.tally.counts["rejected"]

    def to_dict(self) -> dict[str, Any]:
        """The result for JSON."""
        tally = self.tally
        rejected = ((one.listed_in, one.reason) for one in self.listing.rejected[:_MOST_REASONS])
        not_done = (*rejected, *tally.first_failures)
        return {
            "dataset": self.dataset,
            "csv": self.csv or None,
            "asked_for": tally.total,
            "counts": dict(tally.counts),
            "unchanged": tally.unchanged,
            "published_unconfirmed": tally.unconfirmed,
            "corrected": tally.corrected,
            "left": tally.left,
            "is_stopped": tally.is_stopped,
            "not_done": [{"recording_id": name, "reason": reason} for name, reason in not_done],
            "ignored": list(self.listing.ignored),
        }


def checked_address(text: str) -> str:
    """A path as it is, or ``s3://`` in lower case.

    Raises:
        InputError: it has another scheme, of whose name a folder would be made.
    """
    scheme, mark, rest = text.partition("://")
    if not mark or not scheme.isalnum():
        return text
    if scheme.lower() != "s3":
        raise InputError(f"{text} can't be used: give a path on this machine, or s3://bucket/...")
    return f"s3://{rest}"


def check_library(library: str, extra: str) -> None:
    """Check that a library of an extra is installed.

    Raises:
        InputError: it isn't.
    """
    from importlib.util import find_spec  # noqa: PLC0415  only here

    if find_spec(library) is None:
        raise missing_extra(extra, library)


def check_then(action: str, then: str) -> None:
    """Check what is to be done after a triage.

    Raises:
        InputError: the work before isn't a triage, or the work after it is unknown.
    """
    if then and action != "triage":
        raise InputError("--then goes with --action triage: it names the work on what a triage doesn't settle")
    if then not in ("", *THEN):
        raise InputError(f"--then {then!r} isn't one of {', '.join(THEN)}")


def batch_request(
    action: str,
    out: str,
    results: str,
    limits: list[str] | None,
    call_end_attribute: str,
    environ: Mapping[str, str],
    *,
    unconfirmed: str = "",
    whole_call: bool = False,
    masks: MaskRequest | None = None,
) -> BatchRequest:
    """The work to do with each recording.

    Raises:
        InputError: the action is unknown, an option has no effect on it, or an address can't be used.
    """
    from komorebi_qc.batch.dataset.schema import ACTIONS  # noqa: PLC0415  pyarrow loads only for the commands
    from komorebi_qc.batch.execution.tasks import READS_ONLY, BatchRequest, own_settings  # noqa: PLC0415
    from komorebi_qc.pipeline.options import Options  # noqa: PLC0415
    from komorebi_qc.storage.object_store import open_store  # noqa: PLC0415
    from komorebi_qc.wiring import aws_client  # noqa: PLC0415

    if action not in ACTIONS:
        raise InputError(f"--action {action!r} isn't one of {', '.join(ACTIONS)}")

    if action != "process" and (unconfirmed or whole_call):
        raise InputError(f"{'--unconfirmed' if unconfirmed else '--whole-call'} goes with --action process")
    if unconfirmed:
        Options(unconfirmed=cast("Unconfirmed", unconfirmed))
    chosen = {} if masks is None else masks.variables()
    if action in READS_ONLY and chosen:
        option = _MASK_OPTIONS[next(iter(chosen))]
        raise InputError(f"{option} goes with --action process or audit: a {_NOUNS[action]} writes no video")

    def address(text: str) -> str:
        return open_store(checked_address(text), lambda: aws_client("s3")).address

    own, results = {**own_settings(environ), **chosen}, address(results) if results else ""
    return BatchRequest(
        cast("Action", action),
        address(out),
        own,
        tuple(limits or ()),
        results,
        call_end_attribute,
        unconfirmed,
        whole_call,
    )


def list_recordings(
    source: str,
    first_day: str,
    last_day: str,
    call_ends: str,
    call_end_attribute: str,
    *,
    environ: Mapping[str, str],
    note: Callable[[str], None],
) -> Listing:
    """Read the list of recordings: a manifest, a prefix of the input bucket, or the table by dates.

    Args:
        source: path or address of a manifest, or ``s3://`` prefix; empty for the table.
        first_day: of the table's items, ``YYYY-MM-DD``.
        last_day: included.
        call_ends: a manifest with call ends, for a prefix or the table.
        call_end_attribute: the item's attribute with the call end.
        environ: the settings.
        note: receives a sentence for people.

    Raises:
        InputError: the arguments contradict each other, or the list can't be used.
        KomorebiError: the list can't be read.
    """
    from komorebi_qc.batch.manifest.call_ends import read_call_ends  # noqa: PLC0415  pyarrow loads only for the commands
    from komorebi_qc.batch.manifest.manifest_file import read_manifest  # noqa: PLC0415
    from komorebi_qc.batch.manifest.prefix_listing import read_prefix  # noqa: PLC0415
    from komorebi_qc.batch.manifest.row_readers import is_manifest  # noqa: PLC0415
    from komorebi_qc.batch.manifest.table_query import read_table  # noqa: PLC0415
    from komorebi_qc.wiring import Settings, aws_client  # noqa: PLC0415

    source, call_ends = checked_address(source), checked_address(call_ends)
    if source and (first_day or last_day):
        raise InputError("a list or prefix and dates are both given: dates select items of the table; give one of them")
    if source and (not source.startswith("s3://") or is_manifest(source)):
        if call_ends:
            raise InputError("--call-ends is for a prefix or the table: a manifest has its own call ends")
        return read_manifest(source)
    if not source and not (first_day and last_day):
        raise InputError(
            "no recordings are named: give a manifest (.csv, .jsonl, .parquet), s3://bucket/prefix, or the table's "
            "days by --from and --until"
        )
    ends = read_call_ends(call_ends) if call_ends else {}
    settings = Settings.from_environment(environ)
    if source:
        return read_prefix(aws_client("s3"), source, input_bucket=settings.input_bucket, call_ends=ends)
    first, last = _day("--from", first_day), _day("--until", last_day)
    listing = read_table(
        aws_client("dynamodb"),
        *(settings.table_name, first, last),
        call_end_attribute=call_end_attribute,
        call_ends=ends,
    )
    if not listing.items and not listing.rejected:
        note(
            f"the table {settings.table_name} has no item with a creationDate from {first} to {last}: nothing to do "
            "(KOMOREBI_TABLE_NAME names another table)"
        )
    return listing


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option} {text!r} is no date: write it as 2026-11-24") from None


def unsettled(listing: Listing, result: RunResult) -> Listing:
    """The recordings of a list that a triage doesn't settle: all whose verdict isn't ``pass``.

    Args:
        listing: the list.
        result: of its triage.
    """
    from komorebi_qc.batch.dataset.dataset import open_dataset  # noqa: PLC0415  pyarrow loads only for the commands

    (dataset := open_dataset(result.dataset)).look_up(item.recording_id for item in listing.items)
    found = [(item, dataset.summary(item.recording_id)) for item in listing.items]
    left = (item for item, row in found if row is None or (row.status, row.verdict) != ("done", "pass"))
    return replace(listing, items=tuple(left), rejected=(), is_whole=False)


def run_batch(
    listing: Listing, request: BatchRequest, settings: RunSettings, watcher: Watcher, stop: Progress
) -> RunResult:
    """Do the work on every listed recording, and write the rows. A signal stops it; the result notes it.

    Raises:
        InputError: something that these recordings need isn't configured.
        KomorebiError: the dataset can't be read or written.
    """
    from komorebi_qc.batch.dataset.csv_file import csv_file  # noqa: PLC0415  pyarrow loads only for the commands
    from komorebi_qc.batch.dataset.dataset import open_dataset  # noqa: PLC0415
    from komorebi_qc.batch.dataset.schema import WITH_DAY  # noqa: PLC0415
    from komorebi_qc.batch.execution.resolver import Resolver  # noqa: PLC0415
    from komorebi_qc.batch.run import Run, Tally  # noqa: PLC0415
    from komorebi_qc.isolation.resource_limits import ResourceLimits  # noqa: PLC0415

    csv = csv_file(settings.csv) if settings.csv else None
    limits = ResourceLimits(settings.time_limit_s, settings.memory_limit_mb)
    dataset, resolver, tally = open_dataset(settings.out), Resolver(request), Tally()
    resolver.prepare(listing.items)
    dataset.look_up(
        names := [item.recording_id for item in listing.items]
    )  # a dataset that can't be read ends the run before any work
    stopped_by: BaseException | None = None
    executor = _executor(settings, limits)
    try:
        Run(dataset, resolver, executor, limits, watcher, stop.check, settings.force).carry_out(
            listing, request.action, tally
        )
    except (KeyboardInterrupt, SystemExit) as signalled:
        stopped_by, tally.is_stopped = signalled, True
    if csv is not None:
        csv.write(dataset.read() if dataset.exists() else WITH_DAY.empty_table())
    rows = {name: row for name in names if (row := dataset.summary(name)) is not None}
    failing = tuple(name for name, row in rows.items() if row.verdict == "fail")
    reports = _reports(dataset, failing or list(rows)) if request.action == "audit" and rows else ()
    return RunResult(tally, listing, dataset.store.address, csv.address if csv else "", stopped_by, failing, reports)


def _reports(dataset: Dataset, names: Iterable[str]) -> tuple[str, ...]:
    """The addresses of these recordings' reports; a row names a report in the dataset relative to its root."""
    table = dataset.read(("recording_id", "report", "day"))
    known = dict(zip(*(table[column].to_pylist() for column in ("recording_id", "report")), strict=True))
    root = dataset.store.address.rstrip("/")
    found = (known.get(name) for name in names)
    return tuple(
        text if "://" in text or Path(text).is_absolute() else f"{root}/{text}" for text in found if text is not None
    )


def _executor(settings: RunSettings, limits: ResourceLimits) -> Executor:
    if settings.dask:
        from komorebi_qc.batch.execution.dask_executor import DaskExecutor  # noqa: PLC0415  an extra

        return DaskExecutor(settings.dask, limits)
    from komorebi_qc.batch.execution.executor import LocalExecutor  # noqa: PLC0415

    return LocalExecutor(settings.workers or available_cores(), limits)


def available_cores() -> int:
    """Cores that this process may use; all of the machine where the system doesn't say."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def check_submit(
    action: str,
    results: str,
    limits: list[str] | None,
    settings: RunSettings,
    *,
    unconfirmed: str = "",
    whole_call: bool = False,
    masks: MaskRequest | None = None,
) -> None:
    """Check that no option is given that has no effect on a message to the production queue.

    Raises:
        InputError: one is given.
    """
    if action not in ("", "process"):
        raise InputError(f"--submit goes with --action process, which the queue's workers do, and not with {action}")
    for name, is_given in {
        "--limit": bool(limits),
        "--csv": bool(settings.csv),
        "--workers": bool(settings.workers),
        "--dask": bool(settings.dask),
        "--results": bool(results),
        "--unconfirmed": bool(unconfirmed),
        "--whole-call": whole_call,
        **dict.fromkeys((_MASK_OPTIONS[name] for name in (masks.variables() if masks is not None else {})), True),
        "--time-limit": settings.time_limit_s != RERUN_TIME_S,
        "--memory-limit": settings.memory_limit_mb != RERUN_MEMORY_MB,
    }.items():
        if is_given:
            raise InputError(
                f"{name} has no effect with --submit: production does the work with its own settings (limits: "
                "KOMOREBI_LIMITS); leave it out, or leave out --submit to do the work here"
            )
