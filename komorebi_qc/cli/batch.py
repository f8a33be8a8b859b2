"""The commands for many recordings: a batch, and a rerun of rows of its dataset."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from komorebi_qc.batch.command import RATE_HZ, RERUN_MEMORY_MB, RERUN_TIME_S
from komorebi_qc.cli.exit_code import EPILOG, ExitCode
from komorebi_qc.cli.options import (
    FILE_OR_S3,
    FOLDER_OR_S3,
    AsJson,
    Limit,
    Mask,
    MaskMargin,
    OutsideCall,
    Unconfirmed,
    WholeCall,
)
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from komorebi_qc.batch.command import RunResult, RunSettings
    from komorebi_qc.batch.execution.tasks import Action, BatchRequest
    from komorebi_qc.batch.manifest.items import Listing

Workers = Annotated[
    int, typer.Option(min=0, metavar="N", help="Processes on this machine; 0 for as many as there are cores.")
]
Cluster = Annotated[
    str, typer.Option(metavar="tls://HOST:PORT", help="Use a Dask cluster instead: the address of its scheduler.")
]
TimeLimit = Annotated[
    float, typer.Option(min=1, metavar="SECONDS", help="For one recording. One that takes longer is stopped.")
]
MemoryLimit = Annotated[
    float, typer.Option(min=100, metavar="MB", help="For one recording. One that needs more is stopped.")
]
Results = Annotated[
    str,
    typer.Option(
        metavar=FOLDER_OR_S3,
        help="The folder for audits, and for unified recordings if the list names their input files. By default they "
        "go into the dataset's folder.",
    ),
]
Csv = Annotated[str, typer.Option(metavar=FILE_OR_S3, help="Also write all rows of the dataset as CSV.")]
OldAction = Annotated[str, typer.Option("--do", hidden=True, metavar="diagnose|process|audit|triage")]


def mount(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog=EPILOG)(batch)
    app.command(epilog=EPILOG)(rerun)


def batch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="[MANIFEST|s3://...]",
            help="A list (.csv, .jsonl, .parquet; here or on S3), or a prefix of the recordings' bucket. Without this "
            "argument, --from and --until select recordings from the DynamoDB table.",
        ),
    ] = "",
    *,
    out: Annotated[
        str,
        typer.Option(metavar=FOLDER_OR_S3, help="The dataset. Recordings that are already in it aren't done again."),
    ] = "",
    action: Annotated[
        str, typer.Option(metavar="diagnose|process|audit|triage", help="The work to do with each recording.")
    ] = "diagnose",
    do: OldAction = "",
    then: Annotated[
        str,
        typer.Option(
            metavar="diagnose|audit",
            help="With --action triage: the work to do next with each recording whose verdict isn't pass.",
        ),
    ] = "",
    from_day: Annotated[
        str, typer.Option("--from", metavar="YYYY-MM-DD", help="The first day, by creationDate in the DynamoDB table.")
    ] = "",
    until_day: Annotated[str, typer.Option("--until", metavar="YYYY-MM-DD", help="The last day, included.")] = "",
    call_ends: Annotated[
        str,
        typer.Option(
            metavar=FILE_OR_S3,
            help="A list with recording_id and call_end. Use it with a prefix, or with --from and --until. A recording "
            "that isn't in it gets the call end from its item.",
        ),
    ] = "",
    call_end_attribute: Annotated[
        str, typer.Option(metavar="NAME", help="The item's attribute with the call end.")
    ] = "callEndingTimestamp",
    workers: Workers = 0,
    dask: Cluster = "",
    time_limit: TimeLimit = 900,
    memory_limit: MemoryLimit = 2000,
    force: Annotated[
        bool, typer.Option("--force", help="Repeat the work on recordings that the dataset already has.")
    ] = False,
    unconfirmed: Unconfirmed = "",
    whole_call: WholeCall = False,
    mask: Mask = "",
    mask_margin: MaskMargin = None,
    outside_call: OutsideCall = "",
    results: Results = "",
    csv: Csv = "",
    limit: Limit = None,
    as_json: AsJson = False,
) -> int:
    """Diagnose, process, audit or triage many recordings into a dataset. The same command continues an interrupted run.

    A triage looks at a few pieces of each call, as `diagnose --quick` does.
    """
    from komorebi_qc.batch import command  # noqa: PLC0415  rich loads only for the commands
    from komorebi_qc.cli.output.console import print_note  # noqa: PLC0415
    from komorebi_qc.pipeline.options import MaskRequest  # noqa: PLC0415

    settings = command.RunSettings(out, workers, dask, time_limit, memory_limit, csv, force)
    command.check_then(do or action, then)
    if not call_end_attribute.strip():
        raise InputError("--call-end-attribute is empty: it names the attribute of the table's items with the call end")
    attribute = call_end_attribute.strip()
    request = command.batch_request(
        *(do or action, settings.out, results, limit, attribute, os.environ),
        unconfirmed=unconfirmed,
        whole_call=whole_call,
        masks=MaskRequest(mask, mask_margin, outside_call),
    )
    days = (from_day, until_day)
    listing = command.list_recordings(source, *days, call_ends, attribute, environ=os.environ, note=print_note)
    if then:
        return _run(listing, request, settings, as_json=as_json, then=replace(request, action=cast("Action", then)))
    return _run(listing, request, settings, as_json=as_json)


def rerun(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="The folder or s3:// prefix that `batch` wrote.")],
    *,
    where: Annotated[
        str,
        typer.Option(
            metavar="SQL",
            help="The condition for the rows, as after WHERE in SQL: \"verdict = 'fail' and day >= '2026-11-01'\". "
            "Write true to select all rows.",
        ),
    ] = "",
    action: Annotated[
        str, typer.Option(metavar="diagnose|process|audit|triage", help="The work to do with each; audit by default.")
    ] = "",
    do: OldAction = "",
    submit: Annotated[
        bool,
        typer.Option(
            "--submit",
            help="Let production do the work. Without --yes, only show the messages for its queue.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --submit: send the messages.")] = False,
    rate: Annotated[float, typer.Option(metavar="N", help="With --submit: messages a second.")] = RATE_HZ,
    workers: Workers = 0,
    dask: Cluster = "",
    time_limit: TimeLimit = RERUN_TIME_S,
    memory_limit: MemoryLimit = RERUN_MEMORY_MB,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Repeat the work even if the inputs haven't changed. With --submit, the messages set `force`.",
        ),
    ] = False,
    unconfirmed: Unconfirmed = "",
    whole_call: WholeCall = False,
    mask: Mask = "",
    mask_margin: MaskMargin = None,
    outside_call: OutsideCall = "",
    results: Results = "",
    csv: Csv = "",
    limit: Limit = None,
    as_json: AsJson = False,
) -> int:
    """Repeat the work on recordings that --where selects from a dataset, here or through the production queue."""
    from komorebi_qc.batch import command  # noqa: PLC0415  rich loads only for the commands
    from komorebi_qc.cli.output.console import print_note  # noqa: PLC0415
    from komorebi_qc.pipeline.options import MaskRequest  # noqa: PLC0415

    action = do or action
    if not where.strip():
        raise InputError('--where is missing: which rows, as in SQL after WHERE; "true" for all')
    settings = command.RunSettings(dataset, workers, dask, time_limit, memory_limit, csv, force)
    masks = MaskRequest(mask, mask_margin, outside_call)
    if submit:
        command.check_submit(
            *(action, results, limit, settings), unconfirmed=unconfirmed, whole_call=whole_call, masks=masks
        )
    elif yes or rate != RATE_HZ:
        raise InputError(f"{'--yes' if yes else '--rate'} goes with --submit: without it nothing is sent")
    command.check_library("duckdb", "fleet")
    from komorebi_qc.batch.dataset.dataset import open_dataset  # noqa: PLC0415  pyarrow loads only for the commands
    from komorebi_qc.batch.selection import listing_of, rows_where  # noqa: PLC0415

    held = open_dataset(settings.out)
    table = held.read()
    rows = rows_where(table, where)
    if not rows:
        print_note(f"--where {where!r} selects none of the {len(table)} rows of {held.store.address}: nothing to do")
    if submit:
        return _submit(rows, yes=yes, rate_hz=rate, force=force, as_json=as_json)
    request = command.batch_request(
        *(action or "audit", settings.out, results, limit, "", os.environ),
        unconfirmed=unconfirmed,
        whole_call=whole_call,
        masks=masks,
    )
    listing, rejected = listing_of(rows, f"rerun of {held.store.address}")
    if rejected:
        print_note(
            f"{rejected} of these rows were rejected and name no recording: correct their list, and run `komorebi-qc "
            "batch` on it"
        )
    return _run(listing, request, settings, as_json=as_json)


def _run(
    listing: Listing,
    request: BatchRequest,
    settings: RunSettings,
    *,
    as_json: bool,
    then: BatchRequest | None = None,
) -> int:
    from komorebi_qc.batch.command import unsettled  # noqa: PLC0415
    from komorebi_qc.cli.output.batch import print_rejected, print_result  # noqa: PLC0415
    from komorebi_qc.cli.output.console import print_note  # noqa: PLC0415
    from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415
    from komorebi_qc.isolation.resource_limits import memory_note  # noqa: PLC0415

    if not as_json:
        print_rejected(listing)
        if not settings.dask and (note := memory_note()):
            print_note(note)
    result = _carried_out(listing, request, settings, quiet=as_json)
    before = None
    if then is not None and result.stopped_by is None:
        left = unsettled(listing, result)
        if not as_json:
            print_result(result)
            print_note(f"{len(left.items)} of {len(listing.items)} recordings go on to --then {then.action}")
        before, result = result, _carried_out(left, then, settings, quiet=as_json)
    if as_json:
        print_json(result.to_dict() if before is None else {**result.to_dict(), "triage": before.to_dict()})
    else:
        print_result(result)
    if result.stopped_by is not None:
        raise result.stopped_by
    lost, total = result.lost, result.tally.total
    if before is not None:
        lost, total = lost + before.tally.counts["rejected"], before.tally.total
    if lost:
        return ExitCode.PART_FAILED if lost < total else ExitCode.FAILED
    return ExitCode.FINDINGS_FAIL if result.tally.counts["fail"] else ExitCode.DONE


def _carried_out(listing: Listing, request: BatchRequest, settings: RunSettings, *, quiet: bool) -> RunResult:
    from komorebi_qc.batch.command import run_batch  # noqa: PLC0415
    from komorebi_qc.cli.output.progress import batch_progress  # noqa: PLC0415
    from komorebi_qc.core.interrupt import stoppable  # noqa: PLC0415

    with batch_progress(quiet=quiet) as shown, stoppable(shown) as stop:
        return run_batch(listing, request, settings, shown, stop)


def _submit(rows: list[dict[str, Any]], *, yes: bool, rate_hz: float, force: bool, as_json: bool) -> int:
    from komorebi_qc.batch.submission import Pace, Submission, open_queue, split_for_queue, submit  # noqa: PLC0415
    from komorebi_qc.cli.output.batch import print_messages  # noqa: PLC0415
    from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415
    from komorebi_qc.cli.output.progress import batch_progress  # noqa: PLC0415
    from komorebi_qc.core.interrupt import stoppable  # noqa: PLC0415
    from komorebi_qc.core.recording import message_body  # noqa: PLC0415

    can, cannot = split_for_queue(rows)
    pace, sent = Pace(rate_hz), Submission()
    stopped_by: BaseException | None = None
    if yes:
        table, queue = open_queue(os.environ)
        with batch_progress(quiet=as_json) as shown, stoppable(shown) as stop:
            shown.begin(len(can))
            try:
                submit(can, sent, force=force, pace=pace, table=table, queue=queue, report=shown.done, check=stop.check)
            except (KeyboardInterrupt, SystemExit) as signalled:
                stopped_by = signalled
    bodies = [message_body(row["recording_id"], row["call_end"], force=force) for row in can]
    refused = [*cannot, *sent.refused]
    if as_json:
        pairs = [{"recording_id": name, "reason": reason} for name, reason in refused]
        print_json({"messages": bodies, "sent": sent.count, "refused": pairs})
    else:
        print_messages(bodies, refused, sent.count if yes else None, rate_hz)
    if stopped_by is not None:
        raise stopped_by
    if not refused:
        return ExitCode.DONE
    return ExitCode.PART_FAILED if len(refused) < len(rows) else ExitCode.FAILED
