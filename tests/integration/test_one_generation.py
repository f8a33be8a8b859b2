"""Interleaved, killed and unlucky runs of one recording: in the end all results are of one run.

Each example is a script of deliveries, single requests, kills and lost answers, on an S3 and a table in memory.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, INPUT, OUTPUT, RECORDING, SOON
from botocore import exceptions as aws
from fake_s3 import FakeS3
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from turns import Turns, TurnsClient

from komorebi_qc.core.errors import PassingError
from komorebi_qc.pipeline.provenance.run_id import mark_when_complete
from komorebi_qc.storage.s3.media import S3Media

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.core.recording import Recording

LOST = aws.ConnectionClosedError(endpoint_url="x")
RESULTS = {"recording.mp4", "thumbnail.png", "qc.json"}
MOST_AT_ONCE = 5
EXAMPLES = int(os.environ.get("KOMOREBI_EXAMPLES", "20"))


@dataclass(slots=True)
class OneItem:
    """A table with one item, whose requests take turns too."""

    item: Recording = RECORDING

    def of(self, turns: Turns) -> TableInTurns:
        """The same table for one run."""
        return TableInTurns(self, turns)


@dataclass(frozen=True, slots=True)
class TableInTurns:
    """The table as one run uses it."""

    table: OneItem
    turns: Turns

    def get(self, recording_id: str) -> Recording:
        """The present item."""
        assert recording_id == RECORDING.recording_id
        self.turns.wait()
        return self.table.item

    def mark_processed(
        self, recording: Recording, attributes: Mapping[str, Any], *, replaces: str | None = None
    ) -> bool:
        """Change the item under a condition; as in DynamoDB, a repeated request finds its own change."""
        assert recording.recording_id == RECORDING.recording_id
        self.turns.wait()
        run_id = str(attributes["qcRunId"])
        if self.table.item.run_id == replaces:
            self.table.item = replace(RECORDING, is_processed=True, container="mp4", run_id=run_id)
        return self.table.item.run_id == run_id


@dataclass(slots=True)
class Waiting:
    """A message of the queue.

    Attributes:
        is_forced: whether it is processed even if it is done.
        is_deleted: whether a run has deleted it.
        runs: those that have it in hand.
    """

    is_forced: bool
    is_deleted: bool = False
    runs: list[Turns] = field(default_factory=list)


class Bucket(RuleBasedStateMachine):
    """Any order of requests of up to five runs at once, some of them killed, some with lost answers."""

    keeps_versions = False
    locks = False

    def __init__(self) -> None:
        super().__init__()
        self.s3 = FakeS3(keeps_versions=self.keeps_versions, locks=self.locks)
        self.table = OneItem()
        self.messages: list[Waiting] = []
        self.was_done = self.is_orphaned = False
        self.count = 0

    def run(self, message: Waiting, turns: Turns) -> str:
        """The handling of a message: skipped, or published."""
        self.count += 1
        run_id = f"run-{self.count}"
        client = TurnsClient(self.s3, turns, LOST)
        media = S3Media(client, CONNECT, INPUT, OUTPUT, now=lambda: SOON)
        table = self.table.of(turns)
        item = table.get(RECORDING.recording_id)
        if not message.is_forced and item.is_processed and media.has_results(item, item.container, item.run_id):
            return "skipped"
        with media.draft(item, "mp4", run_id, media.findings_version(item)) as draft:
            draft.begin(1000).write(f"video of {run_id}".encode())
            draft.publish(thumbnail=f"png of {run_id}".encode(), qc=f"qc of {run_id}".encode())
            mark_when_complete(item, "mp4", {"qcRunId": run_id}, table=table, media=media, pause=lambda _: turns.wait())
        return "done"

    def deliver(self, message: Waiting) -> Turns:
        """Give a message to a run."""
        turns = Turns(lambda turns: self.run(message, turns))
        message.runs.append(turns)
        return turns

    def settle(self) -> None:
        """Delete messages whose runs have ended well."""
        for message in self.messages:
            for turns in [one for one in message.runs if one.is_over]:
                message.runs.remove(turns)
                if turns.error is None:
                    message.is_deleted = True
                    self.was_done = True
                    continue
                assert turns.is_killed or isinstance(turns.error, PassingError), repr(turns.error)
                # Another run has deleted its message, and nobody comes to repair what it leaves.
                is_left = turns.is_killed or re.search(r"delete: (.*, )?s3://", str(turns.error)) is not None
                self.is_orphaned |= message.is_deleted and is_left

    @property
    def active(self) -> list[Turns]:
        """All runs under way."""
        return [turns for message in self.messages for turns in message.runs if not turns.is_over]

    @rule(is_forced=st.booleans())
    @precondition(lambda self: len(self.active) < MOST_AT_ONCE)
    def send(self, is_forced: bool) -> None:  # noqa: FBT001  hypothesis names it
        """A message, delivered at once."""
        message = Waiting(is_forced)
        self.messages.append(message)
        self.deliver(message)

    @rule(data=st.data())
    @precondition(lambda self: any(not m.is_deleted for m in self.messages) and len(self.active) < MOST_AT_ONCE)
    def deliver_again(self, data: st.DataObject) -> None:
        """A message comes to another run, whether or not the first one has ended."""
        self.deliver(data.draw(st.sampled_from([m for m in self.messages if not m.is_deleted])))

    @rule(data=st.data(), count=st.integers(1, 12))
    @precondition(lambda self: self.active)
    def go_on(self, data: st.DataObject, count: int) -> None:
        """Some requests of one run."""
        turns = data.draw(st.sampled_from(self.active))
        for _ in range(count):
            turns.step()
        self.settle()

    @rule(data=st.data())
    @precondition(lambda self: self.active)
    def kill(self, data: st.DataObject) -> None:
        """A run ends where it is."""
        data.draw(st.sampled_from(self.active)).kill()
        self.settle()

    @rule(data=st.data())
    @precondition(lambda self: self.active)
    def lose_an_answer(self, data: st.DataObject) -> None:
        """The next request of a run is carried out, and it doesn't learn that."""
        data.draw(st.sampled_from(self.active)).loses_answer = True

    @invariant()
    def nothing_gets_lost(self) -> None:
        """Once a run has published, a reader always finds all three results."""
        if self.was_done:
            assert self.s3.runs().keys() == RESULTS

    @invariant()
    def all_done_means_one_run(self) -> None:
        """If every message is deleted and no run is under way, all results are of one run.

        One case is left to the next message: a message that came twice, and was deleted by the one run while the other
        one was killed in the middle.
        """
        if self.messages and all(m.is_deleted for m in self.messages) and not self.active and not self.is_orphaned:
            self.check_one_run()

    def check_one_run(self) -> None:
        """All four artefacts are of one run."""
        run_id = self.table.item.run_id
        assert run_id
        assert self.s3.runs() == dict.fromkeys(RESULTS, run_id)
        content = {key.rpartition("/")[2]: body.decode() for key, body in self.s3.content().items()}
        assert {name: text.rpartition(" ")[2] for name, text in content.items()} == dict.fromkeys(RESULTS, run_id)

    def teardown(self) -> None:
        """Every run goes on to its end, and every message comes again until it is done."""
        for turns in self.active:
            turns.loses_answer = False
            turns.finish()
        self.settle()
        if self.is_orphaned:
            self.messages.append(Waiting(is_forced=False))
        for message in self.messages:
            tries = 0
            while not message.is_deleted:
                self.deliver(message).finish()
                self.settle()
                tries += 1
                assert tries <= 2, "a run that is alone has to end well"
        if self.messages:
            self.check_one_run()


class VersionedBucket(Bucket):
    """The same in a bucket with versions."""

    keeps_versions = True


class LockedBucket(Bucket):
    """The same in a bucket whose versions can't be removed."""

    locks = True


@pytest.mark.parametrize("kind", [Bucket, VersionedBucket, LockedBucket])
def test_all_results_are_of_one_run(kind: type[Bucket], monkeypatch: pytest.MonkeyPatch) -> None:
    """In any order of requests, with any run killed, and with any answer lost."""
    monkeypatch.setattr("komorebi_qc.storage.s3.publication.PART_BYTES", 1 << 10)  # memory for each run
    monkeypatch.setattr("komorebi_qc.storage.s3.multipart_writer._HEADER_BYTES", 1 << 10)
    run_state_machine_as_test(kind, settings=settings(max_examples=EXAMPLES, stateful_step_count=30, deadline=None))
