"""The dataset in DuckDB: one row a recording, cleaned of what is no number, and ready to be asked.

`open_fleet` leaves a table ``rows`` in the database of this process: the columns of `komorebi_qc.batch.dataset.schema` that the
report asks for, with ``day`` as a date (null where nothing told one), ``outcome`` (pass, warn, fail, failed,
set_aside), ``codec`` (picture/sound) and ``browser`` (name and first number of its version, ``Chrome 142``). The
measurements of sync are those of aligned recordings alone: where nothing could be told for sure, they are null.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from komorebi_qc.batch.dataset.dataset import open_dataset
from komorebi_qc.batch.dataset.schema import DAY
from komorebi_qc.fleet.places import place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from komorebi_qc.fleet.places import Folder, Prefix

_ASKED = (
    *("recording_id", "agent", "schema_version", "version", "do", "done_at", "status", "error_class", "error"),
    *("is_worth_a_retry", "last_try_do", "last_try_error_class", "last_try_error", "last_try_is_worth_a_retry"),
    *("verdict", "warn_count", "fail_count", "warnings", "failures", "report", "sync_status"),
    *("offset_s", "drift_ppm", "jump_count", "call_end_error_s", "coverage", "container", "video_codec"),
    *("audio_codec", "browser", "duration_s", "call_s", DAY),
)
_MEASURED = ("offset_s", "drift_ppm", "call_end_error_s")
_FIRST_DAY = "1990-01-01"
"""What lies before it, or years ahead, is a clock's or a typist's mistake, which would stretch every chart."""
_AHEAD = timedelta(days=1000)
_NAMED = r"^\s*([^/]*?[^/\d\s])[\s/]*v?(\d+)(?:[._]\d+)*\s*$"
"""A name and a version; what isn't written so stands as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """A dataset that was read.

    Attributes:
        root: where it lies.
        name: as it was named.
        database: holds the table ``rows``.
        read_at: when, UTC.
        is_demo: whether its rows were made up.
    """

    root: Folder | Prefix
    name: str
    database: duckdb.DuckDBPyConnection
    read_at: datetime
    is_demo: bool = False

    @property
    def dataset(self) -> str:
        """As a command names it."""
        return "DATASET" if self.is_demo else self.name

    def ask(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that a query gives."""
        return self.database.execute(query, list(parameters)).fetchall()

    def columns(self, query: str, parameters: Sequence[Any] = ()) -> dict[str, NDArray[Any]]:
        """The same by column; numbers that are null are NaN."""
        found = self.database.execute(query, list(parameters)).fetchnumpy()
        return {name: _plain(values) for name, values in found.items()}


def _plain(values: Any) -> NDArray[Any]:
    plain: NDArray[Any] = values.filled(float("nan")) if getattr(values, "mask", False) is not False else values
    return plain


def open_fleet(name: str) -> Fleet:
    """Read a dataset.

    Args:
        name: its folder, or ``s3://bucket/prefix``.

    Raises:
        InputError: where there is none, or a file of it can't be read.
        StorageError: where S3 doesn't answer.
        AccessDeniedError: where it refuses.
    """
    root = place_of(name)
    return fleet_of(open_dataset(name).read(), root, name)


def fleet_of(rows: pa.Table, root: Folder | Prefix, name: str, *, is_demo: bool = False) -> Fleet:
    """The same from rows that are in memory, with columns as in `komorebi_qc.batch.dataset.schema`."""
    database = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
    rows = rows.select(_ASKED)
    read_at = datetime.now(UTC)
    last_day = (read_at + _AHEAD).date()
    # Without a time zone no library for those is needed; all are UTC.
    at = rows.column_names.index("done_at")
    database.register("given", rows.set_column(at, "done_at", rows["done_at"].cast(pa.timestamp("ms"))))
    finite = ", ".join(
        f"case when status = 'done' and sync_status = 'aligned' and isfinite({column}) then {column} end as {column}"
        for column in _MEASURED
    )
    database.execute(
        f"""create table rows as select * exclude (video_codec, audio_codec)
        replace (
          case when try_cast(day as date) between date '{_FIRST_DAY}' and date '{last_day}' then try_cast(day as date)
          end as day,
          {finite},
          case when status = 'done' and isfinite(coverage) then coverage end as coverage,
          nullif(trim(agent), '') as agent,
          nullif(trim(container), '') as container,
          regexp_replace(nullif(trim(browser), ''), '{_NAMED}', '\\1 \\2') as browser
        ),
        coalesce(video_codec || coalesce('/' || audio_codec, ', no sound'), audio_codec) as codec,
        case when status = 'done' then coalesce(verdict, 'failed') else coalesce(status, 'failed') end as outcome
        from given"""  # noqa: S608
    )
    database.unregister("given")
    return Fleet(root, name, database, read_at, is_demo)
