"""Queues, and the two of them as the handler of a message needs them, on moto's SQS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import Faulty, World, client_error, fails

from komorebi_qc.core.errors import AccessDeniedError, PermanentError, SettingsError, StorageError
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.sqs import Queue, QueueCounts, Redrive, SqsQueues, dead_letter_queue_of, queue_by_arn

if TYPE_CHECKING:
    from collections.abc import Callable

LETTER = DeadLetter(
    body='{"recordingID": "contact-1"}',
    kind="tries",
    error="NotThereYetError",
    reason="s3://b/x.wav isn't there yet: it is waited for: é, ü, until tomorrow",
    recording_id="contact-1",
    message_id="m1",
    request_id="r1",
    receive_count=8,
    failed_at=datetime(2026, 3, 2, 14, 5, 9, tzinfo=UTC),
)
BROKEN = client_error("InternalError", 500, "Any")


def test_the_policy_of_a_queue(world: World) -> None:
    """The dead-letter queue and the number of deliveries; a queue without a policy has neither."""
    assert world.queue().policy() == Redrive(world.queue("dead").arn(), 3)
    assert world.queue("dead").policy() == Redrive(None, None)


def test_a_queue_counts_its_messages(world: World) -> None:
    """Visible messages, messages in processing and delayed ones are counted."""
    queue = world.queue()
    for _ in range(3):
        queue.send("x")
    world.sqs.send_message(QueueUrl=queue.url, MessageBody="later", DelaySeconds=600)
    assert queue.receive(0, 60) is not None
    assert queue.counts() == QueueCounts(visible=2, hidden=1, delayed=1)


def test_messages_come_with_all_they_have(world: World) -> None:
    """Up to as many as asked for, with the attributes that were sent and those of SQS."""
    queue = world.queue()
    sent = {queue.send(str(number), LETTER.attributes()) for number in range(12)}
    some = queue.receive_some(10, 0, 60)
    assert len(some) == 10
    assert {message["MessageId"] for message in some} <= sent
    for message in some:
        assert message["MessageAttributes"]["komorebiError"]["StringValue"] == "NotThereYetError"
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert len(queue.receive_some(10, 0, 60)) == 2
    assert queue.receive_some(10, 0, 60) == []


def test_a_message_that_is_too_long_is_a_permanent_error(world: World) -> None:
    """A message that SQS never takes isn't worth a retry."""
    with pytest.raises(PermanentError):
        world.queue().send("x" * 2_000_000)


def test_hiding_what_is_gone_is_a_warning(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Another consumer's message can't be hidden, and needn't be."""
    queue = world.queue()
    queue.send("x")
    message = queue.receive(0, 60)
    assert message is not None
    queue.delete(message)
    queue.change_visibility(message, 10)
    assert "visible again already" in caplog.text


@pytest.mark.parametrize(
    "code",
    [
        "ReceiptHandleIsInvalid",
        "MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
        "InvalidParameterValue",
    ],
)
def test_each_error_for_a_visible_message_is_a_warning(
    world: World, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each of SQS's errors for a message that is visible again is logged, not raised."""
    faulty = Faulty(world.sqs, change_message_visibility=fails(client_error(code, 400, "ChangeMessageVisibility")))
    Queue(faulty, world.queue().url).change_visibility({"ReceiptHandle": "x", "MessageId": "m1"}, 10)
    assert "m1 is visible again already" in caplog.text


CALLS: dict[str, Callable[[Queue], object]] = {
    "arn": Queue.arn,
    "policy": Queue.policy,
    "counts": Queue.counts,
    "send": lambda queue: queue.send("x"),
    "receive": lambda queue: queue.receive(0, 1),
    "hide": lambda queue: queue.change_visibility({"ReceiptHandle": "x", "MessageId": "x"}, 1),
    "delete": lambda queue: queue.delete({"ReceiptHandle": "x"}),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_each_call_sorts_its_errors(world: World, call: Callable[[Queue], object]) -> None:
    """A queue that doesn't answer is retried, a missing queue isn't; the error names both."""
    operations = (
        "get_queue_attributes",
        "send_message",
        "receive_message",
        "change_message_visibility",
        "delete_message",
    )
    faulty = Faulty(world.sqs, **{name: fails(BROKEN) for name in operations})
    with pytest.raises(StorageError, match=r"queue http.*work"):
        call(Queue(faulty, world.queue().url))
    with pytest.raises(AccessDeniedError, match=r"nowhere doesn't exist"):
        call(Queue(world.sqs, world.queue().url.replace("work", "nowhere")))


def test_a_queue_is_found_by_its_arn(world: World) -> None:
    """As its policy names it; one that isn't there is an error that names it."""
    assert queue_by_arn(world.sqs, world.queue("dead").arn()) == world.queue("dead")
    with pytest.raises(AccessDeniedError, match="nowhere"):
        queue_by_arn(world.sqs, world.queue("dead").arn().replace("dead", "nowhere"))


@pytest.mark.parametrize("named", [True, False], ids=["by settings", "by policy"])
def test_a_dead_letter_is_put_where_the_settings_or_the_policy_say(world: World, *, named: bool) -> None:
    """It arrives whole, accents and all, with its body as it came."""
    queues = SqsQueues(world.queue(), world.queue("dead") if named else None)
    assert queues.send_to_dlq(LETTER)
    assert queues.send_to_dlq(LETTER)
    messages = world.queue("dead").receive_some(10, 0, 60)
    assert [DeadLetter.from_message(message) for message in messages] == [LETTER, LETTER]


def test_the_settings_queue_wins_over_the_policys(world: World) -> None:
    """A named queue is used, whatever the policy contains."""
    other = Queue(world.sqs, world.sqs.create_queue(QueueName="other")["QueueUrl"])
    assert SqsQueues(world.queue(), other).send_to_dlq(LETTER)
    assert (world.waiting("other"), world.waiting("dead")) == ((1, 0), (0, 0))


def test_the_policy_is_asked_for_once(world: World) -> None:
    """A busy function doesn't query the queue at each failure, but after a failed query it queries again."""
    asked = 0

    def counted(true: Callable[..., Any], **arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise BROKEN
        return true(**arguments)

    queues = SqsQueues(Queue(Faulty(world.sqs, get_queue_attributes=counted), world.queue().url))
    with pytest.raises(StorageError):
        queues.max_receive_count()
    assert [queues.max_receive_count(), queues.max_receive_count()] == [3, 3]
    assert queues.send_to_dlq(LETTER)
    assert asked == 2


def test_a_message_in_hand_is_hidden(world: World) -> None:
    """For as long as asked, by its receipt handle."""
    queue = world.queue()
    queue.send("x")
    message = queue.receive(0, 10)
    assert message is not None
    assert SqsQueues(queue).change_visibility(message["ReceiptHandle"], 600)
    (hidden_s,) = world.hidden_for_s()
    assert 590 < hidden_s <= 600


def test_without_queues_nothing_is_done(world: World) -> None:
    """Without a queue, or without a dead-letter queue, SQS acts alone."""
    nothing = SqsQueues(None)
    assert not nothing.change_visibility("handle", 10)
    assert (nothing.max_receive_count(), nothing.send_to_dlq(LETTER)) == (None, False)
    last = SqsQueues(world.queue("dead"))
    assert not last.change_visibility("", 10)
    assert (last.max_receive_count(), last.send_to_dlq(LETTER)) == (None, False)


def test_a_dlq_alone_is_enough(world: World) -> None:
    """The two settings are independent."""
    assert SqsQueues(None, world.queue("dead")).send_to_dlq(LETTER)
    assert world.waiting("dead") == (1, 0)


def test_the_policy_names_the_dlq(world: World) -> None:
    """A queue without one gets a sentence that names the variable to set."""
    assert dead_letter_queue_of(world.queue()) == world.queue("dead")
    with pytest.raises(SettingsError, match="KOMOREBI_DEAD_LETTER_QUEUE_URL"):
        dead_letter_queue_of(world.queue("dead"))
