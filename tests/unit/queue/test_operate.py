"""An operator's work, on moto's SQS and with artificial faults."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, PREFIX, RECORDING, TABLE, Faulty, World, client_error, fails
from boto3.session import Session
from botocore.config import Config

from komorebi_qc.core.errors import (
    AccessDeniedError,
    InputError,
    MessageError,
    PermanentError,
    StorageError,
    UnknownRecordingError,
)
from komorebi_qc.core.recording import Message
from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.queue import operate
from komorebi_qc.queue.dead_letter import NO_REASON, DeadLetter
from komorebi_qc.queue.operate import (
    Redriven,
    discard,
    read_dead_letters,
    recording_status,
    redrive_all,
    redrive_only,
    submit,
)
from komorebi_qc.queue.sqs import Queue
from komorebi_qc.storage.contact.screen_recordings import ScreenRecordings

if TYPE_CHECKING:
    from collections.abc import Callable

WHEN = datetime(2026, 3, 2, 14, 5, 9, tzinfo=UTC)
CALL_KEY = f"{PREFIX}/CallRecordings/2026/03/02/contact-1_20260302T23:55_UTC.wav"


def body(recording_id: str) -> str:
    """A message."""
    return json.dumps({"recordingID": recording_id, "callEndingTimestamp": "00:01:02"})


def dead_letter(recording_id: str, *, minute: int = 0) -> DeadLetter:
    """A dead letter with its reason."""
    return DeadLetter(
        body(recording_id),
        "permanent",
        "MissingMediaError",
        f"s3://b/{recording_id}.mp4 isn't there",
        recording_id,
        f"message-{recording_id}",
        "r1",
        1,
        WHEN + timedelta(minutes=minute),
    )


def send_to_dlq(world: World, recording_id: str, *, minute: int = 0) -> None:
    """Put a dead letter into its queue."""
    letter = dead_letter(recording_id, minute=minute)
    world.queue("dead").send(letter.body, letter.attributes())


def without_task(world: World, name: str = "dead", **faults: Callable[..., Any]) -> Queue:
    """A queue of a service that refuses the task for redrives."""
    unknown = client_error("InvalidAction", 400, "StartMessageMoveTask")
    return Queue(Faulty(world.sqs, start_message_move_task=fails(unknown), **faults), world.queue(name).url)


# --- reading


def test_dead_letters_are_read_and_stay(world: World) -> None:
    """They come oldest first, with their reasons; afterwards all are visible again for every consumer."""
    for name, minute in (("b", 5), ("a", 1), ("c", 9)):
        send_to_dlq(world, name, minute=minute)
    found = read_dead_letters(world.queue("dead"))
    assert ([letter.recording_id for letter in found.letters], found.are_all) == (["a", "b", "c"], True)
    assert found.letters[0].reason == "s3://b/a.mp4 isn't there"
    assert world.waiting("dead") == (3, 0)
    assert read_dead_letters(world.queue("dead")) == found


def test_no_dead_letters(world: World) -> None:
    """An empty queue is an answer."""
    assert read_dead_letters(world.queue("dead")) == operate.DeadLetterList((), are_all=True)


def test_more_dead_letters_than_asked_for(world: World) -> None:
    """No more than the requested number, and the list is marked as incomplete."""
    for number in range(25):
        send_to_dlq(world, f"contact-{number}")
    found = read_dead_letters(world.queue("dead"), most=12)
    assert (len(found.letters), found.are_all) == (12, False)
    assert world.waiting("dead") == (25, 0)


def test_a_dead_letter_without_a_reason(world: World) -> None:
    """A message that SQS moved is listed with the recording of its body, beside the others."""
    world.queue("dead").send(body("crashed"))
    world.queue("dead").send("no JSON")
    send_to_dlq(world, "a")
    letters = {letter.recording_id: letter for letter in read_dead_letters(world.queue("dead")).letters}
    assert letters.keys() == {"crashed", "", "a"}
    assert (letters["crashed"].kind, letters["crashed"].reason) == ("unknown", NO_REASON)
    assert letters["crashed"].message_id
    assert abs(letters["crashed"].failed_at - datetime.now(UTC)) < timedelta(minutes=1)


class Stuck:
    """An SQS client whose queue gives the same messages over and over, under new handles."""

    def __init__(self, count: int, polls: int = 10_000) -> None:
        self.count, self.polls = count, polls
        self.given = 0
        self.shown: list[str] = []

    def receive_message(self, **_: Any) -> dict[str, Any]:
        """The next ten."""
        if not self.polls:
            raise client_error("ServiceUnavailable", 503, "ReceiveMessage")
        self.polls -= 1
        numbers = [(self.given + n) % self.count for n in range(min(10, self.count))]
        self.given += 10
        return {
            "Messages": [
                {"MessageId": f"m{n}", "ReceiptHandle": f"h{n}.{self.given}", "Body": body(f"c{n}")} for n in numbers
            ]
        }

    def change_message_visibility(self, **arguments: Any) -> None:
        """In sight again."""
        assert arguments["VisibilityTimeout"] == 0
        self.shown.append(arguments["ReceiptHandle"])


def test_dead_letters_that_are_given_twice_are_one(world: World) -> None:
    """SQS may give a message again: it counts once, its newest handle is the one, and the reading ends."""
    del world
    client = Stuck(25)
    found = read_dead_letters(Queue(client, "https://q"))
    assert sorted(letter.recording_id for letter in found.letters) == sorted(f"c{n}" for n in range(25))
    assert len(client.shown) == 25
    newest: dict[str, int] = {}
    for handle in client.shown:
        name, number = handle.split(".")
        assert name not in newest
        newest[name] = int(number)
    assert min(newest.values()) > 10


def test_a_queue_that_fails_while_it_is_read_gets_its_dead_letters_back() -> None:
    """Messages that had been received are visible again."""
    client = Stuck(100, polls=3)
    with pytest.raises(StorageError):
        read_dead_letters(Queue(client, "https://q"))
    assert len(client.shown) == 30


def test_dead_letters_that_stay_invisible_are_still_read(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """They return by themselves, a warning names the time, and they are listed."""
    send_to_dlq(world, "a")
    broken = fails(client_error("InternalError", 500, "ChangeMessageVisibility"))
    dead = Queue(Faulty(world.sqs, change_message_visibility=broken), world.queue("dead").url)
    assert len(read_dead_letters(dead).letters) == 1
    assert "visible again in 120 s" in caplog.text
    (hidden_s,) = world.hidden_for_s("dead")
    assert hidden_s <= 120


# --- sending again


def test_all_by_the_services_own_task(world: World) -> None:
    """SQS gets source and destination, and nothing is sent here."""
    asked: list[dict[str, Any]] = []

    def start(_: Callable[..., Any], **arguments: Any) -> dict[str, str]:
        asked.append(arguments)
        return {"TaskHandle": "x"}

    for name in ("a", "b"):
        send_to_dlq(world, name)
    dead = Queue(Faulty(world.sqs, start_message_move_task=start), world.queue("dead").url)
    assert redrive_all(dead, world.queue()) == Redriven("task", 2)
    assert asked == [{"SourceArn": world.queue("dead").arn(), "DestinationArn": world.queue().arn()}]
    assert (world.waiting(), world.waiting("dead")) == ((0, 0), (2, 0))


def test_all_of_a_service_without_the_task(world: World) -> None:
    """60 dead letters arrive one by one, each once, with their bodies as they came and without the old reason."""
    expected = Counter({body(f"contact-{number}"): 1 for number in range(60)})
    letters = [dead_letter(f"contact-{number}") for number in range(60)]
    for first in range(0, 60, 10):
        entries = [
            {"Id": str(n), "MessageBody": letter.body, "MessageAttributes": letter.attributes()}
            for n, letter in enumerate(letters[first : first + 10])
        ]
        world.sqs.send_message_batch(QueueUrl=world.queue("dead").url, Entries=entries)
    assert redrive_all(without_task(world), world.queue()) == Redriven("messages", 60)
    assert (world.bodies("work"), world.bodies("dead")) == (expected, Counter())
    message = world.queue().receive(0, 10)
    assert message is not None
    assert "MessageAttributes" not in message


def test_all_of_the_embedded_service(world: World) -> None:
    """Moto knows no such task, and answers with a bare status 500: dead letters are sent one by one."""
    send_to_dlq(world, "a")
    impatient = Session().client("sqs", config=Config(retries={"total_max_attempts": 1}))
    dead = Queue(impatient, world.queue("dead").url)
    assert redrive_all(dead, world.queue()) == Redriven("messages", 1)
    assert (world.waiting(), world.waiting("dead")) == ((1, 0), (0, 0))


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AWS.SimpleQueueService.UnsupportedOperation", 400),
        ("UnsupportedOperation", 400),
        ("InvalidAction", 400),
        ("NotImplemented", 501),
        ("500", 500),
        ("404", 404),
    ],
)
def test_each_way_of_having_no_task(world: World, code: str, status: int) -> None:
    """For each form of the answer that there is no such task, dead letters are sent one by one."""
    send_to_dlq(world, "a")
    unknown = client_error(code, status, "StartMessageMoveTask")
    dead = Queue(Faulty(world.sqs, start_message_move_task=fails(unknown)), world.queue("dead").url)
    assert redrive_all(dead, world.queue()) == Redriven("messages", 1)


@pytest.mark.parametrize(
    ("code", "status", "kind", "words"),
    [
        ("AccessDenied", 403, AccessDeniedError, "refuses"),
        ("InternalError", 500, StorageError, "retry may help"),
        ("RequestThrottled", 403, StorageError, "retry may help"),
        ("InvalidParameterValue", 400, PermanentError, "one is running already"),
    ],
)
def test_a_task_that_is_refused_is_not_done_by_hand(
    world: World, code: str, status: int, kind: type[Exception], words: str
) -> None:
    """A service that knows the task and refuses it gives an error, and every dead letter stays."""
    send_to_dlq(world, "a")
    refused = client_error(code, status, "StartMessageMoveTask")
    dead = Queue(Faulty(world.sqs, start_message_move_task=fails(refused)), world.queue("dead").url)
    with pytest.raises(kind, match=words):
        redrive_all(dead, world.queue())
    assert (world.waiting(), world.waiting("dead")) == ((0, 0), (1, 0))


def test_only_some(world: World) -> None:
    """Exactly the dead letters of these recordings or messages go, all of each, and missing IDs are named."""
    for name in ("a", "b", "b", "c", "d"):
        send_to_dlq(world, name)
    found = redrive_only(world.queue("dead"), world.queue(), ("b", "message-d", "x", "x", "y"))
    assert found == Redriven("messages", 3, ("x", "y"))
    assert world.bodies("work") == Counter({body("b"): 2, body("d"): 1})
    assert world.bodies("dead") == Counter([body("a"), body("c")])
    assert world.waiting("dead") == (2, 0)


def test_only_what_isnt_there(world: World) -> None:
    """Nothing is sent, and no dead letter is touched."""
    send_to_dlq(world, "a")
    assert redrive_only(world.queue("dead"), world.queue(), ("x",)) == Redriven("messages", 0, ("x",))
    assert (world.waiting(), world.waiting("dead")) == ((0, 0), (1, 0))
    with pytest.raises(MessageError):
        redrive_only(world.queue("dead"), world.queue(), ("../x",))


REQUESTS = ("send_message", "delete_message", "change_message_visibility")


class KilledError(BaseException):
    """The process ends here: no cleaning up that a test could rely on."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", REQUESTS)
@pytest.mark.parametrize("on", [1, 4])
def test_no_dead_letter_is_lost_by_a_redrive_that_is_killed(world: World, operation: str, when: str, on: int) -> None:
    """Killed at any request, before it or after: each dead letter is still in one of the queues, at worst in both."""
    for number in range(7):
        send_to_dlq(world, f"contact-{number}")
    expected = world.bodies("dead")
    calls: Counter[str] = Counter()

    def killing(name: str) -> Callable[..., Any]:
        def request(true: Callable[..., Any], **arguments: Any) -> Any:
            calls[name] += 1
            if calls[operation] < on:
                return true(**arguments)
            if calls[operation] == on and name == operation and when == "after":
                true(**arguments)
            calls[operation] = on + 1  # the process is gone: nothing that would follow reaches a queue either
            raise KilledError

        return request

    faulty = Faulty(world.sqs, **{name: killing(name) for name in REQUESTS})
    dead, queue = (Queue(faulty, world.queue(name).url) for name in ("dead", "work"))
    some = tuple(f"contact-{number}" for number in range(3 if operation == "change_message_visibility" else 7))
    with pytest.raises(KilledError):
        redrive_only(dead, queue, some)
    left, sent = world.bodies("dead"), world.bodies("work")
    assert (left | sent) == expected
    assert (left & sent).total() <= 1


def test_a_deletion_that_fails_leaves_a_dead_letter_twice(world: World) -> None:
    """It has been sent and stays a visible dead letter; a second redrive sends the rest."""
    for name in ("a", "b", "c"):
        send_to_dlq(world, name)
    broken = fails(client_error("InternalError", 500, "DeleteMessage"), on=2)
    with pytest.raises(StorageError):
        redrive_all(without_task(world, delete_message=broken), world.queue())
    assert (world.bodies("work").total(), world.bodies("dead").total()) == (2, 2)
    assert world.waiting("dead") == (2, 0)
    assert redrive_all(without_task(world), world.queue()).count == 2
    assert set(world.bodies("work")) == {body(name) for name in "abc"}


# --- the state of a recording


def test_a_recording_that_waits_for_its_inputs(world: World) -> None:
    """A missing input gives a sentence, and no address."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    found = recording_status("contact-1", table=world.table(), media=world.media())
    assert (found.recording, found.item) == (RECORDING, {"isProcessed": False})
    assert (found.inputs, found.outputs, found.letters) == ((), (), None)
    assert "isn't there yet" in (found.missing or "")


def test_a_recording_that_is_done(world: World) -> None:
    """Inputs, outputs and the item's written attributes, with its own dead letters only."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=b"call")
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"own")
    world.s3.put_object(Bucket=OUTPUT, Key=RECORDING.video_key("mp4"), Body=b"video")
    world.table().mark_processed(RECORDING, {"qcVerdict": "pass"})
    for name in ("contact-1", "contact-10"):
        send_to_dlq(world, name)
    found = recording_status("contact-1", table=world.table(), media=world.media(), dead=world.queue("dead"))
    assert found.recording == replace(RECORDING, is_processed=True)
    assert found.item == {"isProcessed": True, "qcVerdict": "pass"}
    assert (found.inputs, found.missing) == ((CALL_KEY, RECORDING.agent_recording_key), None)
    assert found.outputs == ((RECORDING.video_key("mp4"), 5),)
    assert [letter.recording_id for letter in found.letters or ()] == ["contact-1"]
    assert world.waiting("dead") == (2, 0)


def test_each_input_is_shown_in_its_own_bucket(world: World) -> None:
    """Further files of an agent recording are in the input bucket, and analyses in Connect's."""
    item = {**ITEM, "furtherVideoIDs": {"L": [{"S": "contact-1-2"}]}}
    world.dynamodb.put_item(TableName=TABLE, Item=item)
    world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=b"call")
    own, further = RECORDING.agent_recording_key, RECORDING.agent_recording_key.replace("contact-1", "contact-1-2")
    for key in (own, further):
        world.s3.put_object(Bucket=INPUT, Key=key, Body=b"own")
    found = recording_status("contact-1", table=world.table(), media=world.media()).to_dict()
    assert found["input_addresses"] == [f"s3://{CONNECT}/{CALL_KEY}", f"s3://{INPUT}/{own}", f"s3://{INPUT}/{further}"]


def test_a_screen_recording_is_shown_in_its_bucket(world: World) -> None:
    """Amazon Connect's own screen recording isn't in the input bucket."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    world.s3.create_bucket(Bucket="screens", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=b"call")
    key = f"shots/{RECORDING.created:%Y/%m/%d}/contact-1.mp4"
    world.s3.put_object(Bucket="screens", Key=key, Body=b"screen")
    media = replace(world.media(), screens=ScreenRecordings("screens", "shots", "only"))
    found = recording_status("contact-1", table=world.table(), media=media).to_dict()
    assert found["input_addresses"] == [f"s3://{CONNECT}/{CALL_KEY}", f"s3://screens/{key}"]


def test_results_of_two_runs_are_found(world: World) -> None:
    """A run was killed in the middle of its publication, or after it: each result's run is shown."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)

    def put(name: str, run_id: str) -> None:
        key = f"{RECORDING.qc_key.rpartition('/')[0]}/{name}"
        world.s3.put_object(Bucket=OUTPUT, Key=key, Body=b"x", Metadata={"komorebi-run": run_id})

    def status() -> dict[str, Any]:
        return recording_status("contact-1", table=world.table(), media=world.media()).to_dict()

    assert (status()["is_mixed"], status()["runs"]) == (
        False,
        {"item": "", "video": None, "thumbnail": None, "qc": None},
    )
    put("qc.json", "a")
    assert status()["is_mixed"]
    put("thumbnail.png", "a")
    put("recording.webm", "a")
    assert (status()["is_mixed"], status()["runs"]) == (True, {"item": "", "video": "a", "thumbnail": "a", "qc": "a"})
    world.table().mark_processed(RECORDING, {"outputContainer": "webm", "qcRunId": "a"})
    assert not status()["is_mixed"]
    put("qc.json", "b")
    assert (status()["is_mixed"], status()["runs"]["qc"]) == (True, "b")
    for name in ("thumbnail.png", "recording.webm"):
        put(name, "b")
    assert status()["is_mixed"]  # the item is of another run
    world.table().mark_processed(RECORDING, {"qcRunId": "b"}, replaces="a")
    assert not status()["is_mixed"]


def test_a_recording_that_nobody_knows(world: World) -> None:
    """It is named, and differs from a malformed ID."""
    with pytest.raises(UnknownRecordingError, match="nobody"):
        recording_status("nobody", table=world.table(), media=world.media())
    with pytest.raises(MessageError):
        recording_status("../x", table=world.table(), media=world.media())


# --- ordering


@pytest.mark.parametrize("force", [True, False])
def test_an_order_is_a_message_as_the_backends(world: World, *, force: bool) -> None:
    """The handler reads it, and the ID is that of the message that waits."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    message_id = submit("contact-1", "00:01:02.5", force=force, table=world.table(), queue=world.queue())
    message = world.queue().receive(0, 10)
    assert message is not None
    assert message["MessageId"] == message_id
    read = Message.from_body(message["Body"])
    assert (read.recording_id, read.call_end, read.force) == ("contact-1", CallEnd(62.5, 0.1), force)


@pytest.mark.parametrize(
    ("recording_id", "call_end", "kind"),
    [
        ("contact-1", "", InputError),
        ("contact-1", "late", MessageError),
        ("../x", "1", MessageError),
        ("nobody", "1", UnknownRecordingError),
    ],
)
def test_a_message_without_an_item_is_not_sent(
    world: World, recording_id: str, call_end: str, kind: type[Exception]
) -> None:
    """A slip is found at once."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    with pytest.raises(kind):
        submit(recording_id, call_end, force=False, table=world.table(), queue=world.queue())
    assert world.waiting() == (0, 0)


# --- held


def hold(world: World, recording_id: str) -> None:
    """Put a held recording into the dead-letter queue."""
    letter = replace(dead_letter(recording_id), kind="held", error="HeldError", candidates=((1.5, 0.9),))
    world.queue("dead").send(letter.body, letter.attributes())


def test_held_recordings_are_listed_apart(world: World) -> None:
    """With their candidates, and for how long they have been held."""
    send_to_dlq(world, "a")
    hold(world, "h")
    found = read_dead_letters(world.queue("dead"))
    assert ([one.recording_id for one in found.failed], [one.recording_id for one in found.held]) == (["a"], ["h"])
    shown = found.to_dict(WHEN + timedelta(hours=2))
    assert [one["recording_id"] for one in shown["letters"]] == ["a"]
    (held,) = shown["held"]
    assert (held["kind"], held["held_for_s"]) == ("held", 7200)
    assert held["candidates"] == [{"offset_s": 1.5, "probability": 0.9}]


def test_a_redrive_of_all_leaves_held_recordings(world: World) -> None:
    """SQS's own task would move them too, and they would only be held again: the others are sent one by one."""
    hold(world, "h")
    for name in ("a", "b"):
        send_to_dlq(world, name)
    refused = fails(AssertionError("the task moves all"))
    dead = Queue(Faulty(world.sqs, start_message_move_task=refused), world.queue("dead").url)
    assert redrive_all(dead, world.queue()) == Redriven("messages", 2, held_left=1)
    assert world.bodies("work") == Counter([body("a"), body("b")])
    assert world.bodies("dead") == Counter([body("h")])
    assert world.waiting("dead") == (1, 0)
    assert redrive_all(dead, world.queue()) == Redriven("messages", 0, held_left=1)


def test_a_held_recording_that_is_named_is_sent(world: World) -> None:
    """Somebody who names it may have corrected its files; the result says that it was held."""
    hold(world, "h")
    hold(world, "other")
    assert redrive_only(world.queue("dead"), world.queue(), ("h",)) == Redriven("messages", 1, held_sent=1)
    assert world.bodies("work") == Counter([body("h")])


def test_dead_letters_are_discarded(world: World) -> None:
    """Those that are wanted are deleted without being processed; the others are visible again."""
    for name in ("a", "b", "a"):
        send_to_dlq(world, name)
    assert discard(world.queue("dead"), lambda letter: letter.recording_id == "a") == 2
    assert world.waiting("dead") == (1, 0)
    assert world.waiting() == (0, 0)
