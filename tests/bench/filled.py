"""A dataset of any size for measurements: synthetic rows with IDs, addresses and keys as long as real ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from komorebi_qc.batch.dataset.data_files import day_file
from komorebi_qc.batch.dataset.filing import MOST_ROWS
from komorebi_qc.batch.dataset.parquet_files import to_parquet
from komorebi_qc.batch.dataset.schema import DAY, SCHEMA
from komorebi_qc.fleet.synthetic import FIRST_DAY, synthetic_parts, synthetic_rows

if TYPE_CHECKING:
    from pathlib import Path

ROWS_A_DAY = 33_000
"""Of a million recordings a month."""
FEWEST_DAYS = 92


def days_for(rows: int) -> int:
    """The days of a dataset of so many rows."""
    return max(FEWEST_DAYS, rows // ROWS_A_DAY)


def fill(root: Path, rows: int) -> None:
    """Write a dataset as `komorebi-qc batch` leaves it, but with files that are as large as they get."""
    rng = np.random.default_rng(5)
    number = 0
    for part in synthetic_parts(rows, days=days_for(rows)):
        table = realistic(part, rng)
        for day in table[DAY].unique().to_pylist():
            own = table.filter(pc.equal(table[DAY], day)).drop_columns([DAY]).sort_by("recording_id").cast(SCHEMA)
            for at in range(0, len(own), MOST_ROWS):
                number += 1
                file = root / day_file(day, "bench", number)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(to_parquet(own.slice(at, MOST_ROWS)))


def realistic(table: pa.Table, rng: np.random.Generator) -> pa.Table:
    """The rows with random IDs and keys, which don't compress, and with the addresses of both files."""
    count = len(table)

    def hexes() -> list[str]:
        text = rng.bytes(16 * count).hex()
        return [text[at : at + 32] for at in range(0, 32 * count, 32)]

    ids = [f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}" for h in hexes()]
    folders = [day.replace("-", "/") for day in table[DAY].to_pylist()]
    columns: dict[str, list[str]] = {
        "recording_id": ids,
        "work_key": hexes(),
        "inputs_key": hexes(),
        "named_by": ["id"] * count,
        "call": [f"s3://calls/connect/{day}/{one}.wav" for day, one in zip(folders, ids, strict=True)],
        "recording": [f"s3://recordings/{day}/{one}.webm" for day, one in zip(folders, ids, strict=True)],
        "call_etag": [f'"{h}"' for h in hexes()],
        "recording_etag": [f'"{h}"' for h in hexes()],
        "listed_in": [f"table Recording:{one}" for one in ids],
        "call_end": ["00:05:00"] * count,
    }
    for name, values in columns.items():
        at = table.column_names.index(name)
        table = table.set_column(at, table.schema.field(at), pa.array(values, pa.string()))
    return table


def new_rows(count: int, *, days: int, seed: int, at: datetime | None = None) -> list[dict[str, Any]]:
    """Rows that a run adds: of the dataset's last day, or of all its days.

    Args:
        count: number of rows.
        days: 1 for the last day, or the number of days.
        seed: of their IDs.
        at: when their work ended; now by default.
    """
    table = realistic(synthetic_rows(count, days=days, seed=7), np.random.default_rng(1000 + seed))
    rows: list[dict[str, Any]] = table.to_pylist()
    when = at or datetime.now(UTC)
    last = (FIRST_DAY + timedelta(days=FEWEST_DAYS - 1)).isoformat()
    return [{**row, "done_at": when, **({DAY: last} if days == 1 else {})} for row in rows]
