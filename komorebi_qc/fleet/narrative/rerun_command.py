"""The command that audits recordings, quoted so that a shell and DuckDB take every name as a name."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN = re.compile(r"[\w .,:;/()='|-]*", re.ASCII)
"""Characters without a special meaning between double quotes in a shell."""


def rerun_command(dataset: str, recording_ids: Sequence[str]) -> str:
    """The command for these recordings.

    Characters that a terminal would interpret, or show differently, are written by their numbers: ``chr(27)``.
    """
    named = ", ".join(_quoted(one) for one in recording_ids)
    condition = f"recording_id = {named}" if len(recording_ids) == 1 else f"recording_id in ({named})"
    quoted = f'"{condition}"' if _PLAIN.fullmatch(condition) else shlex.quote(condition)
    return f"komorebi-qc rerun {shlex.quote(dataset)} --where {quoted} --action audit"


def _quoted(text: str) -> str:
    """A text for DuckDB, of visible characters only."""
    quoted = "'" + text.replace("'", "''") + "'"
    return "".join(c if c.isprintable() else f"' || chr({ord(c)}) || '" for c in quoted)
