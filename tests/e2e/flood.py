"""1,000 messages over 100 recordings, five at a time for each recording, with faults and kills all the while.

Ten real processes work on two recordings at a time, five on each. Each polls the queue as ``komorebi-qc worker`` does,
and calls the Lambda's handler in its own process, as Lambda does: a child for every message would take most of the
time.
Of ten messages for a recording, half are forced, and half have another call end. In the end all four results of every
recording are of one run, each message is done or a dead letter, and no upload and no attribute is lost. Results of
two runs that a dead letter or a killed duplicate has left are known as such, and the next message repairs them.

    python tests/e2e faults                      60 messages in CI, else 1,000
    python tests/e2e/flood.py [MESSAGES] [SEED]
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import av
import cases
from faults import FaultyRun, Floor, Hand, Plan, Planned, make_world
from parts import Report
from servers import end_group, moto, seaweed, stand_ins
from stack import CONNECT, INPUT, OUTPUT, PREFIX, TABLE

from komorebi_qc.core.provenance.parts import FileDigest
from komorebi_qc.queue.operate import recording_status
from komorebi_qc.storage.dynamodb import DynamoTable
from komorebi_qc.storage.s3.media import S3Media

if TYPE_CHECKING:
    from faults import After
    from faulty_proxy import Request

AT_ONCE = 5
WORKERS = 10
"""Two recordings at a time, five workers for each."""
MESSAGES_EACH = 10
"""Messages for each recording: two rounds of five."""


PROGRAM = """
import os, sys
from komorebi_qc.queue.worker import load_handler, run
from komorebi_qc.wiring import Settings
counts = run(Settings.from_environment(os.environ).queue(), load_handler())
sys.exit(1 if counts.failed else 0)
"""


@dataclass(slots=True)
class Crowd:
    """Messages in several hands.

    Attributes:
        sizes: how many workers were at one recording at the same time, over all deliveries.
        twice: recordings with a message that one worker deleted while another one had it as well.
    """

    sizes: Counter[int] = field(default_factory=Counter)
    twice: set[str] = field(default_factory=set)


class CrowdedFloor(Floor):
    """A floor that counts how many workers are at one recording."""

    argv: ClassVar[list[Path | str]] = [sys.executable, "-c", PROGRAM]
    crowd = Crowd()

    def _plot_against(self, caller: str, hand: Hand) -> None:
        super()._plot_against(caller, hand)
        of = _recording_in(hand.body)
        with self._lock:
            self.crowd.sizes[sum(_recording_in(other.body) == of for other in self._hands.values())] += 1

    def _after_sqs(self, request: Request, body: bytes) -> None:
        super()._after_sqs(request, body)
        hand = self._handles.get(request.json().get("ReceiptHandle", ""))
        if request.operation == "DeleteMessage" and hand is not None:
            with self._lock:
                others = [h for caller, h in self._hands.items() if caller != request.caller]
            if any(other.message_id == hand.message_id for other in others):
                self.crowd.twice.add(_recording_in(hand.body))


def _recording_in(body: str) -> str:
    found = re.search(r'"recordingID": "([^"]+)"', body)
    return "" if found is None else found[1]


def make_plan(messages: int) -> Plan:
    """Rounds of five messages, one recording after the other."""
    kinds = cases.good_kinds()
    kind = min(kinds.values(), key=lambda one: len(one.recording))
    recordings = {
        recording_id: Planned(recording_id, kind, cases.now(), "good")
        for recording_id in (f"flood-{n:03}" for n in range(max(1, messages // MESSAGES_EACH)))
    }
    bodies = []
    for number in range(MESSAGES_EACH // AT_ONCE):
        for recording_id in recordings:
            call_end = kind.call_end if number == 0 else _later(kind.call_end)
            bodies += [cases.body(recording_id, call_end, **({"force": True} if n % 2 else {})) for n in range(AT_ONCE)]
    return Plan(recordings, bodies, WORKERS, 20.0, 40.0 + 6.0 * messages)


def _later(call_end: str) -> str:
    hours, minutes, seconds = (int(part) for part in call_end.split(":"))
    return f"{hours:02}:{minutes:02}:{seconds + 1:02}"


def run(report: Report) -> None:
    """The whole run, a short one in CI. ``KOMOREBI_E2E_FLOOD`` can set the number of messages."""
    usual = "60" if os.environ.get("CI") else "1000"
    messages, seed = os.environ.get("KOMOREBI_E2E_FLOOD", usual), os.environ.get("KOMOREBI_E2E_SEED", "1")
    measure(report, int(messages), int(seed))


def measure(report: Report, messages: int, seed: int) -> None:
    """One run, and its checks."""
    with tempfile.TemporaryDirectory(prefix="komorebi-e2e-") as name, ExitStack() as stack:
        folder = Path(name)
        with report.case("parts come up") as case:
            stand_ins()
            plan = make_plan(messages)
            (folder / "expected").mkdir()
            kinds = {r.kind.name: r.kind for r in plan.recordings.values()}
            expected = {name: cases.expected(kind, folder / "expected") for name, kind in kinds.items()}
            storage = stack.enter_context(seaweed(folder / "seaweed"))
            rest = stack.enter_context(moto(folder / "moto"))
            world = make_world(storage, rest, plan)
            case.note(f"{len(plan.bodies)} messages for {len(plan.recordings)} recordings, seed {seed}")
        if report.lines[-1].outcome != "passed":
            return
        Flood(report, plan, world, expected, folder, seed).carry_out(storage, rest)


class Flood(FaultyRun):
    """The run, with its own checks."""

    floor_class = CrowdedFloor

    def _audit(self, after: After) -> None:
        report, seen, plan = self.report, after.floor.seen, self.plan
        with report.case("five at once, and everything else went wrong as well") as case:
            sizes = CrowdedFloor.crowd.sizes
            struck = sum(after.faults.counts.values())
            case.note(f"{struck} requests struck, killed {sum(seen.kills.values())}: {dict(seen.kills)}")
            case.note(f"{sum(seen.deliveries.values())} deliveries, with so many workers at the recording:")
            case.note(str(dict(sorted(sizes.items()))))
            case.note(", ".join(f"{count} {name}" for name, count in after.outcomes.most_common()))
            case.note(f"{self._overtaken()} runs were overtaken by another one")
            assert not after.proxy.errors, after.proxy.errors[:3]
            assert not after.outcomes["unexpected"], self._unexpected()
            assert not seen.died, seen.died[:5]
            assert sizes[AT_ONCE] >= len(plan.recordings), sizes
            assert self._overtaken()

        dead = {message_id for _, message_id in after.letters}
        with report.case("no message is lost") as case:
            lost = after.sent.keys() - after.reported_done - dead
            assert not lost, f"{len(lost)} messages are gone, and no worker reported them as done"
            assert after.sent.keys() - dead <= seen.deleted
            case.note(f"{len(after.sent.keys() - dead)} done, {len(dead)} dead letters")
            case.note(str(dict(Counter(letter.error for letter, _ in after.letters))))

        mixed: list[str] = []
        with report.case("results of several runs are known as such") as case:
            mixed += [i for i in plan.recordings if self._status(i)["is_mixed"]]
            with_letter = {letter.recording_id for letter, _ in after.letters}
            case.note(f"{len(mixed)} of {len(plan.recordings)} recordings")
            case.note(f"{len(with_letter & set(mixed))} of them with a dead letter")
            wrong = {i: found for i, of in plan.recordings.items() if i not in mixed and (found := self._problem(of))}
            assert not wrong, wrong
            # Without a dead letter, a message came twice: one run ended and deleted it, the other one didn't end well.
            twice = CrowdedFloor.crowd.twice
            case.note(f"{len(twice)} recordings with a message that was deleted while a second worker had it")
            assert set(mixed) <= with_letter | twice, [(i, self._lines_of(i)) for i in mixed]

        with report.case(
            "dead letters are sent again, and a message for each such recording, as an operator does"
        ) as case:
            bodies = [letter.body for letter, _ in after.letters]
            bodies += [cases.body(i, plan.recordings[i].kind.call_end) for i in mixed]
            case.note(f"{self._send_again(bodies)} messages")

        with report.case("all four results of every recording are of one run, and whole") as case:
            wrong = {i: found for i, of in plan.recordings.items() if (found := self._problem(of))}
            case.note(f"{len(plan.recordings) - len(wrong)} of {len(plan.recordings)} recordings")
            assert not wrong, list(wrong.items())[:3]

        with report.case("no attribute of the backend is lost, no upload dangles, no temporary file is left") as case:
            for of in plan.recordings.values():
                item, wanted = cases.own(self._item(of)), after.backend.wanted(of)
                assert item == wanted, f"{of.recording_id}: {item} and not {wanted}"
            left = [p for n in range(plan.workers) for p in (self.folder / f"worker-{n}" / "tmp").rglob("*")]
            left = [path for path in left if not path.is_dir()]  # a killed worker leaves its empty folder
            assert not left, left[:5]
            assert not after.viewer.wrong, after.viewer.wrong[:3]
            dangling = {u["UploadId"] for u in self.world.s3.list_multipart_uploads(Bucket=OUTPUT).get("Uploads", ())}
            assert not dangling - seen.excused.keys(), dangling
            case.note(f"{after.backend.writes} changes by the backend, {after.viewer.seen} videos opened meanwhile")

    def _send_again(self, bodies: list[str]) -> int:
        """Send messages to one worker without faults, and wait until the queue is empty."""
        for body in bodies:
            self.world.sqs.send_message(QueueUrl=self.world.queue_url, MessageBody=body)
        folder = self.folder / "again"
        folder.mkdir()
        environment = self.world.environment(folder)
        with (folder / "log").open("wb") as log:
            worker = subprocess.Popen(
                CrowdedFloor.argv, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
            )
            try:
                until = time.monotonic() + 60.0 + 20.0 * len(bodies)
                while left := self.world.left():
                    assert time.monotonic() < until, f"{left} messages are still in the queue"
                    time.sleep(0.2)
            finally:
                end_group(worker)
        return len(bodies)

    def _lines_of(self, recording_id: str) -> list[str]:
        return [line[:300] for line in self._log_lines() if recording_id in line][-12:]

    def _overtaken(self) -> int:
        return sum('"ConcurrentRunError"' in line and '"outcome"' in line for line in self._log_lines())

    def _status(self, recording_id: str) -> dict[str, Any]:
        """As `komorebi-qc status` shows it."""
        media = S3Media(self.world.s3, CONNECT, INPUT, OUTPUT, PREFIX)
        table = DynamoTable(self.world.dynamodb, TABLE)
        return recording_status(recording_id, table=table, media=media).to_dict()

    def _problem(self, of: Planned) -> str:
        """The fault of a recording's results; empty if they are as they should be."""
        status = self._status(of.recording_id)
        run_id = status["runs"]["item"]
        if status["is_mixed"] or not run_id or set(status["runs"].values()) != {run_id}:
            return f"runs: {status['runs']}"
        folder = cases.keys(of.recording_id, of.created, PREFIX)[2]
        read = {
            entry["Key"].removeprefix(folder): self.world.s3.get_object(Bucket=OUTPUT, Key=entry["Key"])["Body"].read()
            for entry in self.world.s3.list_objects_v2(Bucket=OUTPUT, Prefix=folder)["Contents"]
        }
        document = json.loads(read["qc.json"])
        (video,) = (content for name, content in read.items() if name.startswith("recording."))
        outputs = document["provenance"]["outputs"]
        for name, content in (("video", video), ("thumbnail", read["thumbnail.png"])):
            if not FileDigest.from_dict(outputs[name]).is_of(io.BytesIO(content)):
                return f"the {name} isn't the one in qc.json"
        with av.open(io.BytesIO(video)) as file:
            comment = {key.lower(): value for key, value in file.metadata.items()}.get("comment", "")
        named = {comment.rpartition(" ")[2], document["provenance"]["run_id"]}
        named |= {found.decode() for found in re.findall(rb"komorebi-run\0([0-9a-f]{32})", read["thumbnail.png"])}
        if named != {run_id}:
            return f"the files name {named}, and the item {run_id}"
        return "" if cases.read_result(video) == self.expected[of.kind.name] else "another video"


if __name__ == "__main__":
    whole = Report("flood")
    measure(whole, int(sys.argv[1]) if len(sys.argv) > 1 else 1000, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(whole.table())
    sys.exit(1 if whole.count("failed") else 0)
