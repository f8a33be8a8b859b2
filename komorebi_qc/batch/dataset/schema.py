"""The columns of the dataset that `komorebi-qc batch` writes, one row a recording (see docs/analyst/batch.md).

`SCHEMA_VERSION` has two numbers. The first rises if a column is removed or changes its meaning, the second if one is
added. Columns end with their unit: ``_s`` seconds, ``_ppm`` parts per million, ``_dbfs``, ``_dbtp`` and ``_db``
decibels. A value is null if it is undetermined, or if this action doesn't measure it. Times of day are UTC.

The files under the dataset's root (a folder or ``s3://bucket/prefix``):

* ``day=YYYY-MM-DD/rows-*.parquet``: the rows of a day, in one or several files; ``day=unknown`` for rows without a day.
  The folder's name holds ``day`` (Hive partitioning), the files have no such column. Older versions of this software
  wrote one file, ``rows.parquet``, which is read as well;
* ``_journal/*.parquet``: rows that aren't in the files of their days yet, with ``day`` as a column.
  `Dataset.read` includes them. Other readers see them when the run ends, or when the next one begins.
  ``_journal/*.merge.json`` name files that are being merged, see `komorebi_qc.batch.dataset.data_files`;
* ``_lock``: held by a run while it files rows;
* ``_reports/``: the reports of audits, unless ``--results`` names another place; ``_unified/``: the unified recordings
  of listed files.

A recording has one row: its newest, see `komorebi_qc.batch.dataset.row_merge`. If an attempt fails, the row measured
from the same inputs stays, and the columns ``last_attempt_*`` describe the failure.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = "2.3"
DAY: Final = "day"
UNKNOWN_DAY: Final = "unknown"
"""The partition of rows without a day."""
ACTIONS: Final = ("diagnose", "process", "audit", "triage")
TRACKS: Final = ("call_customer", "call_agent", "recording")

_TEXT, _NUMBER, _COUNT, _YES = pa.string(), pa.float64(), pa.int32(), pa.bool_()
_WHEN = pa.timestamp("ms", tz="UTC")
_NAMES = pa.list_(pa.string())

_ID = (
    "ID from the table or the manifest. For files without an ID, the value of `recording`; for a rejected row, the "
    "value of `listed_in`. Never null, unique in the dataset"
)
_LISTED_IN = (
    "the entry that lists the recording: a list's row (/lists/day.csv:17), an item (table Recording:ID), or an object "
    "under a prefix (s3://bucket/key)"
)
_STATUS = "done; failed: the attempt failed; rejected: the list's row can't be used, so nothing was attempted"
_PUBLICATION = (
    "result of processing. confirmed: published, and the audio confirms that both files belong to the same call; "
    "unconfirmed: published, and the audio doesn't confirm it; held: not published, an operator decides. null: not "
    "processed, or processing failed"
)
_REPORT = (
    "the audit's report.html. The path is relative to the dataset's root; a report elsewhere has a full path or an "
    "s3:// address. status.json, qc.json and thumbnail.png are in the same folder"
)
_COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    # Identity
    ("recording_id", _TEXT, _ID),
    ("agent", _TEXT, "the agent: the item's agentID, or the manifest's agent"),
    ("named_by", _TEXT, "source of the two files' names. id: an item of the DynamoDB table; files: the manifest"),
    ("call", _TEXT, "the call audio: s3://bucket/key, or an absolute path"),
    ("recording", _TEXT, "the agent recording: s3://bucket/key, or an absolute path"),
    ("analysis", _TEXT, "Contact Lens' analysis of listed files: s3://bucket/key, or an absolute path; else null"),
    ("transcript", _TEXT, "a transcript of listed files' call: s3://bucket/key, or an absolute path; else null"),
    ("call_end", _TEXT, "the reported call end, as it was written: 00:57:01"),
    ("call_etag", _TEXT, "ETag of the call audio; for a local file its size and mtime in ns: 1234-1700000000000000000"),
    ("recording_etag", _TEXT, "ETag of the agent recording, or its size and mtime"),
    ("listed_in", _TEXT, _LISTED_IN),
    # The work
    ("schema_version", _TEXT, "version of these columns"),
    ("version", _TEXT, "version of komorebi_qc that did the work"),
    ("action", _TEXT, "diagnose, process, audit or triage"),
    ("work_key", _TEXT, "hash of everything the row depends on: inputs, reported call end, action, limits, versions"),
    ("inputs_key", _TEXT, "hash of both files' and the analyses' paths and ETags, and of the reported call end"),
    ("done_at", _WHEN, "end of the work, UTC"),
    ("took_s", _NUMBER, "duration of the work, wall seconds"),
    ("peak_memory_mb", _NUMBER, "peak resident memory of the worker process at the end of the work; 1 MB is 1e6 bytes"),
    # The outcome
    ("status", _TEXT, _STATUS),
    (
        "error_class",
        _TEXT,
        "a class of komorebi_qc.core.errors, or TimeLimit, MemoryLimit, Crash, Unforeseen; null if done",
    ),
    ("error", _TEXT, "the reason as a sentence; null if done"),
    ("is_worth_a_retry", _YES, "whether the next run attempts it again; false if done"),
    (
        "last_attempt_action",
        _TEXT,
        "action of the last attempt after the work in this row, if it failed on the same inputs; otherwise null",
    ),
    ("last_attempt_at", _WHEN, "time of that failure, UTC"),
    ("last_attempt_key", _TEXT, "its work_key"),
    ("last_attempt_error_class", _TEXT, "its error_class"),
    ("last_attempt_error", _TEXT, "its reason as a sentence"),
    ("last_attempt_is_worth_a_retry", _YES, "whether the same command attempts it again"),
    ("verdict", _TEXT, "pass, warn or fail: the worst finding; null unless done"),
    ("warn_count", _COUNT, "number of findings that warn"),
    ("fail_count", _COUNT, "number of findings that fail"),
    ("warnings", _NAMES, "names of the findings that warn"),
    ("failures", _NAMES, "names of the findings that fail"),
    ("report", _TEXT, _REPORT),
    ("output", _TEXT, "the unified recording (process)"),
    ("publication", _TEXT, _PUBLICATION),
    ("corrected_by", _TEXT, "the analyst who corrected the alignment of a recording in AWS: an ARN; else null"),
    ("corrected_at", _TEXT, "when it was corrected, RFC 3339; null without a correction"),
    ("correction_why", _TEXT, "the analyst's reason"),
    # Sync
    ("sync_status", _TEXT, "aligned, ambiguous, wrong_pair or insufficient"),
    ("belongs", _TEXT, "whether both files belong to the same call, by the audio: yes, no or unknown"),
    ("belongs_probability", _NUMBER, "probability that they do, 0 to 1"),
    ("offset_s", _NUMBER, "start of the call on the recording clock, as measured"),
    ("offset_low_s", _NUMBER, "lower end of its 95 % interval"),
    ("offset_high_s", _NUMBER, "upper end"),
    ("drift_ppm", _NUMBER, "by how much the recording clock runs faster than the call clock"),
    ("drift_low_ppm", _NUMBER, "lower end of its 95 % interval"),
    ("drift_high_ppm", _NUMBER, "upper end"),
    ("jump_count", _COUNT, "jumps of the recording clock"),
    ("largest_jump_s", _NUMBER, "the largest jump by size, with its sign; null without jumps"),
    ("suspended_count", _COUNT, "times that recording was suspended in Connect; null if nobody looked"),
    ("suspended_s", _NUMBER, "total time of these suspensions"),
    ("outside_call_s", _NUMBER, "duration of the same conversation outside of the call audio; null unless aligned"),
    ("call_end_reported_s", _NUMBER, "the reported call end on the recording clock"),
    ("call_end_error_s", _NUMBER, "reported minus measured; positive: reported late"),
    ("coverage", _NUMBER, "share of the speech that matches the recording, 0 to 1"),
    ("sides", _TEXT, "voices found in the recording: both, agent, customer or none"),
    # The media
    ("container", _TEXT, "of the agent recording: mp4 or webm (Matroska too)"),
    ("video_codec", _TEXT, "of the agent recording, FFmpeg's name: h264, vp8, vp9, av1, hevc"),
    ("audio_codec", _TEXT, "of the agent recording: opus, aac, ...; null without audio"),
    ("width_px", _COUNT, "width of the coded video"),
    ("height_px", _COUNT, "height of the coded video"),
    ("call_codec", _TEXT, "of the call audio: pcm_s16le, ..."),
    ("muxing_app", _TEXT, "library that wrote the agent recording, from its header: Chrome, Lavf61.7.103"),
    ("writing_app", _TEXT, "program that used this library, from the same header"),
    ("browser", _TEXT, "the manifest's or the item's `browser`, else the writing app if it is a browser"),
    ("duration_s", _NUMBER, "duration of the agent recording"),
    ("call_s", _NUMBER, "duration of the call audio"),
    ("call_bytes", pa.int64(), "size of the call audio"),
    ("recording_bytes", pa.int64(), "size of the agent recording"),
    ("recording_files", _COUNT, "files of the agent recording; more than 1 if its recorder was restarted"),
    ("recorder_off_s", _NUMBER, "time of the call in which no recorder ran; null for a recording of one file"),
    # The contact's record; null without one
    ("call_audio_by", _TEXT, "how the call audio was found: record, prefix, or redacted by Contact Lens"),
    ("record_agent_s", _NUMBER, "time from the agent's connection to the call's end for the agent, whole seconds"),
    ("record_call_end_error_s", _NUMBER, "call's end for the agent by the record, minus the call audio's"),
    ("hold_s", _NUMBER, "time that the agent held the customer"),
    ("holds", _COUNT, "number of holds; null in records of the API"),
    ("queue", _TEXT, "ID of the queue"),
    ("team", _TEXT, "ID of the deepest group in the agent's hierarchy"),
    ("device", _TEXT, "operating system and browser of the agent, as Connect names them"),
    ("agent_quality", _NUMBER, "audio quality of the agent's connection by Connect, 1 to 5"),
    ("customer_quality", _NUMBER, "audio quality of the customer's connection by Connect, 1 to 5"),
    ("initial_contact_id", _TEXT, "first contact of a chain of transfers"),
    ("previous_contact_id", _TEXT, "contact that was transferred to this one"),
    ("related_contact_id", _TEXT, "contact that this one was made from"),
    # Levels, in the telephone band
    *(
        (f"{track}_{name}", _NUMBER, f"{meaning}, {channel}")
        for track, channel in zip(
            TRACKS, ("the call's customer channel", "the call's agent channel", "the recording's audio"), strict=True
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
WITH_DAY: Final = SCHEMA.append(pa.field(DAY, _TEXT, metadata={"meaning": "YYYY-MM-DD, or unknown"}))
"""With the partition's ``day``; it compares as text, as ISO dates do."""
LAST_ATTEMPT: Final = tuple(name for name in SCHEMA.names if name.startswith("last_attempt_"))
LEVELS: Final = tuple(
    name for name in SCHEMA.names if name.startswith(TRACKS) and name.endswith(("_dbfs", "_dbtp", "_db"))
)
CARRIED: Final = (
    *("report", "output", "publication", "width_px", "height_px", "muxing_app", "writing_app", "browser"),
    *("duration_s", "call_s", "call_codec", "call_bytes", "recording_bytes"),
)
"""Columns that a row takes over from the row it replaces, if its own are null and the inputs are the same."""


def as_markdown() -> str:
    """The columns as a table, for docs/reference/dataset.md."""
    names = {_NUMBER: "double", _NAMES: "list of string"}
    rows = [
        f"| `{field.name}` | {names.get(field.type, str(field.type))} | {meaning(field.name)} |" for field in WITH_DAY
    ]
    return "\n".join(("| column | type | meaning |", "| --- | --- | --- |", *rows)) + "\n"


def meaning(column: str) -> str:
    """The meaning of a column.

    Raises:
        KeyError: The column doesn't exist.
    """
    found: dict[bytes, bytes] = WITH_DAY.field(column).metadata or {}
    return found[b"meaning"].decode()
