"""Ctrl-C ends every command that takes a while with exit code 130, without a traceback."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from captures import CAPTURES
from child_process import child_process
from command import CLI, environment

from komorebi_qc.demo.embedded_aws import embedded_aws, make_resources, shell_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SAMPLE = CAPTURES["sample"]
FILES = ("--connect", str(SAMPLE.call), "--recording", str(SAMPLE.recording), "--call-end", SAMPLE.call_end)
COMMANDS: dict[str, tuple[tuple[str, ...], str]] = {
    "process": (("process", *FILES, "--out", "out.mp4"), "locate call"),
    "audit": (("audit", *FILES, "--out", "audit"), "locate call"),
    "clip": (("clip", *FILES, "--at", "3", "--out", "clip.mp4"), "locate call"),
    "demo --keep": (("demo", "--keep"), "Ctrl-C ends it"),
}


def interrupted(
    folder: Path, words: tuple[str, ...], when: str | float | Callable[[], bool], **environ: str
) -> tuple[int, str]:
    """The exit code and all that was printed; Ctrl-C comes at a printed text, at an event, or after some seconds."""
    log = folder / "printed.txt"
    kept = {"PYTHONUNBUFFERED": "1", **environ}
    with log.open("w") as file, child_process(
        [str(CLI), *words], cwd=folder, stdout=file, stderr=file, env=environment(**kept),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:  # fmt: skip
        deadline = time.monotonic() + (when if isinstance(when, float) else 90)

        def is_time() -> bool:
            if callable(when):
                return when()
            return isinstance(when, str) and when in log.read_text()

        while not is_time() and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        code = running.wait(60)
    return code, log.read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_gives_130(name: str, tmp_path: Path) -> None:
    """It ends there, and no result is left half written."""
    code, printed = interrupted(tmp_path, *COMMANDS[name])
    assert (code, printed.rstrip().endswith("stopped")) == (130, True), printed
    assert "Traceback" not in printed
    assert [path.name for path in tmp_path.glob("*.mp4")] == []


def test_batch_is_stopped_and_continues(tmp_path: Path) -> None:
    """A batch keeps finished recordings, prints that, and ends with 130."""
    rows = "".join(f"r{n},{SAMPLE.call},{SAMPLE.recording},{SAMPLE.call_end}\n" for n in range(40))
    (tmp_path / "list.csv").write_text("recording_id,connect,recording,call_end\n,,,\n" + rows)
    words = ("batch", "list.csv", "--out", "data", "--workers", "1")
    code, printed = interrupted(tmp_path, words, lambda: any((tmp_path / "data" / "_journal").glob("*.parquet")))
    assert code == 130, printed
    assert "1 row rejected" in printed
    assert "Finished recordings are kept; the same command continues from there." in printed
    assert "Traceback" not in printed


def test_worker_ends_with_130(tmp_path: Path) -> None:
    """A worker that waits for a message ends at once, and prints its counts."""
    with embedded_aws():
        make_resources()
        environ = {**shell_environment(), "AWS_EC2_METADATA_DISABLED": "true"}
        code, printed = interrupted(tmp_path, ("worker",), 4.0, **environ)
    assert code == 130, printed
    assert "0 done, 0 to be retried, 0 sent to the dead-letter queue" in printed
