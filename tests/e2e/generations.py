"""One generation of results, with several runs at the same time, and with a kill at any request.

Runs are real processes. They go through a proxy to SeaweedFS and moto, into a bucket without versions, one with
versions, and one with Object Lock. A run is killed before and after every single request of its publication.

    python tests/e2e faults          these cases are its first ones
    python tests/e2e/generations.py  these alone
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cases
from faulty_proxy import FaultyProxy, Request
from parts import Report
from servers import client, moto, seaweed, stand_ins
from stack import CONNECT, INPUT, OUTPUT, PREFIX, TABLE, make_table
from storage import Scripted

from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.pipeline.idempotency import is_done
from komorebi_qc.pipeline.options import Options, Order
from komorebi_qc.pipeline.process import process
from komorebi_qc.queue.operate import RecordingStatus, recording_status
from komorebi_qc.storage.dynamodb import DynamoTable
from komorebi_qc.storage.s3.media import S3Media

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from parts import Case
    from servers import Server

KINDS = ("plain", "versioned", "locked")
PUBLICATION = re.compile(r"/(qc\.json|thumbnail\.png|recording\.\w+)\b")
"""In the path of a publication's requests to S3."""
SMALL_PART = 5 << 20
RUN_S = 60.0
DONE, SKIPPED, FAILED = 0, 10, 11


@dataclass(frozen=True, slots=True)
class Setting:
    """All that a run in another process needs.

    Attributes:
        s3_url: of the proxy.
        dynamodb_url: likewise.
        bucket: the output bucket.
        recording_id: the recording.
        call_end: as reported.
        is_forced: whether it is processed even if it is done.
        skew_s: by how much the process's clock is ahead.
        part_bytes: size of a part of an upload.
    """

    s3_url: str
    dynamodb_url: str
    bucket: str
    recording_id: str
    call_end: str
    is_forced: bool = False
    skew_s: float = 0.0
    part_bytes: int = 8 << 20


def run_once(setting: Setting, said: Any) -> None:
    """Handle one message, in a process of its own; its exit code is the outcome, and `said` gets the error."""
    if setting.skew_s:
        import botocore.auth  # noqa: PLC0415  only a process with a wrong clock

        botocore.auth.get_current_datetime = lambda remove_tzinfo=True: _skewed(setting.skew_s, remove_tzinfo)
    from komorebi_qc.storage.s3 import publication  # noqa: PLC0415  as above

    publication.PART_BYTES = setting.part_bytes
    table = DynamoTable(client("dynamodb", setting.dynamodb_url), TABLE)
    media = S3Media(
        client("s3", setting.s3_url),
        CONNECT,
        INPUT,
        setting.bucket,
        PREFIX,
        now=lambda: _skewed(setting.skew_s, False),  # noqa: FBT003  botocore's own argument
    )
    order = Order(setting.recording_id, parse_call_end(setting.call_end))
    try:
        if not setting.is_forced and is_done(order, table=table, media=media):
            os._exit(SKIPPED)
        process(order, table=table, media=media, options=Options(align="call-end"))
    except KomorebiError as error:
        said.put(f"{type(error).__name__}: {error}")
        said.close()
        said.join_thread()
        os._exit(FAILED)
    os._exit(DONE)


def _skewed(by_s: float, remove_tzinfo: bool) -> datetime:  # noqa: FBT001  botocore's own argument
    now = datetime.now(UTC) + timedelta(seconds=by_s)
    return now.replace(tzinfo=None) if remove_tzinfo else now


@dataclass(slots=True)
class Watcher:
    """Counts a publication's requests, and kills, holds or changes something at one of them.

    Attributes:
        seen: operation and name of each request of a publication, by caller.
        at: called for each of them: caller, its number, and whether it was carried out already. The request goes on
            when it returns; a ConnectionError from it ends the connection.
    """

    seen: dict[str, list[str]] = field(default_factory=dict)
    at: Callable[[str, int, bool], None] = lambda _caller, _number, _is_over: None

    async def before(self, request: Request) -> Request:
        """A request comes."""
        if self._counts(request):
            some = self.seen.setdefault(request.caller, [])
            some.append(self._name(request))
            await self._at(request.caller, len(some), is_over=False)
        return request

    async def after(self, request: Request, status: int, body: bytes, *, arrives: bool) -> None:  # noqa: ARG002
        """It was carried out."""
        if self._counts(request):
            await self._at(request.caller, len(self.seen[request.caller]), is_over=True)

    async def _at(self, caller: str, number: int, *, is_over: bool) -> None:
        import asyncio  # noqa: PLC0415  the proxy's own loop

        await asyncio.get_running_loop().run_in_executor(None, self.at, caller, number, is_over)

    @staticmethod
    def _name(request: Request) -> str:
        found = PUBLICATION.search(request.path)
        return f"{request.operation} {found[1] if found else ''}".strip()

    @staticmethod
    def _counts(request: Request) -> bool:
        if request.service == "dynamodb":
            return request.operation == "UpdateItem"
        return PUBLICATION.search(request.path) is not None and request.operation not in (
            "CreateMultipartUpload",
            "UploadPart",
            "ListMultipartUploads",
        )


@dataclass(slots=True)
class Place:
    """The servers, and the product's stores past the proxy."""

    storage: Server
    rest: Server
    s3: Any
    dynamodb: Any
    proxy: FaultyProxy
    faults: Scripted
    watcher: Watcher
    created: datetime
    kind: cases.Kind
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))
    context: Any = field(default_factory=lambda: multiprocessing.get_context("forkserver"))
    urls: dict[str, tuple[str, str]] = field(default_factory=dict)

    def bucket(self, kind: str) -> str:
        """The output bucket of a kind."""
        return OUTPUT if kind == "plain" else f"{OUTPUT}-{kind}"

    def put(self, kind: cases.Kind | None = None) -> str:
        """A new recording; its ID."""
        recording_id, media = f"generation-{next(self.numbers)}", kind or self.kind
        call_key, recording_key, _ = cases.keys(recording_id, self.created, PREFIX)
        self.s3.put_object(Bucket=CONNECT, Key=call_key, Body=media.call)
        self.s3.put_object(Bucket=INPUT, Key=recording_key, Body=media.recording)
        self.dynamodb.put_item(TableName=TABLE, Item=cases.item(recording_id, self.created))
        return recording_id

    def stores(self, kind: str) -> tuple[DynamoTable, S3Media]:
        """The stores, past the proxy."""
        return DynamoTable(self.dynamodb, TABLE), S3Media(self.s3, CONNECT, INPUT, self.bucket(kind), PREFIX)

    def start(self, caller: str, kind: str, recording_id: str, **more: Any) -> tuple[Any, Any]:
        """Start a run; its process, and the queue of its words."""
        if caller not in self.urls:
            urls = [
                self.proxy.listen(service, caller, server.port)  # type: ignore[arg-type]
                for service, server in (("s3", self.storage), ("dynamodb", self.rest))
            ]
            self.urls[caller] = (urls[0], urls[1])
        s3_url, dynamodb_url = self.urls[caller]
        call_end = more.pop("call_end", self.kind.call_end)
        setting = Setting(s3_url, dynamodb_url, self.bucket(kind), recording_id, call_end, **more)
        said = self.context.Queue()
        run = self.context.Process(target=run_once, args=(setting, said), daemon=True)
        run.start()
        return run, said

    def run(self, kind: str, recording_id: str, **more: Any) -> tuple[int, str]:
        """A run that is waited for; its exit code, and its words."""
        run, said = self.start("alone", kind, recording_id, **more)
        return ended(run, said)

    def status(self, kind: str, recording_id: str) -> RecordingStatus:
        """As `komorebi-qc status` shows it."""
        table, media = self.stores(kind)
        return recording_status(recording_id, table=table, media=media)

    def runs(self, kind: str, recording_id: str) -> dict[str, str | None]:
        """The run ID in each result's own content and in its metadata, and in the item; None for a missing result."""
        folder = cases.keys(recording_id, self.created, PREFIX)[2]
        found: dict[str, str | None] = {}
        key = {"videoID": {"S": recording_id}}
        item = self.dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)["Item"]
        found["item"] = item.get("qcRunId", {}).get("S")
        listed = self.s3.list_objects_v2(Bucket=self.bucket(kind), Prefix=folder).get("Contents", ())
        names = {entry["Key"].removeprefix(folder) for entry in listed}
        for name in ("recording.mp4", "recording.webm", "thumbnail.png", "qc.json"):
            if name not in names:
                if not name.startswith("recording."):
                    found[name] = None
                continue
            answer = self.s3.get_object(Bucket=self.bucket(kind), Key=folder + name)
            found[f"{name} (metadata)"] = answer["Metadata"].get("komorebi-run")
            found[name] = _run_in(name, answer["Body"].read())
        if not any(name.startswith("recording.") for name in names):
            found["recording"] = None
        return found

    def check_one_run(self, kind: str, recording_id: str) -> str:
        """See that all results are there and of one run; its ID."""
        found = self.runs(kind, recording_id)
        run_ids = set(found.values())
        assert len(found) == 7, found
        assert len(run_ids) == 1, found
        assert None not in run_ids, found
        assert not self.status(kind, recording_id).is_mixed
        return str(run_ids.pop())


def ended(run: Any, said: Any) -> tuple[int, str]:
    """The exit code of a run, and its words."""
    run.join(RUN_S)
    assert run.exitcode is not None, "a run doesn't end"
    return run.exitcode, "" if run.exitcode != FAILED else said.get(timeout=5)


def _run_in(name: str, content: bytes) -> str | None:
    if name == "qc.json":
        run_id = json.loads(content)["provenance"]["run_id"]
        return str(run_id)
    if name == "thumbnail.png":
        found = re.search(rb"komorebi-run\0([0-9a-f]{32})", content)
        return None if found is None else found[1].decode()
    with av.open(io.BytesIO(content)) as file:
        comment = {key.lower(): value for key, value in file.metadata.items()}["comment"]
    return comment.removeprefix("komorebi_qc run ")


@contextmanager
def running_place(folder: Path) -> Iterator[Place]:
    """The servers and the proxy, while the context lasts."""
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    multiprocessing.set_forkserver_preload(["generations"])
    with seaweed(folder / "seaweed") as storage, moto(folder / "moto") as rest:
        s3, dynamodb = storage.client("s3"), rest.client("dynamodb")
        for bucket in (CONNECT, INPUT, OUTPUT, f"{OUTPUT}-versioned"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=f"{OUTPUT}-versioned", VersioningConfiguration={"Status": "Enabled"})
        s3.create_bucket(Bucket=f"{OUTPUT}-locked", ObjectLockEnabledForBucket=True)
        s3.put_object_lock_configuration(
            Bucket=f"{OUTPUT}-locked",
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
            },
        )
        make_table(dynamodb)
        faults, watcher = Scripted(1), Watcher()
        proxy = FaultyProxy(faults, watcher)
        proxy.start()
        try:
            yield Place(storage, rest, s3, dynamodb, proxy, faults, watcher, cases.now(), cases.good_kinds()["vp9.mp4"])
            assert not proxy.errors, proxy.errors
        finally:
            proxy.stop()


def run(report: Report) -> None:
    """Runs at once, kills at each request, wrong clocks, a throttled table, a denied key."""
    with ExitStack() as stack:
        place: Place | None = None
        with report.case("SeaweedFS with three kinds of buckets, and moto, come up"):
            stand_ins()
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="komorebi-e2e-")))
            place = stack.enter_context(running_place(folder))
        if place is None:
            return
        for kind in KINDS:
            for count in (2, 5):
                with report.case(f"{kind}: {count} messages for one recording at once") as case:
                    _at_once(case, place, kind, count)
        for kind in KINDS:
            for has_earlier in (False, True):
                name = "over an earlier result" if has_earlier else "without an earlier result"
                with report.case(f"{kind}: killed before and after each request, {name}") as case:
                    _killed(case, place, kind, has_earlier=has_earlier)
        with report.case("killed before and after each request of a publication in parts") as case:
            _killed(case, place, "plain", has_earlier=True, is_large=True)
        for kind in KINDS:
            with report.case(f"{kind}: a KMS key that is denied at each request changes nothing") as case:
                _denied(case, place, kind)
        with report.case("clocks that differ by half an hour: one run wins") as case:
            _skewed_runs(case, place)
        with report.case("a table that is throttled while the item is marked: the next message repairs it") as case:
            _throttled(case, place)


def _at_once(case: Case, place: Place, kind: str, count: int) -> None:
    """All of them find the same objects: the proxy holds each one's first write until all have come so far."""
    outcomes: Counter[str] = Counter()
    for has_earlier in (False, True):
        recording_id = place.put()
        if has_earlier:
            assert place.run(kind, recording_id)[0] == DONE
        barrier = threading.Barrier(count)

        def hold(caller: str, _number: int, is_over: bool, barrier: threading.Barrier = barrier) -> None:  # noqa: FBT001
            if not is_over and place.watcher.seen[caller][-1] == "PutObject qc.json":
                barrier.wait(RUN_S)

        place.watcher.seen.clear()
        place.watcher.at = hold
        try:
            callers = [f"at-once-{n}" for n in range(count)]
            started = [place.start(caller, kind, recording_id, is_forced=True) for caller in callers]
            codes = [ended(*one) for one in started]
        finally:
            place.watcher.at = lambda *_: None
        outcomes.update("done" if code == DONE else text.partition(":")[0] for code, text in codes)
        assert [code for code, _ in codes].count(DONE) == 1, codes
        assert all(text.startswith("ConcurrentRunError") for code, text in codes if code != DONE), codes
        winner = place.check_one_run(kind, recording_id)
        # The others' messages come again, and are done already.
        again = [place.run(kind, recording_id)[0] for _ in range(count - 1)]
        assert again == [SKIPPED] * (count - 1), again
        assert place.check_one_run(kind, recording_id) == winner
        if kind == "versioned":
            case.note(f"{_versions(place, kind, recording_id)} versions")
            assert _versions(place, kind, recording_id) == (6 if has_earlier else 3)
    case.note(str(dict(outcomes)))


def _versions(place: Place, kind: str, recording_id: str) -> int:
    folder = cases.keys(recording_id, place.created, PREFIX)[2]
    listed = place.s3.list_object_versions(Bucket=place.bucket(kind), Prefix=folder)
    assert not listed.get("DeleteMarkers"), listed["DeleteMarkers"]
    return len(listed.get("Versions", ()))


def _killed(case: Case, place: Place, kind: str, *, has_earlier: bool, is_large: bool = False) -> None:
    """Kill a run at every request of its publication; the next message makes all results of one run."""
    media = cases.large_kind(size=6 << 20) if is_large else place.kind
    more: dict[str, Any] = {"call_end": media.call_end, "part_bytes": SMALL_PART}
    recording_id = place.put(media)
    place.watcher.seen.clear()
    assert place.run(kind, recording_id, **more)[0] == DONE
    requests = list(place.watcher.seen["alone"])
    # The look at the beginning is before the publication.
    begin = next(n for n, name in enumerate(requests) if name == "GetObject qc.json")
    found: Counter[str] = Counter()
    points = [(number, is_over) for number in range(begin + 1, len(requests) + 1) for is_over in (False, True)]
    for number, is_over in points:
        recording_id = place.put(media)
        earlier = None
        if has_earlier:
            assert place.run(kind, recording_id, **more)[0] == DONE
            earlier = place.check_one_run(kind, recording_id)
        place.watcher.seen.clear()
        started: list[Any] = []

        def kill(
            _caller: str,
            at: int,
            over: bool,  # noqa: FBT001
            point: tuple[int, bool] = (number, is_over),
            started: list[Any] = started,
        ) -> None:
            if (at, over) == point:
                while not started:
                    time.sleep(0.01)
                os.kill(started[0].pid, signal.SIGKILL)
                raise ConnectionResetError  # the request isn't carried out, or its answer is dropped

        place.watcher.at = kill
        run, said = place.start("alone", kind, recording_id, is_forced=True, **more)
        started.append(run)
        code, _ = ended(run, said)
        place.watcher.at = lambda *_: None
        assert code == -signal.SIGKILL, f"{requests[number - 1]}: {code}"
        time.sleep(0.05)  # its last request is still on its way
        state = place.status(kind, recording_id)
        runs = place.runs(kind, recording_id)
        if earlier is not None:
            assert None not in runs.values(), f"after {requests[number - 1]} a result is missing: {runs}"
        is_whole = len(set(runs.values())) == 1
        assert state.is_mixed is (not is_whole), (requests[number - 1], runs)
        found["mixed" if state.is_mixed else "nothing" if set(runs.values()) == {None} else "whole"] += 1
        code, text = place.run(kind, recording_id, **more)
        is_wanted = code == SKIPPED if is_whole and runs["item"] is not None else code == DONE
        assert is_wanted, (requests[number - 1], is_over, runs, code, text)
        place.check_one_run(kind, recording_id)
    case.note(f"{len(points)} kills at {len(requests) - begin} requests: {dict(found)} before the next message")
    case.note(", ".join(requests[begin:]))


def _denied(case: Case, place: Place, kind: str) -> None:
    recording_id = place.put()
    assert place.run(kind, recording_id)[0] == DONE
    before = place.check_one_run(kind, recording_id)
    versions = _versions(place, kind, recording_id) if kind == "versioned" else 0
    texts = []
    for passing in range(3):  # the findings, the thumbnail, the video
        place.faults.script[:] = [("PutObject", "denied", passing)]
        code, text = place.run(kind, recording_id, is_forced=True)
        assert code == FAILED, code
        assert text.startswith("AccessDeniedError"), text
        assert not place.faults.script, "not reached"
        found = place.runs(kind, recording_id)
        assert set(found.values()) == {before}, found
        texts.append(text)
        if kind == "versioned":
            assert _versions(place, kind, recording_id) == versions
        if kind == "locked" and passing:
            assert "which Object Lock or the policy keeps" in text, text
        if kind != "locked":
            assert "not removed" not in text, text
    assert place.run(kind, recording_id)[0] == SKIPPED
    case.note(texts[-1])


def _skewed_runs(case: Case, place: Place) -> None:
    """One clock is 14.5 minutes ahead, the other one as much behind: AWS accepts 15."""
    outcomes: Counter[str] = Counter()
    for number in range(6):
        recording_id = place.put()
        skews = (870.0, -870.0) if number % 2 else (-870.0, 870.0)
        started = [
            place.start(f"skewed-{n}", "plain", recording_id, is_forced=True, skew_s=skew)
            for n, skew in enumerate(skews)
        ]
        codes = [ended(*one) for one in started]
        outcomes.update("done" if code == DONE else text.partition(":")[0] for code, text in codes)
        assert all(code == DONE or text.startswith("ConcurrentRunError") for code, text in codes), codes
        assert any(code == DONE for code, _ in codes), codes
        winner = place.check_one_run("plain", recording_id)
        assert place.run("plain", recording_id, skew_s=skews[0])[0] == SKIPPED
        assert place.check_one_run("plain", recording_id) == winner
    code, text = place.run("plain", place.put(), skew_s=-3600.0)
    assert code == FAILED, code
    case.note(f"{dict(outcomes)}; an hour behind: {text}")


def _throttled(case: Case, place: Place) -> None:
    recording_id = place.put()
    assert place.run("plain", recording_id)[0] == DONE
    place.faults.script[:] = [("UpdateItem", "refused", 0)] * 12  # three attempts of botocore, four tries
    code, text = place.run("plain", recording_id, is_forced=True)
    assert code == FAILED, code
    assert text.startswith("StorageError"), text
    state = place.status("plain", recording_id)
    assert state.is_mixed
    assert len(set(state.generation.to_dict().values())) == 1, "the objects are of one run, and the item is of another"
    assert place.run("plain", recording_id)[0] == DONE
    place.check_one_run("plain", recording_id)
    case.note(text)


if __name__ == "__main__":
    whole = Report("generations")
    run(whole)
    print(whole.table())
    sys.exit(1 if whole.count("failed") else 0)
