"""Arrays and tables for an analyst's own cells."""

from __future__ import annotations

import numpy as np
import pytest
from desk import sample_session, wrong_session

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.notes import Note, Notes
from komorebi_qc.desk.notebooks import own_cells
from komorebi_qc.desk.notes.files import merge_into


def test_audio_is_on_one_clock() -> None:
    """All sides begin at the start of the unified recording; a refused pair has no output."""
    found = own_cells.audio(sample_session())
    assert list(found) == ["customer", "agent", "recording", "output"]
    assert {one.dtype for one in found.values()} == {np.dtype(np.int16)}
    assert len(found["output"]) == pytest.approx(30.7 * own_cells.SAMPLE_RATE, rel=0.02)
    assert "output" not in own_cells.audio(wrong_session())


def test_tables_have_a_row_for_each() -> None:
    """Windows, findings and notes, in the document's order."""
    session = sample_session()
    windows, findings = own_cells.windows_table(session), own_cells.findings_table(session)
    assert windows.num_rows == len(session.examined.diagnosis.pair.result.windows) > 0
    assert findings.column("name").to_pylist() == [one["name"] for one in session.examined.document["findings"]]
    assert own_cells.notes_table(session).num_rows == 0
    folder = session.examined.video.parent
    note = Note("00000000000000aa", 1.0, 2.0, "Text.", "", "minor", "", "2026-11-27T13:58:00Z", "")
    try:
        merge_into(folder, Notes("local", (note,)))
        assert own_cells.notes_table(session).column("text").to_pylist() == ["Text."]
    finally:
        (folder / "notes.json").unlink()


def test_a_window_is_correlated_at_the_alignment_in_use() -> None:
    """Its peak is there."""
    session = sample_session()
    found = own_cells.window_correlation(session, 12.0, "agent")
    assert found.peak_s == pytest.approx(session.examined.alignment.offset_s, abs=0.002)
    assert found.lag_s.shape == found.z.shape
    with pytest.raises(InputError, match="no channel"):
        own_cells.window_correlation(session, 12.0, "both")
