"""Words in the captions of a dataset's recordings: `komorebi-qc find`.

The captions are read where the rows name results: beside each unified recording and each report. DuckDB's own full
text search is an extension that it downloads, so the words are compared here, without a network.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from komorebi_qc.batch.dataset.dataset import open_dataset
from komorebi_qc.core.errors import AccessDeniedError, InputError
from komorebi_qc.storage.object_store import open_store
from komorebi_qc.transcript.read import read_transcript
from komorebi_qc.transcript.search import turns_with, words_of
from komorebi_qc.transcript.turns import MAX_TRANSCRIPT_BYTES
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_SHOWN = 10_000


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
        unread: captions that can't be read.
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
        query: the words; a turn has to have all of them.
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
    rows = open_dataset(dataset).read().select(["recording_id", "output", "report"]).to_pylist()
    hits: list[Hit] = []
    unread: list[str] = []
    searched = 0
    for row in rows:
        captions = next(_captions(dataset, row), None)
        if captions is None:
            continue
        searched += 1
        content, link, name = captions
        try:
            # All words of a call may be masked.
            turns = read_transcript(content, name).turns if b"-->" in content else ()
        except InputError:
            unread.append(name)
            continue
        for one in turns_with(words, turns):
            turn, moment = one.turn, f"{link}#t={one.turn.from_s:.3f}"
            hits.append(Hit(row["recording_id"], turn.from_s, turn.speaker, turn.text, moment, one.is_phrase))
    hits.sort(key=lambda hit: (not hit.is_phrase, hit.recording_id, hit.from_s))
    return Search(tuple(hits[:most]), len(hits), len(rows), searched, tuple(unread))


def _captions(dataset: str, row: Mapping[str, Any]) -> Iterator[tuple[bytes, str, str]]:
    """The captions of a row's results, each with a link and its address: of the report, then of the video."""
    if row["report"]:
        report = str(row["report"])
        is_relative = not (report.startswith("s3://") or Path(report).is_absolute())
        address = f"{dataset.rstrip('/')}/{report}" if is_relative else report
        yield from _read(address, "recording.vtt")
    if row["output"]:
        yield from _read(str(row["output"]), PurePosixPath(str(row["output"])).with_suffix(".vtt").name)


def _read(result: str, name: str) -> Iterator[tuple[bytes, str, str]]:
    folder = result.rpartition("/")[0]
    if not folder.startswith("s3://") and not Path(folder).is_dir():
        return
    store = open_store(folder, lambda: aws_client("s3"))
    try:
        found = store.read(name, max_bytes=MAX_TRANSCRIPT_BYTES)
    except AccessDeniedError:  # results that this user may not read
        return
    if found is not None:
        yield found.content, result, store.address_of(name)
