"""Which files of a dataset have which recordings, for recordings that somebody asks about.

Only the column of IDs is read, once for each file, and only the answers stay in memory. A file's recordings can become
fewer, but never more: so a file that was searched needn't be searched again.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from komorebi_qc.batch.dataset.data_files import day_of
from komorebi_qc.batch.dataset.parquet_files import read_table
from komorebi_qc.core.errors import StorageError
from komorebi_qc.media.ranges.seekable import SeekableFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from komorebi_qc.storage.object_store import ObjectStore

_AT_ONCE, _ATTEMPTS = 8, 5
_TAIL_BYTES = 1 << 16
"""Of a file's end, which has its table of contents."""


class IdIndex:
    """Finds recordings in the files of a store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._asked: set[str] = set()
        self._counts: dict[str, int] = {}
        self._found: dict[str, set[str]] = {}

    def find(self, ids: Iterable[str], files: Sequence[str]) -> Mapping[str, AbstractSet[str]]:
        """The files that had any of these recordings when they were searched, each with those.

        Raises:
            InputError: a file isn't part of a dataset.
            StorageError: the store doesn't answer.
        """
        wanted = set(ids)
        new = wanted - self._asked
        everything = self._asked | new
        searches = [(name, new if name in self._counts else everything) for name in files]
        searches = [(name, sought) for name, sought in searches if sought]
        if searches:
            sets = {id(sought): pa.array(sorted(sought), pa.string()) for _, sought in searches}
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="komorebi-ids") as pool:
                results = pool.map(lambda one: self._search(one[0], sets[id(one[1])]), searches)
                for (name, _), result in zip(searches, results, strict=True):
                    if result is not None:
                        self._counts[name], found = result
                        self._found.setdefault(name, set()).update(found)
        self._asked = everything
        return {name: there for name in files if (there := self._found.get(name, set()) & wanted)}

    @property
    def counts(self) -> Mapping[str, int]:
        """The rows of each searched file, when it was searched."""
        return self._counts

    def note(self, name: str, ids: Iterable[str], count: int) -> None:
        """Note a file that this process has written, with all of its recordings."""
        self._counts[name], self._found[name] = count, self._asked.intersection(ids)

    def forget(self, names: Iterable[str]) -> None:
        """Forget files that are gone."""
        for name in names:
            self._counts.pop(name, None)
            self._found.pop(name, None)

    def _search(self, name: str, sought: pa.Array) -> tuple[int, list[str]] | None:
        ids = ids_of(self._store, name)
        if ids is None:
            return None
        return len(ids), ids.filter(pc.is_in(ids, value_set=sought)).to_pylist()


def ids_of(store: ObjectStore, name: str) -> pa.ChunkedArray | None:
    """The IDs in a file, read without its other columns; None if it is gone.

    Raises:
        InputError: the file isn't part of a dataset.
        StorageError: the store doesn't answer.
    """
    for _ in range(_ATTEMPTS):
        try:
            opened = _Parts(store, name)
            return read_table(store.address_of(name), opened, day_of(name), ("recording_id",))["recording_id"]
        except FileNotFoundError:
            return None
        except _ChangedError:
            continue
    raise StorageError(f"{store.address_of(name)} is being replaced all the time: run the command again later")


class _ChangedError(Exception):
    """The file was replaced while it was read."""


class _Parts(SeekableFile):
    """A file of the store that is read in parts; its end is kept."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        tail = store.read_part(name, -1, _TAIL_BYTES)
        if tail is None:
            raise FileNotFoundError(name)
        super().__init__(tail.size)
        self._store, self._name, self._tail = store, name, tail

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(self.size - self._at, 0)
        count = left if size is None or size < 0 else min(size, left)
        if self._at >= self._tail.start:
            content = self._tail.content[self._at - self._tail.start :][:count]
        elif not count:
            content = b""
        else:
            part = self._store.read_part(self._name, self._at, count)
            if part is None:
                raise FileNotFoundError(self._name)
            if part.version != self._tail.version:
                raise _ChangedError(self._name)
            content = part.content
        self._at += len(content)
        return content
