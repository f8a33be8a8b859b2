"""The desk runs the real commands: a clip of the sample call, with its progress, and nothing left at the end."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from captures import CAPTURES
from running_desk import Client, running_desk

from komorebi_qc.desk.server.jobs import OUR_COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE = CAPTURES["sample"]


def start(desk: Client, **request: object) -> dict[str, Any]:
    """Start a job, as the page does."""
    answer = desk.ask("POST", f"{desk.token}/api/jobs", json.dumps(request).encode())
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.json
    return found


def job(desk: Client) -> dict[str, Any]:
    """The newest job."""
    found: dict[str, Any] = desk.ask("GET", f"{desk.token}/api/overview").json["jobs"][0]
    return found


def until(is_so: Callable[[], object], patience_s: float = 120.0) -> None:
    """Wait until something is so."""
    deadline_s = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def working_on(folder: Path) -> list[str]:
    """The processes whose command names the folder."""
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = one.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if f"--connect={folder}" in text:
            found.append(one.parent.name)
    return found


def test_a_clip_is_rendered_and_another_is_stopped_with_the_desk(tmp_path: Path) -> None:
    """The first is served in its folder's list of files; the second's processes end with the server."""
    shutil.copy(SAMPLE.call, tmp_path / "call.wav")
    shutil.copy(SAMPLE.recording, tmp_path / "screen.mp4")
    inputs = {"connect": "call.wav", "recording": "screen.mp4", "call_end": SAMPLE.call_end}
    with running_desk(tmp_path, OUR_COMMANDS) as desk:
        start(desk, kind="clip", at="00:05", seconds=1, out="clip.mp4", **inputs)
        steps: set[str] = set()

        def is_done() -> bool:
            found = job(desk)
            steps.update([found["step"][2]] if found["step"] else [])
            return found["state"] not in ("waiting", "running")

        until(is_done)
        assert (job(desk)["state"], job(desk)["error"]) == ("done", "")
        assert "render the clip" in steps
        with av.open(str(tmp_path / "clip.mp4")) as container:
            assert container.duration is not None
        start(desk, kind="clip", at="00:05", seconds=20, out="other.mp4", **inputs)
        until(lambda: job(desk)["step"])
        assert working_on(tmp_path)
    assert working_on(tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["call.wav", "clip.mp4", "screen.mp4"]
