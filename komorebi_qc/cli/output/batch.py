"""A batch for people: rejected rows before the work, the counts and the reasons after it, and a rerun's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.cli.output.console import count_of, err, out, print_rows, safe
from komorebi_qc.cli.output.progress import counts_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from komorebi_qc.batch.command import RunResult
    from komorebi_qc.batch.manifest.items import Listing

_MOST_LISTED, _MOST_REPORTS = 10, 3


def print_rejected(listing: Listing) -> None:
    """Print, before any work, the list's rows that can't be used, and the columns that are ignored."""
    console, rejected = err(), listing.rejected
    if listing.ignored:
        console.print(f"{safe(listing.name)}: ignored: {safe(', '.join(listing.ignored[:20]))}", soft_wrap=True)
    if not rejected:
        return
    others = f"the other {len(listing.items)} of {safe(listing.name)} will be done"
    console.print(f"[magenta]{count_of(len(rejected), 'row')} rejected[/]; {others}:", soft_wrap=True)
    print_rows(console, [(_place(listing, one.listed_in), safe(one.reason)) for one in rejected[:_MOST_LISTED]])
    if len(rejected) > _MOST_LISTED:
        console.print(f"... and {len(rejected) - _MOST_LISTED} more, each with its reason in the dataset")


def _place(listing: Listing, place: str) -> str:
    """A row's place, without the list's folder."""
    line = place.removeprefix(f"{listing.name}:")
    return safe(f"{listing.name.rpartition('/')[2]}:{line}" if line.isdigit() else place)


def print_result(result: RunResult) -> None:
    """Print the counts, the recordings that weren't done with their reasons, and what to do next."""
    console, tally = out(), result.tally
    counts = tally.counts
    head = f"[bold]{tally.total - tally.left} of {tally.total}[/]" if tally.left else f"[bold]{tally.total}[/]"
    parts = [counts_text(counts).markup] if counts.total() else []
    parts += [f"[cyan]{tally.unconfirmed} published unconfirmed[/]"] if tally.unconfirmed else []
    parts += [f"[dim]{tally.unchanged} unchanged[/]"] if tally.unchanged else []
    noun = "recording" if tally.total == 1 else "recordings"
    console.print("   ".join([f"{head} {noun}", *parts]))
    print_rows(console, [(safe(name), safe(reason)) for name, reason in tally.first_failures[:_MOST_LISTED]])
    more = counts["failed"] + counts["held"] - min(len(tally.first_failures), _MOST_LISTED)
    if tally.first_failures and more > 0:
        console.print(f"... and {more} more: status = 'failed' in the dataset")
    rows = [("dataset", safe(result.dataset)), *([("csv", safe(result.csv))] if result.csv else [])]
    print_rows(console, rows)
    if tally.is_stopped:
        console.print("Stopped. Finished recordings are kept; the same command continues from there.")
        return
    place = safe(result.dataset)
    if failed := counts["failed"]:
        them, they = ("it", "its file has") if failed == 1 else ("them", "their files have")
        console.print(
            f"{count_of(failed, 'recording')} couldn't be examined. The same command attempts {them} again if a retry "
            f"may help, or once {they} changed.",
            soft_wrap=True,
        )
    if held := counts["held"]:
        verb, them = ("is", "it") if held == 1 else ("are", "them")
        console.print(
            f"{count_of(held, 'recording')} {verb} held: the audio doesn't confirm the pair, so nothing was published. "
            f"Listen to {them} first. To publish {them}, add --unconfirmed publish.",
            soft_wrap=True,
        )
    if tally.corrected:
        names = ", ".join(safe(name) for name in tally.first_corrected[:_MOST_LISTED])
        more_of_them = f" and {tally.corrected - _MOST_LISTED} more" if tally.corrected > _MOST_LISTED else ""
        verb = "was" if tally.corrected == 1 else "were"
        console.print(
            f"{count_of(tally.corrected, 'recording')} {verb} corrected by an analyst: {names}{more_of_them}.",
            soft_wrap=True,
        )
    if warned := counts["warn"]:
        console.print(f"{count_of(warned, 'recording')} {'needs' if warned == 1 else 'need'} a look (warn).")
    if result.failing:
        _print_failing(console, result)
    if result.reports:
        _print_reports(console, result.reports)
    if counts.total() > result.lost:
        command = f"komorebi-qc fleet {place} --out fleet.html"
        console.print(f"For a page about all of them: [bold]{command}[/]", soft_wrap=True)


def _print_failing(console: Console, result: RunResult) -> None:
    failing = result.failing
    verb, them = ("fails", "it") if len(failing) == 1 else ("fail", "them")
    console.print(f"[bold red]{count_of(len(failing), 'recording')} {verb}[/]:", soft_wrap=True)
    print_rows(console, [(safe(name),) for name in failing[:_MOST_LISTED]], indent=2)
    if len(failing) > _MOST_LISTED:
        console.print(f"  ... and {len(failing) - _MOST_LISTED} more")
    if not result.reports:
        command = f"komorebi-qc rerun {safe(result.dataset)} --where \"verdict = 'fail'\""
        console.print(f"To audit {them}: [bold]{command}[/]", soft_wrap=True)


def _print_reports(console: Console, reports: Sequence[str]) -> None:
    print_rows(console, [("report", safe(address)) for address in reports[:_MOST_REPORTS]])
    if len(reports) > _MOST_REPORTS:
        console.print(f"... and {count_of(len(reports) - _MOST_REPORTS, 'report')} more: report in the dataset")


def print_messages(bodies: Sequence[str], refused: Sequence[tuple[str, str]], sent: int | None, rate_hz: float) -> None:
    """Print a rerun's messages: those that would be sent (`sent` is None), or the number that was sent."""
    console = out()
    messages = count_of(len(bodies), "message")
    if not bodies:
        console.print("No row can be sent as a message.")
    elif sent is None:
        console.print(f"[bold]{messages}[/] would be sent, {rate_hz:g} a second. Add --yes to send them.")
        for body in bodies[:_MOST_LISTED]:
            console.print(f"  {body}", markup=False, soft_wrap=True)
        if len(bodies) > _MOST_LISTED:
            console.print(f"  ... and {len(bodies) - _MOST_LISTED} more")
    else:
        console.print(f"[bold]{sent}[/] of {messages} sent")
    if refused:
        console.print(f"[magenta]{len(refused)} can't be sent[/]:")
        print_rows(console, [(safe(name), safe(reason)) for name, reason in refused[:_MOST_LISTED]])
