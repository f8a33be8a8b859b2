"""The stores on real parts: S3 as SeaweedFS knows it, the table on moto, and the template's rights, each in turn.

Rights are ministack's, with ``AUTH=true``: it checks signatures, maps requests to the actions that AWS asks for, and
evaluates conditions. moto's own mode for rights denies whatever has a condition, asks for ``s3:HeadObject``, which no
policy can name, and knows no tables as resources.
"""

from __future__ import annotations

import copy
import json
import re
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cases
from botocore.exceptions import ClientError
from erasing import erasures
from faulty_proxy import Faults, FaultyProxy, Request
from parts import Report
from servers import ministack, moto, seaweed, stand_ins
from stack import CONNECT, INPUT, OUTPUT, PREFIX, TABLE, Stack, deploy, make_table

from komorebi_qc.core.errors import (
    AccessDeniedError,
    KomorebiError,
    NotThereYetError,
    OutOfTimeError,
    PassingError,
    StorageError,
)
from komorebi_qc.core.privacy.analysis_keys import ANALYSIS_PREFIX
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.pipeline.idempotency import is_done
from komorebi_qc.pipeline.options import Options, Order
from komorebi_qc.pipeline.process import process
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.sqs import Queue, SqsQueues
from komorebi_qc.storage.dynamodb import DynamoTable
from komorebi_qc.storage.s3.media import S3Media
from komorebi_qc.storage.s3.publication import PART_BYTES
from komorebi_qc.storage.s3.stale_uploads import STALE_AFTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from faulty_proxy import Fault

    from komorebi_qc.pipeline.outcome import Outcome

SHIM = """
import os

def handler(event, context):
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
"""
AGENT = "agent+7@example.org"
"""Characters that a key may contain, and that an address has to preserve."""


@dataclass(slots=True)
class Scripted(Faults):
    """Faults by name: each strikes a request of its operation, after the given number of other ones."""

    script: list[tuple[str, Fault, int]] = field(default_factory=list)

    def next(self, request: Request) -> Fault | None:
        """What happens to this request."""
        for n, (operation, fault, passing) in enumerate(self.script):
            if operation == request.operation:
                if passing:
                    self.script[n] = (operation, fault, passing - 1)
                    return None
                del self.script[n]
                self.counts[request.service, fault] += 1
                return fault
        return None


@dataclass(slots=True)
class Watched:
    """The requests so far, and an action beside each.

    Attributes:
        requests: operation and path of each, in their order.
        beside: called before a request is forwarded.
    """

    requests: list[tuple[str, str]] = field(default_factory=list)
    beside: Callable[[Request], None] = lambda _: None

    async def before(self, request: Request) -> Request:
        """Note it."""
        self.requests.append((request.operation, request.path))
        self.beside(request)
        return request

    async def after(self, request: Request, status: int, body: bytes, *, arrives: bool) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """Buckets and table, and the product's own stores over them.

    Attributes:
        s3: a client past the proxy.
        dynamodb: the table's.
        media: over the proxy.
        table: the table.
        faults: of the media store's requests.
        watched: the media store's requests.
        created: of the recordings.
    """

    s3: Any
    dynamodb: Any
    media: S3Media
    table: DynamoTable
    faults: Scripted
    watched: Watched
    created: datetime

    def put(self, recording_id: str, kind: cases.Kind) -> Order:
        """Put a recording there; its order."""
        call_key, recording_key, _ = cases.keys(recording_id, self.created, PREFIX, AGENT)
        self.s3.put_object(Bucket=CONNECT, Key=call_key, Body=kind.call)
        self.s3.put_object(Bucket=INPUT, Key=recording_key, Body=kind.recording)
        self.dynamodb.put_item(TableName=TABLE, Item=cases.item(recording_id, self.created, AGENT))
        return Order(recording_id, parse_call_end(kind.call_end))

    def process(self, order: Order, media: S3Media | None = None) -> Outcome:
        """Carry out an order. The reported call end places the call, because only storage is tested."""
        return process(order, table=self.table, media=media or self.media, options=Options(align="call-end"))

    def results(self, recording_id: str) -> dict[str, bytes]:
        """The objects in the recording's folder, by name."""
        folder = cases.keys(recording_id, self.created, PREFIX, AGENT)[2]
        listed = self.s3.list_objects_v2(Bucket=OUTPUT, Prefix=folder).get("Contents", ())
        return {
            entry["Key"].removeprefix(folder): self.s3.get_object(Bucket=OUTPUT, Key=entry["Key"])["Body"].read()
            for entry in listed
        }

    def item(self, recording_id: str) -> dict[str, Any]:
        """The present item."""
        found: dict[str, Any] = self.dynamodb.get_item(TableName=TABLE, Key={"videoID": {"S": recording_id}})["Item"]
        return found

    def check_nothing_dangles(self) -> None:
        """See that no multipart upload is open."""
        left = self.s3.list_multipart_uploads(Bucket=OUTPUT).get("Uploads", ())
        assert not left, f"open: {[upload['Key'] for upload in left]}"


def run(report: Report) -> None:
    """S3's rules, then the rights."""
    with ExitStack() as stack:
        place: Place | None = None
        with report.case("SeaweedFS and moto come up"):
            stand_ins()
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="komorebi-e2e-")))
            place = stack.enter_context(running_place(folder))
        if place is not None:
            rules_of_s3(report, place)
            parts_of_an_upload(report, place)
            broken_connections(report, place)
            the_table(report, place)
            erasures(report, place)
    with ExitStack() as stack:
        rights: Rights | None = None
        with report.case("the template's role is deployed, and its rights are enforced") as case:
            stand_ins()
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="komorebi-e2e-")))
            server = stack.enter_context(ministack(folder / "ministack", enforces_rights=True))
            rights = Rights.of(deploy(server, SHIM, is_enabled=False))
            case.note(", ".join(f"{len(p['Statement'])} statements in {n}" for n, p in rights.stack.policies().items()))
        if rights is not None:
            least_privilege(report, rights)


@contextmanager
def running_place(folder: Path) -> Iterator[Place]:
    """The product's stores on SeaweedFS and moto, while the context lasts."""
    with seaweed(folder / "seaweed") as storage, moto(folder / "moto") as rest:
        s3, dynamodb = storage.client("s3"), rest.client("dynamodb")
        for bucket in (CONNECT, INPUT, OUTPUT):
            s3.create_bucket(Bucket=bucket)
        make_table(dynamodb)
        faults = Scripted(1)
        watched = Watched()
        proxy = FaultyProxy(faults, watched)
        proxy.start()
        try:
            url = proxy.listen("s3", "product", storage.port)
            through = replace(storage, port=int(url.rpartition(":")[2])).client("s3")
            media = S3Media(through, CONNECT, INPUT, OUTPUT, PREFIX)
            yield Place(s3, dynamodb, media, DynamoTable(dynamodb, TABLE), faults, watched, cases.now())
            assert not proxy.errors, proxy.errors
        finally:
            proxy.stop()


def rules_of_s3(report: Report, place: Place) -> None:
    """That this server is as strict as S3 where it matters."""
    with report.case("the server refuses parts under 5 MiB, a wrong key and an overwrite under a condition") as case:
        s3 = place.s3
        upload = s3.create_multipart_upload(Bucket=OUTPUT, Key="rules")["UploadId"]
        named = {"Bucket": OUTPUT, "Key": "rules", "UploadId": upload}
        small = [s3.upload_part(**named, PartNumber=n, Body=b"x" * (1 << 20)) for n in (1, 2)]
        parts = [{"PartNumber": n, "ETag": part["ETag"]} for n, part in enumerate(small, start=1)]
        codes = [_code(lambda: s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts}))]
        s3.abort_multipart_upload(**named)
        s3.put_object(Bucket=OUTPUT, Key="rules", Body=b"first")
        codes.append(_code(lambda: s3.put_object(Bucket=OUTPUT, Key="rules", Body=b"second", IfNoneMatch="*")))
        codes.append(_code(lambda: s3.get_object(Bucket=OUTPUT, Key="rules", IfMatch='"0123456789abcdef"')))
        assert s3.get_object(Bucket=OUTPUT, Key="rules")["Body"].read() == b"first"
        s3.delete_object(Bucket=OUTPUT, Key="rules")
        assert codes == ["EntityTooSmall", "PreconditionFailed", "PreconditionFailed"], codes
        case.note(", ".join(codes))


def _code(act: Callable[[], Any]) -> str:
    try:
        act()
    except ClientError as error:
        return str(error.response["Error"]["Code"]).replace("412", "PreconditionFailed")
    return "no error"


def parts_of_an_upload(report: Report, place: Place) -> None:
    """A result that goes up in parts: whole, or nothing."""
    large = cases.large_kind()
    with report.case("a large result goes up in parts, the first one last, and is what was made") as case:
        order = place.put("large-1", large)
        place.watched.requests.clear()
        outcome = place.process(order)
        results = place.results("large-1")
        assert results.keys() == {"recording.mp4", "thumbnail.png", "qc.json"}
        assert outcome.published.video_bytes == len(results["recording.mp4"]) > 2 * PART_BYTES
        key = cases.keys("large-1", place.created, PREFIX, AGENT)[2] + "recording.mp4"
        head = place.s3.head_object(Bucket=OUTPUT, Key=key)
        parts = int(head["ETag"].strip('"').rpartition("-")[2])
        assert parts == -(-len(results["recording.mp4"]) // PART_BYTES)
        sent = [
            int(path.partition("partNumber=")[2].partition("&")[0])
            for operation, path in place.watched.requests
            if operation == "UploadPart"
        ]
        assert (sorted(sent), sent[-1]) == (list(range(1, parts + 1)), 1), sent
        assert head["ContentType"] == "video/mp4"
        result = cases.read_result(results["recording.mp4"])
        place.check_nothing_dangles()
        case.note(f"{len(results['recording.mp4']):,} bytes in {parts} parts; {result.seconds} s decoded")

    with report.case("stopped between two parts: the upload is aborted, the earlier result stays") as case:
        before = place.results("large-1")
        checks = 0

        def between() -> None:
            nonlocal checks
            checks += 1
            if place.s3.list_multipart_uploads(Bucket=OUTPUT).get("Uploads") and checks > 1:
                raise OutOfTimeError("the time is up")

        _raises(OutOfTimeError, lambda: place.process(order, replace(place.media, check_cancelled=between)))
        place.check_nothing_dangles()
        assert place.results("large-1") == before
        case.note(f"stopped at the {checks}th look at the time")

    with report.case("a last request that fails: the earlier result comes back, byte for byte") as case:
        before = place.results("large-1")
        answers: tuple[Fault, ...] = ("refused", "error_in_200")
        for answer in answers:
            place.faults.script[:] = [("CompleteMultipartUpload", answer, 0)] * 3
            error = _raises(StorageError, lambda: place.process(order))
            assert "not removed" not in str(error)
            assert place.results("large-1") == before
        first = place.put("large-2", large)
        place.faults.script[:] = [("CompleteMultipartUpload", "refused", 0)] * 3
        _raises(StorageError, lambda: place.process(first))
        assert place.results("large-2") == {}
        assert place.item("large-2")["isProcessed"] == {"BOOL": False}
        place.check_nothing_dangles()
        case.note(str(error))

    with report.case("an answer that gets lost isn't a failure: the object exists"):
        place.faults.script[:] = [("CompleteMultipartUpload", "lost_answer", 0)] * 3
        place.process(first)
        assert cases.read_result(place.results("large-2")["recording.mp4"]) == result
        place.check_nothing_dangles()


def broken_connections(report: Report, place: Place) -> None:
    """Downloads and uploads that break in their middle."""
    large = cases.large_kind()
    with report.case("downloads that break go on where they broke, uploads are sent again") as case:
        order = place.put("broken-1", large)
        place.faults.script[:] = [
            ("GetObject", "cut_coming", 0),
            ("GetObject", "cut_coming", 1),
            ("GetObject", "cut_coming", 0),
            ("UploadPart", "cut_going", 0),
            ("UploadPart", "lost_answer", 0),
            ("PutObject", "cut_going", 0),
        ]
        place.process(order)
        assert not place.faults.script, f"not reached: {place.faults.script}"
        struck = sum(place.faults.counts.values())
        made, undisturbed = (cases.read_result(place.results(of)["recording.mp4"]) for of in ("broken-1", "large-1"))
        assert made == undisturbed
        place.check_nothing_dangles()
        case.note(f"{struck} faults so far")

    with report.case("an input that is replaced while it is read is never mixed with the new one") as case:
        order = place.put("replaced-1", large)
        recording_key = cases.keys("replaced-1", place.created, PREFIX, AGENT)[1]
        other = cases.large_kind(12)
        ranges = 0

        def replaces(request: Request) -> None:
            nonlocal ranges
            if request.operation == "GetObject" and "replaced-1.mp4" in request.path:
                ranges += 1
                if ranges == 3:
                    place.s3.put_object(Bucket=INPUT, Key=recording_key, Body=other.recording)

        place.watched.beside = replaces
        try:
            error = _raises(PassingError, lambda: place.process(order))
        finally:
            place.watched.beside = lambda _: None
        assert "replaced" in str(error), error
        assert place.results("replaced-1") == {}
        case.note(str(error))

    with report.case("a wrong key is refused with a sentence") as case:
        wrong = _client_of(place, secret="wrong")  # noqa: S106  meant to be wrong
        error = _raises(AccessDeniedError, lambda: place.process(order, replace(place.media, client=wrong)))
        assert "credentials" in str(error)
        case.note(str(error))


def _client_of(place: Place, secret: str) -> Any:
    from servers import client  # noqa: PLC0415  one case alone needs it

    return client("s3", place.media.client.meta.endpoint_url, secret=secret)


def the_table(report: Report, place: Place) -> None:
    """What happens to the item."""
    with report.case("only the package's own attributes are written, whatever others do meanwhile") as case:
        kind = cases.good_kinds()["vp9.mp4"]
        order = place.put("table-1", kind)
        key = {"videoID": {"S": "table-1"}}
        changes = 0

        def backend_writes() -> None:
            nonlocal changes
            changes += 1
            place.dynamodb.update_item(
                TableName=TABLE,
                Key=key,
                UpdateExpression="SET tagsID = list_append(tagsID, :t), notesID = :n, #n = :new",
                ExpressionAttributeNames={"#n": "name"},
                ExpressionAttributeValues={
                    ":t": {"L": [{"S": f"tag-{changes}"}]},
                    ":n": {"S": f"notes-{changes}"},
                    ":new": {"S": "Someone Else"},
                },
            )

        place.process(order, replace(place.media, check_cancelled=backend_writes))
        item = place.item("table-1")
        assert changes > 0
        assert item["isProcessed"] == {"BOOL": True}
        assert item["notesID"] == {"S": f"notes-{changes}"}
        assert len(item["tagsID"]["L"]) == 2 + changes
        assert item["name"] == {"S": "Someone Else"}
        wanted = cases.own(cases.item("table-1", place.created, AGENT))
        changed = {name for name in wanted if item[name] != wanted[name]}
        assert changed == {"tagsID", "notesID", "name"}
        case.note(f"{changes} changes by others survived; written: {', '.join(sorted(item.keys() - wanted.keys()))}")

    with report.case("the second time it is known as done, until an input or the result changes"):

        def known() -> bool:
            return is_done(order, table=place.table, media=place.media)

        _, recording_key, folder = cases.keys("table-1", place.created, PREFIX, AGENT)
        assert known()
        place.s3.put_object(Bucket=INPUT, Key=recording_key, Body=cases.good_kinds()["vp8.webm"].recording)
        assert not known()
        place.s3.put_object(Bucket=INPUT, Key=recording_key, Body=kind.recording)
        assert known()
        place.s3.delete_object(Bucket=OUTPUT, Key=f"{folder}recording.mp4")
        assert not known()


def _raises(kind: type[KomorebiError], act: Callable[[], Any]) -> KomorebiError:
    try:
        act()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} came")


# Rights


@dataclass(frozen=True, slots=True)
class Rights:
    """The deployed role, and everything the function does, done with its rights.

    Attributes:
        stack: with the role.
        made: numbers recordings.
        media: kinds of recordings.
    """

    stack: Stack
    clients: Mapping[str, Any]
    media: Mapping[str, cases.Kind]
    created: datetime
    made: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, stack: Stack) -> Rights:
        """Ask the deployed function for its credentials: nothing else may use the role."""
        answer = stack.server.client("lambda").invoke(FunctionName=stack.outputs["FunctionName"], Payload=b"{}")
        variables = json.loads(answer["Payload"].read())
        clients = {
            service: stack.server.client(
                service,
                key=variables["AWS_ACCESS_KEY_ID"],
                secret=variables["AWS_SECRET_ACCESS_KEY"],
                token=variables["AWS_SESSION_TOKEN"],
            )
            for service in ("s3", "dynamodb", "sqs", "iam")
        }
        return cls(
            stack,
            clients,
            {
                **cases.good_kinds(),
                "large-mp4": cases.large_kind(size=PART_BYTES),
                "large-webm": cases.large_kind(size=PART_BYTES, container="webm"),
            },
            cases.now(),
        )

    def root(self, service: str) -> Any:
        """A client that may do everything."""
        return self.stack.server.client(service)

    def put(self, kind_name: str, without: str = "") -> Order:
        """A new recording, uploaded without the role."""
        recording_id = f"rights-{len(self.made)}"
        self.made.append(recording_id)
        kind = self.media[kind_name]
        call_key, recording_key, _ = cases.keys(recording_id, self.created, PREFIX)
        if without != "call":
            self.root("s3").put_object(Bucket=CONNECT, Key=call_key, Body=kind.call)
        if without != "recording":
            self.root("s3").put_object(Bucket=INPUT, Key=recording_key, Body=kind.recording)
        self.root("dynamodb").put_item(TableName=TABLE, Item=cases.item(recording_id, self.created))
        return Order(recording_id, parse_call_end(kind.call_end))

    def stores(self, s3: Any = None, stale_after: timedelta = STALE_AFTER) -> tuple[DynamoTable, S3Media]:
        """The product's stores, with the role's rights."""
        client = _AnswersAsS3(s3 or self.clients["s3"])
        media = S3Media(client, CONNECT, INPUT, OUTPUT, PREFIX, stale_after=stale_after)
        return DynamoTable(self.clients["dynamodb"], TABLE), media

    def desk(self) -> tuple[Queue, SqsQueues]:
        """The queue, and the desk of its messages in hand."""
        queue = Queue(self.clients["sqs"], self.stack.outputs["QueueUrl"])
        return queue, SqsQueues(queue, Queue(self.clients["sqs"], self.stack.outputs["DeadLetterQueueUrl"]))

    def process(self, order: Order, media: S3Media | None = None) -> Outcome:
        """As the function would."""
        table, own = self.stores()
        return process(order, table=table, media=media or own, options=Options(align="call-end"))

    def set_policy(self, name: str, document: Mapping[str, Any]) -> None:
        """Give the role another policy."""
        self.root("iam").put_role_policy(RoleName=self.stack.role, PolicyName=name, PolicyDocument=json.dumps(document))

    def scenarios(self) -> dict[str, Callable[[], str]]:
        """The function's tasks; each returns its outcome in a word."""
        return {
            "mp4": lambda: self._made("vp9.mp4"),
            "webm": lambda: self._made("vp8.webm"),
            "mp4 in parts": lambda: self._made("large-mp4"),
            "again": self._again,
            "with an analysis": self._analysed,
            "call not there yet": lambda: self._waits("call"),
            "recording not there yet": lambda: self._waits("recording"),
            "fails at the end": self._undone,
            "fails over results with tags": self._undone_with_tags,
            "mp4 that isn't what was sent": lambda: self._wrong("vp9.mp4"),
            "webm that isn't what was sent": lambda: self._wrong("vp8.webm"),
            "the same mp4 with versions": lambda: self._wrong("vp9.mp4", keeps_versions=True),
            "the same webm with versions": lambda: self._wrong("vp8.webm", keeps_versions=True),
            "mp4 stopped": lambda: self._stopped("large-mp4"),
            "webm stopped": lambda: self._stopped("large-webm"),
            "after a killed run": self._after_a_kill,
            "from queue to end": self._message,
        }

    def _made(self, kind_name: str) -> str:
        order = self.put(kind_name)
        outcome = self.process(order)
        table, media = self.stores()
        assert is_done(order, table=table, media=media)
        return f"{outcome.published.video.rpartition('.')[2]} made and known"

    def _again(self) -> str:
        order = self.put("vp9.mp4")
        self.process(order)
        self.process(order)
        return "made twice"

    def _analysed(self) -> str:
        """Contact Lens' analysis is found and read, and its redaction is masked."""
        order = self.put("vp9.mp4")
        day = f"{self.created:%Y/%m/%d}"
        name = f"{order.recording_id}_analysis_redacted_{self.created:%Y-%m-%dT%H:%M:%SZ}.json"
        redaction = {"RedactedTimestamps": [{"BeginOffsetMillis": 1000, "EndOffsetMillis": 2000}]}
        content = {"Channel": "VOICE", "JobStatus": "COMPLETED", "Transcript": [{"Redaction": redaction}]}
        self.root("s3").put_object(
            Bucket=CONNECT, Key=f"{ANALYSIS_PREFIX}/Redacted/{day}/{name}", Body=json.dumps(content).encode()
        )
        media = replace(self.stores()[1], analysis_prefix=ANALYSIS_PREFIX)
        return f"{len(self.process(order, media).document['redactions'])} redaction masked"

    def _waits(self, what: str) -> str:
        order = self.put("vp9.mp4", without=what)
        return type(_raises(NotThereYetError, lambda: self.process(order))).__name__

    def _undone(self) -> str:
        """The last request fails: the thumbnail and the findings are taken back."""
        order = self.put("large-mp4")
        failing = _Failing(self.clients["s3"], "complete_multipart_upload")
        error = _raises(StorageError, lambda: self.process(order, self.stores(failing)[1]))
        if "not removed" in str(error):
            raise error
        folder = cases.keys(order.recording_id, self.created, PREFIX)[2]
        assert not self.root("s3").list_objects_v2(Bucket=OUTPUT, Prefix=folder).get("Contents")
        return "undone"

    def _undone_with_tags(self) -> str:
        """Thumbnail and findings come back with the tags that somebody gave them."""
        order = self.put("large-mp4")
        self.process(order)
        s3, folder = self.root("s3"), cases.keys(order.recording_id, self.created, PREFIX)[2]
        tags = [{"Key": "retention", "Value": "7 years"}]
        for name in ("thumbnail.png", "qc.json"):
            s3.put_object_tagging(Bucket=OUTPUT, Key=folder + name, Tagging={"TagSet": tags})
        failing = _Failing(self.clients["s3"], "complete_multipart_upload")
        error = _raises(KomorebiError, lambda: self.process(order, self.stores(failing)[1]))
        if "not removed" in str(error) or isinstance(error, AccessDeniedError):
            raise error
        found = [s3.get_object_tagging(Bucket=OUTPUT, Key=folder + n)["TagSet"] for n in ("thumbnail.png", "qc.json")]
        return "undone with tags" if found == [tags, tags] else "undone without tags"

    def _wrong(self, kind_name: str, *, keeps_versions: bool = False) -> str:
        """The video in the bucket is another one than was sent: it goes, and with versions nothing of the run stays."""
        s3 = self.root("s3")
        order = self.put(kind_name)
        folder = cases.keys(order.recording_id, self.created, PREFIX)[2]
        if keeps_versions:
            s3.put_bucket_versioning(Bucket=OUTPUT, VersioningConfiguration={"Status": "Enabled"})
        try:
            error = _raises(StorageError, lambda: self.process(order, self.stores(_Shortened(self.clients["s3"]))[1]))
        finally:
            if keeps_versions:
                s3.put_bucket_versioning(Bucket=OUTPUT, VersioningConfiguration={"Status": "Suspended"})
        if "not removed" in str(error):
            raise error
        assert "isn't what was sent" in str(error), error
        assert not s3.list_objects_v2(Bucket=OUTPUT, Prefix=folder).get("Contents")
        if keeps_versions:
            listed = s3.list_object_versions(Bucket=OUTPUT, Prefix=folder)
            assert not listed.get("Versions"), listed
            assert not listed.get("DeleteMarkers"), listed
        return "removed"

    def _stopped(self, kind_name: str) -> str:
        order = self.put(kind_name)

        def between() -> None:
            if self.root("s3").list_multipart_uploads(Bucket=OUTPUT).get("Uploads"):
                raise OutOfTimeError("the time is up")

        media = replace(self.stores()[1], check_cancelled=between)
        error = _raises(OutOfTimeError, lambda: self.process(order, media))
        if "not removed" in str(error):
            raise error
        return "stopped"

    def _after_a_kill(self) -> str:
        """A run that was killed has left an upload: the next one aborts it, where it may look for it."""
        order = self.put("large-mp4")
        key = cases.keys(order.recording_id, self.created, PREFIX)[2] + "recording.mp4"
        left = self.root("s3").create_multipart_upload(Bucket=OUTPUT, Key=key)["UploadId"]
        self.process(order, self.stores(stale_after=timedelta(0))[1])
        uploads = self.root("s3").list_multipart_uploads(Bucket=OUTPUT).get("Uploads", ())
        return "left" if left in {upload["UploadId"] for upload in uploads} else "cleared"

    def _message(self) -> str:
        """A message is received, hidden, sent to the dead-letter queue and deleted."""
        queue, desk = self.desk()
        self.root("sqs").send_message(QueueUrl=queue.url, MessageBody="rights")
        message = queue.receive(1, 30)
        assert message is not None
        tries = desk.max_receive_count()
        desk.change_visibility(message["ReceiptHandle"], 60)
        letter = DeadLetter(
            "rights", "permanent", "MessageError", "no JSON", "", message["MessageId"], "", 1, cases.now()
        )
        assert desk.send_to_dlq(letter)
        queue.delete(message)
        return f"{tries} attempts, hidden, sent to the dead-letter queue, deleted"

    def clear(self) -> None:
        """Delete the leftovers of a failed scenario."""
        for upload in self.root("s3").list_multipart_uploads(Bucket=OUTPUT).get("Uploads", ()):
            self.root("s3").abort_multipart_upload(Bucket=OUTPUT, Key=upload["Key"], UploadId=upload["UploadId"])
        for name in ("QueueUrl", "DeadLetterQueueUrl"):
            self.root("sqs").purge_queue(QueueUrl=self.stack.outputs[name])


class _AnswersAsS3:
    """A client that answers as S3 does: a caller who may not list gets 403 for a missing object, not 404."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        true = getattr(self._client, name)
        if name not in ("get_object", "head_object"):
            return true

        def asks(**named: Any) -> Any:
            try:
                return true(**named)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    _may_list(self._client, str(named["Bucket"]), error.operation_name)
                raise

        return asks


def _may_list(client: Any, bucket: str, operation: str) -> None:
    """Check the right as S3 does for an object's request: with no prefix to compare."""
    try:
        client.list_objects_v2(Bucket=bucket, MaxKeys=1)
    except ClientError as error:
        raise ClientError(error.response, operation) from None


class _Failing:
    """A client one of whose methods fails as a service does."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    def __getattr__(self, name: str) -> Any:
        if name != self._name:
            return getattr(self._client, name)

        def fails(**_: Any) -> None:
            answer: Any = {"Error": {"Code": "InternalError"}, "ResponseMetadata": {"HTTPStatusCode": 500}}
            raise ClientError(answer, "CompleteMultipartUpload")

        return fails


class _Shortened:
    """A client that finds each video a byte shorter than it is."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        true = getattr(self._client, name)
        if name != "head_object":
            return true

        def looks(**named: Any) -> Any:
            found = true(**named)
            is_output = named["Bucket"] == OUTPUT and "/recording." in named["Key"]
            return {**found, "ContentLength": found["ContentLength"] - 1} if is_output else found

        return looks


NOT_OURS = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
"""The actions that Lambda itself takes with the role, beside the function."""


def least_privilege(report: Report, rights: Rights) -> None:
    """The rendered policy allows all that is needed, and nothing else."""
    baseline: dict[str, str] = {}
    with report.case("with the template's rights, all of it runs") as case:
        baseline = {name: act() for name, act in rights.scenarios().items()}
        case.note("; ".join(f"{name}: {outcome}" for name, outcome in baseline.items()))
    if not baseline:
        return
    for taken, name, policy in _each_taken_away(rights.stack.policies()):
        with report.case(f"without {taken}") as case:
            before = rights.stack.policies()[name]
            rights.set_policy(name, policy)
            try:
                case.note(_what_fails(rights, taken, baseline))
            finally:
                rights.set_policy(name, before)
                rights.clear()
    with report.case("an action outside the policy is refused") as case:
        case.note(_outside(rights))
    with report.case("each action was taken away but those that Lambda itself needs") as case:
        tried = {taken.partition(" ")[0] for taken, _, _ in _each_taken_away(rights.stack.policies())}
        actions = {a for p in rights.stack.policies().values() for s in p["Statement"] for a in _listed(s["Action"])}
        assert actions - tried == NOT_OURS, actions - tried
        case.note(f"{len(tried)} of {len(actions)} actions; not: {', '.join(sorted(NOT_OURS))}")


def _each_taken_away(policies: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Remove every action on every resource in turn: its name, the policy's name, and the policy without it."""
    for name, policy in policies.items():
        for n, statement in enumerate(policy["Statement"]):
            for action in _listed(statement["Action"]):
                for resource in _listed(statement["Resource"]) if action not in NOT_OURS else ():
                    # No scenario publishes words: it only looks for earlier ones, which takes the first right.
                    if resource.endswith("/recording.vtt") and action != "s3:GetObject":
                        continue
                    yield f"{action} on {resource.rpartition(':')[2]}", name, _without(policy, n, action, resource)


def _without(policy: Mapping[str, Any], number: int, action: str, resource: str) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(dict(policy))
    statement = changed["Statement"].pop(number)
    others = [other for other in _listed(statement["Action"]) if other != action]
    elsewhere = [other for other in _listed(statement["Resource"]) if other != resource]
    if others:
        changed["Statement"].append({**statement, "Sid": "Others", "Action": others})
    if elsewhere:
        changed["Statement"].append({**statement, "Sid": "Elsewhere", "Action": action, "Resource": elsewhere})
    return changed


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


_LIKELY = {
    "sqs:": "from queue to end",
    "ListBucketMultipartUploads": "after a killed run",
    "AbortMultipartUpload on e2e-output/*/recording.mp4": "mp4 stopped",
    "AbortMultipartUpload on e2e-output/*/recording.webm": "webm stopped",
    "DeleteObjectVersion on e2e-output/*/recording.webm": "the same webm with versions",
    "DeleteObjectVersion": "the same mp4 with versions",
    "DeleteObject on e2e-output/*/recording.mp4": "mp4 that isn't what was sent",
    "DeleteObject on e2e-output/*/recording.webm": "webm that isn't what was sent",
    "DeleteObject": "fails at the end",
    "Tagging": "fails over results with tags",
    ".webm": "webm",
    "s3:GetObject on e2e-output": "again",
    "s3:GetObject on e2e-connect/Analysis": "with an analysis",
    "s3:ListBucket on e2e-input": "recording not there yet",
}
"""The scenario that most likely fails without it; all others are tried after it."""
_WITHOUT = {"s3:ListBucketMultipartUploads": "left", "s3:GetObjectTagging": "undone without tags"}
"""Rights whose absence changes the outcome without a failure: the bucket's lifecycle rule does the work later, and S3
doesn't show a caller without the right that there are tags."""


_NOT_ASKED_FOR = {"s3:PutObjectTagging"}
"""Without this right S3 refuses a `PutObject` with tags (Amazon S3 API reference, PutObject). This server doesn't."""


def _what_fails(rights: Rights, taken: str, baseline: Mapping[str, str]) -> str:
    """The first error that names the missing right.

    Raises:
        AssertionError: if nothing fails, or if an unforeseen error is raised.
    """
    likely = [scenario for part, scenario in _LIKELY.items() if part in taken]
    scenarios = rights.scenarios()
    for name in dict.fromkeys([*likely, *scenarios]):
        try:
            outcome = scenarios[name]()
        except KomorebiError as error:
            text = str(error)
            assert re.search(r"refuses|not removed", text), f"{name}: {text}"
            return f"{name}: {type(error).__name__}: {text}"
        if outcome == _WITHOUT.get(taken.partition(" ")[0]) != baseline[name]:
            return f"{name}: {outcome}, and nothing fails"
        assert outcome == baseline[name], f"{name} ends with {outcome!r} in silence"
    if taken.partition(" ")[0] in _NOT_ASKED_FOR:
        return "nothing fails: this server doesn't ask for it, and S3 does"
    raise AssertionError("everything runs without it: it is superfluous")


def _outside(rights: Rights) -> str:
    s3, dynamodb, sqs = (rights.clients[name] for name in ("s3", "dynamodb", "sqs"))
    order = rights.put("vp9.mp4")
    call_key, recording_key, folder = cases.keys(order.recording_id, rights.created, PREFIX)
    queue, dead = rights.stack.outputs["QueueUrl"], rights.stack.outputs["DeadLetterQueueUrl"]
    key = {"videoID": {"S": order.recording_id}}
    for secret in ("other/secret.txt", "Analysis/Chat/a.json"):
        rights.root("s3").put_object(Bucket=CONNECT, Key=secret, Body=b"secret")
    forbidden: dict[str, Callable[[], Any]] = {
        "overwrite a recording": lambda: s3.put_object(Bucket=INPUT, Key=recording_key, Body=b""),
        "delete a recording": lambda: s3.delete_object(Bucket=INPUT, Key=recording_key),
        "overwrite a call": lambda: s3.put_object(Bucket=CONNECT, Key=call_key, Body=b""),
        "delete a call": lambda: s3.delete_object(Bucket=CONNECT, Key=call_key),
        "read beside the calls": lambda: s3.get_object(Bucket=CONNECT, Key="other/secret.txt"),
        "list beside the calls": lambda: s3.list_objects_v2(Bucket=CONNECT, Prefix="other/"),
        "read a chat's analysis": lambda: s3.get_object(Bucket=CONNECT, Key="Analysis/Chat/a.json"),
        "list chats' analyses": lambda: s3.list_objects_v2(Bucket=CONNECT, Prefix="Analysis/Chat/"),
        "list all of Connect's": lambda: s3.list_objects_v2(Bucket=CONNECT),
        "list uploads of recordings": lambda: s3.list_multipart_uploads(Bucket=INPUT),
        "write another name": lambda: s3.put_object(Bucket=OUTPUT, Key=f"{folder}other.exe", Body=b""),
        "delete the bucket": lambda: s3.delete_bucket(Bucket=OUTPUT),
        "change the bucket's policy": lambda: s3.put_bucket_policy(Bucket=OUTPUT, Policy="{}"),
        "delete an item": lambda: dynamodb.delete_item(TableName=TABLE, Key=key),
        "write a whole item": lambda: dynamodb.put_item(TableName=TABLE, Item=key),
        "read the whole table": lambda: dynamodb.scan(TableName=TABLE),
        "order a recording": lambda: sqs.send_message(QueueUrl=queue, MessageBody="x"),
        "empty the queue": lambda: sqs.purge_queue(QueueUrl=queue),
        "read dead letters": lambda: sqs.receive_message(QueueUrl=dead),
        "change its own rights": lambda: rights.clients["iam"].delete_role_policy(
            RoleName=rights.stack.role, PolicyName="function"
        ),
    }
    codes = {name: _code(act) for name, act in forbidden.items()}
    allowed = [name for name, code in codes.items() if not code.startswith(("AccessDenied", "AccessDeniedException"))]
    assert not allowed, {name: codes[name] for name in allowed}
    return f"{len(forbidden)} things: {', '.join(forbidden)}"


if __name__ == "__main__":
    whole = Report("storage")
    run(whole)
    print(whole.table())
    sys.exit(1 if whole.count("failed") else 0)
