"""Rows of a dataset sent to the production queue, at a steady rate."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import AccessDeniedError, InputError, KomorebiError, SettingsError
from komorebi_qc.queue import operate
from komorebi_qc.queue.sqs import Queue
from komorebi_qc.storage.dynamodb import DynamoTable
from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Row = dict[str, Any]
_MAX_RATE_HZ = 1000


@dataclass(slots=True)
class Submission:
    """The messages of a run.

    Attributes:
        count: messages that were sent.
        refused: IDs and reasons of the others.
    """

    count: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


def split_for_queue(rows: list[Row]) -> tuple[list[Row], list[tuple[str, str]]]:
    """Rows that a message can name, and ID and reason of the others."""
    can, cannot = [], []
    for row in rows:
        if row["named_by"] != "id":
            cannot.append((row["recording_id"], "it isn't in the table, and the queue names recordings by ID"))
        elif not row["call_end"]:
            cannot.append((row["recording_id"], "its call end isn't known"))
        else:
            can.append(row)
    return can, cannot


def open_queue(environ: Mapping[str, str]) -> tuple[DynamoTable, Queue]:
    """The configured table and queue.

    Raises:
        SettingsError: They aren't configured.
    """
    settings = Settings.from_environment(environ)
    if not settings.queue_url:
        raise SettingsError("KOMOREBI_QUEUE_URL isn't set: it names the queue that messages are sent to")
    return DynamoTable(aws_client("dynamodb"), settings.table_name), Queue(aws_client("sqs"), settings.queue_url)


@dataclass(frozen=True, slots=True)
class Pace:
    """A steady rate.

    Attributes:
        rate_hz: events a second, at most.
        now: a clock in seconds.
        sleep: waits for some seconds.

    Raises:
        InputError: The rate isn't positive, or is too high.
    """

    rate_hz: float
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if not 0 < self.rate_hz <= _MAX_RATE_HZ:
            raise InputError(f"--rate {self.rate_hz:g} is out of range: give messages a second, up to {_MAX_RATE_HZ}")

    def beats(self) -> Iterator[None]:
        """Yield whenever the next event is due."""
        due_s = self.now()
        while True:
            while (early_s := due_s - self.now()) > 0:
                self.sleep(early_s)
            due_s = max(due_s, self.now()) + 1 / self.rate_hz
            yield


def submit(
    rows: list[Row],
    submission: Submission,
    *,
    force: bool,
    pace: Pace,
    table: DynamoTable,
    queue: Queue,
    report: Callable[[str], None] = lambda _outcome: None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Send a message for each row, as the backend does; `submission` is kept current.

    Args:
        rows: rows that a message can name.
        submission: receives counts and refusals.
        force: whether production processes them even if they are done.
        pace: the rate.
        table: the recordings table.
        queue: the production queue.
        report: receives each outcome, ``sent`` or ``failed``.
        check: called before each message; it may raise an exception to stop.

    Raises:
        AccessDeniedError: The table or the queue refuses access.
    """
    for row, _ in zip(rows, pace.beats(), strict=False):
        check()
        try:
            operate.submit(row["recording_id"], row["call_end"], force=force, table=table, queue=queue)
        except (AccessDeniedError, SettingsError):
            raise
        except KomorebiError as error:
            submission.refused.append((row["recording_id"], str(error)))
            report("failed")
        else:
            submission.count += 1
            report("sent")
