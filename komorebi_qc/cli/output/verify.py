"""The result of a verification, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.cli.output.console import out, print_rows, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATES = {
    "unchanged": "[green]unchanged[/]",
    "changed": "[bold red]CHANGED[/]",
    "missing": "[bold red]MISSING[/]",
    "unknown": "[yellow]unknown[/]",
}


def print_verifications(runs: Sequence[dict[str, Any]]) -> None:
    """Print each run (`Verification.to_dict`) with its files, then the number of files in each state."""
    console = out()
    for run in runs:
        rows = []
        for one in run["files"]:
            version = f"  (version {safe(one['version_id'])})" if one["version_id"] else ""
            role = one["role"].replace("_", " ")
            rows.append((_STATES[one["state"]], role, f"{safe(one['address'])}{version}"))
            if one["detail"]:
                rows.append(("", "", safe(one["detail"])))
        made = f", made by komorebi_qc {safe(run['version'])}" if run["version"] else ""
        console.print(f"[bold]{safe(run['recording_id'] or 'unknown recording')}[/]{made}", soft_wrap=True)
        print_rows(console, rows, indent=2)
    states = [one["state"] for run in runs for one in run["files"]]
    counts = {state: states.count(state) for state in _STATES}
    parts = [f"{count} {state}" for state, count in counts.items() if count and state != "unchanged"]
    console.print(f"{counts['unchanged']} of {len(states)} unchanged{''.join(f', {part}' for part in parts)}.")
