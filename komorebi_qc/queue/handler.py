"""The handling of one message of the queue.

* Done, or done before from the same inputs: the message can be deleted.
* A permanent error: the message goes to the dead-letter queue at once, with the reason, and isn't retried.
* A held recording: the same, with its own kind and the possible places of the call. An operator decides about it.
* A passing error: the message returns later, each time after twice as long. After its last attempt it goes to the
  dead-letter queue as well.
* Any other error counts as passing: another machine may succeed.

A `Report` describes the result. Dead letters have no folders of keys, because an agent's ID is one of them.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from komorebi_qc.core.errors import (
    AccessDeniedError,
    HeldError,
    KilledError,
    KomorebiError,
    MessageError,
    OutOfTimeError,
    PassingError,
)
from komorebi_qc.core.privacy.addresses import without_agents
from komorebi_qc.isolation.carried_errors import error_places
from komorebi_qc.queue.arrivals import Taken
from komorebi_qc.queue.dead_letter import DeadLetter, message_fields
from komorebi_qc.queue.deadline import Deadline
from komorebi_qc.queue.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.core.progress import Progress
    from komorebi_qc.pipeline.options import Order
    from komorebi_qc.pipeline.outcome import Outcome
    from komorebi_qc.queue.arrivals import Arrivals
    from komorebi_qc.queue.dead_letter import Kind
    from komorebi_qc.queue.report import OutcomeName

_T = TypeVar("_T")
FIRST_RETRY_S, LAST_RETRY_S = 60, 4 * 3600
"""The first wait, and the longest. With 10 attempts the last one is over eight hours after the first."""
TIME_OUT_ATTEMPTS = 3
"""From this attempt on, running out of time is permanent. SQS counts all attempts, so earlier ones may have failed for
another reason, such as call audio that hadn't arrived."""
KILLED_ATTEMPTS = 2
"""From this attempt on, the end of the process that worked on a recording is permanent: its files would end the next
one as well."""


_DECIDED: Mapping[str, Kind] = {"permanent": "permanent", "held": "held"}
"""Outcomes that no retry changes, and the kinds of their dead letters."""


class Pipeline(Protocol):
    """`komorebi_qc.wiring.WiredPipeline`."""

    def is_done(self, order: Order) -> bool:
        """Whether this order was processed already."""
        ...

    def process(self, order: Order, *, progress: Progress) -> Outcome | Mapping[str, Any]:
        """Make one unified recording. A pipeline in another process returns the `summary` of its outcome."""
        ...


class MessageQueues(Protocol):
    """The queues, as far as the handler of a message needs them (`komorebi_qc.queue.sqs.SqsQueues`)."""

    def max_receive_count(self) -> int | None:
        """How often a message is delivered; None if that isn't known."""
        ...

    def change_visibility(self, receipt_handle: str, seconds: int) -> bool:
        """Make the message visible again `seconds` from now; False if the queue isn't known."""
        ...

    def send_to_dlq(self, letter: DeadLetter) -> bool:
        """Send it to the dead-letter queue; False if there isn't one."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """The part of Lambda's context that a handler may use, without a time limit.

    Attributes:
        aws_request_id: an invented ID.
        reports: the handler's report of each message, which Lambda only logs.
        function_name: for the log, like the rest.
        memory_limit_in_mb: 0, for no limit.
        invoked_function_arn: empty.
        pipeline: processes the recordings instead of the handler's own pipeline, in a process with limits; None to
            use the handler's.
    """

    aws_request_id: str
    reports: list[Report] = field(default_factory=list)
    function_name: str = "komorebi-qc-worker"
    memory_limit_in_mb: int = 0
    invoked_function_arn: str = ""
    pipeline: Pipeline | None = None

    def get_remaining_time_in_millis(self) -> int:
        """A day: this process has no time limit."""
        return 24 * 3600 * 1000


class MessageStaysError(Exception):
    """Lets the batch processor keep a message in the queue; its report has been logged already."""


def check_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event, if it is an SQS event.

    Raises:
        MessageError: it is no such event, so that none of its records can be reported.
    """
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list) or not all(isinstance(r, dict) and r.get("messageId") for r in records):
        raise MessageError("the event has no Records with a messageId each: this function takes events of SQS")
    return dict(event)


def retry_in_s(receive_count: int, message_id: str = "") -> int:
    """Seconds until a failed message is visible again: doubled with each attempt, and spread by up to a tenth."""
    wait_s: int = min(FIRST_RETRY_S * 2 ** min(max(receive_count, 1) - 1, 20), LAST_RETRY_S)
    spread = zlib.crc32(message_id.encode()) % 2001 / 10_000 - 0.1
    return round(wait_s * (1 + spread))


def handle_record(
    record: Mapping[str, Any],
    pipeline: Pipeline,
    queues: MessageQueues,
    *,
    remaining_s: Callable[[], float],
    request_id: str = "",
    arrivals: Arrivals | None = None,
    on_recording_id: Callable[[str], None] = lambda _: None,
) -> Report:
    """Process one record of an SQS event, and retry or dead-letter its message.

    Args:
        record: a record of Lambda's event.
        pipeline: processes the recording.
        queues: the queue of the message, and its dead-letter queue.
        remaining_s: returns the seconds until the invocation's time limit.
        request_id: the invocation's ID.
        arrivals: turns events into messages; None if events aren't taken.
        on_recording_id: called with the recording's ID as soon as it is known.
    """
    began = time.monotonic()
    message_id, count = str(record.get("messageId", "")), _receive_count(record)
    body, recording_id = str(record.get("body", "")), None
    result: Mapping[str, Any] = {}
    error: Exception | None = None
    outcome: OutcomeName
    try:
        taken = Taken.of(body) if arrivals is None else arrivals.take(body)
        body, recording_id = taken.body, taken.recording_id
        if recording_id is not None:
            on_recording_id(recording_id)
        outcome, result = _process(taken, pipeline, remaining_s)
    except OutOfTimeError as raised:
        outcome, error = "permanent" if count >= TIME_OUT_ATTEMPTS else "passing", raised
    except KilledError as raised:
        outcome, error = "permanent" if count >= KILLED_ATTEMPTS else "passing", raised
    except (PassingError, AccessDeniedError) as raised:
        # A missing permission is no property of the message: a wrong role must not empty the queue.
        outcome, error = "passing", raised
    except HeldError as raised:
        outcome, error = "held", raised
    except KomorebiError as raised:
        outcome, error = "permanent", raised
    except Exception as raised:  # noqa: BLE001  the other records go on, whatever it is
        outcome, error = "unexpected", raised
    seconds = round(time.monotonic() - began, 3)
    if error is None:
        return Report(outcome, message_id, recording_id, count, seconds, result=result)

    trouble: list[str] = []
    most = _try(trouble, queues.max_receive_count)
    is_last = outcome in _DECIDED or (most is not None and count >= most)
    is_dead_lettered = is_last and bool(
        _try(
            trouble,
            lambda: queues.send_to_dlq(
                DeadLetter(
                    message_fields(body),
                    _DECIDED.get(outcome, "tries"),
                    type(error).__name__,
                    without_agents(_reason(error)),
                    recording_id or "",
                    message_id,
                    request_id,
                    count,
                    datetime.now(UTC),
                    error.candidates if isinstance(error, HeldError) else (),
                )
            ),
        )
    )
    later_s = None if is_dead_lettered else retry_in_s(count, message_id)
    if later_s is not None and not _try(
        trouble, partial(queues.change_visibility, str(record.get("receiptHandle", "")), later_s)
    ):
        later_s = None
    return Report(
        outcome,
        message_id,
        recording_id,
        count,
        seconds,
        type(error).__name__,
        _for_the_log(error),
        later_s,
        is_batch_item_failure=not is_dead_lettered,
        is_dead_lettered=is_dead_lettered,
        trouble=tuple(trouble),
    )


def _process(
    taken: Taken, pipeline: Pipeline, remaining_s: Callable[[], float]
) -> tuple[OutcomeName, Mapping[str, Any]]:
    if taken.error is not None:
        raise taken.error
    message = taken.message
    if message is None:
        return "skipped", taken.facts
    from komorebi_qc.pipeline.options import Order  # noqa: PLC0415  the decoders load after the message has proved to be one

    order = Order(message.recording_id, message.call_end)
    if not message.force and pipeline.is_done(order):
        return "skipped", {}
    made = pipeline.process(order, progress=Deadline(remaining_s))
    return "done", made if isinstance(made, Mapping) else summary(made)


def summary(outcome: Outcome) -> dict[str, Any]:
    """The facts about a unified recording for the log and the metrics, as plain values."""
    document = outcome.document
    took_s = sum(step.seconds for step in outcome.steps)
    output_s = document["durations"]["output_s"]
    sync = document["sync"]
    return {
        "verdict": outcome.verdict,
        "output": outcome.published.video,
        "outputBytes": outcome.published.video_bytes,
        "unconfirmed": None if outcome.placement.is_confirmed else True,
        "syncStatus": "unmeasured" if sync is None else sync["status"],
        "offsetSeconds": document["alignment"]["offset_s"],
        "stepSeconds": {step.name: step.seconds for step in outcome.steps},
        "timesRealTime": round(output_s / took_s, 1) if took_s > 0 else None,
    }


def _try(trouble: list[str], act: Callable[[], _T]) -> _T | None:
    """Call a queue; its error is noted and doesn't change the message's own result."""
    try:
        return act()
    except Exception as error:  # noqa: BLE001  the message is reported, whatever it is
        trouble.append(_sentence(error))
        return None


def _receive_count(record: Mapping[str, Any]) -> int:
    attributes = record.get("attributes")
    text = str(attributes.get("ApproximateReceiveCount", "")) if isinstance(attributes, dict) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1


def _sentence(error: Exception) -> str:
    """The error for the dead letter, which contains the message itself."""
    return str(error) if isinstance(error, KomorebiError) else f"unforeseen: {error_places(error)}"


def _reason(error: Exception) -> str:
    """The error for the dead letter; that of a held recording needs no remedies of a single run."""
    return error.reason if isinstance(error, HeldError) and error.reason else _sentence(error)


def _for_the_log(error: Exception) -> str:
    if isinstance(error, MessageError):
        # Its sentence quotes the message, which doesn't belong in the log.
        return "the message can't be read: see its body in the dead-letter queue"
    return _sentence(error)
