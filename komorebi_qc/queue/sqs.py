"""An SQS queue: receive, change the visibility timeout, delete, send; and both queues for a message's handler."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import SettingsError
from komorebi_qc.storage.aws_errors import aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.queue.dead_letter import DeadLetter

LOG = logging.getLogger(__name__)
_NOT_RECEIVED = ("ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight")


@dataclass(frozen=True, slots=True)
class Redrive:
    """A queue's redrive policy.

    Attributes:
        dead_letter_arn: the dead-letter queue; None if there isn't one.
        max_receive_count: how often a message is delivered; None for no limit.
    """

    dead_letter_arn: str | None
    max_receive_count: int | None


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Numbers of messages: visible, invisible because somebody has received them, and delayed."""

    visible: int
    hidden: int
    delayed: int


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue.

    Attributes:
        client: boto3's ``sqs`` client; its read timeout has to be longer than a poll waits.
        url: the queue's URL.
    """

    client: Any
    url: str

    def arn(self) -> str:
        """The queue's ARN.

        Raises:
            StorageError: the queue doesn't respond.
            AccessDeniedError: the queue denies access or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def policy(self) -> Redrive:
        """The queue's redrive policy.

        Raises:
            StorageError: the queue doesn't respond.
            AccessDeniedError: the queue denies access or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["RedrivePolicy"])
        policy = json.loads(answer.get("Attributes", {}).get("RedrivePolicy") or "{}")
        count = policy.get("maxReceiveCount")
        return Redrive(policy.get("deadLetterTargetArn"), None if count is None else int(count))

    def counts(self) -> QueueCounts:
        """The approximate numbers of messages; SQS gives no exact ones.

        Raises:
            StorageError: the queue doesn't respond.
            AccessDeniedError: the queue denies access or doesn't exist.
        """
        names = [f"ApproximateNumberOfMessages{more}" for more in ("", "NotVisible", "Delayed")]
        with aws_errors(f"queue {self.url}"):
            found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return QueueCounts(*(int(found.get(name, 0)) for name in names))

    def send(self, body: str, attributes: Mapping[str, Mapping[str, str]] | None = None) -> str:
        """Send a message; returns its ID.

        Raises:
            StorageError: the queue doesn't respond.
            AccessDeniedError: the queue denies access or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            answer = self.client.send_message(
                QueueUrl=self.url, MessageBody=body, MessageAttributes=dict(attributes or {})
            )
        return str(answer["MessageId"])

    def receive(self, wait_s: int, visibility_s: int) -> dict[str, Any] | None:
        """The next message, as SQS returns it; None if no message came within `wait_s`.

        Raises:
            StorageError: the queue doesn't respond.
            AccessDeniedError: the queue denies access or doesn't exist.
        """
        messages = self.receive_some(1, wait_s, visibility_s)
        return messages[0] if messages else None

    def receive_some(self, most: int, wait_s: int, visibility_s: int) -> list[dict[str, Any]]:
        """Up to `most` messages, 10 at most; SQS may return fewer than there are.

        Raises:
            StorageError: the queue doesn't respond.
            AccessDeniedError: the queue denies access or doesn't exist.
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
        """Make the message visible again `seconds` from now, unless it is deleted before.

        Raises:
            StorageError: the queue doesn't respond.
            AccessDeniedError: the queue denies access or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            try:
                self.client.change_message_visibility(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
                )
            except Exception as error:
                if not error_code(error).endswith(_NOT_RECEIVED):
                    raise
                LOG.warning("message %s is visible again already: another worker may have it", message["MessageId"])

    def delete(self, message: Mapping[str, Any]) -> None:
        """Delete the message.

        Raises:
            StorageError: the queue doesn't respond.
            AccessDeniedError: the queue denies access or doesn't exist.
        """
        with aws_errors(f"queue {self.url}"):
            self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


def queue_by_arn(client: Any, arn: str) -> Queue:
    """The queue that an ARN names, in the client's region.

    Raises:
        StorageError: SQS doesn't respond.
        AccessDeniedError: SQS denies access, or the queue doesn't exist.
    """
    *_, account, name = arn.split(":")
    with aws_errors(f"queue {arn}"):
        return Queue(client, client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"])


def dead_letter_queue_of(queue: Queue) -> Queue:
    """The dead-letter queue in a queue's redrive policy.

    Raises:
        SettingsError: the policy names no such queue.
        StorageError: the queue doesn't respond.
        AccessDeniedError: the queue denies access or doesn't exist.
    """
    arn = queue.policy().dead_letter_arn
    if arn is None:
        raise SettingsError(
            f"the queue {queue.url} has no dead-letter queue: set its redrive policy, or KOMOREBI_DEAD_LETTER_QUEUE_URL"
        )
    return queue_by_arn(queue.client, arn)


class SqsQueues:
    """A queue and its dead-letter queue, for the handler of a message (`komorebi_qc.queue.handler.MessageQueues`)."""

    def __init__(self, queue: Queue | None, dead: Queue | None = None) -> None:
        """Take the queues.

        Args:
            queue: the queue that messages come from; None if it isn't known.
            dead: the dead-letter queue; None for the one in the queue's redrive policy.
        """
        self._queue, self._dead = queue, dead
        self._policy: Redrive | None = None

    def max_receive_count(self) -> int | None:
        """How often a message is delivered; read from the queue once.

        Raises:
            StorageError: the queue doesn't respond.
            AccessDeniedError: the queue denies access or doesn't exist.
        """
        return self._redrive().max_receive_count

    def change_visibility(self, receipt_handle: str, seconds: int) -> bool:
        """Make the message visible again `seconds` from now; False if the queue isn't known.

        Raises:
            StorageError: the queue doesn't respond.
            AccessDeniedError: the queue denies access or doesn't exist.
        """
        if self._queue is None or not receipt_handle:
            return False
        self._queue.change_visibility({"ReceiptHandle": receipt_handle, "MessageId": "of this invocation"}, seconds)
        return True

    def send_to_dlq(self, letter: DeadLetter) -> bool:
        """Send it to the dead-letter queue; False if there isn't one.

        Raises:
            StorageError: the queue doesn't respond.
            AccessDeniedError: the queue denies access or doesn't exist.
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
