"""The demo: the whole of production on an AWS inside this process."""

from __future__ import annotations

import io
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

import av
import pytest
from aws_fixtures import running_world
from rich.console import Console

from komorebi_qc.core.errors import InputError
from komorebi_qc.demo import run as demo

if TYPE_CHECKING:
    from pathlib import Path


def run(out: Path) -> tuple[int, str]:
    """Run the demo; its exit code and what it printed."""
    printed = io.StringIO()
    return demo.run(out, console=Console(file=printed, width=120)), printed.getvalue()


def test_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is quick, speaks to the loopback only, shows what it did, leaves playable results and no trace."""
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
    began = time.monotonic()
    code, printed = run(tmp_path / "deep" / "out")
    assert code == 0, printed
    assert time.monotonic() - began < 30
    assert dict(os.environ) == environment

    folder = tmp_path / "deep" / "out"
    video, thumbnail = folder / "recording.mp4", folder / "thumbnail.png"
    assert sorted(folder.iterdir()) == [folder / "qc.json", video, thumbnail]
    assert thumbnail.read_bytes().startswith(b"\x89PNG")
    with av.open(str(video)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    for words in (
        "the IVR's recording of this contact: not the one",
        "s3://demo-connect/connect/demo/CallRecordings/2026/03/02/",
        "isProcessed: False -> True",
        "as before: agentID, categoryID, configID, creationDate, durationID, lastName, name, notesID, startHour",
        "startHour, succesfulOutcome, tagsID, videoID",
        "call 20.25 s",
        "sync_status",
        str(video),
        "video/mp4",
        "image/png",
    ):
        assert words in printed


def test_an_older_result_is_replaced(tmp_path: Path) -> None:
    """A second run into the same folder leaves its own results there, and what else was there."""
    (tmp_path / "recording.mp4").write_bytes(b"old")
    (tmp_path / "mine.txt").write_bytes(b"mine")
    assert run(tmp_path)[0] == 0
    assert (tmp_path / "recording.mp4").stat().st_size > 1000
    assert (tmp_path / "mine.txt").read_bytes() == b"mine"


def test_a_worker_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the worker fails, the demo ends with 1, says why, and leaves no results."""
    sample = demo._sample
    monkeypatch.setattr(demo, "_sample", lambda name: b"no media" if name == "recording.mp4" else sample(name))
    code, printed = run(tmp_path)
    assert code == 1
    assert "The worker failed" in printed
    assert "isn't media (it is text)" in " ".join(printed.split())
    assert list(tmp_path.iterdir()) == []


def test_without_moto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the demo says how to get it."""
    monkeypatch.setitem(sys.modules, "moto.server", None)
    with pytest.raises(InputError, match=r'the demo needs moto, .*pip install -e "\.\[demo\]"'):
        run(tmp_path)


@pytest.mark.parametrize("out", ["file", "file/out"])
def test_a_folder_that_is_none(tmp_path: Path, out: str) -> None:
    """A file in the folder's place is found before anything starts."""
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(InputError, match="can't be the folder for the results"):
        run(tmp_path / out)


def test_a_place_that_is_taken(tmp_path: Path) -> None:
    """A folder where the video should go is a clear error."""
    (tmp_path / "recording.mp4").mkdir()
    with pytest.raises(InputError, match=r"recording.mp4 can't be written"):
        run(tmp_path)


def test_one_world_after_another() -> None:
    """Each embedded AWS begins empty, and its environment ends with it, also by an error."""
    before = dict(os.environ)
    with running_world() as world:
        world.fresh()
        assert os.environ["AWS_ENDPOINT_URL"] == world.endpoint
    with running_world() as world:
        assert world.s3.list_buckets()["Buckets"] == []
    with pytest.raises(ZeroDivisionError), running_world():
        raise ZeroDivisionError
    assert dict(os.environ) == before
