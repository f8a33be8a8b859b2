"""One record at a time through the handler's logic, with a pipeline and queues made by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.core.errors import (
    AccessDeniedError,
    DoesNotFitError,
    HeldError,
    MessageError,
    MissingMediaError,
    NotThereYetError,
    OutOfTimeError,
    StorageError,
    WrongPairError,
)
from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.queue.handler import check_event, handle_record, retry_in_s
from komorebi_qc.queue.report import Metric, Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.core.progress import Progress
    from komorebi_qc.pipeline.options import Order
    from komorebi_qc.queue.dead_letter import DeadLetter

BODY = json.dumps({"recordingID": "contact-1", "callEndingTimestamp": "00:01:02"})
SECRETS = ("Aiko", "+49 30 1234", "customer-phone")


def made() -> Any:
    """An outcome, as far as a report needs it."""
    return SimpleNamespace(
        verdict="warn",
        published=SimpleNamespace(video="s3://out/recording.mp4", video_bytes=1234),
        document={
            "durations": {"output_s": 60.0},
            "sync": {"status": "aligned"},
            "alignment": {"offset_s": -1.5},
            "findings": list(SECRETS),
        },
        placement=SimpleNamespace(is_confirmed=True),
        steps=[SimpleNamespace(name="publish", seconds=1.5), SimpleNamespace(name="plan audio", seconds=0.5)],
    )


@dataclass
class FakePipeline:
    """Remembers its orders, and raises the given error."""

    error: Exception | None = None
    done: bool = False
    outcome: Any = field(default_factory=made)
    act: Callable[[Progress], None] = lambda _: None
    orders: list[Order] = field(default_factory=list)

    def is_done(self, order: Order) -> bool:
        """The given answer, for this recording only."""
        return self.done and order.recording_id == "contact-1"

    def process(self, order: Order, *, progress: Progress) -> Any:
        """Process."""
        self.orders.append(order)
        self.act(progress)
        if self.error is not None:
            raise self.error
        return self.outcome


@dataclass
class FakeDesk:
    """Remembers its calls, and refuses the given ones."""

    of_tries: int | None = 8
    knows_the_queue: bool = True
    has_dead_letters: bool = True
    refuses: tuple[str, ...] = ()
    error: Exception = field(default_factory=lambda: StorageError("queue q didn't take the request"))
    hidden: list[tuple[str, int]] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)

    def max_receive_count(self) -> int | None:
        """The given number."""
        self._refuse("tries")
        return self.of_tries

    def change_visibility(self, receipt_handle: str, seconds: int) -> bool:
        """Remember it."""
        self._refuse("hide")
        if self.knows_the_queue:
            self.hidden.append((receipt_handle, seconds))
        return self.knows_the_queue

    def send_to_dlq(self, letter: DeadLetter) -> bool:
        """Remember it."""
        self._refuse("set_aside")
        if self.has_dead_letters:
            self.letters.append(letter)
        return self.has_dead_letters

    def _refuse(self, what: str) -> None:
        if what in self.refuses:
            raise self.error


def record(body: Any = BODY, *, count: Any = 1, message_id: str = "m1") -> dict[str, Any]:
    """A record as Lambda passes it, with private data in it."""
    return {
        "messageId": message_id,
        "receiptHandle": "handle",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(count), "SenderId": SECRETS[0]},
        "messageAttributes": {SECRETS[2]: {"stringValue": SECRETS[1], "dataType": "String"}},
    }


def handled(
    pipeline: FakePipeline | None = None,
    queues: FakeDesk | None = None,
    one: dict[str, Any] | None = None,
    *,
    remaining_s: Callable[[], float] = lambda: 900.0,
    **more: Any,
) -> Report:
    """Handle one record."""
    return handle_record(
        one or record(),
        pipeline or FakePipeline(),
        queues or FakeDesk(),
        remaining_s=remaining_s,
        request_id="r1",
        **more,
    )


# --- done


def test_a_record_becomes_an_order() -> None:
    """Recording and call end reach the pipeline, the ID is known before the work, and no queue is called."""
    seen: list[str] = []
    pipeline, queues = FakePipeline(act=lambda _: seen.append("work")), FakeDesk(refuses=("tries", "hide", "set_aside"))
    report = handled(pipeline, queues, record(count=2), on_recording_id=seen.append)
    (order,) = pipeline.orders
    assert (order.recording_id, order.call_end, order.alignment) == ("contact-1", CallEnd(62.0, 1.0), None)
    assert seen == ["contact-1", "work"]
    assert (report.outcome, report.level, report.is_batch_item_failure, report.is_dead_lettered) == (
        "done",
        "INFO",
        False,
        False,
    )


def test_a_finished_recording_is_skipped() -> None:
    """An order that has been carried out isn't carried out again, and its message may go."""
    pipeline, queues = FakePipeline(done=True), FakeDesk()
    report = handled(pipeline, queues)
    assert (report.outcome, report.is_batch_item_failure, report.level, pipeline.orders) == (
        "skipped",
        False,
        "INFO",
        [],
    )
    assert (queues.hidden, queues.letters) == ([], [])
    assert report.metrics() == [Metric("Skipped", "Count", 1.0)]


def test_force_processes_again() -> None:
    """With force it doesn't matter what has been done before."""
    pipeline = FakePipeline(done=True)
    body = json.dumps({**json.loads(BODY), "force": True})
    assert handled(pipeline, one=record(body)).outcome == "done"
    assert len(pipeline.orders) == 1


def test_a_result_has_a_few_fields_and_metrics() -> None:
    """The log gets verdict, place, sync and speed; the metrics a number for each, by step and status."""
    report = handled(one=record(count=2))
    fields = report.fields()
    assert fields.pop("seconds") >= 0
    assert fields == {
        "outcome": "done",
        "messageID": "m1",
        "recordingID": "contact-1",
        "receiveCount": 2,
        "verdict": "warn",
        "output": "s3://out/recording.mp4",
        "outputBytes": 1234,
        "syncStatus": "aligned",
        "offsetSeconds": -1.5,
        "stepSeconds": {"publish": 1.5, "plan audio": 0.5},
        "timesRealTime": 30.0,
    }
    assert report.metrics() == [
        Metric("Processed", "Count", 1.0),
        Metric("StepSeconds", "Seconds", 1.5, {"step": "publish"}),
        Metric("StepSeconds", "Seconds", 0.5, {"step": "plan audio"}),
        Metric("TimesRealTime", "None", 30.0),
        Metric("SyncStatus", "Count", 1.0, {"status": "aligned"}),
        Metric("OffsetSeconds", "Seconds", -1.5),
    ]


def test_a_result_in_no_time_and_without_sync() -> None:
    """Without a measurement the status is unmeasured, and without a time there is no speed."""
    outcome = made()
    outcome.document["sync"] = None
    outcome.steps = []
    report = handled(FakePipeline(outcome=outcome))
    assert report.fields()["syncStatus"] == "unmeasured"
    assert "timesRealTime" not in report.fields()
    assert "TimesRealTime" not in {metric.name for metric in report.metrics()}


def test_a_pair_that_nothing_confirms_is_counted() -> None:
    """It is published, and both the log and the metrics have it."""
    outcome = made()
    outcome.placement.is_confirmed = False
    report = handled(FakePipeline(outcome=outcome))
    assert (report.outcome, report.fields()["unconfirmed"]) == ("done", True)
    assert Metric("PublishedUnconfirmed", "Count", 1.0) in report.metrics()


# --- names of people

AGENT = "jane.doe@example.com"


def test_the_log_and_the_dead_letter_have_no_agent() -> None:
    """An agent's ID is a folder of each key: it is in the report, and neither in the log's fields nor in the letter."""
    queues = FakeDesk(error=StorageError(f"s3://in/{AGENT}/x didn't answer"), refuses=("tries",))
    body = json.dumps({**json.loads(BODY), "agent": AGENT})
    error = MissingMediaError(f"s3://in/2026/03/02/{AGENT}/contact-1.mp4 isn't there")
    report = handled(FakePipeline(error), queues, record(body))
    (letter,) = queues.letters
    assert (letter.reason, letter.body) == ("s3://in/.../contact-1.mp4 isn't there", BODY)
    assert AGENT not in str(letter.attributes())
    assert AGENT not in str(report.fields())
    assert report.fields()["detail"] == "s3://in/.../contact-1.mp4 isn't there"
    assert report.fields()["queueTrouble"] == ["s3://in/.../x didn't answer"]
    assert report.fields(with_keys=True)["detail"] == str(error)


def test_a_result_has_no_agent() -> None:
    """The address of the result is shortened in the log; whole keys are for debugging."""
    outcome = made()
    outcome.published.video = f"s3://out/2026/03/02/{AGENT}/contact-1/recording.mp4"
    report = handled(FakePipeline(outcome=outcome))
    assert report.fields()["output"] == "s3://out/.../recording.mp4"
    assert report.fields(with_keys=True)["output"] == outcome.published.video


# --- held


def test_a_held_recording_is_dead_lettered_apart() -> None:
    """At once, with its own kind, the reason without a run's remedies, and the candidates; it is no failure."""
    queues = FakeDesk()
    error = HeldError("nothing confirms it. Add --unconfirmed publish", "3 s of 9 s agree", ((-9.25, 0.98),))
    report = handled(FakePipeline(error), queues)
    assert (report.outcome, report.is_batch_item_failure, report.is_dead_lettered, report.retry_in_s) == (
        "held",
        False,
        True,
        None,
    )
    (letter,) = queues.letters
    assert (letter.kind, letter.error, letter.reason) == ("held", "HeldError", "3 s of 9 s agree")
    assert letter.candidates == ((-9.25, 0.98),)
    assert (letter.body, letter.recording_id, queues.hidden) == (BODY, "contact-1", [])
    assert (report.level, report.metrics()) == ("WARNING", [Metric("Held", "Count", 1.0)])


def test_a_held_recording_without_a_place_for_dead_letters_stays() -> None:
    """Nothing is lost: the message returns, and the log has it as an error."""
    queues = FakeDesk(has_dead_letters=False)
    report = handled(FakePipeline(HeldError("nothing confirms it")), queues)
    assert (report.outcome, report.is_batch_item_failure, report.level) == ("held", True, "ERROR")
    assert queues.hidden == [("handle", report.retry_in_s)]


# --- failed


@pytest.mark.parametrize("count", [1, 7])
@pytest.mark.parametrize("kind", [MissingMediaError, WrongPairError, DoesNotFitError])
def test_a_permanent_error_is_dead_lettered_at_once(kind: type[Exception], count: int) -> None:
    """On any attempt: the dead letter has the body and the reason, the message counts as done, and no message waits."""
    queues, before = FakeDesk(), datetime.now(UTC)
    report = handled(FakePipeline(kind("s3://b/x.mp4 won't come: check it")), queues, record(count=count))
    assert (report.outcome, report.is_batch_item_failure, report.is_dead_lettered, report.retry_in_s) == (
        "permanent",
        False,
        True,
        None,
    )
    assert report.level == "ERROR"
    assert queues.hidden == []
    (letter,) = queues.letters
    assert before <= letter.failed_at <= datetime.now(UTC)
    assert (letter.body, letter.kind, letter.error) == (BODY, "permanent", kind.__name__)
    assert letter.reason == "s3://b/x.mp4 won't come: check it"
    assert (letter.recording_id, letter.message_id, letter.request_id) == ("contact-1", "m1", "r1")
    assert letter.receive_count == count


@pytest.mark.parametrize(("count", "around_s"), [(1, 60), (2, 120), (3, 240), (7, 3840), (9, 14400), (99, 14400)])
def test_a_passing_error_comes_back_later_each_time(count: int, around_s: float) -> None:
    """It is hidden for twice as long as before, up to 4 hours, reported as failed, and no dead letter is written."""
    queues = FakeDesk(of_tries=None)
    report = handled(FakePipeline(NotThereYetError("s3://b/x.wav isn't there yet")), queues, record(count=count))
    assert (report.outcome, report.is_batch_item_failure, report.is_dead_lettered, report.level) == (
        "passing",
        True,
        False,
        "WARNING",
    )
    ((handle, seconds),) = queues.hidden
    assert handle == "handle"
    assert seconds == report.retry_in_s
    assert 0.9 * around_s <= seconds <= 1.1 * around_s
    assert queues.letters == []


def test_a_right_that_is_lacking_empties_no_queue() -> None:
    """A wrong role is no message's fault: each comes back later, and the log still calls for an operator."""
    queues = FakeDesk(of_tries=None)
    report = handled(FakePipeline(AccessDeniedError("bucket b refuses")), queues, record(count=2))
    assert (report.outcome, report.is_batch_item_failure, report.is_dead_lettered, report.level) == (
        "passing",
        True,
        False,
        "ERROR",
    )
    assert queues.letters == []
    assert len(queues.hidden) == 1


def test_a_crowd_of_messages_spreads() -> None:
    """Messages that fail together come back apart: a tenth more or less, evenly, and each always the same."""
    waits = [retry_in_s(5, f"message-{number}") for number in range(2000)]
    assert waits == [retry_in_s(5, f"message-{number}") for number in range(2000)]
    assert 864 <= min(waits) < 880
    assert 1040 < max(waits) <= 1056
    assert abs(sum(waits) / len(waits) - 960) < 5
    assert len(set(waits)) > 150


def test_nothing_waits_longer_than_the_queue_takes() -> None:
    """However often it came, the wait is one that SQS takes, and never none."""
    assert all(54 <= retry_in_s(count, str(count)) <= 43_200 for count in (-1, 0, 1, 50, 10**9))


@pytest.mark.parametrize("error", [NotThereYetError("not yet"), KeyError("x")])
def test_the_last_attempt_is_dead_lettered_with_its_reason(error: Exception) -> None:
    """A failure on the last attempt gives a dead letter of a separate kind; the attempt before it doesn't."""
    queues = FakeDesk(of_tries=3)
    assert not handled(FakePipeline(error), queues, record(count=2)).is_dead_lettered
    queues.hidden.clear()
    report = handled(FakePipeline(error), queues, record(count=3))
    assert (report.is_batch_item_failure, report.is_dead_lettered, report.level, queues.hidden) == (
        False,
        True,
        "ERROR",
        [],
    )
    (letter,) = queues.letters
    assert (letter.kind, letter.error, letter.receive_count) == ("tries", type(error).__name__, 3)


def test_out_of_time_is_tried_again_but_not_for_ever() -> None:
    """An early try may be a slow moment, or have waited for the audio; from the third on no further one is paid for."""

    def work(progress: Progress) -> None:
        progress.step(7, 9, "write output")
        progress.advance(0.42)

    remaining = iter([31.0, 29.0, 31.0, 29.0])
    queues, pipeline = FakeDesk(), FakePipeline(act=work)
    first = handled(pipeline, queues, remaining_s=lambda: next(remaining))
    assert (first.outcome, first.error, first.is_batch_item_failure, queues.letters) == (
        "passing",
        "OutOfTimeError",
        True,
        [],
    )
    assert "'write output', 42% done" in (first.detail or "")
    second = handled(pipeline, queues, record(count=3), remaining_s=lambda: next(remaining))
    assert (second.outcome, second.is_batch_item_failure, second.is_dead_lettered) == ("permanent", False, True)
    assert queues.letters[0].kind == "permanent"
    assert "29 s left" in queues.letters[0].reason


def test_enough_time_stops_nothing() -> None:
    """Down to the margin a run continues."""

    def work(progress: Progress) -> None:
        progress.step(7, 9, "write output")
        progress.advance(0.5)
        progress.check()

    assert handled(FakePipeline(act=work), remaining_s=lambda: 30.0).outcome == "done"


def test_an_unforeseen_error_names_its_place_and_not_its_text() -> None:
    """Its text may quote private data, so log and dead letter don't have it; both name the lines that raised it."""
    report = handled(FakePipeline(KeyError(SECRETS[0])), queues := FakeDesk(of_tries=1))
    assert (report.outcome, report.error) == ("unexpected", "KeyError")
    for text in (report.detail or "", queues.letters[0].reason):
        assert SECRETS[0] not in text
        assert "KeyError at " in text
        assert "test_handler.py:" in text
        assert "/" not in text


def test_a_message_that_cant_be_read_is_not_quoted_in_the_log() -> None:
    """The log names the dead-letter queue; the dead letter has the body and the error."""
    body = json.dumps({"recordingID": f"x/../{SECRETS[0]}", "callEndingTimestamp": "1"})
    queues = FakeDesk()
    report = handled(FakePipeline(), queues, record(body))
    assert (report.outcome, report.error, report.recording_id) == ("permanent", "MessageError", None)
    assert "dead-letter queue" in (report.detail or "")
    assert SECRETS[0] not in json.dumps(report.fields())
    (letter,) = queues.letters
    assert (letter.body, letter.recording_id) == (body, "")
    assert "isn't a recording ID" in letter.reason


@pytest.mark.parametrize(
    ("error", "count"),
    [(None, 1), (MissingMediaError("gone"), 1), (NotThereYetError("late"), 1), (KeyError(SECRETS[1]), 8)],
)
def test_fields_hold_nothing_of_the_customers(error: Exception | None, count: int) -> None:
    """Logs and metrics contain no body, no attributes, no findings and no unforeseen text."""
    report = handled(FakePipeline(error), one=record(count=count))
    logged = json.dumps(report.fields()) + str(report.metrics())
    for secret in (*SECRETS, "callEndingTimestamp", "handle"):
        assert secret not in logged.replace("test_handler", "").replace("handler.py", "").replace("handle_record", "")


def test_a_failure_is_measured_by_its_cause() -> None:
    """One count in all, and one by the error's class."""
    report = handled(FakePipeline(StorageError("slow down")))
    assert report.metrics() == [
        Metric("Failed", "Count", 1.0),
        Metric("FailedByCause", "Count", 1.0, {"cause": "StorageError"}),
    ]


def test_failing_to_look_whether_it_is_done_is_a_failure_as_any() -> None:
    """Errors of the first look are sorted like those of the work."""

    class NoTable(FakePipeline):
        """Its table doesn't answer."""

        def is_done(self, order: Order) -> bool:
            raise StorageError(order.recording_id)

    assert handled(NoTable()).outcome == "passing"


# --- queues that refuse


@pytest.mark.parametrize("error", [StorageError("queue q didn't answer"), ValueError("unforeseen words")])
@pytest.mark.parametrize("refuses", [("set_aside",), ("set_aside", "hide"), ("tries", "set_aside", "hide")])
def test_a_dead_letter_that_cant_be_sent_leaves_its_message(refuses: tuple[str, ...], error: Exception) -> None:
    """If the dead-letter queue refuses, the message stays and waits, with a note, and nothing is lost."""
    queues = FakeDesk(refuses=refuses, error=error)
    report = handled(FakePipeline(MissingMediaError("gone")), queues)
    assert (report.outcome, report.is_batch_item_failure, report.is_dead_lettered) == ("permanent", True, False)
    assert len(report.trouble) == len(refuses)
    assert report.fields()["queueTrouble"] == list(report.trouble)
    assert "unforeseen words" not in str(report.trouble)
    assert queues.hidden == ([] if "hide" in refuses else [("handle", report.retry_in_s)])
    assert report.error == "MissingMediaError"


@pytest.mark.parametrize("queues", [FakeDesk(refuses=("hide",)), FakeDesk(knows_the_queue=False)])
def test_a_wait_that_could_not_be_set_is_not_reported(queues: FakeDesk) -> None:
    """The message stays for as long as SQS hides it, an unknown time here."""
    report = handled(FakePipeline(NotThereYetError("late")), queues)
    assert (report.is_batch_item_failure, report.retry_in_s) == (True, None)
    assert "retryInSeconds" not in report.fields()


def test_without_a_dlq_a_message_stays() -> None:
    """Without such a queue it returns as SQS's own policy wants it."""
    report = handled(FakePipeline(MissingMediaError("gone")), queues := FakeDesk(has_dead_letters=False))
    assert (report.is_batch_item_failure, report.is_dead_lettered, report.trouble) == (True, False, ())
    assert len(queues.hidden) == 1


def test_without_a_known_limit_no_attempt_is_the_last() -> None:
    """If the policy can't be read, SQS counts; a permanent error is still dead-lettered."""
    queues = FakeDesk(refuses=("tries",))
    assert handled(FakePipeline(NotThereYetError("late")), queues, record(count=100)).is_batch_item_failure
    assert handled(FakePipeline(MissingMediaError("gone")), queues).is_dead_lettered


# --- whatever comes


@given(st.text() | st.none() | st.integers() | st.dictionaries(st.text(), st.text()), st.text() | st.integers())
def test_any_body_is_answered(body: Any, count: Any) -> None:
    """Any body and count give a report, and an unreadable message is in the dead-letter queue."""
    queues = FakeDesk()
    report = handled(FakePipeline(), queues, record(body, count=count))
    assert (report.outcome, report.error, report.is_dead_lettered) == ("permanent", "MessageError", True)
    assert report.receive_count >= 0
    json.dumps(report.fields())


@given(st.text())
def test_any_extra_field_passes(text: str) -> None:
    """Additions of the backend to a message don't matter."""
    body = json.dumps({**json.loads(BODY), "x" + text: text})
    assert handled(one=record(body)).outcome == "done"


@pytest.mark.parametrize("attributes", [None, {}, {"ApproximateReceiveCount": "9" * 5000}, "x", {"x": 1}])
def test_a_record_without_a_count_is_on_its_first_attempt(attributes: Any) -> None:
    """A missing or malformed count is one."""
    assert handled(one={**record(), "attributes": attributes}).receive_count == 1


@pytest.mark.parametrize("event", [{}, {"Records": None}, {"Records": [{"body": "x"}]}, {"Records": ["x"]}])
def test_an_event_of_another_kind(event: dict[str, Any]) -> None:
    """An event of another service fails as a whole: no record of it could be reported."""
    with pytest.raises(MessageError, match="events of SQS"):
        check_event(event)


def test_an_event_of_a_queue() -> None:
    """Records with an ID each pass, and so does an empty list."""
    assert check_event({"Records": [record()]}) == {"Records": [record()]}
    assert check_event({"Records": []}) == {"Records": []}


def test_a_programs_end_is_no_failure_of_the_message() -> None:
    """Ctrl-C in the middle isn't caught as if the recording were to blame."""

    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        handled(FakePipeline(act=interrupt))


def test_out_of_time_is_a_passing_error_by_itself() -> None:
    """The pipeline's own out-of-time counts as the deadline's."""
    assert handled(FakePipeline(OutOfTimeError("late"))).outcome == "passing"
