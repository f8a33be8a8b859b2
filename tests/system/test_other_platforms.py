"""The analyst's commands run with a Python that lacks what those of Windows and macOS lack.

It is no substitute for a run on a real one: file names, kernels and FFmpeg differ there as well.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from captures import CAPTURES
from command import environment
from missing_modules import MACOS, WINDOWS, environment_without

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = CAPTURES["sample"]
FILES = ("--connect", str(SAMPLE.call), "--recording", str(SAMPLE.recording), "--call-end", SAMPLE.call_end)
SYSTEMS = {"Windows": WINDOWS, "macOS": MACOS}


def run(folder: Path, system: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in its folder, as on that system."""
    (folder / "site").mkdir(exist_ok=True)
    environ = environment(**environment_without(folder / "site", SYSTEMS[system]))
    command = [sys.executable, "-m", "komorebi_qc", *words]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=240)


def test_missing_names_are_missing(tmp_path: Path) -> None:
    """The package's modules don't get what is taken away, and others do."""
    probe = "import os\ntry:\n    import fcntl\nexcept ImportError:\n    print(hasattr(os, 'getuid'), 'no fcntl')\n"
    program = f"exec({probe!r}, {{'__name__': 'komorebi_qc.probe'}}); import fcntl, os; print(hasattr(os, 'getuid'))"
    environ = environment(**environment_without(tmp_path, WINDOWS))
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False no fcntl", "True"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_one_recording(tmp_path: Path, system: str) -> None:
    """Diagnose, process and clip."""
    diagnosed = run(tmp_path, system, "diagnose", *FILES, "--json")
    assert diagnosed.returncode == 0, diagnosed.stderr
    assert json.loads(diagnosed.stdout)["sync"]["status"] == "aligned"
    processed = run(tmp_path, system, "process", *FILES, "--out", "unified.mp4")
    assert processed.returncode == 0, processed.stderr
    assert (tmp_path / "unified.mp4").stat().st_size > 100_000
    clipped = run(
        tmp_path, system, "clip", *FILES, "--at", "3", "--seconds", "1", "--size", "320x240", "--out", "c.mp4"
    )
    assert clipped.returncode == 0, clipped.stderr


@pytest.mark.parametrize("system", SYSTEMS)
def test_many_recordings(tmp_path: Path, system: str) -> None:
    """A batch with two processes, a rerun, and the page about the dataset."""
    rows = "".join(f"{name},{SAMPLE.call},{SAMPLE.recording},{SAMPLE.call_end}\n" for name in ("one", "two"))
    (tmp_path / "list.csv").write_text("recording_id,connect,recording,call_end\n" + rows)
    batch = run(tmp_path, system, "batch", "list.csv", "--out", "data", "--workers", "2", "--json")
    assert batch.returncode == 0, batch.stderr + batch.stdout
    assert json.loads(batch.stdout)["counts"] == {"pass": 2}
    again = ("rerun", "data", "--where", "recording_id = 'one'", "--action", "process", "--json")
    rerun = run(tmp_path, system, *again)
    assert rerun.returncode == 0, rerun.stderr + rerun.stdout
    fleet = run(tmp_path, system, "fleet", "data", "--out", "fleet.html")
    assert fleet.returncode == 0, fleet.stderr
    assert (tmp_path / "fleet.html").stat().st_size > 10_000


def test_audit_without_posix(tmp_path: Path) -> None:
    """An audit with its notebook, whose kernel lacks the same."""
    done = run(tmp_path, "Windows", "audit", *FILES, "--out", "audit", "--notebook", "process_recording")
    assert done.returncode == 0, done.stderr + done.stdout
    assert json.loads((tmp_path / "audit" / "status.json").read_text())["state"] == "done"
