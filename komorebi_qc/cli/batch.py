"""The commands for many recordings: a batch, and a rerun of rows of its dataset; a shell over `batch`."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from komorebi_qc.core.errors import InputError, missing_extra

if TYPE_CHECKING:
    from komorebi_qc.batch.dataset.csv_file import CsvFile
    from komorebi_qc.batch.dataset.dataset import Dataset
    from komorebi_qc.batch.execution.executor import Executor
    from komorebi_qc.batch.manifest.manifest_file import Listed
    from komorebi_qc.batch.run import Tally
    from komorebi_qc.batch.execution.tasks import BatchRequest, Do
    from komorebi_qc.batch.execution.worker_process import ResourceLimits

DONE, FAILED, FINDINGS_FAIL, PART_FAILED = 0, 1, 3, 4
"""As in `komorebi_qc.cli.main.Exit`, which mounts this module."""
_MOST_TOLD = 20
_RERUN_TIME_S, _RERUN_MEMORY_MB, _RATE_HZ = 1800.0, 4000.0, 5.0
"""What a rerun keeps to where nothing is said; an audit takes more than a diagnosis."""

Workers = Annotated[
    int, typer.Option(min=0, metavar="N", help="Processes on this machine; 0 for as many as there are cores.")
]
Cluster = Annotated[
    str, typer.Option(metavar="tcp://HOST:PORT", help="Do it on a Dask cluster instead: its scheduler's address.")
]
TimeLimit = Annotated[
    float, typer.Option(min=1, metavar="SECONDS", help="For one recording; what takes longer is stopped.")
]
MemoryLimit = Annotated[
    float, typer.Option(min=100, metavar="MB", help="For one recording; what takes more is stopped.")
]
Results = Annotated[
    str,
    typer.Option(
        metavar="DIR|s3://...",
        help="Where audits, and unified recordings of listed files, go; by default into the dataset's folder.",
    ),
]
Csv = Annotated[str, typer.Option(metavar="FILE|s3://...", help="Write all rows of the dataset as CSV, too.")]
ChangedLimits = Annotated[
    list[str] | None,
    typer.Option("--limit", metavar="NAME=WARN[:FAIL]", help="Judge a finding by another limit; more than once."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, and no progress.")]


def mount(app: typer.Typer, epilog: str) -> None:
    """Put the commands beside the others of `app`."""
    app.command(epilog=epilog)(batch)
    app.command(epilog=epilog)(rerun)


def batch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="[MANIFEST|s3://...]",
            help="A list (.csv, .jsonl, .parquet; here or on S3), or a prefix of the recordings' bucket; neither: the "
            "table by dates.",
        ),
    ] = "",
    *,
    out: Annotated[
        str, typer.Option(metavar="DIR|s3://...", help="The dataset; what it holds already isn't done again.")
    ] = "",
    do: Annotated[
        str, typer.Option(metavar="WORK", help="What to do with each: diagnose, process or audit.")
    ] = "diagnose",
    from_day: Annotated[
        str, typer.Option("--from", metavar="YYYY-MM-DD", help="The table's items from this day on.")
    ] = "",
    until_day: Annotated[str, typer.Option("--until", metavar="YYYY-MM-DD", help="... to this day, included.")] = "",
    call_ends: Annotated[
        str, typer.Option(metavar="FILE", help="A list with recording_id and call_end, for prefix or table.")
    ] = "",
    call_end_attribute: Annotated[
        str, typer.Option(metavar="NAME", help="Of the table's items, where the call end stands.")
    ] = "callEndingTimestamp",
    workers: Workers = 0,
    dask: Cluster = "",
    time_limit: TimeLimit = 900,
    memory_limit: MemoryLimit = 2000,
    force: Annotated[bool, typer.Option("--force", help="Do all, done before or not.")] = False,
    results: Results = "",
    csv: Csv = "",
    limit: ChangedLimits = None,
    as_json: AsJson = False,
) -> int:
    """Diagnose, process or audit thousands of recordings into a Parquet dataset; go on where an earlier run ended."""
    how = _how(out, workers, dask, time_limit, memory_limit, force=force, csv=csv, as_json=as_json)
    if not call_end_attribute.strip():
        raise InputError("--call-end-attribute is empty: it names the attribute of the table's items with the call end")
    ask = _ask(do, how.out, results, limit, call_end_attribute.strip())
    listed = _listed(_address(source), from_day, until_day, _address(call_ends), ask.call_end_attribute)
    return _run(listed, ask, how)


def rerun(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="The folder or s3:// prefix that `batch` wrote.")],
    *,
    where: Annotated[
        str,
        typer.Option(metavar="SQL", help="Which rows, as after WHERE: \"verdict = 'fail' and day >= '2026-11-01'\"."),
    ] = "",
    do: Annotated[
        str, typer.Option(metavar="WORK", help="What to do with each: audit (the default), process or diagnose.")
    ] = "",
    submit: Annotated[
        bool, typer.Option("--submit", help="Leave it to production: show the messages for its queue (see --yes).")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --submit: send them, and don't only show them.")] = False,
    rate: Annotated[float, typer.Option(metavar="N", help="With --submit: messages a second.")] = _RATE_HZ,
    workers: Workers = 0,
    dask: Cluster = "",
    time_limit: TimeLimit = _RERUN_TIME_S,
    memory_limit: MemoryLimit = _RERUN_MEMORY_MB,
    force: Annotated[
        bool,
        typer.Option("--force", help="Do what is done already from the same inputs; with --submit, tell the queue so."),
    ] = False,
    results: Results = "",
    csv: Csv = "",
    limit: ChangedLimits = None,
    as_json: AsJson = False,
) -> int:
    """Audit or process again those recordings of a dataset that a condition names, here or by the production queue."""
    if not where.strip():
        raise InputError('--where is missing: which rows, as in SQL after WHERE; "true" for all')
    how = _how(dataset, workers, dask, time_limit, memory_limit, force=force, csv=csv, as_json=as_json)
    if submit:
        _check_submit(do, results, limit, how)
    elif yes or rate != _RATE_HZ:
        raise InputError(f"{'--yes' if yes else '--rate'} belongs to --submit: without it nothing is sent anywhere")
    _needs("duckdb", "fleet")
    from komorebi_qc.batch.dataset.dataset import open_dataset  # noqa: PLC0415  pyarrow loads only for the commands
    from komorebi_qc.batch.rerun import listed_again, rows_where  # noqa: PLC0415
    from komorebi_qc.cli.batch_progress import print_note  # noqa: PLC0415

    held = open_dataset(how.out)
    table = held.read()
    rows = rows_where(table, where)
    if not rows:
        print_note(f"none of the {len(table)} rows of {held.place.address} fulfils --where {where!r}: nothing to do")
    if submit:
        return _submit(rows, yes=yes, rate_hz=rate, force=force, as_json=as_json)
    ask = _ask(do or "audit", how.out, results, limit, "")
    listed, aside = listed_again(rows, f"rerun of {held.place.address}")
    if aside:
        print_note(f"{aside} of these rows were set aside, and name no recording: mend their list, and batch it again")
    return _run(listed, ask, how)


@dataclass(frozen=True, slots=True)
class _How:
    """How a run is done, as its options have it."""

    out: str
    workers: int
    dask: str
    time_limit_s: float
    memory_limit_mb: float
    csv: str
    force: bool
    as_json: bool


def _how(
    out: str,
    workers: int,
    dask: str,
    time_limit_s: float,
    memory_limit_mb: float,
    *,
    csv: str,
    force: bool,
    as_json: bool,
) -> _How:
    out = _address(out)
    if not out:
        raise InputError("--out is missing: the folder of the dataset, or s3://bucket/prefix")
    if not out.startswith("s3://") and Path(out).exists() and not Path(out).is_dir():
        raise InputError(f"{out} is a file: a dataset is a folder, or s3://bucket/prefix")
    if workers and dask:
        raise InputError("--workers and --dask are both given: the one is for this machine, the other for a cluster")
    for name, value in {"--time-limit": time_limit_s, "--memory-limit": memory_limit_mb}.items():
        if not math.isfinite(value):
            raise InputError(
                f"{name} {value} is no limit: give a number, and a large one where nothing is to be stopped"
            )
    _needs("pyarrow", "fleet")
    return _How(out, workers, dask, time_limit_s, memory_limit_mb, _address(csv), force, as_json)


def _check_submit(do: str, results: str, limit: list[str] | None, how: _How) -> None:
    if do not in ("", "process"):
        raise InputError(f"--submit is for --do process, which is what the queue does: not for {do}")
    for name, is_given in {
        "--limit": bool(limit),
        "--csv": bool(how.csv),
        "--workers": bool(how.workers),
        "--dask": bool(how.dask),
        "--results": bool(results),
        "--time-limit": how.time_limit_s != _RERUN_TIME_S,
        "--memory-limit": how.memory_limit_mb != _RERUN_MEMORY_MB,
    }.items():
        if is_given:
            raise InputError(
                f"{name} says nothing with --submit: production does the work, by its own settings (limits: "
                "KOMOREBI_LIMITS); leave it out, or leave out --submit to do the work here"
            )


def _address(text: str) -> str:
    """A path as it is, and ``s3://`` in small letters; by any other scheme a folder of its name would be made."""
    scheme, mark, rest = text.partition("://")
    if not mark or not scheme.isalnum():
        return text
    if scheme.lower() != "s3":
        raise InputError(f"{text} is no place that can be used: give a path of this machine, or s3://bucket/...")
    return f"s3://{rest}"


def _needs(library: str, extra: str) -> None:
    from importlib.util import find_spec  # noqa: PLC0415  only here

    if find_spec(library) is None:
        raise missing_extra(extra, library)


def _ask(do: str, out: str, results: str, limit: list[str] | None, call_end_attribute: str) -> BatchRequest:
    from komorebi_qc.batch.places import place_of  # noqa: PLC0415
    from komorebi_qc.batch.dataset.schema import WORKS  # noqa: PLC0415
    from komorebi_qc.batch.execution.tasks import BatchRequest, own_settings  # noqa: PLC0415

    if do not in WORKS:
        raise InputError(f"--do {do!r} is none of {', '.join(WORKS)}")
    where = place_of(_address(results)).address if results else ""
    settings = own_settings(os.environ)
    return BatchRequest(cast("Do", do), place_of(out).address, settings, tuple(limit or ()), where, call_end_attribute)


def _listed(source: str, from_day: str, until_day: str, call_ends: str, call_end_attribute: str) -> Listed:
    from komorebi_qc.batch.manifest import manifest_file as manifest  # noqa: PLC0415
    from komorebi_qc.cli.batch_progress import print_note  # noqa: PLC0415
    from komorebi_qc.wiring import Settings, aws_client  # noqa: PLC0415

    if source and (from_day or until_day):
        raise InputError("a list or prefix and dates are both given: dates ask the table; give one or the other")
    if source and (not source.startswith("s3://") or manifest.is_manifest(source)):
        if call_ends:
            raise InputError("--call-ends is for a prefix or the table: a manifest tells its call ends itself")
        return manifest.read_manifest(source)
    if not source and not (from_day and until_day):
        raise InputError(
            "nothing is named: a manifest (.csv, .jsonl, .parquet), s3://bucket/prefix, or the table by --from and "
            "--until"
        )
    told = manifest.read_call_ends(call_ends) if call_ends else {}
    settings = Settings.from_environment(os.environ)
    if source:
        return manifest.read_prefix(aws_client("s3"), source, input_bucket=settings.input_bucket, call_ends=told)
    first, last = _date("--from", from_day), _date("--until", until_day)
    listed = manifest.read_table(
        aws_client("dynamodb"),
        *(settings.table_name, first, last),
        call_end_attribute=call_end_attribute,
        call_ends=told,
    )
    if not listed.items and not listed.set_aside:
        print_note(
            f"the table {settings.table_name} has no item whose creationDate lies from {first} to {last}: nothing "
            "to do (KOMOREBI_TABLE_NAME names another table)"
        )
    return listed


def _date(option: str, text: str) -> Any:
    from datetime import date  # noqa: PLC0415

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option} {text!r} is no date: write it as 2026-11-24") from None


def _crew(workers: int, dask: str, bounds: ResourceLimits) -> Executor:
    if dask:
        from komorebi_qc.batch.execution.dask_executor import DaskExecutor  # noqa: PLC0415  an extra

        return DaskExecutor(dask, bounds)
    from komorebi_qc.batch.execution.executor import LocalExecutor  # noqa: PLC0415

    return LocalExecutor(workers or len(os.sched_getaffinity(0)), bounds)


def _run(listed: Listed, ask: BatchRequest, how: _How) -> int:
    from komorebi_qc.batch.dataset.csv_file import csv_file  # noqa: PLC0415
    from komorebi_qc.batch.dataset.dataset import open_dataset  # noqa: PLC0415
    from komorebi_qc.batch.run import Run, Tally  # noqa: PLC0415
    from komorebi_qc.batch.dataset.schema import WITH_DAY  # noqa: PLC0415
    from komorebi_qc.batch.execution.tasks import Resolver  # noqa: PLC0415
    from komorebi_qc.batch.execution.worker_process import ResourceLimits  # noqa: PLC0415
    from komorebi_qc.cli.batch_progress import print_set_aside, watching  # noqa: PLC0415
    from komorebi_qc.core.interrupt import stoppable  # noqa: PLC0415

    csv = csv_file(how.csv) if how.csv else None
    if not how.as_json:
        print_set_aside(listed)
    bounds, dataset = ResourceLimits(how.time_limit_s, how.memory_limit_mb), open_dataset(how.out)
    resolver, tally = Resolver(ask), Tally()
    resolver.prepare(listed.items)
    dataset.known()  # what can't be read ends it before anything is begun
    stopped: BaseException | None = None
    with watching(quiet=how.as_json) as shown, stoppable(shown) as stop:
        run = Run(dataset, resolver, _crew(how.workers, how.dask, bounds), bounds, shown, stop.check, how.force)
        try:
            run.carry_out(listed, ask.do, tally)
        except (KeyboardInterrupt, SystemExit) as asked:
            stopped, tally.is_stopped = asked, True
    if csv is not None:
        csv.write(dataset.read() if dataset.known() else WITH_DAY.empty_table())
    _print(tally, listed, dataset, csv, as_json=how.as_json)
    if stopped is not None:
        raise stopped
    return _code(tally)


def _print(tally: Tally, listed: Listed, dataset: Dataset, csv: CsvFile | None, *, as_json: bool) -> None:
    from komorebi_qc.cli.batch_progress import print_tally  # noqa: PLC0415

    if not as_json:
        print_tally(tally, dataset.place.address, csv.address if csv else "")
        return
    not_done = [*((one.listed_in, one.reason) for one in listed.set_aside[:_MOST_TOLD]), *tally.told]
    told = {
        "dataset": dataset.place.address,
        "csv": csv.address if csv else None,
        "asked_for": tally.total,
        "counts": dict(tally.counts),
        "unchanged": tally.unchanged,
        "left": tally.left,
        "is_stopped": tally.is_stopped,
        "not_done": [{"recording_id": name, "reason": reason} for name, reason in not_done],
        "ignored": list(listed.ignored),
    }
    print(json.dumps(told, indent=1))  # noqa: T201  this is the output


def _code(tally: Tally) -> int:
    lost = tally.counts["failed"] + tally.counts["set_aside"]
    if lost:
        return PART_FAILED if lost < tally.total else FAILED
    return FINDINGS_FAIL if tally.counts["fail"] else DONE


def _submit(rows: list[dict[str, Any]], *, yes: bool, rate_hz: float, force: bool, as_json: bool) -> int:
    from komorebi_qc.batch.rerun import Pace, Sent, for_the_queue, open_queue, submit  # noqa: PLC0415
    from komorebi_qc.cli.batch_progress import print_messages, watching  # noqa: PLC0415
    from komorebi_qc.core.interrupt import stoppable  # noqa: PLC0415
    from komorebi_qc.core.recording import message_body  # noqa: PLC0415

    can, cannot = for_the_queue(rows)
    pace, sent = Pace(rate_hz), Sent()
    stopped: BaseException | None = None
    if yes:
        table, queue = open_queue(os.environ)
        with watching(quiet=as_json) as shown, stoppable(shown) as stop:
            shown.begin(len(can))
            try:
                submit(can, sent, force=force, pace=pace, table=table, queue=queue, told=shown.done, check=stop.check)
            except (KeyboardInterrupt, SystemExit) as asked:
                stopped = asked
    bodies = [message_body(row["recording_id"], row["call_end"], force=force) for row in can]
    refused = [*cannot, *sent.refused]
    if as_json:
        pairs = [{"recording_id": name, "reason": reason} for name, reason in refused]
        print(json.dumps({"messages": bodies, "sent": sent.count, "refused": pairs}, indent=1))  # noqa: T201  this is the output
    else:
        print_messages(bodies, refused, sent.count if yes else None, rate_hz)
    if stopped is not None:
        raise stopped
    if not refused:
        return DONE
    return PART_FAILED if len(refused) < len(rows) else FAILED
