"""Contact records from the API and from exported files."""

from __future__ import annotations

import gzip
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, RECORDING, World, client_error
from contact_shapes import entry, exported

from komorebi_qc.core.contact.parse import parse_contact
from komorebi_qc.core.errors import AccessDeniedError, InputError, PassingError
from komorebi_qc.storage.contact.records import ApiRecords, ExportedRecords, KnownRecords
from komorebi_qc.storage.contact.token_bucket import TokenBucket
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator

ID = RECORDING.recording_id
DAY = "ctr/2026/03/02/23"


def idle() -> None:
    """Nobody cancels."""


@dataclass
class Connect:
    """Amazon Connect with answers made by hand."""

    answer: Any = None
    asked: list[dict[str, str]] = field(default_factory=list)

    def describe_contact(self, **request: str) -> Any:
        """Note the request, and answer or fail."""
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server that answers as Connect does on the wire, with times in seconds since 1970; the paths it was asked."""
    asked: list[str] = []
    connected = datetime(2026, 3, 2, 23, 50, tzinfo=UTC).timestamp()
    contact = {
        "Id": ID,
        "Channel": "VOICE",
        "AgentInfo": {"Id": "57db30ae", "ConnectedToAgentTimestamp": connected},
        "DisconnectTimestamp": connected + 300.5,
        "Recordings": [entry(StartTimestamp=connected)],
    }

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps({"Contact": contact}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_CONNECT", f"http://127.0.0.1:{server.server_port}")
    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("DEFAULT_REGION", "eu-central-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    try:
        yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_api_is_asked_as_its_service_model_has_it(served: list[str]) -> None:
    """The SDK sends the request, and reads times and recordings of the answer."""
    record = ApiRecords(aws_client("connect"), "instance-1", TokenBucket()).get(RECORDING, idle)
    assert served == [f"/contacts/instance-1/{ID}"]
    assert record is not None
    assert record.agent_s == pytest.approx(300.5, abs=1.0)
    assert record.recordings[0].began_at == record.connected_at


def test_a_run_asks_once() -> None:
    """An answer is kept for a minute, whether there is a record or not."""
    at_s = [0.0]
    for answer in (
        {"Contact": exported(ContactId=ID)},
        client_error("ResourceNotFoundException", 404),
    ):
        connect = Connect(answer)
        records = ApiRecords(connect, "instance-1", TokenBucket(1e6, 1e6), lambda: at_s[0])
        found = [records.get(RECORDING, idle) for _ in range(3)]
        assert len({one is None for one in found}) == 1
        assert len(connect.asked) == 1
        at_s[0] += 61.0
        records.get(RECORDING, idle)
        assert len(connect.asked) == 2


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "InvalidParameterException"])
def test_an_unknown_contact_has_no_record(code: str) -> None:
    """Connect deletes records after two years, and knows no contact of another system."""
    assert ApiRecords(Connect(client_error(code, 400)), "i", TokenBucket()).get(RECORDING, idle) is None


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [("ThrottlingException", 429, PassingError), ("AccessDeniedException", 403, AccessDeniedError)],
)
def test_other_failures_of_the_api_are_errors(code: str, status: int, error: type[Exception]) -> None:
    """Throttling passes, a missing right doesn't; the text names the right."""
    records = ApiRecords(Connect(client_error(code, status)), "i", TokenBucket())
    with pytest.raises(error, match="connect:DescribeContact"):
        records.get(RECORDING, idle)


def test_every_request_takes_a_token() -> None:
    """Other contacts wait for their turn."""
    taken: list[float] = []
    rate = TokenBucket(1.0, 1.0, lambda: sum(taken), taken.append)
    records = ApiRecords(Connect({"Contact": exported(ContactId=ID)}), "i", rate)
    for name in ("a", "b", "c"):
        records.get(parse_recording(name), idle)
    assert sum(taken) == pytest.approx(2.0)


def parse_recording(name: str) -> Any:
    """An item with another ID."""
    return type(RECORDING)(name, RECORDING.agent_id, RECORDING.created)


def put(world: World, key: str, *records: dict[str, Any], compressed: bool = False) -> None:
    """Write a file of exported records."""
    body = "".join(json.dumps(record) for record in records).encode()
    world.s3.put_object(Bucket=CONNECT, Key=key, Body=gzip.compress(body) if compressed else body)


def test_the_newest_version_of_an_exported_record_counts(world: World) -> None:
    """A record is delivered again when it changes, into another file, also the day after."""
    put(
        world,
        f"{DAY}/a",
        exported(ContactId="other"),
        exported(entry(), ContactId=ID, LastUpdateTimestamp="2026-03-03T00:01:00Z"),
    )
    put(
        world,
        "ctr/2026/03/03/04/b",
        exported(ContactId=ID, LastUpdateTimestamp="2026-03-03T04:00:00Z"),
        compressed=True,
    )
    record = ExportedRecords(world.s3, CONNECT, "ctr").get(RECORDING, idle)
    assert record is not None
    assert record.recordings == ()
    assert record.updated_at == datetime(2026, 3, 3, 4, tzinfo=UTC)


def test_an_exported_file_is_read_once(world: World) -> None:
    """Later recordings of the day cost a listing alone, and a changed file is read again."""
    reads: list[str] = []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.s3, name)

        def get_object(self, **request: str) -> Any:
            reads.append(request["Key"])
            return world.s3.get_object(**request)

    put(world, f"{DAY}/a", exported(ContactId=ID))
    records = ExportedRecords(Counting(), CONNECT, "ctr")
    assert records.get(RECORDING, idle) is not None
    assert records.get(parse_recording("other"), idle) is None
    put(world, f"{DAY}/a", exported(ContactId="other"))
    assert records.get(RECORDING, idle) is None
    assert reads == [f"{DAY}/a"] * 2


def test_a_day_without_exported_files_has_no_record(world: World) -> None:
    """The file of a day that is too far away isn't read."""
    put(world, "ctr/2026/03/09/00/a", exported(ContactId=ID))
    assert ExportedRecords(world.s3, CONNECT, "ctr").get(RECORDING, idle) is None


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b"\x1f\x8bnot gzip", b"a,b\n"])
def test_an_exported_file_of_another_kind_is_an_error(world: World, body: bytes) -> None:
    """The text says what to check."""
    world.s3.put_object(Bucket=CONNECT, Key=f"{DAY}/a", Body=body)
    with pytest.raises(InputError, match="contact records"):
        ExportedRecords(world.s3, CONNECT, "ctr").get(RECORDING, idle)


def test_known_records_ask_nobody() -> None:
    """A batch's worker has its record, or knows that there isn't any."""
    record = parse_contact(exported(ContactId=ID))
    assert KnownRecords("api", {ID: record}).get(RECORDING, idle) is record
    assert KnownRecords("api", {}).get(RECORDING, idle) is None
