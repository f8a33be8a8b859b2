"""The demo: the whole of production on an AWS inside this process."""

from __future__ import annotations

import io
import os
import re
import socket
import threading
from typing import TYPE_CHECKING, Any

import av
import pytest
from rich.console import Console

from komorebi_qc.core.errors import InputError
from komorebi_qc.demo import embedded_aws
from komorebi_qc.demo import run as demo

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.demo.run import DemoResult


def run(out: Path, keep: threading.Event | None = None) -> tuple[DemoResult, str]:
    """Run the demo; its result and what it printed."""
    printed = io.StringIO()
    return demo.run(out, console=Console(file=printed, width=120), keep=keep), printed.getvalue()


def test_demo_shows_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It speaks to the loopback only, shows each step, leaves playable results and restores the environment."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://192.0.2.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:1")
    monkeypatch.setenv("AUDIO_FREQUENCY", "nonsense")
    connect = socket.socket.connect

    def loopback_only(self: socket.socket, address: Any) -> None:
        assert address[0] == "127.0.0.1", address
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", loopback_only)
    environment = dict(os.environ)
    folder = tmp_path / "deep" / "out"
    result, printed = run(folder)
    assert (result.verdict, result.video) == ("pass", folder / "recording.mp4")
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert dict(os.environ) == environment

    video, thumbnail = folder / "recording.mp4", folder / "thumbnail.png"
    assert sorted(folder.iterdir()) == [folder / "qc.json", video, thumbnail]
    assert thumbnail.read_bytes().startswith(b"\x89PNG")
    with av.open(str(video)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio", "data"]  # the chapters' titles
    for words in (
        "the IVR's part of this contact",
        "s3://demo-connect/connect/demo/CallRecordings/2026/03/02/",
        "isProcessed: False -> True",
        "unchanged: agentID, callEndingTimestamp, categoryID, configID, creationDate, durationID, lastName, name",
        "aligned: the call begins 2.567 s after the recording",
        str(video),
        "Done in ",
    ):
        assert words in printed
    passed = re.search(r"pass: (\d+) of (\d+) findings pass", printed)
    assert passed is not None
    assert passed[1] == passed[2]


def test_the_printed_moments_can_be_heard(tmp_path: Path) -> None:
    """The sentences about both seams have measured levels: silence before the call, and speech at all other moments."""
    _, printed = run(tmp_path)
    moments = re.findall(r"at ([\d.]+) s .*?\((-\d+) dBFS before, (-\d+) dBFS after\)", printed)
    assert [at for at, _, _ in moments] == ["2.57", "22.67"]
    silence, *speech = [int(level) for _, *levels in moments for level in levels]
    assert silence < -70
    assert all(-35 < level < -10 for level in speech)


def test_an_older_result_is_replaced(tmp_path: Path) -> None:
    """A second run into the same folder leaves its own results there, and other files alone."""
    (tmp_path / "recording.mp4").write_bytes(b"old")
    (tmp_path / "mine.txt").write_bytes(b"mine")
    assert run(tmp_path)[0].verdict == "pass"
    assert (tmp_path / "recording.mp4").stat().st_size > 1000
    assert (tmp_path / "mine.txt").read_bytes() == b"mine"


def test_a_failed_worker_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the worker fails, the demo has no verdict, prints the reason, and leaves no results."""
    text = tmp_path / "text.mp4"
    text.write_text("no media\n" * 50)
    monkeypatch.setattr(embedded_aws, "AGENT_RECORDING", text)
    result, printed = run(tmp_path / "out")
    assert (result.verdict, result.video) == (None, None)
    assert "The worker failed: " in printed
    assert "isn't media (it is text)" in " ".join(printed.split())
    assert list((tmp_path / "out").iterdir()) == []


def test_kept_open_aws_prints_how_to_reach_it(tmp_path: Path) -> None:
    """Variables and commands are printed and in a file, a dead letter is there, and the file goes at the end."""
    keep, printed = threading.Event(), io.StringIO()
    file = tmp_path / demo.ENVIRONMENT_FILE
    seen: dict[str, str] = {}

    def look() -> None:
        while not file.exists() or "Ctrl-C ends it." not in printed.getvalue():
            if keep.wait(0.05):
                return
        seen["file"] = file.read_text()
        keep.set()

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    demo.run(tmp_path, console=Console(file=printed, width=200), keep=keep)
    watcher.join(10)
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:" in seen["file"]
    assert "export KOMOREBI_QUEUE_URL=http://127.0.0.1:" in seen["file"]
    assert all(line in printed.getvalue() for line in seen["file"].splitlines())
    for command in ("komorebi-qc status", "komorebi-qc submit", "komorebi-qc worker --once", "komorebi-qc verify"):
        assert command in printed.getvalue()
    assert not file.exists()


@pytest.mark.parametrize("out", ["file", "file/out"])
def test_a_file_in_the_folders_place(tmp_path: Path, out: str) -> None:
    """It is found before anything starts."""
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(InputError, match="can't be the folder for the results"):
        run(tmp_path / out)


def test_a_folder_in_the_videos_place(tmp_path: Path) -> None:
    """It is a clear error."""
    (tmp_path / "recording.mp4").mkdir()
    with pytest.raises(InputError, match=r"recording.mp4 can't be written"):
        run(tmp_path)


@pytest.mark.parametrize(
    ("samples", "level"), [([], -100.0), ([0] * 8, -100.0), ([32768 // 2] * 8, -6.0), ([-32768] * 8, 0.0)]
)
def test_level_in_dbfs(samples: list[int], level: float) -> None:
    """Full scale is 0 dBFS, half of it -6, silence -100."""
    import numpy as np  # noqa: PLC0415  only here

    assert demo.level_dbfs(np.array(samples, np.int32), 8, 0.0, 1.0) == pytest.approx(level, abs=0.03)
