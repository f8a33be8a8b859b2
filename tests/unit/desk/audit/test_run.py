"""An audit in this process: its files, and its refusals."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, PREFIX, RECORDING, TABLE, World
from captures import CAPTURES
from desk import read_json

from komorebi_qc.core.errors import AnalysisError, InputError, PermanentError
from komorebi_qc.core.notes import Note, Notes, notes_bytes
from komorebi_qc.desk.audit import AuditJob, AuditStatus, audit
from komorebi_qc.desk.audit.parameters import find_notebook
from komorebi_qc.desk.session import AuditRequest

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.pipeline.examine import Examined

SAMPLE = CAPTURES["sample"]
REQUEST = AuditRequest(str(SAMPLE.call), str(SAMPLE.recording), call_end=SAMPLE.call_end)


def test_a_failed_notebook_fails_the_audit(failed_audit: tuple[AuditStatus, Path]) -> None:
    """The status names the first failure, and the report lists every one."""
    status, out = failed_audit
    assert (status.state, status.error_kind) == ("failed", "NotebookError")
    assert status.error == status.notebooks[0].failure_text()
    assert read_json(out / "status.json")["state"] == "failed"
    report = (out / "report.html").read_text()
    assert report.count("<li>", 0, report.index("<h1")) == 3
    assert "ValueError: &lt;no &amp; such&gt;" in report
    assert "the kernel died" in report


def test_findings_and_verdict_are_those_of_the_examination(failed_audit: tuple[AuditStatus, Path]) -> None:
    """`qc.json`, the status and the report agree, and every listed file exists."""
    status, out = failed_audit
    document = read_json(out / "qc.json")
    assert document["verdict"] == status.verdict
    assert all((out / name).is_file() for name in status.files)
    assert {"report.html", "qc.json", "thumbnail.png", "recording.mp4"} <= set(status.files)
    assert (out / "report.html").read_text().count("<tr data-row") == len(document["findings"])


def test_a_notebook_is_never_overwritten(tmp_path: Path) -> None:
    """A notebook in the folder for the results is refused before any work."""
    own = tmp_path / "sync_diagnostics.ipynb"
    own.write_bytes(find_notebook("sync_diagnostics").read_bytes())
    with pytest.raises(InputError, match="would be overwritten"):
        audit(AuditJob(REQUEST, str(tmp_path), notebooks=(str(own),)))
    assert own.read_bytes() == find_notebook("sync_diagnostics").read_bytes()
    with pytest.raises(InputError, match="named twice"):
        audit(AuditJob(REQUEST, str(tmp_path), ("sync_diagnostics", "sync_diagnostics")))
    assert list(tmp_path.iterdir()) == [own]


def test_a_missing_papermill_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error has the line that installs it, and nothing is written."""
    monkeypatch.setattr("komorebi_qc.desk.audit.run.find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"an audit needs papermill.*\[desk\]"):
        audit(AuditJob(REQUEST, str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_bad_media_leave_a_page_with_the_reason(tmp_path: Path) -> None:
    """Status and page have the same sentence, and the notebooks wait."""
    (tmp_path / "empty.wav").write_bytes(b"")
    request = AuditRequest(str(tmp_path / "empty.wav"), str(SAMPLE.recording), call_end="20")
    with pytest.raises(PermanentError) as raised:
        audit(AuditJob(request, str(tmp_path / "out")))
    status = read_json(tmp_path / "out" / "status.json")
    assert (status["state"], status["error"]) == ("failed", str(raised.value))
    assert [one["state"] for one in status["notebooks"]] == ["waiting", "waiting"]
    assert "The recording couldn't be examined" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(("content", "keeps_report"), [(b"{}", True), (None, False)], ids=["damaged", "missing"])
def test_an_analysis_that_cannot_be_read_leaves_no_earlier_audit(
    tmp_path: Path, content: bytes | None, *, keeps_report: bool
) -> None:
    """Nobody knows its redactions, and the earlier audit may play them. A file of the user's own stays."""
    out, analysis = tmp_path / "out", tmp_path / "analysis.json"
    (out / "audio").mkdir(parents=True)
    (out / "status.json").write_text(json.dumps({"state": "done", "notebooks": [{"file": "process_recording.ipynb"}]}))
    own = ("recording.mp4", "audio/both.m4a", "audio/recording.m4a", "process_recording.ipynb", "thumbnail.png")
    for name in (*own, "report.html", "qc.json", "mine.txt"):
        (out / name).write_text("earlier")
    if content is not None:
        analysis.write_bytes(content)
    request = AuditRequest(REQUEST.connect, REQUEST.recording, call_end=REQUEST.call_end, analysis=str(analysis))
    with pytest.raises(AnalysisError, match=r"analysis\.json"):
        audit(AuditJob(request, str(out), keeps_report=keeps_report))
    left = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert left == ["mine.txt", "report.html", "status.json"]
    assert "The recording couldn't be examined" in (out / "report.html").read_text()
    assert read_json(out / "status.json")["error_kind"] == "AnalysisError"


@dataclass
class StoppedAt:
    """A progress sink that stops the audit when a step begins."""

    name: str

    def step(self, _number: int, _of: int, name: str) -> None:
        """Stop at the step, as Ctrl-C does."""
        if name == self.name:
            raise KeyboardInterrupt

    def advance(self, fraction: float) -> None:
        """Take no notice."""

    def check(self) -> None:
        """Take no notice."""


def test_a_stopped_audit_is_no_failure(tmp_path: Path) -> None:
    """The status has no error, and the page says that the audit was stopped."""
    with pytest.raises(KeyboardInterrupt):
        audit(AuditJob(REQUEST, str(tmp_path)), StoppedAt("fetch call audio"))
    status = read_json(tmp_path / "status.json")
    assert (status["state"], status["error"], status["error_kind"]) == ("stopped", None, None)
    page = (tmp_path / "report.html").read_text()
    assert "The audit was stopped" in page
    assert "KeyboardInterrupt" not in page


@pytest.fixture
def stored(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The sample call on the embedded AWS, with the settings that name it."""
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=SAMPLE.recording.read_bytes())
    key = f"{RECORDING.call_audio_prefixes(PREFIX)[0]}20260302T23:55_UTC.wav"
    world.s3.put_object(Bucket=CONNECT, Key=key, Body=SAMPLE.call.read_bytes())
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    for name, value in (
        ("AC_AUDIO_BUCKET_NAME", CONNECT),
        ("INPUT_BUCKET_NAME", INPUT),
        ("OUTPUT_BUCKET_NAME", OUTPUT),
        ("KOMOREBI_CONNECT_PREFIX", PREFIX),
    ):
        monkeypatch.setenv(name, value)
    return world


def test_a_recording_of_the_table_is_audited_into_a_bucket(stored: World) -> None:
    """From S3 by its ID, and to S3. Nothing else is published, and the item doesn't change."""
    before = stored.item()
    job = AuditJob(AuditRequest(recording_id="contact-1", call_end=SAMPLE.call_end), f"s3://{OUTPUT}/audits/one/", ())
    examined: list[Examined] = []
    assert audit(job, on_examined=examined.append).state == "done"
    assert [one.recording_id for one in examined] == ["contact-1"]
    keys = stored.keys(OUTPUT)
    assert all(key.startswith("audits/one/") for key in keys)
    assert {"audits/one/report.html", "audits/one/qc.json", "audits/one/status.json"} <= set(keys)
    kind = stored.s3.head_object(Bucket=OUTPUT, Key="audits/one/report.html")["ContentType"]
    assert kind == "text/html; charset=utf-8"
    assert json.loads(stored.read("audits/one/status.json"))["state"] == "done"
    assert stored.item() == before


def test_the_notes_of_a_bucket_are_in_the_next_report(stored: World) -> None:
    """Those that can be used are shown. Others are a sentence in the report and the status; no object changes."""
    note = Note("0" * 16, 1.0, 2.0, "The answer is late.", "", "info", "", "2026-11-27T13:58:00Z", "")
    key = "audits/one/notes.json"
    job = AuditJob(AuditRequest(recording_id="contact-1", call_end=SAMPLE.call_end), f"s3://{OUTPUT}/audits/one", ())
    for content, words in (
        (notes_bytes(Notes("contact-1", (note,))), "The answer is late."),
        (b"{broken", f"s3://{OUTPUT}/{key} can&#x27;t be used as notes: it isn&#x27;t JSON"),
    ):
        stored.s3.put_object(Bucket=OUTPUT, Key=key, Body=content)
        version = stored.s3.head_object(Bucket=OUTPUT, Key=key)["LastModified"]
        status = audit(job)
        assert status.state == "done"
        assert words in stored.read("audits/one/report.html").decode()
        assert bool(status.unused_notes) == (content == b"{broken")
        assert stored.read(key) == content
        assert stored.s3.head_object(Bucket=OUTPUT, Key=key)["LastModified"] == version
    assert json.loads(stored.read("audits/one/status.json"))["unused_notes"] == status.unused_notes


def test_a_failed_audit_uploads_its_status(stored: World) -> None:
    """For an unknown recording, the bucket gets the status and a page with the reason."""
    job = AuditJob(AuditRequest(recording_id="nobody", call_end="20"), f"s3://{OUTPUT}/audits/two", ())
    with pytest.raises(PermanentError, match="nobody"):
        audit(job)
    assert set(stored.keys(OUTPUT)) == {"audits/two/report.html", "audits/two/status.json"}
    assert json.loads(stored.read("audits/two/status.json"))["error_kind"] == "UnknownRecordingError"


def test_an_earlier_report_is_kept_on_request(stored: World, tmp_path: Path) -> None:
    """If the examination fails, the earlier report stays beside the new status, in a folder and in a bucket."""
    stored.s3.put_object(Bucket=OUTPUT, Key="audits/two/report.html", Body=b"earlier")
    (tmp_path / "report.html").write_text("earlier")
    for out in (f"s3://{OUTPUT}/audits/two", str(tmp_path)):
        job = AuditJob(AuditRequest(recording_id="nobody", call_end="20"), out, (), keeps_report=True)
        with pytest.raises(PermanentError, match="nobody"):
            audit(job)
    assert stored.s3.get_object(Bucket=OUTPUT, Key="audits/two/report.html")["Body"].read() == b"earlier"
    assert (tmp_path / "report.html").read_text() == "earlier"
    assert json.loads(stored.read("audits/two/status.json"))["state"] == "failed"
