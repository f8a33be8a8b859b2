"""Which recordings: read from a list, a table or a prefix, and validated as a whole before any work.

A row that can't be used is set aside with its place and its reason, and the others are done.
"""

from __future__ import annotations

import csv
import json
import posixpath
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.parquet as pq

from komorebi_qc.core.errors import InputError, MissingMediaError
from komorebi_qc.core.recording import check_recording_id
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code
from komorebi_qc.storage.local import opened_file
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

Pairs = list[tuple[str, Any]]
"""A list's row: names of columns as they stand there, and values."""
NamedBy = Literal["id", "files"]
_OTHER_NAMES = {
    "recordingid": "recording_id",
    "videoid": "recording_id",
    "callendingtimestamp": "call_end",
    "agentid": "agent",
}
"""As the backend calls them; case and underscores don't count."""
_ID = "recording_id"
_FIELDS = (_ID, "connect", "recording", "call_end", "agent", "day", "browser")
_FORMS = "recording_id (or connect and recording), call_end; agent, day and browser if you like"
_RECORDING_KEY = re.compile(r"(?:.*/)?(\d{4})/(\d{2})/(\d{2})/([^/]+)/([A-Za-z0-9][A-Za-z0-9_-]{0,127})\.mp4", re.ASCII)
_DAY_IN_PATH = re.compile(r"(?:^|/)(\d{4})[/-](\d{2})[/-](\d{2})(?=/)")
_MOST_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Item:
    """One recording that is asked for.

    Attributes:
        recording_id: of the table, or the manifest's; for files without one, where the recording lies.
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
        listed_in: where it stands: ``/lists/manifest.csv:17``, ``table Recording:ID``, ``s3://bucket/key``.
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
        name: the list itself, and no other of its kind: an absolute path, ``s3://...``, or a table and its dates.
        items: in its order.
        set_aside: what can't be used.
        ignored: names of columns, or counts of keys, that say nothing here.
    """

    name: str
    items: tuple[Item, ...]
    set_aside: tuple[SetAside, ...]
    ignored: tuple[str, ...] = ()


def is_manifest(location: str) -> bool:
    """Whether a name is a manifest's by its ending."""
    return posixpath.splitext(location)[1].lower() in _READERS


def read_manifest(location: str | Path) -> Listed:
    """A manifest: CSV with a header, JSON Lines or Parquet, told by its ending; a path, or ``s3://bucket/key``.

    Relative paths in it start at its folder.

    Raises:
        InputError: where it can't be read at all, or lacks a column that every row needs.
        StorageError: where its bucket doesn't answer.
        AccessDeniedError: where that refuses or doesn't exist.
    """
    with _list_file(location) as (path, name):
        return _listed(_rows(path, name), name, name.rpartition("/")[0])


def read_call_ends(location: str | Path) -> dict[str, str | SetAside]:
    """Call ends by recording ID, from a list that tells them for a query or a prefix; one that's none with its reason.

    Raises:
        InputError: where it can't be read, or has a row of which the recording can't be told.
        StorageError: where its bucket doesn't answer.
        AccessDeniedError: where that refuses or doesn't exist.
    """
    with _list_file(location) as (path, name):
        return _call_ends(_rows(path, name), name)


def _call_ends(rows: Iterator[tuple[int, Pairs | str]], name: str) -> dict[str, str | SetAside]:
    told: dict[str, str | SetAside] = {}
    has_ends = False
    for number, row in rows:
        place = f"{name}:{number}"
        if isinstance(row, str):
            raise InputError(f"{place}: {row}")
        has_ends |= any(_field(column) == "call_end" for column, _ in row)
        try:
            ids = [(column, value) for column, value in row if _field(column) == _ID]
            recording_id = check_recording_id(_named(ids).get(_ID))
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
        try:
            call_end = _call_end(_named(row).get("call_end", ""))
        except InputError as error:
            told[recording_id] = SetAside(place, str(error), type(error).__name__)
            continue
        if told.setdefault(recording_id, call_end) != call_end:
            told[recording_id] = SetAside(place, f"the call end of {recording_id} is told twice, and differently")
    if not has_ends:
        raise InputError(f"{name} tells no call end: each row names recording_id and call_end")
    return told


def _listed(rows: Iterator[tuple[int, Pairs | str]], name: str, base: str) -> Listed:
    items: list[Item] = []
    aside: list[SetAside] = []
    ignored: dict[str, None] = {}
    seen: dict[str, str] = {}
    count, columns = 0, set[str]()
    for number, row in rows:
        count += 1
        place = f"{name}:{number}"
        if isinstance(row, str):
            aside.append(SetAside(place, row))
            continue
        columns.update(_field(column) for column, _ in row)
        ignored.update(dict.fromkeys(column for column, _ in row if _field(column) not in _FIELDS))
        try:
            item = _item(_named(row), place, base)
        except InputError as error:
            aside.append(SetAside(place, str(error), type(error).__name__))
            continue
        if item.recording_id in seen:
            own = "" if item.named_by == "id" else ", or a recording_id of its own"
            reason = (
                f"the recording {item.recording_id} is listed in {seen[item.recording_id]} already: one row each{own}"
            )
            aside.append(SetAside(place, reason))
            continue
        seen[item.recording_id] = place
        items.append(item)
    if not count:
        raise InputError(f"{name} lists nothing: each row names {_FORMS}")
    names_media = _ID in columns or {"connect", "recording"} <= columns
    if columns and not (names_media and "call_end" in columns):
        raise InputError(f"{name} has the columns {', '.join(sorted(columns))}: a manifest needs {_FORMS}")
    return Listed(name, tuple(items), tuple(aside), tuple(ignored))


def read_table(
    client: Any,
    name: str,
    first: date,
    last: date,
    *,
    call_end_attribute: str,
    call_ends: Mapping[str, str | SetAside] | None = None,
) -> Listed:
    """All items of the table whose ``creationDate`` lies from `first` to `last`, both included.

    The table is scanned, since its key is the recording's ID. `call_ends` win over the items' own.

    Raises:
        InputError: where the dates run backwards.
        StorageError: where the table doesn't answer.
        AccessDeniedError: where it refuses or doesn't exist.
    """
    if last < first:
        raise InputError(f"the dates run from {first} back to {last}: give the earlier one to --from")
    items: list[tuple[str, str, Item]] = []
    aside: list[SetAside] = []
    where = f"table {name} {first} to {last}"
    asked = {
        "TableName": name,
        "FilterExpression": "creationDate BETWEEN :first AND :last",
        "ExpressionAttributeValues": {":first": {"S": f"{first} 00:00:00"}, ":last": {"S": f"{last} 23:59:59"}},
        "ProjectionExpression": "videoID, creationDate, #end, #browser",
        "ExpressionAttributeNames": {"#end": call_end_attribute, "#browser": "browser"},
    }
    with aws_errors(f"table {name}"):
        for page in client.get_paginator("scan").paginate(**asked):
            for found in page["Items"]:
                plain = {key: attribute_text(typed) for key, typed in found.items()}
                # Whatever dates are asked for next, it is the same item's.
                place = f"table {name}:{plain.get('videoID', '?')[:140]}"
                try:
                    recording_id = check_recording_id(plain.get("videoID"))
                    call_end = _told_call_end(call_ends, recording_id, plain.get(call_end_attribute, ""))
                except InputError as error:
                    aside.append(SetAside(place, str(error), type(error).__name__))
                    continue
                browser = plain.get("browser", "")
                item = Item(recording_id, "id", place, call_end=call_end, browser=browser)
                items.append((plain.get("creationDate", ""), recording_id, item))
    # A scan has no order. By days, so that few of them are written at a time.
    items.sort(key=itemgetter(0, 1))
    return Listed(where, tuple(item for *_, item in items), tuple(aside))


def attribute_text(typed: Mapping[str, Any]) -> str:
    """An attribute of a table's item as text; empty where it is null."""
    kind, value = next(iter(typed.items()))
    return "" if kind == "NULL" else str(value).strip()


def read_prefix(
    client: Any, location: str, *, input_bucket: str, call_ends: Mapping[str, str | SetAside] | None = None
) -> Listed:
    """All agent recordings under a prefix of the input bucket: ``YYYY/MM/DD/<agent>/<ID>.mp4``.

    Raises:
        InputError: where it is another bucket.
        MissingMediaError: where none lies there.
        StorageError: where the bucket doesn't answer.
        AccessDeniedError: where it refuses or doesn't exist.
    """
    bucket, prefix = split_s3(location)
    if bucket != input_bucket:
        raise InputError(
            f"{location} isn't in the bucket of the agent recordings, {input_bucket} (INPUT_BUCKET_NAME): for other "
            "places list the files in a manifest (.csv, .jsonl or .parquet)"
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
                recording_id, place = match[5], f"s3://{bucket}/{entry['Key']}"
                if recording_id in items:
                    told = f"the recording {recording_id} lies in {items[recording_id].listed_in} as well: one row each"
                    aside.append(SetAside(place, told))
                    continue
                try:
                    call_end = _told_call_end(call_ends, recording_id)
                except InputError as error:
                    aside.append(SetAside(place, str(error), type(error).__name__))
                    continue
                items[recording_id] = Item(recording_id, "id", place, call_end=call_end)
    if not items and not aside:
        found = f"{others} object{'' if others == 1 else 's'}, and none is" if others else "nothing there is"
        raise MissingMediaError(
            f"under {location} lies no agent recording ({found} of the form YYYY/MM/DD/<agent>/<ID>.mp4): check the "
            f"prefix, such as s3://{bucket}/2026/11/24/; whoever may meet an empty day asks by --from and --until"
        )
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


def _told_call_end(told: Mapping[str, str | SetAside] | None, recording_id: str, attribute: str = "") -> str:
    """What the list of call ends says, else the item's own; empty where neither does."""
    found = (told or {}).get(recording_id)
    if isinstance(found, SetAside):
        raise InputError(f"{found.listed_in}: {found.reason}")
    return found or (_call_end(attribute) if attribute else "")


def _call_end(text: str) -> str:
    if not text:
        raise InputError("call_end is missing: when the call ended, from the recording's start (HH:MM:SS)")
    parse_call_end(text)
    return text


def _named(row: Pairs) -> dict[str, str]:
    """What a row tells, by our names; of two columns that mean the same, the one that is filled."""
    told: dict[str, str] = {}
    for column, value in row:
        if (name := _field(column)) in _FIELDS:
            text, before = _text(name, value), told.get(name, "")
            if text and before and text != before:
                raise InputError(f"{name} is told twice, as {before[:140]!r} and {text[:140]!r}: keep one of the two")
            told[name] = text or before
    return told


def _item(row: Mapping[str, str], place: str, base: str) -> Item:
    text = {name: row.get(name, "") for name in _FIELDS}
    if bool(text["connect"]) != bool(text["recording"]):
        missing = "recording" if text["connect"] else "connect"
        raise InputError(f"{missing} is missing: a row names both files, or a recording ID")
    named_by: NamedBy = "files" if text["connect"] else "id"
    if named_by == "id" and not text["recording_id"]:
        raise InputError("it names neither a recording_id nor connect and recording")
    _call_end(text["call_end"])
    if named_by == "id":
        check_recording_id(text["recording_id"])
        connect = recording = ""
    else:
        connect, recording = (_location(text[name], base) for name in ("connect", "recording"))
    if text["day"]:
        text["day"] = _day(text["day"])
    elif named_by == "files":
        text["day"] = day_in_path(text["recording"])
    # Without a name of its own it is called by where it lies: so it is, from whichever list or folder it is asked for.
    return Item(
        text[_ID] or recording,
        named_by,
        place,
        connect,
        recording,
        text["call_end"],
        text["agent"],
        text["day"],
        text["browser"],
    )


def _text(name: str, value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124  NaN: a hole in a data frame's column
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, date)):
        raise InputError(f"{name} is a {type(value).__name__}: it is a text")
    text = str(value.date() if isinstance(value, datetime) else value).strip()
    if len(text) > _MOST_TEXT or "\0" in text:
        raise InputError(f"{name} is no usable text: it has {len(text)} characters")
    if not _is_whole(text):
        raise InputError(f"{name} is no usable text: {text[:40]!r} has half a character (a lone surrogate)")
    return text


def _is_whole(text: str) -> bool:
    """Whether a text can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _day(text: str) -> str:
    try:
        return datetime.fromisoformat(text.replace("/", "-")).date().isoformat()
    except ValueError:
        raise InputError(f"the day {text[:40]!r} is no date: write it as 2026-11-24") from None


def _location(text: str, base: str) -> str:
    if base.startswith("s3://") and not text.startswith(("s3://", "/")):
        bucket, folder = split_s3(base)
        text = f"s3://{bucket}{posixpath.normpath(f'/{folder}/{text}')}"
    if text.startswith("s3://"):
        if not split_s3(text)[1]:
            raise InputError(f"{text} names no object: write s3://bucket/key")
        return text
    return _checked(Path(base) / text)


def _checked(path: Path) -> str:
    """Where a file lies that can be read."""
    with opened_file(path):
        return _place_of(path)


def _place_of(path: Path) -> str:
    """Where a file truly lies: from wherever it is named, the same."""
    place = str(path.resolve())
    if not _is_whole(place):
        raise InputError(
            f"{place!r} isn't UTF-8, which the dataset couldn't tell: give the file or folder another name"
        )
    return place


def file_day(path: str) -> str:
    """The UTC day a file was written."""
    return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC).date().isoformat()


# --- the three kinds of file: (place in the file, row or what is wrong with it)


def _rows(path: Path, name: str) -> Iterator[tuple[int, Pairs | str]]:
    kind = path.suffix.lower()
    if kind not in _READERS:
        raise InputError(f"{name} is no manifest by its name: it ends in .csv, .jsonl, .ndjson or .parquet")
    return _READERS[kind](path, name)


@contextmanager
def _list_file(location: str | Path) -> Iterator[tuple[Path, str]]:
    """A list as a file of this machine, and its name."""
    if not str(location).startswith("s3://"):
        yield Path(location), _checked(Path(location))
        return
    location = str(location)
    bucket, key = split_s3(location)
    with tempfile.TemporaryDirectory(prefix="komorebi-list-") as folder:
        path = Path(folder, "list").with_suffix(posixpath.splitext(key)[1])
        with aws_errors(location):
            try:
                aws_client("s3").download_file(bucket, key, str(path))
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    raise InputError(f"{location} isn't there: check the name") from None
                raise
        yield path, location


def _csv_rows(path: Path, name: str) -> Iterator[tuple[int, Pairs | str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(file)
    except UnicodeDecodeError:
        raise InputError(f"{name} isn't UTF-8: save it as CSV in UTF-8") from None
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    header: list[str] = []
    at = 0
    while at < len(lines):
        number = at + 1
        # A reader for each row: what an unclosed quote swallows is read again, line by line.
        reader = csv.reader(map(lines.__getitem__, range(at, len(lines))), delimiter=delimiter, strict=True)
        try:
            cells = next(reader)
        except csv.Error as error:
            if not header:
                raise InputError(f"{name}:{number}, the header, is no CSV ({error}): check its quotes") from None
            at += 1
            yield number, f"it is no CSV ({error}): check its quotes"
            continue
        if cells and not header:
            header = cells
        elif cells and (wrong := _misread(header, cells)):
            yield number, wrong if reader.line_num == 1 else f"{wrong}: check its quotes"
            at += 1
            continue
        elif cells:
            yield number, list(zip(header, cells, strict=True))
        at += reader.line_num


def _misread(header: list[str], cells: list[str]) -> str:
    """What is wrong with a row that could be read; empty for nothing."""
    if len(cells) != len(header):
        return f"it has {'more' if len(cells) > len(header) else 'fewer'} fields than the header"
    broken = (name for name, cell in zip(header, cells, strict=True) if _field(name) in _FIELDS and "\n" in cell)
    return f"its {name} runs over several lines" if (name := next(broken, None)) is not None else ""


def _json_rows(path: Path, name: str) -> Iterator[tuple[int, Pairs | str]]:
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
                yield number, list(row.items()) if isinstance(row, dict) else "it is no JSON object"
    except UnicodeDecodeError:
        raise InputError(f"{name} isn't UTF-8") from None


def _parquet_rows(path: Path, name: str) -> Iterator[tuple[int, Pairs | str]]:
    try:
        with pq.ParquetFile(path) as file:
            wanted = [column for column in file.schema_arrow.names if _field(column) in _FIELDS]
            if not wanted:
                raise InputError(f"{name} has none of the columns that a manifest needs: {_FORMS}")
            number = 0
            for batch in file.iter_batches(4096, columns=wanted):
                for at in range(len(batch)):
                    number += 1
                    yield number, _parquet_row(batch, at)
    except (OSError, ValueError) as error:  # pyarrow's own are of these
        raise InputError(f"{name} is no Parquet file: {str(error).splitlines()[0][:200]}") from None


def _parquet_row(batch: pa.RecordBatch, at: int) -> Pairs | str:
    row: Pairs = []
    for column, values in zip(batch.schema.names, batch.columns, strict=True):
        try:
            row.append((column, values[at].as_py()))
        except (OverflowError, ValueError):  # a day beyond the calendar's, nanoseconds, bytes that aren't UTF-8
            return f"{column} can't be read: {str(values.type)[:40]} holds more than a text or a date can"
    return row


_READERS = {
    ".csv": _csv_rows,
    ".tsv": _csv_rows,
    ".jsonl": _json_rows,
    ".ndjson": _json_rows,
    ".parquet": _parquet_rows,
}
