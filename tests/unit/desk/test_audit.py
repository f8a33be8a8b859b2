"""The audit: one examination, a report, executed notebooks, and a status that is true however it ends."""

from __future__ import annotations

import contextlib
import html
import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, PREFIX, RECORDING, TABLE, World
from captures import CAPTURES
from desk import made_notebook, read_json, wrong_call
from komorebi_qc.desk.case import AuditRequest

from komorebi_qc.core.errors import InputError, PermanentError
from komorebi_qc.desk.audit import AuditJob, Status, audit, check_parameters, find_notebook, share_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

CLI = Path(sys.executable).with_name("komorebi-qc")
SAMPLE = CAPTURES["sample"]
FILES = ("--connect", SAMPLE.call, "--recording", SAMPLE.recording, "--call-end", SAMPLE.call_end)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Without what this run's environment says of AWS, and with a Jupyter that keeps nothing at home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "KOMOREBI_", "JUPYTER"))}
    home = tmp_path / "home"
    places = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("DATA", "CONFIG", "RUNTIME")}
    return {**kept, **places, "IPYTHONDIR": str(home / "ipython"), "COLUMNS": "200"}


@pytest.fixture
def run(environ: dict[str, str]) -> Run:
    """Runs the installed command's audit."""

    def run_it(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(CLI), "audit", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environ, check=False, timeout=250)

    return run_it


def test_a_folder_may_be_named_from_where_one_is(environ: dict[str, str], tmp_path: Path) -> None:
    """A relative folder is the one below the working directory, whatever a notebook's own is."""
    command = [str(CLI), "audit", *map(str, FILES), "--out", "here", "--notebook", "sync_diagnostics"]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False, timeout=250, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert read_json(tmp_path / "here" / "status.json")["state"] == "done"


def test_an_audit_leaves_all_that_it_promises(run: Run, environ: dict[str, str], tmp_path: Path) -> None:
    """Report, findings, video and both notebooks, executed and trusted; the status says so, nothing is left over."""
    out = tmp_path / "out"
    done = run(*FILES, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "12/12 run sync_diagnostics" in done.stderr
    assert f"{out}/report.html" in done.stdout
    status = read_json(out / "status.json")
    assert (status["state"], status["error"]) == ("done", None)
    assert [(one["state"], one["done"] == one["cells"], one["is_signed"]) for one in status["notebooks"]] == [
        ("done", True, True)
    ] * 2
    assert all((out / name).is_file() for name in status["files"])
    assert set(status["files"]) == {
        "report.html",
        "qc.json",
        "thumbnail.png",
        "process_recording.ipynb",
        "sync_diagnostics.ipynb",
        "recording.mp4",
    }
    assert not [path.name for path in out.iterdir() if path.suffix in (".part", ".pickle")]
    document = read_json(out / "qc.json")
    assert document["verdict"] == status["verdict"]
    assert (out / "report.html").stat().st_size < 1_000_000
    assert html.escape(document["findings"][0]["text"]) in (out / "report.html").read_text()
    for name in ("process_recording", "sync_diagnostics"):
        assert is_trusted(out / f"{name}.ipynb", environ)


def is_trusted(path: Path, environ: dict[str, str]) -> bool:
    """Whether a JupyterLab of this user would trust it."""
    code = (
        "import nbformat, sys; from nbformat.sign import NotebookNotary; "
        "sys.exit(not NotebookNotary().check_signature(nbformat.read(sys.argv[1], 4)))"
    )
    return subprocess.run([sys.executable, "-c", code, str(path)], env=environ, check=False).returncode == 0


def test_a_failing_cell_is_named_everywhere(run: Run, tmp_path: Path) -> None:
    """Exit code 1; status, notebook and report say where and why; the next notebook still runs."""
    bad = made_notebook(tmp_path / "bad.ipynb", "1 + 1", "raise ValueError('<no & such>')", "2 + 2")
    good = made_notebook(tmp_path / "good.ipynb", "1 + 1")
    out = tmp_path / "out"
    done = run(*FILES, "--out", out, "--notebook", bad, "--notebook", good)
    assert done.returncode == 1
    assert "ValueError: <no & such>" in done.stdout
    status = read_json(out / "status.json")
    assert status["state"] == "failed"
    first, second = status["notebooks"]
    assert (first["state"], first["done"], first["cells"], first["kernel_died"]) == ("failed", 1, 3, False)
    assert first["failed"]["number"] == 2
    assert first["failed"]["heading"] == "Part 2"
    assert first["failed"]["error"] == "ValueError: <no & such>"
    assert second["state"] == "done"
    report = (out / "report.html").read_text()
    assert 'role="alert"' in report
    assert "code cell 2 of 3" in report
    assert "ValueError: &lt;no &amp; such&gt;" in report
    assert "<h1" in report
    top = read_json(out / "bad.ipynb")["cells"][0]
    assert "ended early" in "".join(top["source"])


def test_a_killed_kernel_is_no_success(run: Run, tmp_path: Path) -> None:
    """In papermill's copy every cell is completed then; the status tells the truth, and so does the copy's top."""
    killed = made_notebook(tmp_path / "killed.ipynb", "1 + 1", "import os; os.kill(os.getpid(), 9)", "2 + 2")
    out = tmp_path / "out"
    done = run(*FILES, "--out", out, "--notebook", killed)
    assert done.returncode == 1, done.stderr
    (one,) = read_json(out / "status.json")["notebooks"]
    assert (one["state"], one["kernel_died"], one["done"]) == ("failed", True, 1)
    assert (one["failed"]["number"], one["failed"]["heading"]) == (2, "Part 2")
    assert "the kernel died" in one["failed"]["error"]
    written = read_json(out / "killed.ipynb")
    assert "the kernel died" in "".join(written["cells"][0]["source"])
    told = [c["metadata"]["papermill"]["status"] for c in written["cells"] if "papermill" in c["metadata"]]
    assert "failed" not in told  # so nothing may be read out of it
    assert "the kernel died" in (out / "report.html").read_text()


def test_a_notebook_that_ends_itself_is_not_done(run: Run, tmp_path: Path) -> None:
    """`sys.exit()` is no error to papermill, yet cells were left out."""
    path = made_notebook(tmp_path / "leaves.ipynb", "import sys; sys.exit()", "2 + 2")
    assert run(*FILES, "--out", tmp_path / "out", "--notebook", path).returncode == 1
    (one,) = read_json(tmp_path / "out" / "status.json")["notebooks"]
    assert one["state"] == "failed"
    assert one["done"] < one["cells"]


def test_findings_that_fail_have_their_exit_code(run: Run, tmp_path: Path) -> None:
    """Two that don't belong together are audited all the same, by both notebooks, with a thumbnail: exit code 3."""
    files = ("--connect", wrong_call(tmp_path), "--recording", SAMPLE.recording, "--call-end", SAMPLE.call_end)
    done = run(*files, "--out", tmp_path / "out")
    assert done.returncode == 3, done.stdout + done.stderr
    status = read_json(tmp_path / "out" / "status.json")
    assert (status["state"], status["verdict"]) == ("done", "fail")
    assert "thumbnail.png" in status["files"]


def test_bad_input_leaves_a_page_that_says_why(run: Run, tmp_path: Path) -> None:
    """Exit code 2 and one sentence; status and page say the same."""
    (tmp_path / "empty.wav").write_bytes(b"")
    files = ("--connect", tmp_path / "empty.wav", "--recording", SAMPLE.recording, "--call-end", "20")
    done = run(*files, "--out", tmp_path / "out", "--json")
    assert done.returncode == 2
    told = json.loads(done.stdout)["error"]["text"]
    status = read_json(tmp_path / "out" / "status.json")
    assert (status["state"], status["error"]) == ("failed", told)
    assert [one["state"] for one in status["notebooks"]] == ["waiting", "waiting"]
    assert "Nothing could be examined" in (tmp_path / "out" / "report.html").read_text()


def test_a_stopped_audit_says_so_and_leaves_no_kernel(environ: dict[str, str], tmp_path: Path) -> None:
    """SIGTERM in the middle of a notebook: the status isn't left at `running`, and the kernel is gone."""
    mark = tmp_path / "kernel.pid"
    slow = made_notebook(
        tmp_path / "slow.ipynb",
        f"import os, pathlib; pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))",
        "import time; time.sleep(120)",
    )
    command = [str(CLI), "audit", *map(str, FILES), "--out", str(tmp_path / "out"), "--notebook", str(slow)]
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        wait_for(lambda: mark.is_file() and mark.read_text() != "")
        time.sleep(0.5)
        assert read_json(tmp_path / "out" / "status.json")["state"] == "running"
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) != 0
    status = read_json(tmp_path / "out" / "status.json")
    assert status["state"] in ("stopped", "failed")
    assert status["notebooks"][0]["state"] in ("stopped", "failed")
    wait_for(lambda: not is_alive(int(mark.read_text())))


def wait_for(happened: Callable[[], bool]) -> None:
    """Until it has, or 60 s are over."""
    ends = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < ends
        time.sleep(0.1)


def is_alive(pid: int) -> bool:
    """Whether a process still runs (one that nobody has waited for is over)."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


# --- names, types, places: without a kernel


def test_a_parameter_goes_to_the_notebooks_that_have_it() -> None:
    """What one of them has is taken, for that one; what none has is refused."""
    paths = [find_notebook("process_recording"), find_notebook("sync_diagnostics")]
    (_, first), (_, second) = share_parameters(paths, {"window_at": "0:30"})
    assert (first, second) == ({}, {"window_at": "0:30"})
    with pytest.raises(InputError, match="no parameter zzzz"):
        share_parameters(paths, {"zzzz": "1"})


def test_a_notebook_is_never_written_over(tmp_path: Path) -> None:
    """One that lies where its executed copy would go is refused before any work."""
    own = tmp_path / "sync_diagnostics.ipynb"
    own.write_bytes(find_notebook("sync_diagnostics").read_bytes())
    wish = AuditRequest(str(SAMPLE.call), str(SAMPLE.recording), call_end=SAMPLE.call_end)
    job = AuditJob(wish, str(tmp_path), notebooks=(str(own),))
    with pytest.raises(InputError, match="would be written over"):
        audit(job)
    assert own.read_bytes() == find_notebook("sync_diagnostics").read_bytes()


def test_parameters_are_checked_before_the_run() -> None:
    """Names that the notebook has, in its types; papermill would only warn."""
    path = find_notebook("dead_letters")
    assert check_parameters(path, {"redrive": "yes", "only": "a,b"}) == {"redrive": True, "only": "a,b"}
    with pytest.raises(InputError, match="no parameter redriv: did you mean redrive"):
        check_parameters(path, {"redriv": "yes"})
    with pytest.raises(InputError, match="it takes a bool"):
        check_parameters(path, {"redrive": "maybe"})
    with pytest.raises(InputError, match="it has only, queue, redrive"):
        check_parameters(path, {"zzzz": "1"})
    with pytest.raises(InputError, match="set by the audit itself"):
        check_parameters(find_notebook("sync_diagnostics"), {"connect": "a.wav"})


def test_a_notebook_that_is_none_is_refused(tmp_path: Path) -> None:
    """By name or as a file; and one that is named twice."""
    with pytest.raises(InputError, match="there is no notebook 'sync'"):
        find_notebook("sync")
    with pytest.raises(InputError, match="there is no notebook"):
        find_notebook(str(tmp_path / "gone.ipynb"))
    wish = AuditRequest(str(SAMPLE.call), str(SAMPLE.recording), call_end=SAMPLE.call_end)
    with pytest.raises(InputError, match="named twice"):
        audit(AuditJob(wish, str(tmp_path), ("sync_diagnostics", "sync_diagnostics")))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def stored(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The sample call in the embedded AWS, and the settings that name it."""
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
    """By its ID, from S3 and to S3; nothing else is published, and the item stays as it is."""
    before = stored.item()
    job = AuditJob(AuditRequest(recording_id="contact-1", call_end=SAMPLE.call_end), f"s3://{OUTPUT}/audits/one/", ())
    assert audit(job).state == "done"
    keys = stored.keys(OUTPUT)
    assert all(key.startswith("audits/one/") for key in keys)
    assert {"audits/one/report.html", "audits/one/qc.json", "audits/one/status.json"} <= set(keys)
    kind = stored.s3.head_object(Bucket=OUTPUT, Key="audits/one/report.html")["ContentType"]
    assert kind == "text/html; charset=utf-8"
    assert json.loads(stored.read("audits/one/status.json"))["state"] == "done"
    assert stored.item() == before


def test_a_failed_audit_still_sends_its_status(stored: World) -> None:
    """An unknown recording: the bucket gets the status and a page that says why."""
    job = AuditJob(AuditRequest(recording_id="nobody", call_end="20"), f"s3://{OUTPUT}/audits/two", ())
    with pytest.raises(PermanentError, match="nobody"):
        audit(job)
    assert set(stored.keys(OUTPUT)) == {"audits/two/report.html", "audits/two/status.json"}
    assert json.loads(stored.read("audits/two/status.json"))["error_kind"] == "UnknownRecordingError"


def test_an_earlier_report_stays_where_that_is_asked(stored: World, tmp_path: Path) -> None:
    """Where nothing could be examined this time, the status says so beside it, on a disk and in a bucket."""
    stored.s3.put_object(Bucket=OUTPUT, Key="audits/two/report.html", Body=b"earlier")
    (tmp_path / "report.html").write_text("earlier")
    for out in (f"s3://{OUTPUT}/audits/two", str(tmp_path)):
        job = AuditJob(AuditRequest(recording_id="nobody", call_end="20"), out, (), keeps_report=True)
        with pytest.raises(PermanentError, match="nobody"):
            audit(job)
    assert stored.s3.get_object(Bucket=OUTPUT, Key="audits/two/report.html")["Body"].read() == b"earlier"
    assert (tmp_path / "report.html").read_text() == "earlier"
    assert json.loads(stored.read("audits/two/status.json"))["state"] == "failed"


@pytest.mark.parametrize("out", ["s3://", "s3:///folder"])
def test_a_place_without_a_bucket_is_refused(out: str) -> None:
    """In a sentence, before any work."""
    wish = AuditRequest(str(SAMPLE.call), str(SAMPLE.recording), call_end=SAMPLE.call_end)
    with pytest.raises(InputError, match="names no bucket"):
        audit(AuditJob(wish, out, ()))


def test_a_status_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full leaves the status before it."""
    status = Status(recording="one")
    status.write(tmp_path)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    status.state = "done"
    with pytest.raises(OSError, match="No space"):
        status.write(tmp_path)
    monkeypatch.undo()
    assert read_json(tmp_path / "status.json")["state"] == "running"


def test_the_notebooks_in_use_are_the_repository_s() -> None:
    """What an audit runs is what lies in `notebooks`, and its file is valid."""
    nbformat: Any = import_module("nbformat")
    for name in ("process_recording", "sync_diagnostics", "dead_letters"):
        nbformat.validate(nbformat.read(str(find_notebook(name)), as_version=4))
