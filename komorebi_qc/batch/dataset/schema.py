"""The columns of the dataset that `komorebi-qc batch` writes, one row a recording (see docs/analyst/batch.md).

`SCHEMA_VERSION` rises in its first number where a column is removed or changes its meaning, in its second where one is
added. Units stand in the names: ``_s`` seconds, ``_ppm`` millionths, ``_dbfs``, ``_dbtp`` and ``_db`` decibels; what is
undetermined, or wasn't measured by this kind of work, is null. Times of day are UTC.

Where it lies, under the dataset's root (a folder or ``s3://bucket/prefix``):

* ``day=YYYY-MM-DD/rows.parquet``: one file a day, replaced whole; ``day=unknown`` for what has no day. The folder
  alone tells ``day`` (Hive partitioning): it isn't a column of the files;
* ``_journal/*.parquet``: rows that aren't filed under their days yet, with ``day`` as a column. `dataset.read` sees
  them; a reader of ``day=*/rows.parquet`` sees them as soon as a run ends or the next one begins;
* ``_reports/``: what audits leave, unless another place was named; ``_unified/``: unified recordings of listed files.

A recording has one row under all days: its newest, see `komorebi_qc.batch.dataset.row_merge`. Where a try fails, the row
that was made from the same inputs before stays, and the columns ``last_try_*`` tell of the failure.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = "1.1"
DAY: Final = "day"
UNKNOWN_DAY: Final = "unknown"
"""The partition of rows without a day."""
WORKS: Final = ("diagnose", "process", "audit")
TRACKS: Final = ("call_customer", "call_agent", "recording")

_TEXT, _NUMBER, _COUNT, _YES = pa.string(), pa.float64(), pa.int32(), pa.bool_()
_WHEN = pa.timestamp("ms", tz="UTC")
_NAMES = pa.list_(pa.string())

_ID = (
    "of the table or the manifest; for files without one where the recording lies, as in `recording`; of a row set "
    "aside, where it stands, as in `listed_in`. Never null, unique in the dataset"
)
_REPORT = (
    "the audit's report.html: relative to the dataset's root, or a path or s3:// elsewhere; its folder holds "
    "status.json, qc.json, thumbnail.png"
)
_COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    # What it is
    ("recording_id", _TEXT, _ID),
    ("agent", _TEXT, "who recorded it: the item's agentID, or the manifest's"),
    ("named_by", _TEXT, "id: an item of the table names its media; files: the manifest does"),
    ("call", _TEXT, "Connect's audio: s3://bucket/key, or an absolute path"),
    ("recording", _TEXT, "the agent recording: s3://bucket/key, or an absolute path"),
    ("call_end", _TEXT, "the told call end, as it was written: 00:57:01"),
    ("call_etag", _TEXT, "its ETag; of a local file its size and mtime in ns, as 1234-1700000000000000000"),
    ("recording_etag", _TEXT, "its ETag, or size and mtime"),
    ("listed_in", _TEXT, "what named it: /lists/day.csv:17, table Recording:ID, s3://bucket/key"),
    # How it was done
    ("schema_version", _TEXT, "of these columns"),
    ("version", _TEXT, "of komorebi_qc"),
    ("do", _TEXT, "diagnose, process or audit"),
    ("work_key", _TEXT, "hash of what the row was made from: inputs, told call end, kind of work, limits, versions"),
    ("inputs_key", _TEXT, "hash of locations, ETags and the told call end alone"),
    ("done_at", _WHEN, "when, UTC"),
    ("took_s", _NUMBER, "how long it took, wall seconds"),
    ("peak_memory_mb", _NUMBER, "most resident memory of the process that did it, so far; 1 MB is 1e6 bytes"),
    # What became of it
    ("status", _TEXT, "done; failed: it was tried; set_aside: it wasn't, since the list's row can't be used"),
    (
        "error_class",
        _TEXT,
        "null where done; one of komorebi_qc.core.errors, or TimeLimit, MemoryLimit, Crash, Unforeseen",
    ),
    ("error", _TEXT, "the reason as a sentence; null where done"),
    ("is_worth_a_retry", _YES, "whether the next run tries it again by itself; false where done"),
    ("last_try_do", _TEXT, "kind of work that was tried on the same inputs since, and failed; null where none was"),
    ("last_try_at", _WHEN, "when it failed, UTC"),
    ("last_try_key", _TEXT, "its work_key"),
    ("last_try_error_class", _TEXT, "as error_class"),
    ("last_try_error", _TEXT, "the reason as a sentence"),
    ("last_try_is_worth_a_retry", _YES, "whether the same command tries that work again by itself"),
    ("verdict", _TEXT, "pass, warn or fail: the worst finding; null unless done"),
    ("warn_count", _COUNT, "findings that warn"),
    ("fail_count", _COUNT, "findings that fail"),
    ("warnings", _NAMES, "names of the findings that warn"),
    ("failures", _NAMES, "names of the findings that fail"),
    ("report", _TEXT, _REPORT),
    ("output", _TEXT, "the unified recording, where one was made (process)"),
    # Sync
    ("sync_status", _TEXT, "aligned, ambiguous, wrong_pair or insufficient"),
    ("offset_s", _NUMBER, "where the call begins on the recording's clock, as measured"),
    ("offset_low_s", _NUMBER, "lower end of its 95 % interval"),
    ("offset_high_s", _NUMBER, "upper end"),
    ("drift_ppm", _NUMBER, "by how much the recording's clock runs faster than the call's"),
    ("drift_low_ppm", _NUMBER, "lower end of its 95 % interval"),
    ("drift_high_ppm", _NUMBER, "upper end"),
    ("jump_count", _COUNT, "leaps of the recording's clock"),
    ("largest_jump_s", _NUMBER, "the largest by size, with its sign; null without one"),
    ("call_end_told_s", _NUMBER, "as told, on the recording's clock"),
    ("call_end_error_s", _NUMBER, "told minus measured; positive: told late"),
    ("coverage", _NUMBER, "share of the speech that agrees, 0 to 1"),
    ("sides", _TEXT, "who is heard in the recording: both, agent, customer or none"),
    # The media
    ("container", _TEXT, "of the agent recording: mp4 or webm (Matroska too)"),
    ("video_codec", _TEXT, "of the agent recording, FFmpeg's name: h264, vp8, vp9, av1, hevc"),
    ("audio_codec", _TEXT, "of the agent recording: opus, aac, ...; null without sound"),
    ("width_px", _COUNT, "of its picture, as coded"),
    ("height_px", _COUNT, "of its picture, as coded"),
    ("call_codec", _TEXT, "of Connect's audio: pcm_s16le, ..."),
    ("muxing_app", _TEXT, "which library wrote the file, where it tells: Chrome, Lavf61.7.103"),
    ("writing_app", _TEXT, "which program asked for it, where it tells"),
    ("browser", _TEXT, "the manifest's or the item's `browser`, else the writing app's name where it is a browser's"),
    ("duration_s", _NUMBER, "of the agent recording"),
    ("call_s", _NUMBER, "of the call's audio"),
    ("call_bytes", pa.int64(), "size of the call's audio"),
    ("recording_bytes", pa.int64(), "size of the agent recording"),
    # Levels, in the telephone band
    *(
        (f"{track}_{name}", _NUMBER, f"{meaning}, {where}")
        for track, where in zip(
            TRACKS, ("the call's customer channel", "the call's agent channel", "the recording's sound"), strict=True
        )
        for name, meaning in (
            ("speech_dbfs", "active speech level"),
            ("true_peak_dbtp", "true peak"),
            ("noise_floor_dbfs", "noise floor"),
            ("snr_db", "speech over noise"),
        )
    ),
)  # fmt: skip

SCHEMA: Final = pa.schema(
    [
        pa.field(name, kind, nullable=name != "recording_id", metadata={"meaning": meaning})
        for name, kind, meaning in _COLUMNS
    ],
    metadata={"komorebi_qc.schema": SCHEMA_VERSION},
)
"""Of the files under ``day=``; each column's meaning is in its metadata."""
WITH_DAY: Final = SCHEMA.append(pa.field(DAY, _TEXT, metadata={"meaning": "YYYY-MM-DD; unknown where nothing tells"}))
"""As readers see it; ``day`` compares as text, since ISO dates do."""
LAST_TRY: Final = tuple(name for name in SCHEMA.names if name.startswith("last_try_"))
LEVELS: Final = tuple(
    name for name in SCHEMA.names if name.startswith(TRACKS) and name.endswith(("_dbfs", "_dbtp", "_db"))
)
CARRIED: Final = (
    *("report", "output", "width_px", "height_px", "muxing_app", "writing_app", "browser"),
    *("duration_s", "call_s", "call_codec", "call_bytes", "recording_bytes"),
)
"""What a row takes over from the one it replaces, where it has none itself and the inputs are the same."""


def as_markdown() -> str:
    """The columns as a table, for docs/reference/dataset.md."""
    names = {_NUMBER: "double", _NAMES: "list of string"}
    rows = [
        f"| `{field.name}` | {names.get(field.type, str(field.type))} | {meaning(field.name)} |" for field in WITH_DAY
    ]
    return "\n".join(("| column | type | meaning |", "| --- | --- | --- |", *rows)) + "\n"


def meaning(column: str) -> str:
    """What a column says.

    Raises:
        KeyError: where there is no such column.
    """
    found: dict[bytes, bytes] = WITH_DAY.field(column).metadata or {}
    return found[b"meaning"].decode()
