"""The files of a dataset by their names: files of days, the journal, and notes about files that are being merged.

A file of a day is never changed but to lose rows. Its rows are merged into a larger file now and then; a note in the
journal, written before the larger file, names both. If the process dies between the two, the larger file counts, and
the next compaction removes the files that it replaces.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from komorebi_qc.batch.dataset.schema import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from komorebi_qc.storage.object_store import ObjectStore

JOURNAL: Final = "_journal/"
_PARQUET, _MERGE = ".parquet", ".merge.json"


def is_day_file(name: str) -> bool:
    """Whether a file has rows of a day: ``day=2026-11-24/rows-1a2b-000001.parquet``, or an older ``rows.parquet``."""
    folder, _, file = name.partition("/")
    return folder.startswith(f"{DAY}=") and file.startswith("rows") and file.endswith(_PARQUET) and "/" not in file


def is_journal_file(name: str) -> bool:
    """Whether a file has rows that aren't in the files of their days yet."""
    return name.startswith(JOURNAL) and name.endswith(_PARQUET)


def day_of(name: str) -> str:
    """The day of a file of a day."""
    return name.partition("/")[0].removeprefix(f"{DAY}=")


def day_file(day: str, run: str, number: int) -> str:
    """The name of a new file; no two are the same."""
    return f"{DAY}={day}/rows-{run}-{number:06d}{_PARQUET}"


def journal_files(store: ObjectStore) -> list[str]:
    """The journal's files with rows, the oldest first."""
    return [name for name in store.names(JOURNAL) if is_journal_file(name)]


def day_files(store: ObjectStore) -> list[str]:
    """The files of all days, without those whose rows are in a larger file already."""
    notes = merges(store)
    names = [name for name in store.names(f"{DAY}=") if is_day_file(name)]
    replaced = replaced_files(notes.values(), set(names))
    return [name for name in names if name not in replaced]


def note_merge(store: ObjectStore, run: str, number: int, merged: Sequence[Merge]) -> str:
    """Note which files are about to replace which others, and return the note's name."""
    name = f"{JOURNAL}{run}-{number:06d}{_MERGE}"
    store.write(name, json.dumps([{"new": list(new), "old": list(old)} for new, old in merged]).encode())
    return name


def merges(store: ObjectStore) -> Mapping[str, Sequence[Merge]]:
    """The notes, by name."""
    found = {}
    for name in store.names(JOURNAL):
        if name.endswith(_MERGE) and (content := store.read(name)) is not None:
            found[name] = [(tuple(one["new"]), tuple(one["old"])) for one in json.loads(content.content)]
    return found


def replaced_files(notes: Iterable[Sequence[Merge]], present: set[str]) -> set[str]:
    """The files of these whose rows are in new files, all of which are there."""
    return {name for note in notes for new, old in note if present.issuperset(new) for name in old}


Merge = tuple[tuple[str, ...], tuple[str, ...]]
"""New files, and the files whose rows they have."""
