"""The operator's commands, as a person or a script runs them, on the embedded AWS."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, PREFIX, RECORDING, TABLE, World
from rich.console import Console
from shell import Shell

from komorebi_qc.cli.output import operate as output
from komorebi_qc.queue import operate
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.operate import Redriven
from komorebi_qc.queue.worker import Counts

if TYPE_CHECKING:
    from collections.abc import Callable

WHEN = datetime(2026, 3, 2, 14, 5, 9, tzinfo=UTC)
IDS = [f"{n}f3c2a90-5b1e-4c6d-9a57-2e8d41c0b6f{n}" for n in range(5)]


def missing(recording_id: str, hours: int = 50) -> DeadLetter:
    """A dead letter of an item whose agent recording never came."""
    return DeadLetter(
        body=json.dumps({"recordingID": recording_id, "callEndingTimestamp": "00:01:02"}),
        kind="permanent",
        error="MissingMediaError",
        reason=f"s3://demo-input/2026/03/02/agent-{hours}/{recording_id}.mp4 isn't there {hours} h after creationDate, "
        "and won't arrive after 48 h: check that the item's agentID and creationDate are right, and that the "
        "object was written",
        recording_id=recording_id,
        message_id=f"message-{recording_id[:8]}",
        request_id="request-1",
        receive_count=1,
        failed_at=WHEN,
    )


def last_try(recording_id: str) -> DeadLetter:
    """A dead letter of a recording that failed for a passing reason until its last attempt."""
    body = json.dumps({"recordingID": recording_id, "callEndingTimestamp": "00:01:02"})
    reason = "table Recording didn't accept the request (GetItem: SlowDown, HTTP 503): a retry may help"
    return DeadLetter(body, "tries", "StorageError", reason, recording_id, "message-9", "request-9", 8, WHEN)


def held(recording_id: str) -> DeadLetter:
    """A held recording."""
    body = json.dumps({"recordingID": recording_id, "callEndingTimestamp": "00:01:02"})
    reason = "3 s of 9 s of speech agree: not enough to use, too much to rule it out"
    named = (recording_id, f"held-{recording_id[:8]}", "request-2")
    return DeadLetter(body, "held", "HeldError", reason, *named, 1, WHEN, ((-9.25, 0.98), (-1.29, 0.02)))


class Desk(Shell):
    """A shell beside an embedded AWS."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(monkeypatch, capsys)
        self.world = world

    def put(self, *letters: DeadLetter) -> None:
        """Put dead letters into the dead-letter queue."""
        for letter in letters:
            self.world.queue("dead").send(letter.body, letter.attributes())


@pytest.fixture
def shell(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A shell whose settings name the embedded AWS's queue; the dead letters' is found by its policy."""
    monkeypatch.setenv("KOMOREBI_QUEUE_URL", world.queue().url)
    monkeypatch.setenv("COLUMNS", "80")
    # The embedded SQS has no redrive task; the client waits for its refusal.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return Desk(world, monkeypatch, capsys)


# --- dlq list, dlq show


def test_dead_letters_are_listed_by_reason(shell: Desk) -> None:
    """The most frequent reason is first, each reason is listed once with its recordings, and no message is moved."""
    shell.put(last_try(IDS[3]), *(missing(name, 50 + n) for n, name in enumerate(IDS[:3])))
    shell.world.queue("dead").send("no JSON")
    assert shell.run("dlq", "list") == 0
    assert shell.out.splitlines()[0] == "5 dead letters"
    assert "MissingMediaError: 3 dead letters, a retry can't help" in shell.out
    assert "StorageError: 1 dead letter, all attempts are used up" in shell.out
    assert "no reason: 1 dead letter, moved by SQS itself" in shell.out
    assert " ".join(shell.out.split()).count("won't arrive after") == 1
    at = [shell.out.index(words) for words in ("MissingMediaError:", IDS[0], IDS[1], IDS[2], "StorageError:", IDS[3])]
    assert at[0] == min(at)
    assert max(at[:4]) < at[4] < at[5]
    assert "2026-03-02 14:05 UTC" in shell.out
    assert shell.world.waiting("dead") == (5, 0)


def test_dead_letters_as_json(shell: Desk) -> None:
    """One object with all that a script may sort by."""
    shell.put(missing(IDS[0]))
    code, found = shell.json("dlq", "list")
    assert (code, found["are_all"]) == (0, True)
    assert found["letters"] == [
        {
            "recording_id": IDS[0],
            "kind": "permanent",
            "error": "MissingMediaError",
            "reason": missing(IDS[0]).reason,
            "failed_at": "2026-03-02T14:05:09+00:00",
            "receive_count": 1,
            "message_id": f"message-{IDS[0][:8]}",
            "request_id": "request-1",
        }
    ]


def test_no_dead_letters(shell: Desk) -> None:
    """Nothing to do is a success."""
    assert shell.run("dlq", "list") == 0
    assert shell.out.strip() == "no dead letters"
    assert shell.json("dlq", "list") == (0, {"letters": [], "held": [], "are_all": True})


def test_an_incomplete_list_is_marked(shell: Desk) -> None:
    """An incomplete list has a remark."""
    shell.monkeypatch.setattr(
        operate, "read_dead_letters", lambda _: operate.DeadLetterList((missing(IDS[0]),), are_all=False)
    )
    assert shell.run("dlq", "list") == 0
    assert shell.out.startswith("1 dead letter, and there are more")
    assert shell.run("dlq", "show", "nobody") == 1
    assert "there are more" in shell.err


@pytest.mark.parametrize("wanted", [IDS[0], f"message-{IDS[0][:8]}"], ids=["recording", "message"])
def test_a_dead_letter_is_shown_with_its_body(shell: Desk, wanted: str) -> None:
    """By either ID: reason, moment, try, IDs for the log, and the body as it came; others aren't shown."""
    shell.put(missing(IDS[0]), missing(IDS[1]))
    assert shell.run("dlq", "show", wanted) == 0
    flat = " ".join(shell.out.split())
    for words in ("MissingMediaError", IDS[0], "attempt 1", "request-1", '"callEndingTimestamp": "00:01:02"'):
        assert words in flat
    assert IDS[1] not in shell.out
    code, found = shell.json("dlq", "show", wanted)
    assert (code, [letter["body"] for letter in found["letters"]]) == (0, [missing(IDS[0]).body])


def test_a_body_cannot_play_tricks_on_a_terminal(shell: Desk) -> None:
    """Markup and control characters of a message are shown, not obeyed."""
    shell.world.queue("dead").send("[bold]x[/] [link=http://x]y\u202e\u009b31m")
    (letter,) = operate.read_dead_letters(shell.world.queue("dead")).letters
    assert shell.run("dlq", "show", letter.message_id) == 0
    assert "[bold]x[/] [link=http://x]y??31m" in shell.out


def test_a_dead_letter_that_isnt_there(shell: Desk) -> None:
    """It is a failure, and the ID is named."""
    assert shell.run("dlq", "show", IDS[0]) == 1
    assert IDS[0] in shell.err


def test_held_recordings_have_their_own_section(shell: Desk) -> None:
    """After the failures: recording, reason, candidates and age, and the command that publishes one."""
    shell.put(missing(IDS[0]), held(IDS[3]))
    assert shell.run("dlq", "list") == 0
    assert shell.out.splitlines()[0] == "1 dead letter and 1 held recording"
    at = [shell.out.index(words) for words in ("MissingMediaError:", "Held: 1 recording", IDS[3], "-9.250 s (98%)")]
    assert at == sorted(at)
    assert "komorebi-qc dlq release RECORDING_ID" in shell.out
    code, found = shell.json("dlq", "list")
    assert (code, [one["recording_id"] for one in found["letters"]]) == (0, [IDS[0]])
    (one,) = found["held"]
    assert (one["recording_id"], one["kind"], one["reason"]) == (IDS[3], "held", held(IDS[3]).reason)
    assert one["candidates"][0] == {"offset_s": -9.25, "probability": 0.98}
    assert one["held_for_s"] > 0
    assert shell.run("dlq", "show", IDS[3]) == 0
    assert "-9.250 s (98%), -1.290 s (2%)" in shell.out


# --- dlq redrive


@pytest.mark.parametrize("arguments", [(), ("--only", IDS[0], "--all")], ids=["none", "both"])
def test_a_redrive_says_what_to_choose(shell: Desk, arguments: tuple[str, ...]) -> None:
    """Without a choice, or with two, it is a usage error before anything moves."""
    shell.put(missing(IDS[0]))
    assert shell.run("dlq", "redrive", *arguments) == 2
    for words in ("--only ID", "--all", "komorebi-qc dlq list"):
        assert words in shell.err
    assert shell.json("dlq", "redrive", *arguments)[0] == 2
    assert (shell.world.waiting(), shell.world.waiting("dead")) == ((0, 0), (1, 0))


def test_all_are_sent_again(shell: Desk) -> None:
    """Their number is printed, and they are in the queue."""
    shell.put(missing(IDS[0]), missing(IDS[1]), last_try(IDS[2]))
    unknown = operate.redrive_only
    shell.monkeypatch.setattr(operate, "redrive_all", lambda dead, queue: unknown(dead, queue, tuple(IDS[:3])))
    assert shell.run("dlq", "redrive", "--all") == 0
    assert shell.out.strip() == "3 dead letters sent back to the queue"
    assert (shell.world.waiting(), shell.world.waiting("dead")) == ((3, 0), (0, 0))


def test_a_task_of_sqs(shell: Desk) -> None:
    """It has only begun: how many it is about, and where to look."""
    shell.monkeypatch.setattr(operate, "redrive_all", lambda *_: Redriven("task", 250))
    assert shell.run("dlq", "redrive", "--all") == 0
    assert "about 250 dead letters" in shell.out
    assert "list-message-move-tasks" in shell.out
    code, found = shell.json("dlq", "redrive", "--all")
    assert (code, found) == (0, {"how": "task", "count": 250, "not_found": [], "held_left": 0, "held_sent": 0})


@pytest.mark.parametrize(
    ("only", "code", "sent"), [(IDS[:2], 0, 2), ([IDS[0], IDS[4]], 4, 1), (IDS[3:], 1, 0)], ids=["all", "part", "none"]
)
def test_only_some_are_sent_again(shell: Desk, only: list[str], code: int, sent: int) -> None:
    """0 if each was found, 4 if some were, 1 if all are missing; the missing ones are named."""
    shell.put(missing(IDS[0]), missing(IDS[1]), missing(IDS[2]))
    arguments = [word for name in only for word in ("--only", name)]
    assert shell.run("dlq", "redrive", *arguments) == code
    assert f"{sent} dead letter{'' if sent == 1 else 's'} sent back" in shell.out
    for name in IDS[3:]:
        assert (f"no dead letter has the ID {name}" in shell.out) is (name in only)
    assert (shell.world.waiting(), shell.world.waiting("dead")) == ((sent, 0), (3 - sent, 0))
    again, found = shell.json("dlq", "redrive", *arguments)
    assert (again, found["how"], found["count"], found["not_found"]) == (1, "messages", 0, sorted(only))


def test_a_malformed_id(shell: Desk) -> None:
    """A slip in an ID is bad input."""
    assert shell.run("dlq", "redrive", "--only", "../x") == 2


# --- status


def test_the_state_of_a_recording(shell: Desk) -> None:
    """Whether it is processed, its keys, the attributes in its item, and on request its dead letters."""
    world = shell.world
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    assert shell.run("status", "contact-1") == 0
    flat = " ".join(shell.out.split())
    assert "contact-1: not processed" in flat
    assert "input the call audio of recording contact-1" in flat
    key = f"{PREFIX}/CallRecordings/2026/03/02/contact-1_20260302T23:55_UTC.wav"
    world.s3.put_object(Bucket=CONNECT, Key=key, Body=b"call")
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"own")
    world.s3.put_object(Bucket=OUTPUT, Key=RECORDING.video_key("mp4"), Body=b"x" * 1_500_000)
    world.table().mark_processed(RECORDING, {"qcVerdict": "pass", "qcOffsetSeconds": -1.25})
    shell.put(missing("contact-1"), missing(IDS[0]))
    assert shell.run("status", "contact-1", "--dead-letters") == 0
    flat = " ".join(shell.out.split())
    for words in ("contact-1: processed", "(1.5 MB)", "qcOffsetSeconds -1.25", "MissingMediaError"):
        assert words in flat
    video = RECORDING.video_key("mp4")
    lines = shell.out.splitlines()
    for address in (f"s3://{CONNECT}/{key}", f"s3://{INPUT}/{RECORDING.agent_recording_key}", f"s3://{OUTPUT}/{video}"):
        assert [line for line in lines if address in line] != []  # whole, on one line, in a pipe of 80 columns
    assert IDS[0] not in flat
    code, found = shell.json("status", "contact-1")
    assert code == 0
    assert found == {
        "recording_id": "contact-1",
        "agent_id": "agent-7",
        "creation_date": "2026-03-02 23:55:09",
        "is_processed": True,
        "item": {"isProcessed": True, "qcOffsetSeconds": -1.25, "qcVerdict": "pass"},
        "inputs": [key, RECORDING.agent_recording_key],
        "input_addresses": [f"s3://{CONNECT}/{key}", f"s3://{INPUT}/{RECORDING.agent_recording_key}"],
        "missing": None,
        "outputs": [{"key": video, "bytes": 1_500_000, "address": f"s3://{OUTPUT}/{video}"}],
        "runs": {"item": "", "video": "", "thumbnail": None, "qc": None},
        "is_mixed": False,
        "dead_letters": None,
    }
    assert len(shell.json("status", "contact-1", "--dead-letters")[1]["dead_letters"]) == 1


def test_results_of_several_runs_are_shown(shell: Desk) -> None:
    """Each result's run, and how to repair it; results of one run have no such line."""
    world, folder = shell.world, RECORDING.qc_key.rpartition("/")[0]
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    for name in ("recording.mp4", "thumbnail.png", "qc.json"):
        world.s3.put_object(Bucket=OUTPUT, Key=f"{folder}/{name}", Body=b"x", Metadata={"komorebi-run": "a" * 32})
    world.table().mark_processed(RECORDING, {"qcRunId": "a" * 32, "outputContainer": "mp4"})
    assert shell.run("status", "contact-1") == 0
    assert "not of one run" not in shell.out
    world.s3.put_object(Bucket=OUTPUT, Key=f"{folder}/qc.json", Body=b"x", Metadata={"komorebi-run": "b" * 32})
    world.s3.delete_object(Bucket=OUTPUT, Key=f"{folder}/thumbnail.png")
    assert shell.run("status", "contact-1") == 0
    assert (
        "output not of one run: item and video of run aaaaaaaa, thumbnail missing, qc.json of run bbbbbbbb. The next "
        "message makes all of them anew: komorebi-qc submit"
    ) in " ".join(shell.out.split())


def test_a_recording_that_nobody_knows(shell: Desk) -> None:
    """It is a failure that names it; a malformed ID is bad input."""
    assert shell.run("status", "nobody") == 1
    assert "nobody" in shell.err
    assert shell.run("status", "../x") == 2
    code, found = shell.json("status", "nobody")
    assert (code, found["error"]["kind"]) == (1, "UnknownRecordingError")


# --- submit


@pytest.mark.parametrize("force", [True, False])
def test_an_order_by_hand(shell: Desk, *, force: bool) -> None:
    """The message is the backend's, and its ID is printed."""
    shell.world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    more = ("--force",) if force else ()
    assert shell.run("submit", "contact-1", "--call-end", "00:01:02", *more) == 0
    message = shell.world.queue().receive(0, 10)
    assert message is not None
    assert message["MessageId"] in shell.out
    expected = {"recordingID": "contact-1", "callEndingTimestamp": "00:01:02", **({"force": True} if force else {})}
    assert json.loads(message["Body"]) == expected
    code, found = shell.json("submit", "contact-1", "--call-end", "00:01:02", *more)
    assert (code, found["recording_id"]) == (0, "contact-1")
    assert found["message_id"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("contact-1",), 2, "--call-end is missing"),
        (("contact-1", "--call-end", "late"), 2, "HH:MM:SS"),
        (("../x", "--call-end", "1"), 2, "isn't a recording ID"),
        (("nobody", "--call-end", "1"), 1, "nobody"),
        ((), 2, "Missing argument"),
    ],
)
def test_an_order_with_a_slip(shell: Desk, arguments: tuple[str, ...], code: int, words: str) -> None:
    """It is named, and nothing is sent."""
    shell.world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    assert shell.run("submit", *arguments) == code
    assert words in shell.err
    assert shell.world.waiting() == (0, 0)


# --- settings, help, looks


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("dlq", "list"), "KOMOREBI_DEAD_LETTER_QUEUE_URL nor KOMOREBI_QUEUE_URL"),
        (("dlq", "redrive", "--all"), "KOMOREBI_DEAD_LETTER_QUEUE_URL nor KOMOREBI_QUEUE_URL"),
        (("status", "contact-1", "--dead-letters"), "KOMOREBI_DEAD_LETTER_QUEUE_URL nor KOMOREBI_QUEUE_URL"),
        (("submit", "contact-1", "--call-end", "1"), "KOMOREBI_QUEUE_URL isn't set"),
    ],
)
def test_a_queue_that_isnt_configured(shell: Desk, arguments: tuple[str, ...], names: str) -> None:
    """The variable to set is named, as bad input."""
    shell.monkeypatch.delenv("KOMOREBI_QUEUE_URL")
    assert shell.run(*arguments) == 2
    assert names in shell.err


def test_the_dlq_of_the_settings(shell: Desk) -> None:
    """It is read even if the queue itself isn't configured; only a redrive needs that."""
    shell.put(missing(IDS[0]))
    shell.monkeypatch.setenv("KOMOREBI_DEAD_LETTER_QUEUE_URL", shell.world.queue("dead").url)
    shell.monkeypatch.delenv("KOMOREBI_QUEUE_URL")
    assert len(shell.json("dlq", "list")[1]["letters"]) == 1
    assert shell.run("dlq", "redrive", "--all") == 2
    assert "KOMOREBI_QUEUE_URL isn't set" in shell.err


def test_a_queue_that_does_not_exist(shell: Desk) -> None:
    """A wrong URL is a failure that names it."""
    shell.monkeypatch.setenv("KOMOREBI_QUEUE_URL", shell.world.queue().url.replace("work", "nowhere"))
    assert shell.run("dlq", "list") == 1
    assert "nowhere doesn't exist" in shell.err


LETTERS = [letter.to_dict() for letter in (missing(IDS[0]), missing(IDS[1], 77), last_try(IDS[2]))]
HELD = [{**held(IDS[3]).to_dict(), "held_for_s": 90_000}]
STATUS = {
    "recording_id": IDS[0],
    "agent_id": "agent.with.a.long.name@a-contact-centre.example.org",
    "creation_date": "2026-03-02 23:55:09",
    "is_processed": True,
    "item": {"qcVerdict": "warn", "qcInputsFingerprint": "0123456789abcdef0123456789abcdef"},
    "input_addresses": [
        f"s3://b/connect/a-long-instance-alias/CallRecordings/2026/03/02/{IDS[0]}_20260302T23:55_UTC.wav"
    ],
    "missing": missing(IDS[0]).reason,
    "outputs": [
        {
            "key": f"2026/03/02/agent.with.a.long.name@a-contact-centre.example.org/{IDS[0]}/qc.json",
            "address": f"s3://out/2026/03/02/agent.with.a.long.name@a-contact-centre.example.org/{IDS[0]}/qc.json",
            "bytes": 9,
        }
    ],
    "runs": {"item": "1" * 32, "video": "2" * 32, "thumbnail": "1" * 32, "qc": None},
    "is_mixed": True,
    "dead_letters": LETTERS,
}


@pytest.mark.parametrize(
    "show",
    [
        lambda: output.print_dead_letters({"letters": LETTERS, "held": HELD, "are_all": False}),
        lambda: output.print_dead_letter_bodies({"letters": [{**LETTERS[0], "body": missing(IDS[0]).body}]}),
        lambda: output.print_status(STATUS),
    ],
    ids=["dead letters", "bodies", "status"],
)
def test_a_terminal_of_80_columns_is_enough(show: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentences are folded and addresses are whole: IDs can be copied, and every word of a reason is printed."""
    printed = io.StringIO()
    console = Console(file=printed, width=80, highlight=False, force_terminal=True, color_system=None)
    monkeypatch.setattr(output, "out", lambda: console)
    show()
    lines = printed.getvalue().splitlines()
    assert max(len(line) for line in lines if not line.startswith(("input", "output"))) <= 80
    assert "…" not in printed.getvalue()
    assert any(IDS[0] in line for line in lines)
    words = printed.getvalue().split()
    assert set(missing(IDS[0]).reason.split()[1:]) <= set(words)


def test_submit_takes_the_call_end_from_the_item(shell: Desk) -> None:
    """Without --call-end the item's is sent."""
    shell.world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, "callEndingTimestamp": {"S": "00:03:04"}})
    assert shell.run("submit", "contact-1") == 0
    message = shell.world.queue().receive(0, 10)
    assert message is not None
    assert json.loads(message["Body"])["callEndingTimestamp"] == "00:03:04"


# --- worker


def test_worker_takes_one_message(shell: Desk) -> None:
    """--once handles one of two messages and stops; a message that fails for good gives exit code 1."""
    shell.world.queue().send("no JSON")
    shell.world.queue().send("no JSON either")
    assert shell.run("worker", "--once") == 1
    assert shell.out.strip() == "0 done, 0 to be retried, 1 sent to the dead-letter queue"
    assert (shell.world.waiting(), shell.world.waiting("dead")) == ((1, 0), (1, 0))


def test_interrupted_worker_gives_130(shell: Desk) -> None:
    """Its counts are printed first."""
    shell.monkeypatch.setattr("komorebi_qc.jobs.run_worker", lambda *_, **__: Counts(done=2, is_interrupted=True))
    assert shell.run("worker") == 130
    assert shell.out.strip() == "2 done, 0 to be retried, 0 sent to the dead-letter queue"


def test_worker_counts_held_recordings(shell: Desk) -> None:
    """Apart from failures; with --once the exit code is 1, because nothing was published."""
    shell.monkeypatch.setattr("komorebi_qc.jobs.run_worker", lambda *_, **__: Counts(held=1))
    assert shell.run("worker", "--once") == 1
    assert shell.out.strip() == "0 done, 0 to be retried, 0 sent to the dead-letter queue, 1 held"


def test_worker_without_a_message(shell: Desk) -> None:
    """--once reports that no message came, which isn't a failure."""
    shell.monkeypatch.setattr("komorebi_qc.jobs.run_worker", lambda *_, **__: Counts())
    assert shell.run("worker", "--once") == 0
    assert shell.out.strip() == "no message came"
