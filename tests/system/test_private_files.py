"""Results of the desk are for its user alone, hold no credentials, and leave no temporary folder behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from captures import CAPTURES
from child_process import child_process
from command import CLI, environment
from desk import made_notebook
from erasures import Search
from jupyter_home import jupyter_environment

from komorebi_qc.demo.embedded_aws import shell_environment, upload_sample
from komorebi_qc.demo.sample_call import RECORDING, reported_call_end

if TYPE_CHECKING:
    from aws_fixtures import World

SAMPLE = CAPTURES["sample"]
FILES = ("--connect", str(SAMPLE.call), "--recording", str(SAMPLE.recording), "--call-end", SAMPLE.call_end)
SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAFAKEFAKEFAKEFAKE",
    "AWS_SECRET_ACCESS_KEY": "secretsecretsecretsecretsecretsecret1234",
    "AWS_SESSION_TOKEN": "tokentokentokentoken",
    "SOME_PASSWORD": "hunter2hunter2",
}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment with a folder for temporary files, and Jupyter without this user's home."""
    for name in ("tmp", "home", "work"):
        (tmp_path / name).mkdir()
    (tmp_path / "work").chmod(0o755)
    return {**environment(), **jupyter_environment(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}


def run(folder: Path, environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, with the usual umask."""
    return subprocess.run(
        [str(CLI), *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
        umask=0o022,
    )


def modes(folder: Path) -> set[tuple[str, int]]:
    """The kinds and modes of everything in a folder."""
    return {("folder" if path.is_dir() else "file", path.stat().st_mode & 0o777) for path in folder.rglob("*")}


PRIVATE = {("folder", 0o700), ("file", 0o600)}


def test_an_audit_is_private_and_has_no_credentials(world: World, tmp_path: Path, environ: dict[str, str]) -> None:
    """Report, audio, video, notebooks and status; also of a notebook that fails at the first request to AWS."""
    upload_sample()
    notebook = made_notebook(
        tmp_path / "broken.ipynb",
        "from komorebi_qc.desk.notebooks.recording import open_recording",
        "open_recording(recording_id='nobody', call_end='10')",
    )
    names = ("--notebook", "sync_diagnostics", "--notebook", "process_recording", "--notebook", str(notebook))
    settings = {**shell_environment(), **SECRETS, "KOMOREBI_QUEUE_URL": world.queue().url}
    words = ("audit", RECORDING.recording_id, "--call-end", reported_call_end(), "--out", "a/b", *names)
    done = run(tmp_path / "work", {**environ, **settings}, *words)
    assert done.returncode == 1, done.stderr
    out = tmp_path / "work" / "a" / "b"
    assert "has no item with videoID nobody" in (out / "broken.ipynb").read_text()
    assert {"report.html", "recording.mp4", "status.json", "sync_diagnostics.ipynb", "audio"} <= {
        path.name for path in out.iterdir()
    }
    assert modes(tmp_path / "work") == PRIVATE
    for secret in SECRETS.values():
        assert Search(secret).in_folder(tmp_path / "work") == []
        assert secret not in done.stdout + done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_clip_a_plot_and_a_batch_are_private(tmp_path: Path, environ: dict[str, str]) -> None:
    """A file of the same name that others could read before is private now; the user's own folder keeps its mode."""
    work = tmp_path / "work"
    for name in ("clip.mp4", "plot.png", "rows.csv"):
        (work / name).write_bytes(b"")
        (work / name).chmod(0o644)
    (work / "list.csv").write_text(
        f"recording_id,connect,recording,call_end\nr1,{SAMPLE.call},{SAMPLE.recording},{SAMPLE.call_end}\n"
    )
    (work / "list.csv").chmod(0o600)
    for words in (
        ("clip", *FILES, "--at", "6", "--seconds", "1", "--size", "320x240", "--out", "clip.mp4"),
        ("diagnose", *FILES, "--plot", "plot.png"),
        ("process", *FILES, "--out", "unified.mp4"),
        ("batch", "list.csv", "--out", "data", "--csv", "rows.csv", "--action", "process", "--workers", "1"),
        ("fleet", "data", "--out", "fleet.html"),
    ):
        done = run(work, environ, *words)
        assert done.returncode in (0, 3), done.stderr
    assert modes(work) == PRIVATE
    assert work.stat().st_mode & 0o777 == 0o755
    assert list((tmp_path / "tmp").iterdir()) == []


def processes_with(text: str) -> list[int]:
    """The running processes whose environment has a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if text.encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize(
    ("words", "when"),
    [
        (("audit", *FILES, "--notebook", "sleepy.ipynb", "--out", "audit"), "run the notebook"),
        (("clip", *FILES, "--at", "6", "--seconds", "20", "--out", "clip.mp4"), "locate call"),
        (("clip", *FILES, "--at", "6", "--seconds", "20", "--out", "clip.mp4"), "render the clip"),
    ],
    ids=["notebook", "examination", "clip"],
)
def test_a_stopped_command_leaves_no_temporary_folder(
    tmp_path: Path, environ: dict[str, str], words: tuple[str, ...], when: str, number: signal.Signals
) -> None:
    """After SIGTERM or Ctrl-C, no temporary file, no part of a result and no process is left; no kernel's either."""
    log = tmp_path / "printed.txt"
    folder = "from komorebi_qc.storage.temporary_folder import begin_folder; begin_folder('seam')"
    made_notebook(tmp_path / "work" / "sleepy.ipynb", folder, "import time; time.sleep(100)")
    with (
        log.open("w") as file,
        child_process(
            [str(CLI), *words],
            cwd=tmp_path / "work",
            env={**environ, "PYTHONUNBUFFERED": "1"},
            stdout=file,
            stderr=file,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        ) as running,
    ):
        until = time.monotonic() + 120
        while running.poll() is None and time.monotonic() < until:
            is_in_the_kernel = "--notebook" not in words or any((tmp_path / "tmp").rglob("komorebi-seam-*"))
            if when in log.read_text() and is_in_the_kernel:
                break
            time.sleep(0.02)
        time.sleep(0.5)  # within the step
        used = list((tmp_path / "tmp").iterdir())
        running.send_signal(number)
        code = running.wait(60)
    assert code == (130 if number == signal.SIGINT else 128 + number), log.read_text()
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list((tmp_path / "work").rglob(".*")) == []
    assert used
    until = time.monotonic() + 10
    while (left := processes_with(str(tmp_path))) and time.monotonic() < until:  # a killed kernel takes a moment
        time.sleep(0.1)
    assert left == []


def test_the_next_command_removes_what_a_killed_audit_left(tmp_path: Path, environ: dict[str, str]) -> None:
    """SIGKILL while a notebook runs: the examination and the kernel's key are private, and any command removes them."""
    folder = tmp_path / "tmp"
    marker = tmp_path / "started"
    code = f"open({str(marker)!r}, 'w').close()\nimport time; time.sleep(100)"
    made_notebook(tmp_path / "work" / "sleepy.ipynb", code)
    words = [str(CLI), "audit", *FILES, "--notebook", "sleepy.ipynb", "--out", "audit"]
    with child_process(words, cwd=tmp_path / "work", env=environ, start_new_session=True) as running:
        until = time.monotonic() + 120
        while running.poll() is None and not marker.exists() and time.monotonic() < until:
            time.sleep(0.02)
        assert marker.exists()
        running.kill()
        running.wait(10)
    until = time.monotonic() + 20
    while processes_with(str(tmp_path)) and time.monotonic() < until:  # the kernel notices that its parent is gone
        time.sleep(0.1)
    (one,) = folder.iterdir()
    kept = {path.name: path.stat().st_mode & 0o777 for path in one.rglob("*") if path.is_file()}
    assert kept == {".lock": 0o600, "session.pickle": 0o600, "sleepy.json": 0o600}
    assert run(tmp_path / "work", environ, "limits").returncode == 0
    assert list(folder.iterdir()) == []


def test_a_notebook_without_a_folder_leaves_nothing(tmp_path: Path, environ: dict[str, str]) -> None:
    """A notebook that a person runs without `out` has a temporary folder, which goes with its kernel."""
    code = (
        "from pathlib import Path; import tempfile\n"
        "from komorebi_qc.desk.notebooks.recording import open_recording\n"
        f"s = open_recording(connect={str(SAMPLE.call)!r}, recording={str(SAMPLE.recording)!r}, call_end='22')\n"
        "assert s.examined.video.is_file()\n"
        "assert oct(s.examined.folder.stat().st_mode)[-3:] == '700'\n"
    )
    notebook = made_notebook(tmp_path / "one.ipynb", code)
    command = [str(CLI.with_name("papermill")), "--no-progress-bar", str(notebook), str(tmp_path / "out.ipynb")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []
