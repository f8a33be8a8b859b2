"""Receivers of a dataset's rows, a file at a time: tables, IDs, and the rows that a list doesn't describe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pyarrow.compute as pc

if TYPE_CHECKING:
    import pyarrow as pa


class RowSink(Protocol):
    """Receives the rows of a dataset."""

    def begin(self) -> None:
        """The first rows follow; those received before don't count."""
        ...

    def take(self, table: pa.Table) -> None:
        """Some rows."""
        ...


@dataclass(slots=True)
class Tables:
    """All rows.

    Attributes:
        tables: the rows, in parts.
    """

    tables: list[pa.Table] = field(default_factory=list)

    def begin(self) -> None:
        """See `RowSink`."""
        self.tables = []

    def take(self, table: pa.Table) -> None:
        """See `RowSink`."""
        self.tables.append(table)


@dataclass(slots=True)
class Ids:
    """The recordings.

    Attributes:
        found: their IDs.
    """

    found: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """See `RowSink`."""
        self.found = []

    def take(self, table: pa.Table) -> None:
        """See `RowSink`."""
        self.found += table["recording_id"].to_pylist()


@dataclass(slots=True)
class Rejected:
    """Rows that their lists don't describe well enough.

    Attributes:
        found: their IDs, and the places where they are listed.
    """

    found: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        """See `RowSink`."""
        self.found = {}

    def take(self, table: pa.Table) -> None:
        """See `RowSink`."""
        rows = table.filter(pc.equal(table["status"], "rejected"))
        ids, places = (rows[name].to_pylist() for name in ("recording_id", "listed_in"))
        self.found.update((one, place or "") for one, place in zip(ids, places, strict=True))
