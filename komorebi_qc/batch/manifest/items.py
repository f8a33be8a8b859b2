"""The recordings of a batch, as they were listed, and the rows of a list that can't be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NamedBy = Literal["id", "files"]


@dataclass(frozen=True, slots=True)
class Item:
    """One recording.

    Attributes:
        recording_id: the table's or the manifest's ID; for files without an ID, the path of the agent recording.
        named_by: ``id`` if the table's item names the media, ``files`` if `connect` and `recording` do.
        listed_in: the list, and the row in it.
        connect: the call audio: an absolute path, or ``s3://bucket/key``; empty for ``id``.
        recording: the agent recording, likewise.
        call_end: the reported call end as it was written; empty if it is looked up in the table.
        agent: from the manifest; may be empty.
        day: ``YYYY-MM-DD`` from the manifest; may be empty.
        browser: from the manifest or the table's item; may be empty.
        analysis: Contact Lens' analysis of the two files: an absolute path, or ``s3://bucket/key``; empty without one,
            and for ``id``, whose analyses are looked for.
        transcript: a transcript of the two files' call, likewise; empty without one.
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
    analysis: str = ""
    transcript: str = ""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row of a list that can't be used.

    Attributes:
        listed_in: its place: ``/lists/manifest.csv:17``, ``table Recording:ID``, ``s3://bucket/key``.
        reason: a sentence.
        error_class: the class of the error.
    """

    listed_in: str
    reason: str
    error_class: str = "InputError"


@dataclass(frozen=True, slots=True)
class Listing:
    """A validated list.

    Attributes:
        name: identifies the list: an absolute path, ``s3://...``, or a table and its dates.
        items: usable rows, in the list's order.
        rejected: unusable rows.
        ignored: names of columns, or counts of keys, that aren't used.
        is_whole: whether it has all rows of its list. Of a part of one nothing follows for the rows that it lacks.
    """

    name: str
    items: tuple[Item, ...]
    rejected: tuple[RejectedRow, ...]
    ignored: tuple[str, ...] = ()
    is_whole: bool = True
