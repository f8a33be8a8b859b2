"""A queue of SQS: receive, hide, delete, send; and the two queues as a message in hand needs them."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from komorebi_qc.storage.aws_errors import aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.queue.dead_letter import DeadLetter

LOG = logging.getLogger(__name__)
_NOT_IN_HAND = ("ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight")


@dataclass(frozen=True, slots=True)
class Redrive:
    """A queue's redrive policy.

    Attributes:
        dead_letter_arn: where a message goes after its tries; None for nowhere.
        tries: ``maxReceiveCount``; None where it is offered for as long as it is kept.
    """

    dead_letter_arn: str | None
    receive_count: int | None


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Messages of a queue: in sight, in somebody's hand or waiting for a retry, and not yet due."""

    visible: int
    hidden: int
    delayed: int


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue.

    Attributes:
        client: boto3's ``sqs`` client; its read timeout has to be longer than a poll waits.
        url: the queue's.
    """

    client: Any
    url: str

    def arn(self) -> str:
        """Its ARN.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def policy(self) -> Redrive:
        """What becomes of its messages after their tries.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["RedrivePolicy"])
        told = json.loads(answer.get("Attributes", {}).get("RedrivePolicy") or "{}")
        receive_count = told.get("maxReceiveCount")
        return Redrive(told.get("deadLetterTargetArn"), None if receive_count is None else int(receive_count))

    def counts(self) -> QueueCounts:
        """How many messages it has, roughly: SQS promises no more.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        names = [f"ApproximateNumberOfMessages{more}" for more in ("", "NotVisible", "Delayed")]
        with aws_errors(f"queue {self.url}"):
            told = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return QueueCounts(*(int(told.get(name, 0)) for name in names))

    def send(self, body: str, attributes: Mapping[str, Mapping[str, str]] | None = None) -> str:
        """Send a message; its ID.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            answer = self.client.send_message(
                QueueUrl=self.url, MessageBody=body, MessageAttributes=dict(attributes or {})
            )
        return str(answer["MessageId"])

    def receive(self, wait_s: int, visibility_s: int) -> dict[str, Any] | None:
        """The next message, as SQS gives it; None where none came in `wait_s`.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        messages = self.receive_some(1, wait_s, visibility_s)
        return messages[0] if messages else None

    def receive_some(self, most: int, wait_s: int, visibility_s: int) -> list[dict[str, Any]]:
        """Up to `most` messages, 10 at most; SQS may give fewer than there are.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            answer = self.client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=wait_s,
                VisibilityTimeout=visibility_s,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        return list(answer.get("Messages", []))

    def change_visibility(self, message: Mapping[str, Any], seconds: int) -> None:
        """Let the message come back `seconds` from now, unless it is deleted before.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            try:
                self.client.change_message_visibility(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
                )
            except Exception as error:
                if not error_code(error).endswith(_NOT_IN_HAND):
                    raise
                LOG.warning("message %s is no longer in hand: another worker may have it", message["MessageId"])

    def delete(self, message: Mapping[str, Any]) -> None:
        """Take the message out of the queue.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


def queue_by_arn(client: Any, arn: str) -> Queue:
    """The queue of an ARN, in the client's region.

    Raises:
        StorageError: where SQS doesn't answer.
        AccessDeniedError: where it refuses, or the queue doesn't exist.
    """
    *_, account, name = arn.split(":")
    with aws_errors(f"queue {arn}"):
        return Queue(client, client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"])


class SqsQueues:
    """A queue and its dead-letter queue, for the messages in hand (`komorebi_qc.queue.handler.MessageQueues`)."""

    def __init__(self, queue: Queue | None, dead: Queue | None = None) -> None:
        """Take the queues.

        Args:
            queue: where messages come from; None where that isn't known: they are neither hidden nor set aside.
            dead: the dead-letter queue; None to go by the queue's own policy.
        """
        self._queue, self._dead = queue, dead
        self._policy: Redrive | None = None

    def receive_count(self) -> int | None:
        """How often a message is offered; asked of the queue once.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        return self._redrive().receive_count

    def change_visibility(self, receipt_handle: str, seconds: int) -> bool:
        """Let the message in hand come back `seconds` from now; False where the queue isn't known.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        if self._queue is None or not receipt_handle:
            return False
        self._queue.change_visibility({"ReceiptHandle": receipt_handle, "MessageId": "in hand"}, seconds)
        return True

    def send_to_dlq(self, letter: DeadLetter) -> bool:
        """Put it into the dead-letter queue; False where there is none.

        Raises:
            StorageError: where the queue doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        if self._dead is None:
            arn = self._redrive().dead_letter_arn
            if self._queue is None or arn is None:
                return False
            self._dead = queue_by_arn(self._queue.client, arn)
        self._dead.send(letter.body, letter.attributes())
        return True

    def _redrive(self) -> Redrive:
        if self._policy is None:
            self._policy = Redrive(None, None) if self._queue is None else self._queue.policy()
        return self._policy
