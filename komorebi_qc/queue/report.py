"""The result of a message, for the log and for metrics.

It never contains the event, nor any data of the customer. Its fields for the log have no folders of keys, because an
agent's ID is one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc.core.errors import AccessDeniedError
from komorebi_qc.core.privacy.addresses import without_agents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OutcomeName = Literal["done", "skipped", "held", "passing", "permanent", "unexpected"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric.

    Attributes:
        name: its name.
        unit: CloudWatch's unit: ``Count``, ``Seconds``, ``None``.
        value: its value.
        by: dimensions in addition to the service.
    """

    name: str
    unit: str
    value: float
    by: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a message.

    Attributes:
        outcome: the result in a word.
        message_id: SQS's ID.
        recording_id: None if the message couldn't be read.
        receive_count: how often it was delivered, this time included.
        seconds: wall time.
        error: the error's class.
        detail: the error's sentence, or the place where it was raised.
        retry_in_s: seconds until it is visible again; None if it doesn't return, or SQS decides.
        is_batch_item_failure: whether it must be reported as failed, so that it stays in the queue.
        is_dead_lettered: whether it was sent to the dead-letter queue.
        result: facts about the unified recording, for the log.
        trouble: errors of the queues; SQS's own redrive policy applies then.
    """

    outcome: OutcomeName
    message_id: str
    recording_id: str | None
    receive_count: int
    seconds: float
    error: str | None = None
    detail: str | None = None
    retry_in_s: int | None = None
    is_batch_item_failure: bool = False
    is_dead_lettered: bool = False
    result: Mapping[str, Any] = field(default_factory=dict)
    trouble: tuple[str, ...] = ()

    @property
    def level(self) -> Literal["INFO", "WARNING", "ERROR"]:
        """The log level: done, to be retried or decided, or a failure for an operator."""
        if self.outcome in ("done", "skipped"):
            return "INFO"
        if self.outcome == "held":
            return "WARNING" if self.is_dead_lettered else "ERROR"
        is_denied = self.error == AccessDeniedError.__name__
        return "WARNING" if self.outcome == "passing" and not self.is_dead_lettered and not is_denied else "ERROR"

    def fields(self, *, with_keys: bool = False) -> dict[str, Any]:
        """The fields for the log; unknown values are left out.

        Args:
            with_keys: show whole keys, with the agent's ID in them.
        """
        shown: Callable[[str], str] = str if with_keys else without_agents
        found = {
            "outcome": self.outcome,
            "messageID": self.message_id,
            "recordingID": self.recording_id,
            "receiveCount": self.receive_count,
            "seconds": self.seconds,
            "error": self.error,
            "detail": None if self.detail is None else shown(self.detail),
            "retryInSeconds": self.retry_in_s,
            "deadLettered": self.is_dead_lettered or None,
            "queueTrouble": list(map(shown, self.trouble)) or None,
            **self.result,
        }
        if "output" in found:
            found["output"] = shown(found["output"])
        return {name: value for name, value in found.items() if value is not None}

    def metrics(self) -> list[Metric]:
        """Counts by outcome and cause; for a result also seconds of each step, speed, sync status and offset."""
        names = {"done": "Processed", "skipped": "Skipped", "held": "Held"}
        found = [Metric(names.get(self.outcome, "Failed"), "Count", 1.0)]
        if self.error is not None and self.outcome != "held":
            found.append(Metric("FailedByCause", "Count", 1.0, {"cause": self.error}))
        for name, seconds in self.result.get("stepSeconds", {}).items():
            found.append(Metric("StepSeconds", "Seconds", seconds, {"step": name}))
        if self.result.get("unconfirmed"):
            found.append(Metric("PublishedUnconfirmed", "Count", 1.0))
        if (speed := self.result.get("timesRealTime")) is not None:
            found.append(Metric("TimesRealTime", "None", speed))
        if (status := self.result.get("syncStatus")) is not None:
            found.append(Metric("SyncStatus", "Count", 1.0, {"status": status}))
        if (offset_s := self.result.get("offsetSeconds")) is not None:
            found.append(Metric("OffsetSeconds", "Seconds", offset_s))
        return found
