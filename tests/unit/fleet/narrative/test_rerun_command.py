"""The command that audits recordings."""

from __future__ import annotations

import shlex

import pyarrow as pa
from fleet_rows import row
from hypothesis import example, given, settings
from hypothesis import strategies as st

from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.batch.selection import rows_where
from komorebi_qc.fleet.narrative.rerun_command import rerun_command


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, unique=True))
@settings(deadline=None, max_examples=50)
@example(ids=["set_aside"])
def test_the_command_names_exactly_these(ids: list[str]) -> None:
    """A shell and DuckDB read any IDs from it, and it has printable characters only."""
    written = rerun_command("data set", ids)
    assert written.isprintable()
    command = shlex.split(written)
    assert command[:3] == ["komorebi-qc", "rerun", "data set"]
    where = command[command.index("--where") + 1]
    others = [f"{one}'" for one in ids if f"{one}'" not in ids]
    rows = [row(n, recording_id=one) for n, one in enumerate([*ids, *others])]
    found = rows_where(pa.Table.from_pylist(rows, schema=WITH_DAY), where)
    assert {one["recording_id"] for one in found} == set(ids)
