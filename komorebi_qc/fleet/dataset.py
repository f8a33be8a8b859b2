"""A dataset as a table in DuckDB: one row a recording, with unusable values removed.

The table is called ``rows``. It has the columns of `komorebi_qc.batch.dataset.schema` that the report needs, and:

* ``day``: a date, or null;
* ``outcome``: pass, warn, fail, failed or rejected;
* ``codec``: video and audio codec, ``vp8/opus``;
* ``browser``: name and major version, ``Chrome 142``.

Offset, drift and call-end error are null unless the recording is aligned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from komorebi_qc.batch.dataset.dataset import Dataset
from komorebi_qc.batch.dataset.schema import DAY
from komorebi_qc.fleet.audit_files import dataset_store
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from komorebi_qc.storage.object_store import ObjectStore

_COLUMNS = (
    *("recording_id", "agent", "schema_version", "version", "action", "done_at", "status", "error_class", "error"),
    *("is_worth_a_retry", "last_attempt_action", "last_attempt_error_class", "last_attempt_error"),
    *("last_attempt_is_worth_a_retry", "verdict", "warn_count", "fail_count", "warnings", "failures", "report"),
    *(
        "publication",
        "corrected_by",
        "corrected_at",
        "correction_why",
        "suspended_count",
        "suspended_s",
        "outside_call_s",
    ),
    *("sync_status", "offset_s", "drift_ppm", "jump_count", "call_end_error_s", "coverage", "container"),
    *("video_codec", "audio_codec", "browser", "duration_s", "call_s", "device", "team", DAY),
)
_MEASURED = ("offset_s", "drift_ppm", "call_end_error_s")
_FIRST_DAY = "1990-01-01"
"""Earlier days, and days years ahead, are mistakes of a clock or a person. They would stretch every chart."""
_AHEAD = timedelta(days=1000)
_NAME_AND_VERSION = r"^\s*([^/]*?[^/\d\s])[\s/]*v?(\d+)(?:[._]\d+)*\s*$"
"""A browser's name and version; other texts stay unchanged."""


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """A dataset in memory.

    Attributes:
        root: the dataset's store.
        name: the dataset's name, as it was given.
        database: has the table ``rows``.
        read_at: time of reading, UTC.
        is_demo: whether its rows are synthetic.
        results: the stores of other folders with audits, which a person named.
    """

    root: ObjectStore
    name: str
    database: duckdb.DuckDBPyConnection
    read_at: datetime
    is_demo: bool = False
    results: tuple[ObjectStore, ...] = ()

    @property
    def dataset(self) -> str:
        """The dataset's name in a command."""
        return "DATASET" if self.is_demo else self.name

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query's result."""
        return self.database.execute(sql, list(parameters)).fetchall()

    def columns(self, sql: str, parameters: Sequence[Any] = ()) -> dict[str, NDArray[Any]]:
        """The columns of a query's result; null numbers are NaN."""
        found = self.database.execute(sql, list(parameters)).fetchnumpy()
        return {name: _plain(values) for name, values in found.items()}


def _plain(values: Any) -> NDArray[Any]:
    plain: NDArray[Any] = values.filled(float("nan")) if getattr(values, "mask", False) is not False else values
    return plain


def open_fleet(name: str, results: Sequence[str] = ()) -> Fleet:
    """Read a dataset.

    Args:
        name: its folder, or ``s3://bucket/prefix``.
        results: other folders or prefixes with audits of its recordings.

    Raises:
        InputError: There is no dataset, or a file of it can't be read.
        StorageError: S3 doesn't answer.
        AccessDeniedError: S3 refuses access.
    """
    root = dataset_store(name, lambda: aws_client("s3"))
    others = tuple(dataset_store(one, lambda: aws_client("s3")) for one in results)
    return replace(fleet_of(Dataset(root).read(), root, name), results=others)


def fleet_of(rows: pa.Table, root: ObjectStore, name: str, *, is_demo: bool = False) -> Fleet:
    """A fleet from rows in memory, with the columns of `komorebi_qc.batch.dataset.schema`."""
    database = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
    rows = rows.select(_COLUMNS)
    read_at = datetime.now(UTC)
    last_day = (read_at + _AHEAD).date()
    # Without a time zone DuckDB needs no extension; all times are UTC.
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
          nullif(trim(device), '') as device,
          nullif(trim(team), '') as team,
          regexp_replace(nullif(trim(browser), ''), '{_NAME_AND_VERSION}', '\\1 \\2') as browser
        ),
        coalesce(video_codec || coalesce('/' || audio_codec, ', no audio'), audio_codec) as codec,
        case when status = 'done' then coalesce(verdict, 'failed') else coalesce(status, 'failed') end as outcome
        from given"""  # noqa: S608
    )
    database.unregister("given")
    return Fleet(root, name, database, read_at, is_demo)
