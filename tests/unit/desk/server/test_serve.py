"""The server's start and end."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from command import environment
from running_desk import in_a_loop, running_desk, write_report

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.server.serve import start

if TYPE_CHECKING:
    from pathlib import Path


def test_the_command_serves_until_it_is_stopped(tmp_path: Path) -> None:
    """It prints an address with a secret, answers there, and ends with the exit code of Ctrl-C."""
    write_report(tmp_path / "a")
    command = [sys.executable, "-m", "komorebi_qc", "desk", str(tmp_path), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        found = json.loads("".join(lines))
        connection = http.client.HTTPConnection("127.0.0.1", found["port"], timeout=20)
        connection.request("GET", f"{found['address'].partition(str(found['port']))[2]}api/overview")
        assert json.load(connection.getresponse())["reports"][0]["folder"] == "a"
        connection.close()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (130, "stopped\n")
    finally:
        process.kill()
        process.wait()


def test_a_port_in_use(tmp_path: Path) -> None:
    """The sentence names a remedy."""
    with running_desk(tmp_path) as desk:

        async def second() -> None:
            start(str(tmp_path), desk.running.port)

        with pytest.raises(InputError, match=r"port \d+ can't be used: leave out --port"):
            in_a_loop(second())


def test_a_missing_folder(tmp_path: Path) -> None:
    """Nothing is listened on."""
    with pytest.raises(InputError, match="isn't a folder"):
        start(str(tmp_path / "none"))
