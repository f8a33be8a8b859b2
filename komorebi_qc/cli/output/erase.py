"""The result of an erasure, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.cli.output.console import out, print_rows, safe

if TYPE_CHECKING:
    from rich.console import Console


def print_erasure(erasure: dict[str, Any]) -> None:
    """Print what was found, removed and left (`Erasure.to_dict`)."""
    console = out()
    name = safe(erasure["recording_id"])
    if not erasure["found"]:
        console.print(f"[bold]{name}[/]: nothing found", soft_wrap=True)
    elif not erasure["is_done"]:
        console.print(f"[bold]{name}[/]: {_counts(erasure['counts'])}", soft_wrap=True)
        _print_rows(console, erasure["found"])
        console.print("Nothing was removed: --yes removes everything that isn't kept.")
    else:
        console.print(f"[bold]{name}[/]: removed {_counts(erasure['removed']) or 'nothing'}", soft_wrap=True)
        if erasure["left"]:
            console.print("[bold red]Left:[/]")
            _print_rows(console, erasure["left"])
        else:
            console.print("A second search found nothing.")
    for text in erasure["not_searched"]:
        console.print(f"[yellow]not searched[/]: {safe(text)}", soft_wrap=True)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} x {kind}" if count > 1 else f"1 {kind}" for kind, count in counts.items())


def _print_rows(console: Console, found: list[dict[str, Any]]) -> None:
    rows = []
    for one in found:
        count = f" ({one['count']})" if one["count"] > 1 else ""
        kept = f"  [yellow]kept: {safe(one['kept_because'])}[/]" if "kept_because" in one else ""
        rows.append((f"{one['kind']}{count}{', input' if one['is_input'] else ''}", f"{safe(one['address'])}{kept}"))
    print_rows(console, rows, indent=2)
