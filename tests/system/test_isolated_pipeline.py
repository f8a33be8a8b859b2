"""Messages in a process of their own: a recording that ends it is a dead letter, and the worker goes on."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from komorebi_qc.core.errors import HeldError, KilledError, MediaError
from komorebi_qc.core.recording import message_body
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.isolation.carried_errors import UnforeseenError
from komorebi_qc.isolation.resource_limits import ResourceLimits
from komorebi_qc.isolation.worker_process import WorkerProcess
from komorebi_qc.jobs.isolated_pipeline import IsolatedPipeline
from komorebi_qc.pipeline.options import Order
from komorebi_qc.queue import worker
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.worker import Counts, load_handler, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_fixtures import World

WORK = "hostile_messages:carry_out"
LIMITS = ResourceLimits(time_s=8.0, memory_mb=300.0)


class Steps:
    """Remembers the progress, and raises when it is asked to."""

    def __init__(self, *, error: Exception | None = None) -> None:
        self.seen: list[Any] = []
        self._error = error

    def step(self, number: int, of: int, name: str) -> None:
        """Remember a step."""
        self.seen.append((number, of, name))

    def advance(self, fraction: float) -> None:
        """Remember a fraction."""
        self.seen.append(fraction)

    def check(self) -> None:
        """Raise the given error."""
        if self._error is not None:
            raise self._error


@pytest.fixture
def pipeline() -> Iterator[IsolatedPipeline]:
    """A pipeline with small limits."""
    with closing(WorkerProcess(LIMITS, WORK)) as process:
        yield IsolatedPipeline(process, {})


def order(recording_id: str) -> Order:
    """An order for one of the recordings of `hostile_messages`."""
    return Order(recording_id, parse_call_end("57:01"))


def test_an_answer_comes_with_its_progress_and_its_warnings(
    pipeline: IsolatedPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    """The supervisor shows both as if the work were its own."""
    progress = Steps()
    assert pipeline.is_done(order("was-done"))
    assert not pipeline.is_done(order("good"))
    with caplog.at_level(logging.WARNING):
        assert pipeline.process(order("good"), progress=progress)["output"] == "s3://bucket/good.mp4"
    assert progress.seen == [(1, 9, "read item"), 0.5]
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("komorebi_qc.storage", "a word of good")
    ]


@pytest.mark.parametrize(
    ("recording_id", "words"),
    [("bomb", "killed: memory.*300 MB"), ("hang", "killed: time.*8 s"), ("crash", "killed: crash.*SIGSEGV")],
)
def test_the_end_of_the_process_is_an_error_with_its_cause(
    pipeline: IsolatedPipeline, recording_id: str, words: str
) -> None:
    """And the next recording is processed."""
    with pytest.raises(KilledError, match=words):
        pipeline.process(order(recording_id), progress=Steps())
    assert pipeline.process(order("good"), progress=Steps())["verdict"] == "pass"


def test_an_error_of_the_work_is_raised_here(pipeline: IsolatedPipeline) -> None:
    """With its class, its sentence, and the candidates of a held recording."""
    with pytest.raises(MediaError, match=r"^broken\.mp4 is empty$"):
        pipeline.process(order("broken"), progress=Steps())
    with pytest.raises(HeldError) as held:
        pipeline.process(order("doubtful"), progress=Steps())
    assert (held.value.reason, held.value.candidates) == ("nothing confirms it", ((1.5, 0.9),))
    with pytest.raises(UnforeseenError, match=r"^ZeroDivisionError at hostile_messages\.py"):
        pipeline.process(order("defect"), progress=Steps())


def test_a_request_to_stop_ends_the_process(pipeline: IsolatedPipeline) -> None:
    """The work doesn't go on unseen."""
    with pytest.raises(ZeroDivisionError):
        pipeline.process(order("hang"), progress=Steps(error=ZeroDivisionError()))
    assert pipeline.process(order("good"), progress=Steps())["verdict"] == "pass"


def test_a_recording_that_ends_the_process_twice_is_a_dead_letter(
    world: World, pipeline: IsolatedPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first time it is tried again. The worker stays, and handles the other messages."""
    monkeypatch.setattr(worker, "retry_in_s", lambda *_: 0)
    monkeypatch.setenv("KOMOREBI_QUEUE_URL", world.queue().url)
    queue, handler = world.queue(), load_handler()
    world.sqs.send_message(QueueUrl=queue.url, MessageBody=message_body("bomb", "57:01"))
    assert run(queue, handler, once=True, wait_s=0, pipeline=pipeline) == Counts(failed=1)
    assert run(queue, handler, once=True, wait_s=0, pipeline=pipeline) == Counts(dead_lettered=1)
    (message,) = world.sqs.receive_message(
        QueueUrl=world.queue("dead").url, MessageAttributeNames=["All"], AttributeNames=["All"]
    )["Messages"]
    letter = DeadLetter.from_message(message)
    assert (letter.kind, letter.error, letter.receive_count) == ("permanent", "KilledError", 2)
    assert letter.reason.startswith("killed: memory. Processing bomb was stopped, and nothing was published:")
    world.sqs.send_message(QueueUrl=queue.url, MessageBody=message_body("good", "57:01"))
    assert run(queue, handler, once=True, wait_s=0, pipeline=pipeline) == Counts(done=1)
