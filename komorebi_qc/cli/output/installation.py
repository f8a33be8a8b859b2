"""The state of an installation, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.cli.output.console import out, print_rows, safe
from komorebi_qc.core.errors import missing_extra
from komorebi_qc.wiring.installation import CODECS

if TYPE_CHECKING:
    from komorebi_qc.wiring.installation import Installation

_YES, _NO = "[green]yes[/]", "[yellow]no[/]"


def print_installation(found: Installation) -> None:
    """Print the versions, the packages, the codecs, the extras, and the configuration of AWS."""
    console = out()
    console.print(f"[bold]komorebi-qc {found.version}[/]")
    ffmpeg = f"{found.ffmpeg}, in PyAV {found.pyav}" if found.pyav else f"{_NO}: PyAV can't be imported"
    rows = [("Python", f"{found.python} on {safe(found.platform)}"), ("FFmpeg", ffmpeg)]
    missing = [name for name, version in found.packages.items() if version is None]
    rows.append(("packages", f"[bold red]missing: {', '.join(missing)}[/]" if missing else "all of the base"))
    print_rows(console, rows, indent=2)
    console.print("\n[bold]Encoders[/]")
    print_rows(console, [(name, _YES if found.codecs[name] else _NO, use) for name, use in CODECS.items()], indent=2)
    console.print("\n[bold]Extras[/]")
    rows3 = []
    for extra in found.extras:
        lacks = f" (missing: {', '.join(extra.missing)})" if extra.missing else ""
        rows3.append((extra.name, _NO if extra.missing else _YES, f"{extra.adds}{lacks}"))
    print_rows(console, rows3, indent=2)
    lacking = next((extra for extra in reversed(found.extras) if extra.missing), None)
    if lacking is not None:
        how = str(missing_extra(lacking.name, lacking.missing[0])).partition("; ")[2]
        console.print(f"  For example the {lacking.name} extra: {safe(how)}", soft_wrap=True)
    console.print("\n[bold]AWS[/], which only recordings in AWS need")
    aws = found.aws
    credentials = (
        f"found ({aws.credentials_from})" if aws.credentials_from else "not found; a machine's role isn't asked"
    )
    rows = [
        ("region", aws.region or "not configured"),
        ("credentials", credentials),
        ("settings that are set", ", ".join(aws.set) or "no setting"),
    ]
    if aws.missing:
        rows.append(("settings to set", ", ".join(aws.missing)))
    if aws.unusable:
        rows.append(("values not allowed", f"[yellow]{', '.join(aws.unusable)}[/]"))
    print_rows(console, rows, indent=2)
    state = "Local files can be processed." if found.is_usable else "[bold red]Local files can't be processed.[/]"
    console.print(f"\n{state}")
