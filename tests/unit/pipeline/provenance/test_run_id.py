"""All results of a run name it, and the item is marked only if they do."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from captures import CAPTURES
from fake_stores import ITEM, manual_order, stores

from komorebi_qc.core.errors import ConcurrentRunError, OutOfTimeError, StorageError
from komorebi_qc.core.provenance.record import Provenance
from komorebi_qc.pipeline.options import Options
from komorebi_qc.pipeline.process import process
from komorebi_qc.pipeline.provenance.run_id import PAUSES_S, mark_when_complete, marked_png, new_run_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from captures import Capture

    from komorebi_qc.core.recording import Recording

BY_CALL_END = Options(align="call-end")


def test_run_ids_are_new_each_time() -> None:
    """Nothing counts them, so no two machines make the same one."""
    assert len({new_run_id() for _ in range(1000)}) == 1000
    assert len(new_run_id()) == 32


@pytest.mark.parametrize("name", ["sample", "vp8.webm"])
def test_every_result_names_its_run(name: str) -> None:
    """The item, qc.json, the thumbnail and the video; another run has another ID in all of them."""
    table, media = stores(CAPTURES[name])
    found = []
    for _ in range(2):
        process(manual_order(CAPTURES[name]), table=table, media=media, options=BY_CALL_END)
        run_id = str(table.updates[-1]["qcRunId"])
        table.item = replace(ITEM, run_id=run_id)
        _, video, thumbnail = media.published[-1]
        assert media.documents[-1]["provenance"]["run_id"] == media.run_id == run_id
        assert f"komorebi-run\0{run_id}".encode() in (thumbnail or b"")
        with av.open(io.BytesIO(video)) as file:
            metadata = {name.lower(): text for name, text in file.metadata.items()}
            assert metadata["comment"] == f"komorebi_qc run {run_id}"
        found.append(run_id)
    assert len(set(found)) == 2


def test_a_marked_thumbnail_is_the_same_picture(sample: Capture) -> None:
    """Pixel by pixel, in every decoder that checks the chunks' checksums."""
    table, media = stores(sample)
    process(manual_order(sample), table=table, media=media, options=BY_CALL_END)
    thumbnail = media.published[-1][2] or b""
    again = marked_png(thumbnail, "other")
    assert again != thumbnail
    pictures = []
    for png in (thumbnail, again):
        with av.open(io.BytesIO(png), "r", options={"err_detect": "explode+crccheck"}) as file:
            pictures.append(next(file.decode(video=0)).to_ndarray(format="rgb24"))
    assert np.array_equal(pictures[0], pictures[1])


def test_without_a_run_or_a_png_nothing_is_marked() -> None:
    """Another file stays as it is."""
    assert marked_png(b"no picture", "run") == b"no picture"
    assert marked_png(b"\x89PNG\r\n\x1a\nrest", "") == b"\x89PNG\r\n\x1a\nrest"


@dataclass
class Stores:
    """A table and a media store; `events` are done between two requests.

    Attributes:
        item_run: the run of the item.
        results_run: the run of the results.
        events: by the number of the request before which they happen.
    """

    item_run: str = "earlier"
    results_run: str = "mine"
    events: dict[int, Callable[[Stores], None]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def _asked(self, what: str) -> None:
        event = self.events.get(len(self.requests))
        self.requests.append(what)
        if event is not None:
            event(self)

    def get(self, recording_id: str) -> Recording:
        """The item."""
        assert recording_id == ITEM.recording_id
        self._asked("get")
        return replace(ITEM, run_id=self.item_run)

    def mark_processed(self, _: Recording, attributes: Mapping[str, Any], *, replaces: str | None = None) -> bool:
        """Under the condition."""
        self._asked("mark")
        run_id = str(attributes["qcRunId"])
        if self.item_run == replaces:
            self.item_run = run_id
        return self.item_run == run_id

    def has_results(self, _: Recording, container: str, run_id: str) -> bool:
        """Whether all are of the run."""
        assert container == "mp4"
        self._asked("look")
        return self.results_run == run_id

    def mark(self, check_cancelled: Callable[[], None] = lambda: None) -> None:
        """Mark the item for the run ``mine``, which began with the item of ``earlier``."""
        stores: Any = self
        mark_when_complete(
            replace(ITEM, run_id="earlier"),
            "mp4",
            {"qcRunId": "mine"},
            table=stores,
            media=stores,
            check_cancelled=check_cancelled,
            pause=self.pauses.append,
        )


def sets(**attributes: str) -> Callable[[Stores], None]:
    """Another run's work."""

    def act(stores: Stores) -> None:
        for name, value in attributes.items():
            setattr(stores, name, value)

    return act


def test_alone_a_run_needs_one_update_and_one_look() -> None:
    """No pause, and no second read of the item."""
    stores = Stores()
    stores.mark()
    assert (stores.requests, stores.pauses, stores.item_run) == (["mark", "look"], [], "mine")


def test_a_suspended_run_does_not_mark_a_later_ones_results() -> None:
    """A later run has published and marked the item: it stays marked so."""
    stores = Stores("later", "later")
    with pytest.raises(ConcurrentRunError, match="another run of recording"):
        stores.mark()
    assert stores.item_run == "later"
    assert stores.pauses == list(PAUSES_S)


def test_a_run_that_published_last_marks_the_item_last() -> None:
    """A suspended run has marked the item of its overwritten results: this run's are there, so it marks again."""
    stores = Stores("suspended", "mine")
    stores.mark()
    assert stores.item_run == "mine"


def test_results_that_another_run_puts_back_are_waited_for() -> None:
    """It was in the middle and undoes its work: then all are of this run again."""
    stores = Stores(results_run="other", events={3: sets(results_run="mine")})
    stores.mark()
    assert (stores.item_run, stores.pauses) == ("mine", [PAUSES_S[0]])


@pytest.mark.parametrize("at", range(6))
def test_results_that_are_overwritten_are_not_reported_as_done(at: int) -> None:
    """Whenever another run writes before the last look, this run fails, and its message comes again."""
    stores = Stores(item_run="other", events={at: sets(results_run="other", item_run="other")})
    if at >= 5:
        stores.mark()
        assert stores.requests == ["mark", "get", "look", "mark", "look"]
        return
    with pytest.raises(ConcurrentRunError):
        stores.mark()


@pytest.mark.parametrize("failures", [1, 3, 4])
def test_a_throttled_table_is_asked_again(failures: int) -> None:
    """Everything is published by then. After the last try the error stays, and the message comes again."""

    def throttled(_: Stores) -> None:
        raise StorageError("slower")

    stores = Stores(events=dict.fromkeys(range(failures), throttled))
    if failures <= len(PAUSES_S):
        stores.mark()
        assert (stores.item_run, stores.pauses) == ("mine", list(PAUSES_S[:failures]))
        return
    with pytest.raises(StorageError, match="slower"):
        stores.mark()
    assert stores.item_run == "earlier"


def test_the_wait_ends_with_the_time_limit() -> None:
    """The function has to end before Lambda ends it."""

    def check_cancelled() -> None:
        raise OutOfTimeError("the time is up")

    with pytest.raises(OutOfTimeError):
        Stores(results_run="other").mark(check_cancelled)


def test_a_document_of_an_earlier_version_has_no_run() -> None:
    """It can still be read."""
    file = {"location": "a", "size_bytes": 1, "sha256": "0" * 64}
    found: dict[str, Any] = {
        "software": {},
        "settings": {},
        "inputs": {"call_audio": file, "agent_recording": file, "analyses": []},
        "outputs": {"video": file, "thumbnail": None},
    }
    assert Provenance.from_dict(found).run_id == ""
    assert Provenance.from_dict({**found, "run_id": "a"}).to_dict()["run_id"] == "a"
