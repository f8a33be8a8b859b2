"""Plain arrays and tables for an analyst's own cells.

A table is Arrow's. With pandas installed, `to_pandas()` turns it into a data frame.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.notes import Notes
from komorebi_qc.core.samples import RATE
from komorebi_qc.desk.notebooks.notebook_output import combined, paragraph, table
from komorebi_qc.desk.notes.files import notes_beside
from komorebi_qc.desk.plots.window_correlation import correlate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from komorebi_qc.desk.notebooks.notebook_output import NotebookOutput
    from komorebi_qc.desk.plots.window_correlation import Correlation
    from komorebi_qc.desk.session import AuditSession

__all__ = ["SAMPLE_RATE", "audio", "findings_table", "notes_table", "own_data", "window_correlation", "windows_table"]

SAMPLE_RATE = RATE
"""Samples a second of all audio here."""
_FINDING_COLUMNS = ("name", "status", "value", "unit", "limit", "text")


def own_data(session: AuditSession) -> NotebookOutput:
    """The arrays and tables of a recording, each with the line that gets it, and its size."""
    tracks, windows, findings = audio(session), windows_table(session), findings_table(session)
    try:
        notes = _table_text(notes_table(session))
    except InputError as error:
        notes = str(error)
    rows = [
        *((f'own_cells.audio(recording_session)["{name}"]', _shape_text(one)) for name, one in tracks.items()),
        ("own_cells.windows_table(recording_session)", _table_text(windows)),
        ("own_cells.findings_table(recording_session)", _table_text(findings)),
        ("own_cells.notes_table(recording_session)", notes),
        ("own_cells.window_correlation(recording_session, 12.0)", "arrays lag_s and z of one window"),
    ]
    words = (
        f"Audio has {SAMPLE_RATE:,} samples a second, on the clock of the unified recording. Tables are Arrow's; with "
        "pandas installed, to_pandas() turns one into a data frame."
    )
    first = paragraph("from komorebi_qc.desk.notebooks import own_cells", bold=True)
    return combined([paragraph(words), first, table(("Line", "Result"), rows)])


def _shape_text(samples: NDArray[np.int16]) -> str:
    return f"array {samples.shape}, {samples.dtype}"


def _table_text(found: Any) -> str:
    return f"{found.num_rows} rows: {', '.join(found.column_names)}"


def audio(session: AuditSession) -> dict[str, NDArray[np.int16]]:
    """The audio of all sides on the output clock, ``(n,)`` at `SAMPLE_RATE`.

    Returns:
        By ``customer``, ``agent`` and ``recording``, and ``output`` if a unified recording was written.
    """
    tracks = session.examined.tracks
    found = {"customer": tracks.customer, "agent": tracks.agent, "recording": tracks.recording}
    return found if tracks.output is None else {**found, "output": tracks.output}


def windows_table(session: AuditSession) -> Any:
    """The measured windows: ``call_s``, ``lag_s``, ``channel``, ``weight`` and ``accepted``, one a row."""
    windows = session.examined.diagnosis.pair.result.windows
    names = ("call_s", "lag_s", "channel", "weight", "accepted")
    return pa.table({name: [getattr(window, name) for window in windows] for name in names})


def findings_table(session: AuditSession) -> Any:
    """The findings, one a row. A value is a number or a text, so the column ``value`` holds texts."""
    found = session.examined.document["findings"]
    columns = {name: [one[name] for one in found] for name in _FINDING_COLUMNS}
    return pa.table({**columns, "value": [str(value) for value in columns["value"]]})


def notes_table(session: AuditSession) -> Any:
    """The notes beside the report, one a row; without notes, no rows.

    Raises:
        InputError: The file of notes can't be used.
    """
    notes = notes_beside(session.examined.video.parent) or Notes("")
    names = ("id", "from_s", "to_s", "text", "category", "severity", "by", "made_at", "run_id")
    rows = [asdict(one) for one in notes.notes]
    kinds = {"from_s": pa.float64(), "to_s": pa.float64()}
    return pa.table({name: pa.array([row[name] for row in rows], kinds.get(name, pa.string())) for name in names})


def window_correlation(
    session: AuditSession, at_s: float, channel: str = "agent", length_s: float = 1.5
) -> Correlation:
    """One window of the call against the recording at every lag near the alignment in use.

    Args:
        session: the recording.
        at_s: the middle of the window, call clock.
        channel: ``customer`` or ``agent``.
        length_s: of the window.

    Returns:
        Its `lag_s` and `z` are arrays, ``(n,)``.

    Raises:
        InputError: The channel doesn't exist, or the window is outside the call.
    """
    pair, alignment = session.examined.diagnosis.pair, session.examined.alignment
    lag_s = alignment.to_recording(at_s) - at_s
    return correlate(pair.call, pair.recording, channel, centre_s=at_s, lag_s=lag_s, length_s=length_s)
