"""Words in the captions of a dataset's recordings: `komorebi-qc find`.

The captions are read where the rows name results: beside each unified recording and each report. Several are read at
once, because S3 takes its time for each. DuckDB's own full text search is an extension that it downloads, and it would
need an index that somebody keeps up to date; so the words are compared here, without a network.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from komorebi_qc.batch.dataset.dataset import open_dataset
from komorebi_qc.core.errors import AccessDeniedError, InputError
from komorebi_qc.storage.object_store import Folder, open_store
from komorebi_qc.transcript.read import read_transcript
from komorebi_qc.transcript.search import may_have, turns_with, words_of
from komorebi_qc.transcript.turns import MAX_TRANSCRIPT_BYTES
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from komorebi_qc.storage.object_store import ObjectStore

MOST_SHOWN = 10_000
_AT_ONCE = 16
_AHEAD = 256
"""Captions in memory at a time: those of an hour have 100 kB."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A turn that has the words.

    Attributes:
        recording_id: the recording.
        from_s: the turn's start on the output clock.
        speaker: ``agent``, ``customer`` or ``unknown``.
        text: of the turn.
        link: the report or the video at that moment.
        is_phrase: whether the words follow each other in this order.
    """

    recording_id: str
    from_s: float
    speaker: str
    text: str
    link: str
    is_phrase: bool


@dataclass(frozen=True, slots=True)
class Search:
    """The result of a search.

    Attributes:
        hits: phrases first, then by recording and time; as many as were asked for.
        found: the number of all hits.
        recordings: recordings of the dataset.
        searched: those with captions.
        unread: captions that may have the words, and can't be read.
    """

    hits: tuple[Hit, ...]
    found: int
    recordings: int
    searched: int
    unread: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The result for JSON."""
        return asdict(self)


def find_words(dataset: str, query: str, most: int = 50) -> Search:
    """Find words in the captions of a dataset's recordings.

    Args:
        dataset: the folder or ``s3://`` prefix that `batch` wrote.
        query: the words; a turn has to have all of them, also as parts of longer words.
        most: how many hits are returned.

    Raises:
        InputError: there is no word, the number is out of range, or it isn't a dataset.
        StorageError: a store doesn't answer.
    """
    words = words_of(query)
    if not words:
        raise InputError(f"{query[:40]!r} has no words to find: name at least one")
    if not 1 <= most <= MOST_SHOWN:
        raise InputError(f"--most is {most}: name a number from 1 to {MOST_SHOWN}")
    rows = open_dataset(dataset).read(("recording_id", "output", "report", "day")).to_pylist()
    hits: list[Hit] = []
    unread: list[str] = []
    searched = 0
    for recording_id, (content, link, name) in _all_captions(dataset, rows):
        searched += 1
        try:
            # All words of a call may be masked.
            has_cues = b"-->" in content and may_have(words, content.decode("utf-8", errors="replace"))
            turns = read_transcript(content, name).turns if has_cues else ()
        except InputError:
            unread.append(name)
            continue
        for one in turns_with(words, turns):
            turn, moment = one.turn, f"{link}#t={one.turn.from_s:.3f}"
            hits.append(Hit(recording_id, turn.from_s, turn.speaker, turn.text, moment, one.is_phrase))
    hits.sort(key=lambda hit: (not hit.is_phrase, hit.recording_id, hit.from_s))
    return Search(tuple(hits[:most]), len(hits), len(rows), searched, tuple(unread))


def _all_captions(dataset: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[bytes, str, str]]]:
    """The captions of all rows that have some, with the recordings' IDs, in order."""
    stores = _Stores()

    def read(row: Mapping[str, Any]) -> tuple[bytes, str, str] | None:
        return next(_captions(dataset, row, stores), None)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for first in range(0, len(rows), _AHEAD):
            some = rows[first : first + _AHEAD]
            # Threads make files on this machine slower, and S3 faster.
            found: Iterable[Any] = threads.map(read, some) if any(map(_is_remote, some)) else map(read, some)
            yield from ((row["recording_id"], one) for row, one in zip(some, found, strict=True) if one is not None)


def _is_remote(row: Mapping[str, Any]) -> bool:
    return any(str(row[name] or "").startswith("s3://") for name in ("output", "report"))


class _Stores:
    """The folders and prefixes of results, each opened once."""

    def __init__(self) -> None:
        self._open: dict[str, ObjectStore | None] = {}

    def of(self, folder: str) -> ObjectStore | None:
        """The store of a folder; None if there is no such folder."""
        if folder not in self._open:
            store = open_store(folder, lambda: aws_client("s3"))
            is_there = not isinstance(store, Folder) or Path(folder).is_dir()
            self._open[folder] = store if is_there else None
        return self._open[folder]


def _captions(dataset: str, row: Mapping[str, Any], stores: _Stores) -> Iterator[tuple[bytes, str, str]]:
    """The captions of a row's results, each with a link and its address: of the report, then of the video."""
    if row["report"]:
        report = str(row["report"])
        is_relative = not (report.startswith("s3://") or Path(report).is_absolute())
        address = f"{dataset.rstrip('/')}/{report}" if is_relative else report
        yield from _read(address, "recording.vtt", stores)
    if row["output"]:
        yield from _read(str(row["output"]), PurePosixPath(str(row["output"])).with_suffix(".vtt").name, stores)


def _read(result: str, name: str, stores: _Stores) -> Iterator[tuple[bytes, str, str]]:
    store = stores.of(result.rpartition("/")[0])
    if store is None:
        return
    try:
        found = store.read(name, max_bytes=MAX_TRANSCRIPT_BYTES)
    except AccessDeniedError:  # results that this user may not read
        return
    if found is not None:
        yield found.content, result, store.address_of(name)
