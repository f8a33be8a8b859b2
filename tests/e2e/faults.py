"""Hundreds of messages, real workers and many kinds of failures, and checks of the final state.

Real ``komorebi-qc worker`` processes take messages from moto's SQS, items from its DynamoDB, and media from
SeaweedFS, through a proxy that refuses, throttles, hangs, cuts connections in mid-upload and loses answers. Workers are
killed at random moments and in mid-upload, messages come twice and in any order, some can't be read, some recordings
come late, and a backend keeps changing items meanwhile.

The waits before retries are read from the queue and checked, not waited for: the harness makes a hidden message visible
as soon as its worker has released it.

    python tests/e2e faults                 about 60 messages (CI)
    python tests/e2e/faults.py 500 [SEED]   500 messages, some minutes
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from xml.etree import ElementTree as ET

import cases
from botocore.exceptions import ClientError
from faulty_proxy import Faults, FaultyProxy, Request
from parts import Report
from servers import end_group, moto, seaweed, stand_ins
from stack import CONNECT, INPUT, OUTPUT, PREFIX, TABLE, make_backend, worker_environment

from komorebi_qc.queue.dead_letter import NO_REASON, DeadLetter
from komorebi_qc.queue.handler import FIRST_RETRY_S, LAST_RETRY_S
from komorebi_qc.storage.temporary_folder import clear_stale

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from servers import Server

TRIES = 8
HEARTBEAT_S = 120
"""For how long a worker asks a message in hand to be hidden; any other time is a retry's."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A recording of the run.

    Attributes:
        recording_id: its ID.
        kind: its media.
        created: its ``creationDate``.
        role: ``good``, ``late`` (the call audio comes after the first attempts), ``crash`` (its worker dies each time),
            or the recording's defect.
    """

    recording_id: str
    kind: cases.Kind
    created: datetime
    role: str

    @property
    def can_be_done(self) -> bool:
        """Whether it may end as a video."""
        return self.role in ("good", "late")

    @property
    def error(self) -> str:
        """The class of the error it has to end with otherwise."""
        named = {"unknown": "UnknownRecordingError", "no-agent": "UnknownRecordingError", "lost": "MissingMediaError"}
        return named.get(self.role) or self.kind.error


@dataclass(frozen=True, slots=True)
class Plan:
    """The messages of a run.

    Attributes:
        recordings: by ID.
        bodies: the messages, in their order.
        workers: how many processes.
        kill_every: the mean number of deliveries between two kills.
        limit_s: when the run has failed.
    """

    recordings: dict[str, Planned]
    bodies: list[str]
    workers: int
    kill_every: float
    limit_s: float


def make_plan(messages: int, seed: int) -> Plan:
    """An eighth as many recordings as messages; a fifth of them can't be done."""
    choice = random.Random(seed)  # noqa: S311  no secrets
    today, long_ago = cases.now(), cases.now() - timedelta(days=5)
    small = list(cases.good_kinds().values())
    large = cases.large_kind(seed)
    bad = cases.bad_kinds()
    count = max(messages // 8, 15)
    roles: list[tuple[cases.Kind, str, datetime]] = [(small[0], "crash", today)]
    while len(roles) < count // 5:
        kind = bad[len(roles) % len(bad)]
        roles.append((kind, kind.name, today))
        others = ("unknown", "no-agent", "lost")
        if len(roles) < count // 5:
            other = others[len(roles) // 2 % len(others)]
            roles.append((small[1], other, long_ago if other == "lost" else today))
    roles += [(choice.choice(small), "late", today) for _ in range(max(count // 15, 1))]
    roles += [(large, "good", today) for _ in range(max(count // 8, 2))]
    roles += [(small[n % len(small)], "good", today) for n in range(count - len(roles))]
    recordings = {
        f"rec-{n:03}-{role}": Planned(f"rec-{n:03}-{role}", k, at, role) for n, (k, role, at) in enumerate(roles)
    }
    bodies = [cases.body(r.recording_id, r.kind.call_end) for r in recordings.values()]
    poison = cases.unusable_bodies()
    bodies += [poison[n % len(poison)] for n in range(messages // 25)]
    again = [r for r in recordings.values() if r.role != "crash"]
    while len(bodies) < messages:
        of = choice.choice(again)
        forced = {"force": True} if of.can_be_done and choice.random() < 0.35 else {}
        # The backend sometimes corrects the call end: the call's position in the audio is the same.
        call_end = _a_second_later(of.kind.call_end) if of.can_be_done and choice.random() < 0.2 else of.kind.call_end
        bodies.append(cases.body(of.recording_id, call_end, **forced))
    choice.shuffle(bodies)
    for n in range(0, len(bodies) - 1, 12):  # some come twice at once
        if "-crash" not in bodies[n]:
            bodies.insert(n, bodies[n])
    del bodies[messages:]
    named = "".join(bodies)
    bodies += [cases.body(i, r.kind.call_end) for i, r in recordings.items() if f'"{i}"' not in named]
    is_long = messages > 200
    return Plan(recordings, bodies, 5 if is_long else 4, 6.0, 1800.0 if is_long else 480.0)


def _a_second_later(call_end: str) -> str:
    hours, minutes, seconds = (int(part) for part in call_end.split(":"))
    return f"{hours:02}:{minutes:02}:{seconds + 1:02}"


@dataclass(frozen=True, slots=True)
class Hand:
    """A message in a worker's hand."""

    message_id: str
    handle: str
    receive_count: int
    body: str


@dataclass(slots=True)
class Seen:
    """Counts of the requests through the proxy."""

    deliveries: Counter[str] = field(default_factory=Counter)
    deleted: set[str] = field(default_factory=set)
    waits: list[tuple[int, int]] = field(default_factory=list)
    uploads: Counter[str] = field(default_factory=Counter)
    excused: dict[str, str] = field(default_factory=dict)
    """Uploads that no worker could have aborted, and why."""
    kills: Counter[str] = field(default_factory=Counter)
    died: list[str] = field(default_factory=list)
    twice_at_once: int = 0


class Floor:
    """The workers, and the messages of each."""

    argv: ClassVar[list[Path | str]] = [Path(sys.executable).with_name("komorebi-qc"), "worker"]

    def __init__(self, plan: Plan, queue: Any, queue_url: str, s3: Any, seed: int) -> None:
        self.plan = plan
        self.seen = Seen()
        self.late_due: set[str] = set()
        self._sqs, self._url, self._s3 = queue, queue_url, s3
        self._random = random.Random(seed + 1)  # noqa: S311  no secrets
        self._hands: dict[str, Hand] = {}
        self._handles: dict[str, Hand] = {}
        self._uploads: dict[str, dict[str, str]] = defaultdict(dict)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environments: dict[str, tuple[dict[str, str], Path]] = {}
        self._doomed: dict[str, tuple[float, str]] = {}
        self._lock = threading.RLock()
        self._is_open = True

    # The proxy's callbacks.

    async def before(self, request: Request) -> Request:
        """A poll means that the worker has let go of what it had in hand."""
        if request.operation != "ReceiveMessage":
            return request
        await self._let_go(request.caller)
        return replace(request, body=json.dumps({**request.json(), "WaitTimeSeconds": 1}).encode())

    async def after(self, request: Request, status: int, body: bytes, *, arrives: bool) -> None:
        """Keep count of messages and uploads."""
        if status not in (200, 204):
            return
        if request.service == "sqs":
            self._after_sqs(request, body)
        elif request.service == "s3":
            self._after_s3(request, body, arrives=arrives)

    def _after_sqs(self, request: Request, body: bytes) -> None:
        asked = request.json()
        if request.operation == "ReceiveMessage":
            for message in json.loads(body).get("Messages", ()):
                count = int(message["Attributes"]["ApproximateReceiveCount"])
                hand = Hand(message["MessageId"], message["ReceiptHandle"], count, message["Body"])
                with self._lock:
                    if any(h.message_id == hand.message_id for h in self._hands.values()):
                        self.seen.twice_at_once += 1
                    self._hands[request.caller] = self._handles[hand.handle] = hand
                self.seen.deliveries[hand.message_id] += 1
                self._plot_against(request.caller, hand)
        elif request.operation == "DeleteMessage":
            hand_now = self._handles.get(asked["ReceiptHandle"])
            if hand_now is not None:
                self.seen.deleted.add(hand_now.message_id)
        elif request.operation == "ChangeMessageVisibility":
            hand_now = self._handles.get(asked["ReceiptHandle"])
            seconds = int(asked["VisibilityTimeout"])
            if hand_now is not None and seconds not in (0, HEARTBEAT_S):
                self.seen.waits.append((hand_now.receive_count, seconds))

    def _plot_against(self, caller: str, hand: Hand) -> None:
        """Some messages bring their worker's death, some come to a second worker meanwhile."""
        recording = next((r for i, r in self.plan.recordings.items() if f'"{i}"' in hand.body), None)
        if recording is not None and recording.role == "crash":
            self._doomed[caller] = (time.monotonic() + self._random.uniform(0.05, 0.4), "each attempt")
        elif recording is not None and recording.role == "late" and hand.receive_count >= 2:
            self.late_due.add(recording.recording_id)
        elif self._random.random() < 0.06:
            self._doomed.setdefault(caller, (time.monotonic() + self._random.uniform(0.05, 0.3), "shown again"))

    def _after_s3(self, request: Request, body: bytes, *, arrives: bool) -> None:
        uploads = self._uploads[request.caller]
        if request.operation == "CreateMultipartUpload":
            upload_id = next(e.text or "" for e in ET.fromstring(body).iter() if e.tag.endswith("UploadId"))  # noqa: S314  the server is ours
            self.seen.uploads["begun"] += 1
            if arrives:
                uploads[upload_id] = request.path
            else:
                self.seen.excused[upload_id] = "its ID never arrived"
        elif request.operation == "UploadPart" and self._random.random() < 0.12:
            self._doomed[request.caller] = (time.monotonic(), "mid-upload")
        elif request.operation in ("CompleteMultipartUpload", "AbortMultipartUpload"):
            upload_id = request.path.rpartition("uploadId=")[2].partition("&")[0]
            is_complete = request.operation == "CompleteMultipartUpload"
            self.seen.uploads["completed" if is_complete else "aborted"] += 1
            uploads.pop(upload_id, None)

    async def _let_go(self, caller: str) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.release, caller)

    def release(self, caller: str) -> None:
        """Show again what a worker had in hand and didn't delete: its wait is over, as far as this run goes."""
        with self._lock:
            hand = self._hands.pop(caller, None)
        if hand is not None and hand.message_id not in self.seen.deleted:
            self._show(hand)

    def _show(self, hand: Hand) -> None:
        with suppress(ClientError):  # it is deleted, or another worker has it
            self._sqs.change_message_visibility(QueueUrl=self._url, ReceiptHandle=hand.handle, VisibilityTimeout=0)

    # The workers.

    def employ(self, caller: str, environment: dict[str, str], log: Path) -> None:
        """Start a worker."""
        self._environments[caller] = (environment, log)
        self._start(caller)

    def _start(self, caller: str) -> None:
        environment, log = self._environments[caller]
        with log.open("ab") as out:
            self._processes[caller] = subprocess.Popen(
                self.argv,
                env=environment,
                cwd=environment["TMPDIR"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def tend(self) -> None:
        """Kill whose moment has come, and start what has ended."""
        now_s = time.monotonic()
        for caller, (at_s, why) in list(self._doomed.items()):
            if now_s < at_s:
                continue
            del self._doomed[caller]
            with self._lock:
                hand = self._hands.get(caller)
            if hand is None:
                continue
            if why == "shown again":
                self._show(hand)
            else:
                self.kill(caller, why)
        for caller, process in list(self._processes.items()):
            if (code := process.poll()) is not None:
                said = self._environments[caller][1].read_text(errors="replace")[-700:]
                self.seen.died.append(f"{caller} ended by itself with {code}: {said}")
                self.release(caller)
                self._start(caller)

    def kill_any(self) -> None:
        """Kill a worker that has a message in hand."""
        with self._lock:
            busy = [caller for caller in self._hands if caller in self._processes]
        if busy:
            self.kill(self._random.choice(sorted(busy)), "at random")

    def kill(self, caller: str, why: str) -> None:
        """SIGKILL: nothing can be tidied up; another worker takes its message."""
        process = self._processes[caller]
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.05)  # its last requests are still on their way through the proxy
        self.seen.kills[why] += 1
        for upload_id in self._uploads.pop(caller, {}):
            self.seen.excused[upload_id] = "its worker was killed"
        self.release(caller)
        if self._is_open:
            self._start(caller)

    def close(self) -> list[int | None]:
        """Ask all workers to stop, as a deployment does; their exit codes."""
        self._is_open = False
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        codes: list[int | None] = []
        for process in self._processes.values():
            try:
                codes.append(process.wait(25))
            except subprocess.TimeoutExpired:
                codes.append(None)
            end_group(process)
        return codes

    @property
    def is_idle(self) -> bool:
        """Whether no worker has anything in hand that it hasn't deleted."""
        with self._lock:
            return all(hand.message_id in self.seen.deleted for hand in self._hands.values())


class Backend(threading.Thread):
    """Keeps changing items' own attributes, each time to a new value, and remembers all values."""

    def __init__(self, dynamodb: Any, recordings: list[Planned], seed: int) -> None:
        super().__init__(name="backend", daemon=True)
        self.wrote: dict[str, list[str]] = defaultdict(list)
        self.writes = 0
        self.over = threading.Event()
        self._dynamodb, self._recordings = dynamodb, recordings
        self._random = random.Random(seed + 2)  # noqa: S311  no secrets

    def run(self) -> None:
        """Write until it is over."""
        while not self.over.wait(0.03):
            of = self._random.choice(self._recordings)
            self.writes += 1
            notes = f"notes-{self.writes}"
            values = {":n": {"S": notes}, ":t": {"L": [{"S": notes}]}}
            self._dynamodb.update_item(
                TableName=TABLE,
                Key={"videoID": {"S": of.recording_id}},
                UpdateExpression="SET notesID = :n, tagsID = list_append(tagsID, :t)",
                ExpressionAttributeValues=values,
            )
            self.wrote[of.recording_id].append(notes)

    def wanted(self, of: Planned) -> dict[str, Any]:
        """A recording's item, as far as it isn't the package's."""
        item = cases.item(of.recording_id, of.created)
        if of.role == "no-agent":
            del item["agentID"]
        if notes := self.wrote.get(of.recording_id):
            item["notesID"] = {"S": notes[-1]}
            item["tagsID"]["L"] += [{"S": note} for note in notes]
        return cases.own(item)


class Viewer(threading.Thread):
    """Opens results while they are made and made again: each has to be whole at any moment."""

    def __init__(self, look: Any, recordings: list[Planned], seed: int) -> None:
        super().__init__(name="viewer", daemon=True)
        self.seen = 0
        self.wrong: list[str] = []
        self.over = threading.Event()
        self._look, self._recordings = look, recordings
        self._random = random.Random(seed + 3)  # noqa: S311  no secrets

    def run(self) -> None:
        """Look until it is over."""
        while not self.over.wait(0.4):
            of = self._random.choice(self._recordings)
            try:
                found = self._look(of)
            except ValueError as error:
                self.wrong.append(f"{of.recording_id}: {error}")
                continue
            self.seen += found


@dataclass(frozen=True, slots=True)
class World:
    """The servers' clients, past the proxy."""

    s3: Any
    sqs: Any
    dynamodb: Any
    queue_url: str
    dead_url: str

    def left(self) -> int:
        """Messages in the queue."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)

    def letters(self) -> list[tuple[DeadLetter, str]]:
        """All dead letters, and which message each was in the queue."""
        found = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.dead_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=3600,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages"):
            found += [(letter := DeadLetter.from_message(m), letter.message_id) for m in messages]
        return found

    def environment(self, folder: Path, endpoints: Mapping[str, str] | None = None, **more: str) -> dict[str, str]:
        """A worker's environment; `endpoints` are the servers' own, or a proxy's."""
        clients = {"s3": self.s3, "dynamodb": self.dynamodb, "sqs": self.sqs}
        own = {service: client.meta.endpoint_url for service, client in clients.items()}
        return worker_environment(folder, endpoints or own, (self.queue_url, self.dead_url), **more)

    def video(self, of: Planned) -> tuple[str, bytes] | None:
        """A recording's result and its key."""
        folder = cases.keys(of.recording_id, of.created, PREFIX)[2]
        for listed in self.s3.list_objects_v2(Bucket=OUTPUT, Prefix=folder).get("Contents", ()):
            if "/recording." in listed["Key"]:
                return listed["Key"], self.s3.get_object(Bucket=OUTPUT, Key=listed["Key"])["Body"].read()
        return None


def run(report: Report) -> None:
    """One generation, the flood, and the whole run, a short one in CI. ``KOMOREBI_E2E_MESSAGES`` sets its messages."""
    import flood  # noqa: PLC0415  it uses this module
    import generations  # noqa: PLC0415  as above

    generations.run(report)
    flood.run(report)
    usual = "120" if os.environ.get("CI") else "500"
    messages, seed = os.environ.get("KOMOREBI_E2E_MESSAGES", usual), os.environ.get("KOMOREBI_E2E_SEED", "1")
    measure(report, int(messages), int(seed))


def measure(report: Report, messages: int, seed: int) -> None:
    """One run, and its checks."""
    with tempfile.TemporaryDirectory(prefix="komorebi-e2e-") as name, ExitStack() as stack:
        folder = Path(name)
        with report.case("parts come up") as case:
            stand_ins()
            plan = make_plan(messages, seed)
            (folder / "expected").mkdir()
            kinds = {r.kind.name: r.kind for r in plan.recordings.values() if r.can_be_done}
            expected = {name: cases.expected(kind, folder / "expected") for name, kind in kinds.items()}
            storage = stack.enter_context(seaweed(folder / "seaweed"))
            rest = stack.enter_context(moto(folder / "moto"))
            world = make_world(storage, rest, plan)
            case.note(f"{len(plan.bodies)} messages for {len(plan.recordings)} recordings, seed {seed}")
        if report.lines[-1].outcome != "passed":
            return
        FaultyRun(report, plan, world, expected, folder, seed).carry_out(storage, rest)


def make_world(storage: Server, rest: Server, plan: Plan) -> World:
    """The servers' resources, with the items and the media of the plan."""
    s3, sqs, dynamodb = storage.client("s3"), rest.client("sqs"), rest.client("dynamodb")
    queue, dead = make_backend(s3, sqs, dynamodb, tries=TRIES)
    for of in plan.recordings.values():
        call_key, recording_key, _ = cases.keys(of.recording_id, of.created, PREFIX)
        if of.role != "unknown":
            item = cases.item(of.recording_id, of.created)
            if of.role == "no-agent":
                del item["agentID"]
            dynamodb.put_item(TableName=TABLE, Item=item)
        if of.role not in ("late", "lost"):
            s3.put_object(Bucket=CONNECT, Key=call_key, Body=of.kind.call)
        s3.put_object(Bucket=INPUT, Key=recording_key, Body=of.kind.recording)
    return World(s3, sqs, dynamodb, queue, dead)


@dataclass(frozen=True, slots=True)
class After:
    """The state after the run: its parts, and their reports."""

    floor: Floor
    faults: Faults
    proxy: FaultyProxy
    backend: Backend
    viewer: Viewer
    sent: dict[str, str]
    codes: list[int | None]
    letters: list[tuple[DeadLetter, str]]
    outcomes: Counter[str]
    reported_done: set[str]
    left_behind: list[str]


@dataclass
class FaultyRun:
    """The run, and the checks of its end."""

    floor_class: ClassVar[type[Floor]] = Floor
    report: Report
    plan: Plan
    world: World
    expected: dict[str, cases.Result]
    folder: Path
    seed: int
    mixed: list[str] = field(default_factory=list)
    done: list[Planned] = field(default_factory=list)

    def carry_out(self, storage: Server, rest: Server) -> None:
        """Let workers and faults loose on the messages, and check what is left."""
        floor = self.floor_class(self.plan, self.world.sqs, self.world.queue_url, self.world.s3, self.seed)
        faults = Faults(self.seed)
        proxy = FaultyProxy(faults, floor)
        proxy.start()
        items = [r for r in self.plan.recordings.values() if r.role != "unknown"]
        can_be_done = [r for r in self.plan.recordings.values() if r.can_be_done]
        direct = proxy.listen("dynamodb", "backend", rest.port, is_faulty=False)
        backend = Backend(replace_endpoint(rest, "dynamodb", direct), items, self.seed)
        viewer = Viewer(self._look, can_be_done, self.seed)
        sent = self._send()
        try:
            with self.report.case("every message comes to an end") as case:
                began = time.monotonic()
                for n in range(self.plan.workers):
                    self._employ(floor, proxy, f"worker-{n}", storage, rest)
                backend.start()
                viewer.start()
                left = self._work(floor)
                case.note(f"{len(sent)} messages in {time.monotonic() - began:.0f} s by {self.plan.workers} workers")
                assert not left, f"{left} messages are still in the queue after {self.plan.limit_s:.0f} s"
        finally:
            codes = floor.close()
            for thread in (backend, viewer):
                thread.over.set()
                if thread.is_alive():
                    thread.join(30)
            proxy.stop()
        letters = self.world.letters()
        self._audit(After(floor, faults, proxy, backend, viewer, sent, codes, letters, *self._read_logs()))

    def _employ(self, floor: Floor, proxy: FaultyProxy, caller: str, storage: Server, rest: Server) -> None:
        folder = self.folder / caller
        (folder / "tmp").mkdir(parents=True)
        endpoints = {
            "s3": proxy.listen("s3", caller, storage.port),
            "dynamodb": proxy.listen("dynamodb", caller, rest.port),
            "sqs": proxy.listen("sqs", caller, rest.port),
        }
        environment = self.world.environment(folder / "tmp", endpoints)
        floor.employ(caller, environment, folder / "log")

    def _send(self) -> dict[str, str]:
        return {
            self.world.sqs.send_message(QueueUrl=self.world.queue_url, MessageBody=body)["MessageId"]: body
            for body in self.plan.bodies
        }

    def _work(self, floor: Floor) -> int:
        """Until the queue is empty and no worker busy; how many messages were left when the time was up."""
        choice = random.Random(self.seed + 4)  # noqa: S311  no secrets
        until = time.monotonic() + self.plan.limit_s
        next_kill = 3.0
        moments: list[float] = []
        checked_at, left = 0.0, len(self.plan.bodies)
        while time.monotonic() < until:
            floor.tend()
            if (delivered := floor.seen.deliveries.total()) >= next_kill:
                next_kill = delivered + choice.expovariate(1 / self.plan.kill_every)
                moments.append(time.monotonic() + choice.uniform(0, 1.5))
            if moments and time.monotonic() > moments[0]:
                moments.pop(0)
                floor.kill_any()
            for recording_id in list(floor.late_due):
                of = self.plan.recordings[recording_id]
                key = cases.keys(recording_id, of.created, PREFIX)[0]
                self.world.s3.put_object(Bucket=CONNECT, Key=key, Body=of.kind.call)
                floor.late_due.discard(recording_id)
            if time.monotonic() - checked_at > 1:
                checked_at, left = time.monotonic(), self.world.left()
                if not left and floor.is_idle:
                    return 0
            time.sleep(0.03)
        return left

    def _look(self, of: Planned) -> int:
        """1 if the result is complete, 0 if it doesn't exist yet."""
        found = self.world.video(of)
        if found is None:
            return 0
        result = cases.read_result(found[1])
        if result != self.expected[of.kind.name]:
            raise ValueError(f"{found[0]} is {result}, and not {self.expected[of.kind.name]}")
        return 1

    def _audit(self, after: After) -> None:
        self._audit_the_run(after)
        self._audit_messages(after)
        self._audit_results(after)
        self._audit_leftovers(after)

    def _audit_the_run(self, after: After) -> None:
        """Check that all planned failures happened, and that no worker gave up."""
        report, seen = self.report, after.floor.seen
        with report.case("everything went wrong that was meant to") as case:
            struck = sum(after.faults.counts.values())
            by_fault = Counter[str]()
            for (service, fault), count in after.faults.counts.items():
                by_fault[f"{service} {fault}"] += count
            case.note(f"{struck} requests struck: {', '.join(f'{n} {k}' for k, n in sorted(by_fault.items()))}")
            case.note(f"killed {sum(seen.kills.values())}: {dict(seen.kills)}")
            case.note(f"{sum(seen.deliveries.values())} deliveries, {seen.twice_at_once} to two workers at once")
            assert not after.proxy.errors, after.proxy.errors[:3]
            assert {service for service, _ in after.faults.counts} == {"s3", "dynamodb", "sqs"}
            assert seen.kills["at random"] + seen.kills["mid-upload"] > 0

        with report.case("no worker ends but by our hand") as case:
            assert not seen.died, seen.died[:5]
            # 1: some of its messages failed. -15: it had only just been started, and minded no signal yet.
            assert all(code in (0, 1, -signal.SIGTERM) for code in after.codes), f"after SIGTERM: {after.codes}"
            case.note(f"{len(after.codes)} workers stopped on SIGTERM")

        with report.case("no error is unforeseen") as case:
            case.note(", ".join(f"{count} {name}" for name, count in after.outcomes.most_common()))
            assert not after.outcomes["unexpected"], self._unexpected()

    def _audit_messages(self, after: After) -> None:
        """Check the outcome of each message."""
        report, seen = self.report, after.floor.seen
        with report.case("each message is done or a dead letter") as case:
            dead = {message_id for _, message_id in after.letters}
            assert dead <= after.sent.keys(), f"dead letters of messages never sent: {dead - after.sent.keys()}"
            lost = after.sent.keys() - after.reported_done - dead
            assert not lost, f"{len(lost)} messages are gone, and no worker reported them as done"
            assert after.sent.keys() - dead <= seen.deleted
            twice = len(after.letters) - len(dead)
            case.note(f"{len(after.sent.keys() - dead)} done, {len(dead)} dead, {twice} dead letters twice")

        with report.case("each dead letter has its reason") as case:
            self._check_letters(after.letters, after.sent)
            kinds = Counter(f"{letter.kind} {letter.error}".strip() for letter, _ in after.letters)
            case.note(", ".join(f"{count} {kind}" for kind, count in kinds.items()))
            moved = [letter for letter, _ in after.letters if letter.kind == "unknown"]
            case.note(f"moved by the queue: {', '.join(letter.recording_id for letter in moved)}")

        with report.case("retries wait longer each time") as case:
            for count, seconds in seen.waits:
                wait_s = min(FIRST_RETRY_S * 2 ** (count - 1), LAST_RETRY_S)
                assert 0.89 * wait_s <= seconds <= 1.11 * wait_s, f"try {count} waits {seconds} s"
            assert seen.waits
            tries, longest_s = (max(values) for values in zip(*seen.waits, strict=True))
            case.note(f"{len(seen.waits)} waits of up to {longest_s} s after up to {tries} tries")

    def _audit_results(self, after: After) -> None:
        """Check the outcome of each recording."""
        report, done = self.report, self.done
        with report.case("each recording is done, or a dead letter") as case:
            done += self._check_recordings([letter for letter, _ in after.letters])
            case.note(f"{len(done)} done, {len(self.plan.recordings) - len(done)} dead of {len(self.plan.recordings)}")

        with report.case("each result is whole and playable") as case:
            for of in done:
                assert self._look(of), f"{of.recording_id} is marked processed without a video"
                self._check_beside(of)
            case.note(f"{len(done)} decoded to their end after the run, {after.viewer.seen} during it")
            assert not after.viewer.wrong, after.viewer.wrong[:3]

        with report.case("item and qc.json are of the same order") as case:
            case.note(f"{len(self.mixed)} of {len(done)} don't")
            assert not self.mixed, self.mixed

    def _audit_leftovers(self, after: After) -> None:
        """Check for superfluous and missing objects."""
        report, seen, done = self.report, after.floor.seen, self.done
        with report.case("nothing else is in the output bucket") as case:
            found = {entry["Key"] for entry in _all_objects(self.world.s3, OUTPUT)}
            folders = {cases.keys(of.recording_id, of.created, PREFIX)[2] for of in done}
            strange = {key for key in found if not any(key.startswith(folder) for folder in folders)}
            undone = [r for r in self.plan.recordings.values() if r.can_be_done and r not in done]
            excused = {cases.keys(of.recording_id, of.created, PREFIX)[2] for of in undone}
            assert not {key for key in strange if not any(key.startswith(folder) for folder in excused)}, strange
            case.note(f"{len(found)} objects")

        with report.case("no upload is left dangling") as case:
            dangling = {u["UploadId"] for u in self.world.s3.list_multipart_uploads(Bucket=OUTPUT).get("Uploads", ())}
            unexcused = {u for u in dangling - seen.excused.keys() if not any(u in text for text in after.left_behind)}
            case.note(", ".join(f"{count} {name}" for name, count in sorted(seen.uploads.items())))
            assert seen.uploads["aborted"], "no upload came to be aborted: the run was too smooth"
            reasons = Counter(seen.excused[u] for u in dangling & seen.excused.keys())
            case.note(
                f"left for the bucket's lifecycle rule: {dict(reasons)}, named in a log: {len(after.left_behind)}"
            )
            assert not unexcused, f"{len(unexcused)} uploads dangle: {sorted(unexcused)[:3]}"

        with report.case("no attribute of the backend is lost") as case:
            for of in self.plan.recordings.values():
                if of.role == "unknown":
                    continue
                item, wanted = cases.own(self._item(of)), after.backend.wanted(of)
                assert item == wanted, f"{of.recording_id}: {item} and not {wanted}"
            case.note(f"{after.backend.writes} changes by the backend meanwhile")

        with report.case("no temporary file is left once the next worker has cleared those of killed ones") as case:
            scratches = [self.folder / f"worker-{n}" / "tmp" for n in range(self.plan.workers)]
            of_killed = [path for scratch in scratches for path in scratch.iterdir()]
            assert all(path.name.startswith("komorebi-worker-") for path in of_killed), of_killed
            for scratch in scratches:
                clear_stale(scratch)  # as a worker does with its first message
            left = [path for scratch in scratches for path in scratch.rglob("*")]
            assert not left, left[:5]
            case.note(f"{len(of_killed)} folders of killed workers")

    def _check_letters(self, letters: list[tuple[DeadLetter, str]], sent: dict[str, str]) -> None:
        for letter, message_id in letters:
            of = self.plan.recordings.get(letter.recording_id)
            assert letter.body == sent[message_id], f"the dead letter of {message_id} has another body than its message"
            if of is None:
                assert (letter.kind, letter.error) == ("permanent", "MessageError"), letter
            elif letter.kind == "unknown":
                # Its worker died on each attempt and couldn't write a reason, so the dead letter has the default one.
                assert of.role == "crash" or letter.reason == NO_REASON, letter
            elif letter.kind == "permanent":
                assert letter.error == of.error, f"{of.recording_id}: {letter.error} and not {of.error}"
                assert letter.receive_count <= TRIES
            else:
                assert letter.receive_count == TRIES, letter
            assert len(letter.reason) > 20

    def _check_recordings(self, letters: list[DeadLetter]) -> list[Planned]:
        done = []
        reasons = {letter.recording_id for letter in letters}
        for of in self.plan.recordings.values():
            item = None if of.role == "unknown" else self._item(of)
            if item is not None and item["isProcessed"]["BOOL"]:
                assert of.can_be_done or of.role == "crash", f"{of.recording_id} can't be done, and is marked as done"
                done.append(of)
            else:
                assert of.recording_id in reasons, f"{of.recording_id} is neither done nor a dead letter"
                if not of.can_be_done and of.role != "crash":
                    assert self.world.video(of) is None, f"{of.recording_id} has a video and isn't done"
        able = [of for of in self.plan.recordings.values() if of.can_be_done and of.role != "crash"]
        given_up = [of.recording_id for of in able if of not in done]
        assert len(given_up) <= len(able) // 10, f"of {len(able)} that can be done too many weren't: {given_up}"
        return done

    def _check_beside(self, of: Planned) -> None:
        """The thumbnail, the findings and the item belong to the same video."""
        _, _, folder = cases.keys(of.recording_id, of.created, PREFIX)
        thumbnail = self.world.s3.get_object(Bucket=OUTPUT, Key=f"{folder}thumbnail.png")["Body"].read()
        assert thumbnail.startswith(b"\x89PNG") and thumbnail.rstrip().endswith(b"IEND\xaeB`\x82"), of.recording_id  # noqa: PT018
        document = json.loads(self.world.s3.get_object(Bucket=OUTPUT, Key=f"{folder}qc.json")["Body"].read())
        item = self._item(of)
        assert document["recording_id"] == of.recording_id
        assert item["outputContainer"]["S"] == document["container"] == self.expected[of.kind.name].container
        assert item["qcVerdict"]["S"] == document["verdict"]
        assert item["qcInputsFingerprint"]["S"]
        found_s, error_s = document["call_end"]["error_s"], item.get("qcCallEndErrorSeconds", {}).get("N")
        if error_s is not None and abs(found_s - float(error_s)) > 1e-6:
            self.mixed.append(of.recording_id)

    def _item(self, of: Planned) -> dict[str, Any]:
        key = {"videoID": {"S": of.recording_id}}
        found: dict[str, Any] = self.world.dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)["Item"]
        return found

    def _log_lines(self) -> list[str]:
        logs = [self.folder / f"worker-{n}" / "log" for n in range(self.plan.workers)]
        return [line for log in logs for line in log.read_text(errors="replace").splitlines()]

    def _read_logs(self) -> tuple[Counter[str], set[str], list[str]]:
        """The handler's log: the number of messages by outcome, the done ones, and the uploads left behind."""
        outcomes, done, left_behind = Counter[str](), set(), []
        for line in self._log_lines():
            with suppress(ValueError):
                said = json.loads(line)
                if isinstance(said, dict) and "outcome" in said:
                    outcomes[said["outcome"]] += 1
                    if said["outcome"] in ("done", "skipped"):
                        done.add(said["messageID"])
            if "not removed" in line:
                left_behind.append(line)
        return outcomes, done, left_behind

    def _unexpected(self) -> list[str]:
        return [line for line in self._log_lines() if '"unexpected"' in line][:3]


def _all_objects(s3: Any, bucket: str) -> list[dict[str, Any]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [entry for page in pages for entry in page.get("Contents", ())]


def replace_endpoint(server: Server, service: str, url: str) -> Any:
    """A server's client whose requests go through the proxy."""
    return replace(server, port=int(url.rpartition(":")[2])).client(service)


if __name__ == "__main__":
    whole = Report("faults")
    measure(whole, int(sys.argv[1]) if len(sys.argv) > 1 else 60, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(whole.table())
    sys.exit(1 if whole.count("failed") else 0)
