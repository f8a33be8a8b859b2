"""After two runs at once: waiting, and processing again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from komorebi_qc.core.errors import ConcurrentRunError, StorageError
from komorebi_qc.core.recording import Recording
from komorebi_qc.pipeline.correction.settled import settle
from komorebi_qc.pipeline.provenance.run_id import PAUSES_S

ITEM = Recording("one", "agent-1", datetime(2026, 3, 1, 12, 0, 0), is_processed=True, run_id="a")  # noqa: DTZ001


class Stores:
    """A table and a bucket: the item's run, and the run of the files after each pause."""

    def __init__(self, *files: str, item: Recording = ITEM) -> None:
        self.files, self.item = list(files), item
        self.pauses: list[float] = []

    def get(self, recording_id: str) -> Recording:
        """The item."""
        assert recording_id == ITEM.recording_id
        return self.item

    def has_results(self, recording: Recording, container: str, run_id: str) -> bool:
        """Whether the files are of a run."""
        assert (recording, container) == (self.item, "mp4")
        return self.files[0] == run_id

    def pause(self, seconds: float) -> None:
        """Time passes."""
        self.pauses.append(seconds)
        self.files = self.files[1:] or self.files

    def settle(self, process_again: Any) -> None:
        """Settle with these stores."""
        table: Any = self
        settle(ITEM.recording_id, process_again, table=table, media=table, pause=self.pause)


def never() -> None:
    """Nothing is processed."""
    raise AssertionError


def test_the_other_run_is_waited_for() -> None:
    """It marks the item a moment after it has published. Without a result there is nothing to wait for."""
    stores = Stores("b", "b", "a")
    stores.settle(never)
    assert stores.pauses == list(PAUSES_S[:2])
    stores = Stores("b", item=replace(ITEM, is_processed=False, run_id=""))
    stores.settle(never)
    assert stores.pauses == []


def test_files_of_another_run_are_made_again() -> None:
    """Once, after all pauses."""
    stores, made = Stores("b"), list[str]()
    stores.settle(lambda: made.append("again"))
    assert (stores.pauses, made) == (list(PAUSES_S), ["again"])


def test_a_failure_has_a_remedy() -> None:
    """Unless another run has mended it meanwhile."""

    def fail() -> None:
        raise StorageError("the bucket didn't answer")

    with pytest.raises(
        ConcurrentRunError, match=r"of different runs \(the bucket .*\): send its message"
    ):
        Stores("b").settle(fail)
    stores = Stores("b")

    def mended() -> None:
        stores.files = ["a"]
        fail()

    stores.settle(mended)
