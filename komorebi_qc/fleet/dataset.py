"""A dataset as a table in DuckDB: one row a recording, with unusable values removed.

The table is called ``rows``. It has the columns of `komorebi_qc.batch.dataset.schema` that the report needs, and:

* ``day``: a date, or null;
* ``outcome``: pass, warn, fail, failed or rejected;
* ``codec``: video and audio codec, ``vp8/opus``;
* ``browser``: name and major version, ``Chrome 142``;
* ``recording_id``: null for a recording that passes and has nothing to be named for.

Offset, drift and call-end error are null unless the recording is aligned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from komorebi_qc.batch.dataset.dataset import Dataset, no_dataset, repeated
from komorebi_qc.batch.dataset.row_sinks import Ids
from komorebi_qc.batch.dataset.schema import DAY, WITH_DAY
from komorebi_qc.fleet.audit_files import dataset_store
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from komorebi_qc.storage.object_store import ObjectStore

_COLUMNS = (
    *("recording_id", "agent", "version", "action", "done_at", "status", "error_class", "error", "is_worth_a_retry"),
    *("last_attempt_action", "last_attempt_error_class", "last_attempt_error", "last_attempt_is_worth_a_retry"),
    *("verdict", "warn_count", "fail_count", "warnings", "failures", "report", "publication"),
    *("corrected_by", "corrected_at", "correction_why", "suspended_count", "suspended_s", "outside_call_s"),
    *("sync_status", "offset_s", "drift_ppm", "call_end_error_s", "coverage", "container", "video_codec"),
    *("audio_codec", "browser", "device", "team", DAY),
)
_UNNAMED = """status = 'done' and verdict = 'pass' and sync_status is distinct from 'wrong_pair'
  and coalesce(publication, 'confirmed') = 'confirmed' and corrected_by is null and corrected_at is null
  and nullif(trim(report), '') is null"""
"""Rows that no part of the page names: their IDs would take a third of the memory."""
_ROWS_AT_ONCE = 300_000
_MEASURED = ("offset_s", "drift_ppm", "call_end_error_s")
_FIRST_DAY = "1990-01-01"
"""Earlier days, and days years ahead, are mistakes of a clock or a person. They would stretch every chart."""
_AHEAD = timedelta(days=1000)
_NAME_AND_VERSION = r"^\s*([^/]*?[^/\d\s])[\s/]*v?(\d+)(?:[._]\d+)*\s*$"
"""A browser's name and version; other texts stay unchanged."""
_BROWSERS = f"select regexp_replace(nullif(trim(browser), ''), '{_NAME_AND_VERSION}', '\\1 \\2') from browsers"  # noqa: S608


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
    dataset, loader = Dataset(root), _Loader(datetime.now(UTC))
    if not dataset.read_into(loader, _COLUMNS):
        raise no_dataset(root.address)
    database = loader.loaded()
    if loader.has_duplicates():
        ids = Ids()
        dataset.read_into(ids, ("recording_id",))
        dataset.read_into(loader, _COLUMNS, merged=repeated(pa.chunked_array([ids.found], pa.string())))
        database = loader.loaded()
    return Fleet(root, name, database, loader.read_at, results=others)


def fleet_of(rows: pa.Table, root: ObjectStore, name: str, *, is_demo: bool = False) -> Fleet:
    """A fleet from rows in memory, with the columns of `komorebi_qc.batch.dataset.schema`."""
    loader = _Loader(datetime.now(UTC))
    loader.take(rows)
    return Fleet(root, name, loader.loaded(), loader.read_at, is_demo)


class _Loader:
    """Puts the rows of a dataset into a table, a few hundred thousand at a time, and compresses them.

    Attributes:
        read_at: time of reading, UTC.
    """

    def __init__(self, read_at: datetime) -> None:
        self.read_at = read_at
        self._database = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
        self._database.execute("attach ':memory:' as fleet (compress); use fleet")
        self.begin()

    def begin(self) -> None:
        """See `komorebi_qc.batch.dataset.row_sinks.RowSink`."""
        self._waiting: list[pa.Table] = []
        self._hashes: list[NDArray[np.uint64]] = []
        self._database.execute("drop table if exists rows")
        self._insert(WITH_DAY.empty_table().select(_COLUMNS), "create table rows as")

    def take(self, table: pa.Table) -> None:
        """See `komorebi_qc.batch.dataset.row_sinks.RowSink`."""
        self._waiting.append(table.select(_COLUMNS))
        if sum(map(len, self._waiting)) >= _ROWS_AT_ONCE:
            self._insert_waiting()

    def loaded(self) -> duckdb.DuckDBPyConnection:
        """The database with all rows."""
        self._insert_waiting()
        return self._database

    def has_duplicates(self) -> bool:
        """Whether a recording has two rows; call it after `loaded`."""
        hashes = np.concatenate([np.empty(0, np.uint64), *self._hashes])
        self._hashes = []
        hashes.sort()
        return bool((hashes[1:] == hashes[:-1]).any())

    def _insert_waiting(self) -> None:
        if self._waiting:
            self._insert(pa.concat_tables(self._waiting), "insert into rows")
            self._database.execute("checkpoint fleet")
            self._waiting = []
            pa.default_memory_pool().release_unused()

    def _insert(self, rows: pa.Table, start: str) -> None:
        # Without a time zone DuckDB needs no extension; all times are UTC.
        at = rows.column_names.index("done_at")
        given = rows.set_column(at, "done_at", rows["done_at"].cast(pa.timestamp("ms")))
        at = rows.column_names.index("browser")
        given = given.set_column(at, "browser", self._short_browsers(rows["browser"]))
        self._database.register("ids", given.select(["recording_id"]))
        self._hashes.append(self._database.execute("select hash(recording_id) as h from ids").fetchnumpy()["h"])
        self._database.register("given", pa.RecordBatchReader.from_batches(given.schema, given.to_batches()))
        self._database.execute(f"{start} {_select((self.read_at + _AHEAD).date())}")
        self._database.unregister("given")
        self._database.unregister("ids")

    def _short_browsers(self, browsers: pa.ChunkedArray) -> pa.Array:
        """Names and major versions. Each text is matched once: matching every row took a fifth of the reading."""
        encoded = browsers.combine_chunks().dictionary_encode()
        self._database.register("browsers", pa.table({"browser": encoded.dictionary}))
        names = self._database.execute(_BROWSERS).fetchall()
        self._database.unregister("browsers")
        return pa.array([name for (name,) in names], pa.string()).take(encoded.indices)


def _select(last_day: date) -> str:
    finite = ", ".join(
        f"case when status = 'done' and sync_status = 'aligned' and isfinite({column}) then {column} end as {column}"
        for column in _MEASURED
    )
    return f"""select * exclude (video_codec, audio_codec)
        replace (
          case when {_UNNAMED} then null else recording_id end as recording_id,
          case when try_cast(day as date) between date '{_FIRST_DAY}' and date '{last_day}' then try_cast(day as date)
          end as day,
          {finite},
          case when status = 'done' and isfinite(coverage) then coverage end as coverage,
          nullif(trim(agent), '') as agent,
          nullif(trim(container), '') as container,
          nullif(trim(device), '') as device,
          nullif(trim(team), '') as team
        ),
        coalesce(video_codec || coalesce('/' || audio_codec, ', no audio'), audio_codec) as codec,
        case when status = 'done' then coalesce(verdict, 'failed') else coalesce(status, 'failed') end as outcome
        from given"""  # noqa: S608
