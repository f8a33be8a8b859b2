"""The cost of ``komorebi-qc diagnose`` on long recordings: CPU and peak memory of its process.

    .venv/bin/python tests/bench/sync/cost.py [--minutes 10 60] [--runs 3] [--folder bench-output]

The recordings are those of ``tests/bench/process.py`` (720p H.264 with AAC), and the same audio as Opus beside VP8 in
WebM. Prints one JSON object a run. The environment stays the user's, its number of threads too.

Exit status: 0; 2 if it can't run. It is a separate script, because on Linux a child's peak memory begins with its
parent's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from bench.inputs import CONNECT, LEAD_S, RECORDING, call_s, input_folder, make_inputs
from bench.measuring import ROOT, BenchError, say

if TYPE_CHECKING:
    from collections.abc import Sequence

MP4, WEBM = "MP4/AAC", "WebM/Opus"
WEBM_RECIPE = 1
"""Raised with every change to how the WebM is made."""
MAY_FAIL = (0, 3)
"""Exit 3: measured, and a finding is against its limit."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One run.

    Attributes:
        kind: `MP4` or `WEBM`.
        minutes: the recording's length.
        cpu_s: user and system time of the process, all its threads together.
        memory_mb: its peak resident set, in 10^6 bytes.
        status: of the alignment that it found.
    """

    kind: str
    minutes: float
    cpu_s: float
    memory_mb: float
    status: str


def make(minutes: Sequence[float], folder: Path) -> None:
    """Make what is missing of the recordings."""
    make_inputs(dict.fromkeys(minutes, ()), folder / "process")
    missing = [length for length in minutes if not _webm(folder, length).exists()]
    if not missing:
        return
    place = folder / "sync" / "cost"
    place.mkdir(parents=True, exist_ok=True)
    quiet = ["ffmpeg", "-v", "error", "-nostdin", "-y"]
    with tempfile.TemporaryDirectory(dir=place, prefix="make-") as name:
        loop, part = Path(name) / "loop.webm", Path(name) / "part.webm"
        picture = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=15,noise=alls=8:allf=t", "-t", "60"]
        how = "-c:v libvpx -deadline realtime -cpu-used 8 -threads 2 -b:v 900k -g 150"
        subprocess.run([*quiet, *picture, *how.split(), str(loop)], check=True)
        for length in missing:
            sound = input_folder(folder / "process", length) / RECORDING
            command = [*quiet, "-stream_loop", "-1", "-i", str(loop), "-i", str(sound), "-map", "0:v", "-map", "1:a"]
            command += ["-c:v", "copy", "-c:a", "libopus", "-b:a", "64k", "-t", f"{length * 60:.3f}", str(part)]
            subprocess.run(command, check=True)
            part.replace(_webm(folder, length))


def _webm(folder: Path, minutes: float) -> Path:
    return folder / "sync" / "cost" / f"{minutes:g}min-{WEBM_RECIPE}.webm"


def measure(kind: str, minutes: float, folder: Path) -> Cost:
    """One run of it.

    Raises:
        BenchError: if it fails.
    """
    given = input_folder(folder / "process", minutes)
    recording = given / RECORDING if kind == MP4 else _webm(folder, minutes)
    end_s = LEAD_S + call_s(minutes)
    command = [str(Path(sys.executable).with_name("komorebi-qc")), "diagnose", "--json", "--call-end", f"{end_s:.2f}"]
    command += ["--connect", str(given / CONNECT), "--recording", str(recording)]
    env = {name: value for name, value in os.environ.items() if not name.startswith("KOMOREBI_")}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env)
        _, ended, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(ended)
        out.seek(0)
        err.seek(0)
        if child.returncode not in MAY_FAIL:
            raise BenchError(f"`{' '.join(command)}` ended with {child.returncode}: {err.read()}")
        status = str(json.load(out)["sync"]["status"])
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(kind, minutes, used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 1e6, status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs="+", default=[10.0, 60.0], help="the recordings' lengths")
    parser.add_argument("--runs", type=int, default=3, help="runs on each recording (3)")
    parser.add_argument("--folder", type=Path, default=ROOT / "bench-output", help="folder of the inputs")
    parser.add_argument("--make-only", action="store_true", help="make the input and stop")
    wanted = parser.parse_args(arguments)
    if wanted.runs < 1 or min(wanted.minutes) < 0.5:
        parser.error("at least one run, and half a minute")
    if shutil.which("ffmpeg") is None:
        say("ffmpeg isn't on the PATH: it makes the recordings; install it")
        return 2
    try:
        if wanted.make_only:
            make(wanted.minutes, wanted.folder)
            return 0
        own = [sys.executable, str(Path(__file__).resolve()), "--make-only", "--folder", str(wanted.folder)]
        subprocess.run([*own, "--minutes", *map(str, wanted.minutes)], check=True)
        for length in wanted.minutes:
            for kind in (MP4, WEBM):
                for _ in range(wanted.runs):
                    print(json.dumps(asdict(measure(kind, length, wanted.folder))), flush=True)
    except (BenchError, subprocess.CalledProcessError) as error:
        say(str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
