"""The state of an audit, as ``status.json`` records it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from komorebi_qc.storage.atomic_file import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

State = Literal["waiting", "running", "done", "failed", "stopped"]
STATUS_FILE = "status.json"


@dataclass(slots=True)
class FailedCell:
    """The cell that ended a notebook.

    Attributes:
        number: position among the code cells, from 1, in papermill's copy (its injected parameters count).
        heading: the nearest heading above it.
        source: its first line.
        error: the exception.
    """

    number: int
    heading: str
    source: str
    error: str


@dataclass(slots=True)
class NotebookStatus:
    """The state of one notebook.

    Attributes:
        name: file name without folder and suffix.
        file: path of the executed copy, relative to the status file.
        state: ``done`` only if every cell ran.
        cells: number of code cells; 0 before the notebook starts.
        done: number of code cells that ran.
        kernel_died: whether its kernel was killed or crashed.
        is_signed: whether JupyterLab on this machine trusts it.
        failed: the cell that ended it; None if no cell failed.
    """

    name: str
    file: str
    state: State = "waiting"
    cells: int = 0
    done: int = 0
    kernel_died: bool = False
    is_signed: bool = False
    failed: FailedCell | None = None

    def failure_text(self) -> str:
        """The notebook's failure in one sentence."""
        cell = self.failed
        if cell is None:
            return f"{self.name}: {self.state}"
        if not cell.number:
            return f"{self.name}: before its first cell: {cell.error}"
        heading = f", under “{cell.heading}”" if cell.heading else ""
        return f"{self.name}: code cell {cell.number} of {self.cells}{heading} ({cell.source}): {cell.error}"


@dataclass(slots=True)
class AuditStatus:
    """The content of ``status.json``.

    Attributes:
        state: ``running`` until the end. If the process `pid` no longer exists, the audit was killed.
        step: the current step, or the last one.
        recording: the recording's name.
        verdict: verdict of the findings; None before the examination ends.
        error: reason of the failure.
        error_kind: class of the error.
        unused_notes: the reason why the report doesn't show the notes of an earlier one; empty if it does.
        files: files beside the status file.
        notebooks: state of each notebook.
        pid: process ID of the audit.
        began_at: UTC.
        updated_at: UTC.
    """

    state: State = "running"
    step: str = ""
    recording: str = ""
    verdict: str | None = None
    error: str | None = None
    error_kind: str | None = None
    unused_notes: str = ""
    files: list[str] = field(default_factory=list)
    notebooks: list[NotebookStatus] = field(default_factory=list)
    pid: int = field(default_factory=os.getpid)
    began_at: str = field(default_factory=lambda: _now())  # noqa: PLW0108  _now is defined below
    updated_at: str = ""

    def failed_notebooks(self) -> list[NotebookStatus]:
        """The notebooks that a cell ended."""
        return [notebook for notebook in self.notebooks if notebook.failed is not None]

    def write(self, folder: Path) -> None:
        """Replace ``status.json`` as a whole.

        Raises:
            StorageError: The disk didn't take the file; the previous one stays.
        """
        self.updated_at = _now()
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"
        write_atomically(folder / STATUS_FILE, text.encode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
