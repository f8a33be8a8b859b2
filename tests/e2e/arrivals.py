"""Events of many recordings in any order: each recording is made once, and the lost ones are found by the sweep.

Real processes take messages from moto's SQS, join the halves in its DynamoDB, and read and write media in SeaweedFS.
Each polls the queue as ``komorebi-qc worker`` does, and calls the Lambda's handler in its own process, as Lambda does.
The media are real captures, seconds long. A third of the recordings has a reported call end in the item, a third has a
contact's record in exported files, and the rest has neither.

The events are shuffled, one in five comes twice, one in twenty is lost, and one half in ten comes 23 hours late. Nobody
waits for that: the times in the join's table are moved back.

    python tests/e2e arrivals                     100 recordings
    python tests/e2e/arrivals.py 500 [SEED]       500 recordings
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cases
from faults import Planned, World
from flood import PROGRAM
from parts import Report
from servers import end_group, moto, seaweed, stand_ins
from stack import CONNECT, INPUT, OUTPUT, PREFIX, TABLE, make_backend

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "support"))
from arriving import SWEEP, contact_ended, created, screen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

JOIN, RECORDS = "Join", "records"
WORKERS = 2
PACED = 12
"""Recordings that come one after the other, to measure the time from the second half to the result."""
LATE = timedelta(hours=23)
TRIES = 10


@dataclass(frozen=True, slots=True)
class Contact:
    """A recording of the run.

    Attributes:
        recording_id: its ID.
        kind: its media.
        created: its ``creationDate``.
        end: the source of the call's end: ``item`` or ``audio``; ``record``: the audio, and a record names the file.
        late: the half that comes late; empty if both come on the first day.
        has_failed: whether Connect's own screen recording failed.
    """

    recording_id: str
    kind: cases.Kind
    created: datetime
    end: str
    late: str = ""
    has_failed: bool = False

    @property
    def keys(self) -> dict[str, tuple[str, str]]:
        """Bucket and key of both halves."""
        call, recording, _ = cases.keys(self.recording_id, self.created, PREFIX)
        return {"call": (CONNECT, call), "recording": (INPUT, recording)}

    @property
    def planned(self) -> Planned:
        """The same for the runs without events."""
        return Planned(self.recording_id, self.kind, self.created, "good")

    def events(self) -> dict[str, str]:
        """The messages about it."""
        name = self.recording_id
        found = {half: created(*place, f"{name}-{half}") for half, place in self.keys.items()}
        found["contact"] = contact_ended(name, f"{name}-contact")
        return {**found, "failed": screen(name, "FAILED", f"{name}-failed")} if self.has_failed else found

    def record(self) -> dict[str, Any]:
        """The contact's record, as it is exported."""
        ended = self.created + timedelta(seconds=9)
        return {
            "ContactId": self.recording_id,
            "Channel": "VOICE",
            "Agent": {
                "ConnectedToAgentTimestamp": f"{self.created:%Y-%m-%dT%H:%M:%SZ}",
                "AfterContactWorkStartTimestamp": f"{ended:%Y-%m-%dT%H:%M:%SZ}",
            },
            "Recordings": [{"Location": "/".join(self.keys["call"]), "StorageType": "S3", "MediaStreamType": "AUDIO"}],
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """The events of a run.

    Attributes:
        contacts: by ID.
        first: the messages of the first day, in their order.
        late: those of the next day.
        lost: events that nobody gets, as (recording, event).
    """

    contacts: dict[str, Contact]
    first: list[str]
    late: list[str]
    lost: set[tuple[str, str]]

    def came(self, recording_id: str) -> set[str]:
        """The events of a recording that came."""
        return {name for name in self.contacts[recording_id].events() if (recording_id, name) not in self.lost}


def make_plan(count: int, seed: int) -> Plan:
    """Contacts, and their events in any order."""
    choice = random.Random(seed)  # noqa: S311  no secrets
    kinds = list(cases.good_kinds().values())
    contacts = {}
    for number in range(count):
        name = f"contact-{number:04}"
        late = choice.choice(("call", "recording")) if choice.random() < 0.1 else ""
        end = ("item", "record", "audio")[number % 3]
        # The message of a failed screen recording waits in the queue until the browser's comes, up to eight hours.
        has_failed = not late and choice.random() < 0.05
        contacts[name] = Contact(name, kinds[number % len(kinds)], cases.now(), end, late, has_failed)
    all_events = [(name, event) for name, of in contacts.items() for event in of.events()]
    may_be_lost = [(n, event) for n, event in all_events if event != "recording" or not contacts[n].has_failed]
    lost = set(choice.sample(may_be_lost, len(all_events) // 20))
    kept = [one for one in all_events if one not in lost]
    twice = choice.sample(kept, len(kept) // 5)
    days: dict[bool, list[str]] = {False: [], True: []}
    for name, event in [*kept, *twice]:
        days[event == contacts[name].late].append(contacts[name].events()[event])
    for bodies in days.values():
        choice.shuffle(bodies)
    return Plan(contacts, days[False], days[True], lost)


def run(report: Report) -> None:
    """The whole run. ``KOMOREBI_E2E_ARRIVALS`` can set the number of recordings."""
    count, seed = os.environ.get("KOMOREBI_E2E_ARRIVALS", "100"), os.environ.get("KOMOREBI_E2E_SEED", "1")
    measure(report, int(count), int(seed))


def measure(report: Report, count: int, seed: int) -> None:
    """One run, and its checks."""
    with tempfile.TemporaryDirectory(prefix="komorebi-e2e-") as name, ExitStack() as stack:
        folder = Path(name)
        with report.case("parts come up") as case:
            stand_ins()
            plan = make_plan(count, seed)
            (folder / "expected").mkdir()
            expected = {n: cases.expected(kind, folder / "expected") for n, kind in cases.good_kinds().items()}
            storage = stack.enter_context(seaweed(folder / "seaweed"))
            rest = stack.enter_context(moto(folder / "moto"))
            world = make_world(storage.client("s3"), rest.client("sqs"), rest.client("dynamodb"))
            case.note(f"{count} recordings, {len(plan.first) + len(plan.late)} messages, seed {seed}")
        if report.lines[-1].outcome != "passed":
            return
        Arrivals(report, plan, world, expected, folder).carry_out()


def make_world(s3: Any, sqs: Any, dynamodb: Any) -> World:
    """The servers' resources, with the join's table."""
    queue, dead = make_backend(s3, sqs, dynamodb, tries=TRIES)
    dynamodb.create_table(
        TableName=JOIN,
        KeySchema=[{"AttributeName": "recordingID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "recordingID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return World(s3, sqs, dynamodb, queue, dead)


@dataclass
class Arrivals:
    """The run."""

    report: Report
    plan: Plan
    world: World
    expected: dict[str, cases.Result]
    folder: Path
    paced: dict[str, Contact] = field(default_factory=dict)

    def carry_out(self) -> None:
        """Let everything come, and check what was made of it."""
        self._put_backend([*self.plan.contacts.values()])
        with self._workers():
            with self.report.case("a recording is made when its second half comes") as case:
                times_s = self._come_one_by_one()
                median_s, most_s = statistics.median(times_s), max(times_s)
                case.note(f"{len(times_s)} recordings, {median_s:.1f} s after it (median), {most_s:.1f} s at most")
            with self.report.case("the events of a day come in any order, some of them twice") as case:
                case.note(self._deliver(self.plan.first))
                self._check(
                    done={i for i in self.plan.contacts if self._is_whole(i) and not self.plan.contacts[i].late}
                )
            with self.report.case("late halves come a day later") as case:
                self._put_halves(is_late=True)
                self._move_times(LATE)
                case.note(f"{len(self.plan.late)} events; {self._deliver(self.plan.late)}")
                self._check(done={i for i in self.plan.contacts if self._is_whole(i)})
            known = {i for i in self.plan.contacts if self.plan.came(i)}
            with self.report.case("the sweep finds all of which an event is known") as case:
                self._move_times(timedelta(hours=2))
                swept = known - {i for i in known if self._is_whole(i)}
                case.note(f"{len(self.plan.lost)} lost events, {len(swept)} recordings; {self._deliver([SWEEP])}")
                assert sum(line.get("swept", 0) for line in self._lines()) == len(swept) > 0
                self._check(done=known)
                case.note(self._deliver([SWEEP]))
                assert sum(line.get("swept", 0) for line in self._lines()) == len(swept)
        self._audit(known)

    def _is_whole(self, recording_id: str) -> bool:
        return {"call", "recording"} <= self.plan.came(recording_id)

    def _audit(self, known: set[str]) -> None:
        everything = {**self.plan.contacts, **self.paced}
        known = known | self.paced.keys()
        with self.report.case("each was made once, of its own audio") as case:
            outcomes = Counter(line["outcome"] for line in self._lines())
            case.note(", ".join(f"{count} {name}" for name, count in outcomes.most_common()))
            made = Counter(line["recordingID"] for line in self._lines() if line["outcome"] == "done")
            assert set(made) == known
            assert set(made.values()) == {1}, [name for name, count in made.items() if count > 1]
            assert not {"permanent", "held", "unexpected"} & outcomes.keys(), outcomes
            assert not self.world.letters()
            wrong = [i for i in known if self._result(everything[i]) != self.expected[everything[i].kind.name]]
            assert not wrong, wrong
        with self.report.case("the call's end is the item's, or measured, and the audio the record's") as case:
            sources: Counter[str] = Counter()
            for name in known:
                of, document = everything[name], self._document(everything[name])
                end = document["call_end"]
                assert (end["source"], end["reported_s"] is None) == (
                    ("reported", False) if of.end == "item" else (None, True)
                ), name
                assert document["alignment"]["source"] == "measured"
                by = document["contact"]["call_audio_by"]
                assert by == ("record" if of.end == "record" else "prefix"), name
                sources[of.end] += 1
            case.note(str(dict(sources)))
        with self.report.case("nothing is made of recordings all of whose events were lost") as case:
            unknown = everything.keys() - known
            assert not [name for name in unknown if self.world.video(everything[name].planned)]
            case.note(f"{len(unknown)} recordings")

    def _put_backend(self, contacts: list[Contact]) -> None:
        """Items, records, and the files of the first day."""
        for of in contacts:
            item = cases.item(of.recording_id, of.created)
            if of.end == "item":
                item["callEndingTimestamp"] = {"S": of.kind.call_end}
            self.world.dynamodb.put_item(TableName=TABLE, Item=item)
        records = [json.dumps(of.record()) for of in contacts if of.end == "record"]
        key = f"{RECORDS}/{cases.now():%Y/%m/%d/%H}/export-{contacts[0].recording_id}"
        self.world.s3.put_object(Bucket=CONNECT, Key=key, Body="".join(records).encode())
        self._put_halves(is_late=False)

    def _put_halves(self, *, is_late: bool) -> None:
        for of in self.plan.contacts.values():
            for half in of.keys:
                if (half == of.late) is is_late:
                    self._put_half(of, half)

    def _put_half(self, of: Contact, half: str) -> None:
        bucket, key = of.keys[half]
        content = of.kind.call if half == "call" else of.kind.recording
        self.world.s3.put_object(Bucket=bucket, Key=key, Body=content)

    def _come_one_by_one(self) -> list[float]:
        """Seconds from the second half's event to the marked item, of recordings that come when nothing else does."""
        kinds = list(cases.good_kinds().values())
        ends = ("item", "record", "audio")
        named = [Contact(f"paced-{n:02}", kinds[n % len(kinds)], cases.now(), ends[n % 3]) for n in range(PACED)]
        self._put_backend(named)
        self.paced.update({of.recording_id: of for of in named})
        times_s = []
        for number, of in enumerate(named):
            first, second = ("call", "recording") if number % 2 else ("recording", "call")
            self._put_half(of, first)
            self._deliver([of.events()[first]])
            self._put_half(of, second)
            began = time.monotonic()
            self._send(of.events()[second])
            while not self._is_marked(of.recording_id):
                assert time.monotonic() < began + 120, f"{of.recording_id} isn't done after two minutes"
                time.sleep(0.05)
            times_s.append(time.monotonic() - began)
        return times_s

    def _send(self, body: str) -> None:
        self.world.sqs.send_message(QueueUrl=self.world.queue_url, MessageBody=body)

    def _deliver(self, bodies: list[str]) -> str:
        """Send messages, and wait until the queue is empty; the time that it took."""
        began = time.monotonic()
        for body in bodies:
            self._send(body)
        until = began + 300.0 + 15.0 * len(bodies)
        while left := self.world.left():
            assert time.monotonic() < until, f"{left} messages are still in the queue"
            time.sleep(0.1)
        return f"{len(bodies)} messages in {time.monotonic() - began:.0f} s"

    def _move_times(self, by: timedelta) -> None:
        """Let time pass for the join's entries."""
        for page in self.world.dynamodb.get_paginator("scan").paginate(TableName=JOIN):
            for item in page["Items"]:
                moved = {name: int(item[name]["N"]) - int(by.total_seconds()) for name in ("firstAt", "expires")}
                self.world.dynamodb.update_item(
                    TableName=JOIN,
                    Key={"recordingID": item["recordingID"]},
                    UpdateExpression="SET firstAt = :first, expires = :expires",
                    ExpressionAttributeValues={
                        ":first": {"N": str(moved["firstAt"])},
                        ":expires": {"N": str(moved["expires"])},
                    },
                )

    def _check(self, done: set[str]) -> None:
        marked = {i for i in self.plan.contacts if self._is_marked(i)}
        assert marked == done, (sorted(marked - done)[:5], sorted(done - marked)[:5])

    def _is_marked(self, recording_id: str) -> bool:
        found = self.world.dynamodb.get_item(TableName=TABLE, Key={"videoID": {"S": recording_id}})["Item"]
        return bool(found["isProcessed"].get("BOOL"))

    def _result(self, of: Contact) -> cases.Result | None:
        video = self.world.video(of.planned)
        return None if video is None else cases.read_result(video[1])

    def _document(self, of: Contact) -> dict[str, Any]:
        key = f"{cases.keys(of.recording_id, of.created, PREFIX)[2]}qc.json"
        found: dict[str, Any] = json.loads(self.world.s3.get_object(Bucket=OUTPUT, Key=key)["Body"].read())
        return found

    def _lines(self) -> list[dict[str, Any]]:
        """The log lines with a message's outcome."""
        texts = [line for path in self.folder.glob("worker-*.log") for line in path.read_text().splitlines()]
        found = [json.loads(line) for line in texts if '"outcome"' in line and line.startswith("{")]
        return [line for line in found if "outcome" in line]

    @contextmanager
    def _workers(self) -> Iterator[None]:
        """The processes, until the context ends."""
        with ExitStack() as stack:
            for number in range(WORKERS):
                folder = self.folder / f"worker-{number}"
                folder.mkdir()
                log = stack.enter_context((self.folder / f"worker-{number}.log").open("wb"))
                process = subprocess.Popen(
                    [sys.executable, "-c", PROGRAM],
                    env=self._environment(folder),
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                stack.callback(end_group, process, 25.0)
            yield

    def _environment(self, folder: Path) -> dict[str, str]:
        record = f"s3://{CONNECT}/{RECORDS}"
        return self.world.environment(folder, KOMOREBI_JOIN_TABLE=JOIN, KOMOREBI_CONTACT_RECORD=record)


if __name__ == "__main__":
    whole = Report("arrivals")
    measure(whole, int(sys.argv[1]) if len(sys.argv) > 1 else 500, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(whole.table())
    sys.exit(1 if whole.count("failed") else 0)
