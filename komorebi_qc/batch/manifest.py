"""Which recordings: read from a list, a table or a prefix, and validated as a whole before any work.

A row that can't be used is set aside with its place and its reason, and the others are done.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.parquet as pq

from komorebi_qc.aws_errors import aws_errors
from komorebi_qc.errors import InputError
from komorebi_qc.recording import check_recording_id
from komorebi_qc.stores_local import opened_file
from komorebi_qc.timebase import parse_call_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NamedBy = Literal["id", "files"]
_OTHER_NAMES = {
    "recordingid": "recording_id",
    "videoid": "recording_id",
    "callendingtimestamp": "call_end",
    "agentid": "agent",
}
"""As the backend calls them; case and underscores don't count."""
_FIELDS = ("recording_id", "connect", "recording", "call_end", "agent", "day", "browser")
_FORMS = "recording_id (or connect and recording), call_end; agent, day and browser if you like"
_RECORDING_KEY = re.compile(r"(?:.*/)?(\d{4})/(\d{2})/(\d{2})/([^/]+)/([A-Za-z0-9][A-Za-z0-9_-]{0,127})\.mp4", re.ASCII)
_DAY_IN_PATH = re.compile(r"(?:^|/)(\d{4})[/-](\d{2})[/-](\d{2})(?=/)")
_MOST_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Item:
    """One recording that is asked for.

    Attributes:
        recording_id: of the table, the manifest's, or made from the path.
        named_by: ``id`` where the table's item names the media, ``files`` where `connect` and `recording` do.
        listed_in: which list, and where in it.
        connect: Connect's audio: an absolute path, or ``s3://bucket/key``; empty with an ID.
        recording: the agent recording.
        call_end: as it was told; empty where it has to be looked up.
        agent: the manifest's, if any.
        day: ``YYYY-MM-DD``; the manifest's, if any.
        browser: the manifest's or the item's, if any.
    """

    recording_id: str
    named_by: NamedBy
    listed_in: str
    connect: str = ""
    recording: str = ""
    call_end: str = ""
    agent: str = ""
    day: str = ""
    browser: str = ""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that can't be used.

    Attributes:
        listed_in: where it stands, such as ``manifest.csv:17``.
        reason: a sentence.
        error_class: what kind of error it is.
    """

    listed_in: str
    reason: str
    error_class: str = "InputError"


@dataclass(frozen=True, slots=True)
class Listed:
    """A list, read and validated.

    Attributes:
        name: what it is called in a row's ``listed_in``.
        items: in its order.
        set_aside: what can't be used.
        ignored: names of columns, or counts of keys, that say nothing here.
    """

    name: str
    items: tuple[Item, ...]
    set_aside: tuple[SetAside, ...]
    ignored: tuple[str, ...] = ()


def read_manifest(path: Path, *, needs_call_end: bool = True) -> Listed:
    """A manifest: CSV with a header, JSON Lines or Parquet, told by its ending. Relative paths start at its folder.

    Raises:
        InputError: where it can't be read at all, or lacks a column that every row needs.
    """
    kind = path.suffix.lower()
    if kind not in _READERS:
        raise InputError(f"{path} is no manifest by its name: it ends in .csv, .jsonl, .ndjson or .parquet")
    with opened_file(path):  # which says what is wrong where it can't be
        pass
    rows = _READERS[kind](path)
    base = path.resolve().parent
    items: list[Item] = []
    aside: list[SetAside] = []
    ignored: dict[str, None] = {}
    seen: dict[str, str] = {}
    count, columns = 0, set[str]()
    for number, row in rows:
        count += 1
        place = f"{path.name}:{number}"
        if isinstance(row, str):
            aside.append(SetAside(place, row))
            continue
        named = {_field(name): value for name, value in row.items()}
        columns |= named.keys()
        ignored.update(dict.fromkeys(str(name) for name in row if _field(name) not in _FIELDS))
        try:
            item = _item(named, place, base, needs_call_end=needs_call_end)
        except InputError as error:
            aside.append(SetAside(place, str(error), type(error).__name__))
            continue
        if item.recording_id in seen:
            reason = f"the recording {item.recording_id} is listed in {seen[item.recording_id]} already: one row each"
            aside.append(SetAside(place, reason))
            continue
        seen[item.recording_id] = place
        items.append(item)
    if not count:
        raise InputError(f"{path} lists nothing: each row names {_FORMS}")
    names_media = "recording_id" in columns or {"connect", "recording"} <= columns
    if columns and not (names_media and ("call_end" in columns or not needs_call_end)):
        raise InputError(f"{path} has the columns {', '.join(sorted(columns))}: a manifest needs {_FORMS}")
    return Listed(path.name, tuple(items), tuple(aside), tuple(ignored))


def read_call_ends(path: Path) -> dict[str, str]:
    """Call ends by recording ID, from a manifest that tells them for a query or a prefix.

    Raises:
        InputError: where it can't be read, or has a row without an ID or a call end.
    """
    listed = read_manifest(path)
    if listed.set_aside:
        first = listed.set_aside[0]
        raise InputError(f"{first.listed_in}: {first.reason}")
    return {item.recording_id: item.call_end for item in listed.items}


def with_call_ends(listed: Listed, told: Mapping[str, str]) -> Listed:
    """The same, with the call ends that are told there."""
    items = tuple(replace(item, call_end=told.get(item.recording_id, item.call_end)) for item in listed.items)
    return replace(listed, items=items)


def read_table(client: Any, name: str, first: date, last: date, *, call_end_attribute: str) -> Listed:
    """All items of the table whose ``creationDate`` lies from `first` to `last`, both included.

    The table is scanned, since its key is the recording's ID.

    Raises:
        InputError: where the dates run backwards.
        StorageError: where the table doesn't answer.
        AccessDeniedError: where it refuses or doesn't exist.
    """
    if last < first:
        raise InputError(f"the dates run from {first} back to {last}: give the earlier one to --from")
    items: list[Item] = []
    aside: list[SetAside] = []
    where = f"table {name}"
    asked = {
        "TableName": name,
        "FilterExpression": "creationDate BETWEEN :first AND :last",
        "ExpressionAttributeValues": {":first": {"S": f"{first} 00:00:00"}, ":last": {"S": f"{last} 23:59:59"}},
        "ProjectionExpression": "videoID, creationDate, #end, #browser",
        "ExpressionAttributeNames": {"#end": call_end_attribute, "#browser": "browser"},
    }
    with aws_errors(where):
        for page in client.get_paginator("scan").paginate(**asked):
            for found in page["Items"]:
                plain = {key: str(next(iter(typed.values()))) for key, typed in found.items()}
                place = f"{where}:{plain.get('videoID', '?')[:140]}"
                try:
                    recording_id = check_recording_id(plain.get("videoID"))
                    call_end = plain.get(call_end_attribute, "").strip()
                    if call_end:
                        parse_call_end(call_end)
                except InputError as error:
                    aside.append(SetAside(place, str(error), type(error).__name__))
                    continue
                browser = plain.get("browser", "")
                items.append(Item(recording_id, "id", place, call_end=call_end, browser=browser))
    items.sort(key=lambda item: item.recording_id)  # a scan has no order
    return Listed(where, tuple(items), tuple(aside))


def read_prefix(client: Any, location: str, *, input_bucket: str) -> Listed:
    """All agent recordings under a prefix of the input bucket: ``YYYY/MM/DD/<agent>/<ID>.mp4``.

    Raises:
        InputError: where it is another bucket.
        StorageError: where the bucket doesn't answer.
        AccessDeniedError: where it refuses or doesn't exist.
    """
    bucket, prefix = split_s3(location)
    if bucket != input_bucket:
        raise InputError(
            f"{location} isn't in the bucket of the agent recordings, {input_bucket} (INPUT_BUCKET_NAME): for other "
            "places list the files in a manifest"
        )
    items: dict[str, Item] = {}
    aside: list[SetAside] = []
    others = 0
    with aws_errors(f"bucket {bucket}"):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                match = _RECORDING_KEY.fullmatch(entry["Key"])
                if match is None:
                    others += 1
                    continue
                recording_id, place = match[5], f"{location}:{entry['Key']}"
                if recording_id in items:
                    told = f"the recording {recording_id} lies in {items[recording_id].listed_in} as well: one row each"
                    aside.append(SetAside(place, told))
                    continue
                items[recording_id] = Item(recording_id, "id", place)
    ignored = (f"{others} other object{'' if others == 1 else 's'}",) if others else ()
    return Listed(location, tuple(items.values()), tuple(aside), ignored)


def split_s3(location: str) -> tuple[str, str]:
    """Bucket and key or prefix of ``s3://bucket/key``.

    Raises:
        InputError: where it names no bucket.
    """
    bucket, _, key = location.removeprefix("s3://").partition("/")
    if not bucket:
        raise InputError(f"{location} names no bucket: write s3://bucket/folder")
    return bucket, key


def day_in_path(text: str) -> str:
    """The day that a path or key tells, as in ``2026/11/24/``; empty where none does."""
    for match in _DAY_IN_PATH.finditer(text):
        try:
            return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
        except ValueError:
            continue
    return ""


def _field(name: object) -> str:
    plain = str(name).strip().lower()
    return _OTHER_NAMES.get(plain.replace("_", ""), plain)


def _item(row: Mapping[str, Any], place: str, base: Path, *, needs_call_end: bool) -> Item:
    text = {name: _text(name, row.get(name)) for name in _FIELDS}
    if bool(text["connect"]) != bool(text["recording"]):
        missing = "recording" if text["connect"] else "connect"
        raise InputError(f"{missing} is missing: a row names both files, or a recording ID")
    named_by: NamedBy = "files" if text["connect"] else "id"
    if named_by == "id" and not text["recording_id"]:
        raise InputError("it names neither a recording_id nor connect and recording")
    if text["call_end"]:
        parse_call_end(text["call_end"])
    elif needs_call_end:
        raise InputError("call_end is missing: when the call ended, from the recording's start (HH:MM:SS)")
    if named_by == "id":
        check_recording_id(text["recording_id"])
        connect = recording = ""
    else:
        connect, recording = (_location(text[name], base) for name in ("connect", "recording"))
    if text["day"]:
        text["day"] = _day(text["day"])
    elif named_by == "files":
        text["day"] = day_in_path(text["recording"])
    recording_id = text["recording_id"] or str(Path(text["recording"].removeprefix("s3://")).with_suffix(""))
    return Item(
        recording_id, named_by, place, connect, recording, text["call_end"], text["agent"], text["day"], text["browser"]
    )


def _text(name: str, value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124  NaN: a hole in a data frame's column
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, date)):
        raise InputError(f"{name} is a {type(value).__name__}: it is a text")
    text = str(value.date() if isinstance(value, datetime) else value).strip()
    if len(text) > _MOST_TEXT or "\0" in text:
        raise InputError(f"{name} is no usable text: it has {len(text)} characters")
    return text


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text[:10].replace("/", "-")).isoformat()
    except ValueError:
        raise InputError(f"the day {text[:40]!r} is no date: write it as 2026-11-24") from None


def _location(text: str, base: Path) -> str:
    if text.startswith("s3://"):
        if not split_s3(text)[1]:
            raise InputError(f"{text} names no object: write s3://bucket/key")
        return text
    path = base / text
    with opened_file(path):
        return str(path.resolve())


def file_day(path: str) -> str:
    """The UTC day a file was written."""
    return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC).date().isoformat()


# --- the three kinds of file: (place in the file, row or what is wrong with it)


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            sample = file.read(8192)
            file.seek(0)
            first = sample.partition("\n")[0]
            reader = csv.DictReader(file, delimiter=max(",;\t", key=first.count), strict=True)
            for row in reader:
                if None in row or None in row.values():
                    lacks = "more" if None in row else "fewer"
                    yield reader.line_num, f"it has {lacks} fields than the header"
                else:
                    yield reader.line_num, dict(row)
    except UnicodeDecodeError:
        raise InputError(f"{path} isn't UTF-8: save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{path} is no CSV: {error}") from None


def _json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    yield number, "it isn't JSON: one object a line"
                    continue
                yield number, row if isinstance(row, dict) else "it is no JSON object"
    except UnicodeDecodeError:
        raise InputError(f"{path} isn't UTF-8") from None


def _parquet_rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    try:
        with pq.ParquetFile(path) as file:
            wanted = [name for name in file.schema_arrow.names if _field(name) in _FIELDS]
            if not wanted:
                raise InputError(f"{path} has none of the columns that a manifest needs: {_FORMS}")
            number = 0
            for batch in file.iter_batches(4096, columns=wanted):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (OSError, ValueError) as error:  # pyarrow's own are of these
        raise InputError(f"{path} is no Parquet file: {str(error).splitlines()[0][:200]}") from None


_READERS = {
    ".csv": _csv_rows,
    ".tsv": _csv_rows,
    ".jsonl": _json_rows,
    ".ndjson": _json_rows,
    ".parquet": _parquet_rows,
}
