"""Time, CPU and memory of ``komorebi-qc process`` against the predecessor's six FFmpeg processes, in one run.

    .venv/bin/python tests/bench/process.py [--minutes 10 60] [--runs 3] [--check]

Both work on the same recordings, which are made once and kept in ``bench-output/``: 720p H.264 at about 900 kb/s with
48 kHz stereo AAC, a call over five sixths of it, all of its speech real voices. They take turns, after one run of each
that isn't counted; before every run what others left to be written is brought onto the disk. CPU is the user and
system time of the whole process tree, memory the peak resident set of its largest process (``komorebi-qc`` is one).

Exit status: 0; with ``--check`` 1 where a target is missed; 2 where it can't run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import wave
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Pcm = NDArray[np.int16]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SAMPLE = ROOT / "komorebi_qc" / "sample"
MEDIA = ROOT / "tests" / "media"
SIDES = ("komorebi-qc", "reference")
RATIO_TARGET = 0.25
MEMORY_TARGET_MB = 250.0
GROWTH_TARGET_MB = 30.0
LEAD_S = 3.25
CALL_SHARE = 5 / 6
LOOP_S = 120.0
RECIPE = 2
"""Raised with every change to what is made, so that what an older one made is made anew."""
CALL_RATE, OWN_RATE = 8_000, 48_000
LINE_NOISE = 22.0
"""Steps of 16 bits, root mean square (-63 dB): as between the sentences of the sample call."""
RECORDING, CONNECT = "recording.mp4", "connect.wav"


class BenchError(Exception):
    """The bench can't run; its text is a sentence for a person."""


# Measuring ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one side.

    Attributes:
        side: as in `SIDES`.
        minutes: the recording's length.
        wall_s: from start to exit.
        cpu_s: user and system time of the whole process tree.
        memory_mb: the peak resident set of its largest process, in 10^6 bytes.
    """

    side: str
    minutes: float
    wall_s: float
    cpu_s: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Row:
    """One measure against its target, if it has one.

    Attributes:
        minutes: the recording's length.
        what: the measure, with its unit.
        ours: komorebi-qc's.
        reference: the reference's.
        ratio: of the two, with the least and the greatest of the runs that followed each other.
        target: what is asked of it.
        is_met: None without a target.
    """

    minutes: str
    what: str
    ours: str
    reference: str
    ratio: str
    target: str
    is_met: bool | None

    def markdown(self) -> str:
        """A line of the table."""
        met = {None: "", True: "met", False: "MISSED"}[self.is_met]
        return (
            f"| {self.minutes} | {self.what} | {self.ours} | {self.reference} | {self.ratio} | {self.target} | {met} |"
        )


def bench(minutes: Sequence[float], runs: int, folder: Path, say: Callable[[str], None]) -> list[Run]:
    """Both sides in turn on each recording, after a run of each that isn't counted.

    Raises:
        BenchError: where one of them fails.
    """
    done = []
    with tempfile.TemporaryDirectory(dir=folder, prefix="run-") as scratch:
        for length in minutes:
            for number in range(runs + 1):
                for side in SIDES:
                    run = _run(side, length, input_folder(folder, length), Path(scratch))
                    warm_up = "" if number else " (warm-up, not counted)"
                    say(f"{length:g} min, {side}: {run.wall_s:.2f} s, CPU {run.cpu_s:.2f} s{warm_up}")
                    if number:
                        done.append(run)
    return done


def _run(side: str, minutes: float, given: Path, scratch: Path) -> Run:
    recording, connect, out = given / RECORDING, given / CONNECT, scratch / f"{side}.mp4"
    call_end = _clock(LEAD_S + _call_s(minutes))
    if side == "reference":
        command = ["bash", str(HERE / "reference_pipeline.sh"), str(recording), str(connect), call_end, str(out)]
    else:
        command = [str(Path(sys.executable).with_name("komorebi-qc")), "process", "--align", "told", "--json"]
        command += ["--connect", str(connect), "--recording", str(recording), "--call-end", call_end]
        command += ["--out", str(out), "--thumbnail", str(scratch / "thumbnail.png")]
    wall_s, cpu_s, memory_mb, printed = _measured(command, scratch)
    made_s = minutes * 60 if side == "reference" else float(json.loads(printed)["durations"]["output_s"])
    if abs(made_s - minutes * 60) > 1 or out.stat().st_size < 0.8 * recording.stat().st_size:
        raise BenchError(f"{side} made {made_s:.1f} s and {out.stat().st_size} bytes of {recording}: not all of it")
    out.unlink()
    return Run(side, minutes, wall_s, cpu_s, memory_mb)


def _measured(command: Sequence[str], scratch: Path) -> tuple[float, float, float, str]:
    """Wall seconds, CPU seconds and peak megabytes of the command's process tree, and what it printed."""
    settings = ("KOMOREBI_", "AUDIO_FREQUENCY")  # the defaults are measured
    environ = {name: value for name, value in os.environ.items() if not name.startswith(settings)}
    environ["TMPDIR"] = str(scratch)
    os.sync()
    with (scratch / "stdout").open("w+") as out, (scratch / "stderr").open("w+") as err:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environ)
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            raise BenchError(f"`{' '.join(command)}` ended with {process.returncode}: {err.read() or out.read()}")
        unit = 1 if sys.platform == "darwin" else 1024
        return wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 1e6, out.read()


# The table ------------------------------------------------------------------------------------------------------------


def rows(runs: Sequence[Run]) -> list[Row]:
    """Time and CPU as medians against the reference's, memory at its highest, and by how much that grows.

    Time and CPU have their target on the longest recording: on a short one Python's start is much of either.

    Raises:
        ValueError: where the two sides didn't run as often as each other.
    """
    lengths = sorted({run.minutes for run in runs})
    table, peaks = [], []
    for length in lengths:
        ours, reference = ([run for run in runs if run.minutes == length and run.side == side] for side in SIDES)
        target = RATIO_TARGET if length == lengths[-1] else None
        table += [
            _against(length, "wall, s", [run.wall_s for run in ours], [run.wall_s for run in reference], target),
            _against(length, "CPU, s", [run.cpu_s for run in ours], [run.cpu_s for run in reference], target),
        ]
        peaks.append(max(run.memory_mb for run in ours))
        other = max(run.memory_mb for run in reference)
        table.append(_memory(f"{length:g}", "memory, MB", peaks[-1], MEMORY_TARGET_MB, f"{other:.1f}"))
    if len(lengths) > 1:
        growth = peaks[-1] - peaks[0]
        table.append(_memory(f"{lengths[0]:g} to {lengths[-1]:g}", "memory's growth, MB", growth, GROWTH_TARGET_MB))
    return table


def _against(minutes: float, what: str, ours: list[float], reference: list[float], target: float | None) -> Row:
    ratio = median(ours) / median(reference)
    pairs = [one / other for one, other in zip(ours, reference, strict=True)]
    spread = f"{ratio:.3f} ({min(pairs):.3f} to {max(pairs):.3f})"
    asked = "" if target is None else f"ratio <= {target:g}"
    is_met = None if target is None else ratio <= target
    return Row(f"{minutes:g}", what, f"{median(ours):.2f}", f"{median(reference):.2f}", spread, asked, is_met)


def _memory(minutes: str, what: str, ours: float, target: float, reference: str = "") -> Row:
    return Row(minutes, what, f"{ours:.1f}", reference, "", f"<= {target:g}", ours <= target)


def report(runs: Sequence[Run]) -> str:
    """The table, each run and the machine, in Markdown."""
    head = Row("minutes", "measure", *SIDES, "ratio (of single runs)", "target", None)
    lines = [head.markdown(), "|---" * 7 + "|", *(row.markdown() for row in rows(runs))]
    lines += ["", "| minutes | run of | wall, s | CPU, s | memory, MB |", "|---" * 5 + "|"]
    lines += [f"| {r.minutes:g} | {r.side} | {r.wall_s:.2f} | {r.cpu_s:.2f} | {r.memory_mb:.1f} |" for r in runs]
    return "\n".join([*lines, "", machine()])


def machine() -> str:
    """Cores, processor and the versions of all that was measured."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    packages = ", ".join(f"{name} {version(name)}" for name in ("komorebi-qc", "av", "numpy", "soxr"))
    inside = _output([sys.executable, "-c", "import av; print(av.ffmpeg_version_info)"])
    ffmpeg = _output(["ffmpeg", "-version"]).split(" Copyright")[0]
    python = f"Python {platform.python_version()}"
    return f"{cores} cores of {_processor()}; {python}, {packages} (FFmpeg {inside} inside); reference: {ffmpeg}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


# The input ------------------------------------------------------------------------------------------------------------


def input_folder(folder: Path, minutes: float) -> Path:
    """Where the recording of that length and its call are."""
    return folder / f"{minutes:g}min"


def make_inputs(minutes: Sequence[float], folder: Path) -> None:
    """Make what is missing, each length whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [length for length in minutes if not _is_made(input_folder(folder, length))]
    if not missing:
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix="make-") as name:
        scratch = Path(name)
        loop = scratch / "loop.mp4"
        _picture(loop, min(LOOP_S, max(missing) * 60))
        voices = _voices()
        for length in missing:
            made = scratch / "made"
            made.mkdir()
            _call_and_recording(length, voices, loop, made)
            (made / "recipe").write_text(str(RECIPE))
            place = input_folder(folder, length)
            shutil.rmtree(place, ignore_errors=True)
            made.rename(place)


def _is_made(place: Path) -> bool:
    recipe = place / "recipe"
    files = [place / RECORDING, place / CONNECT, recipe]
    return all(file.exists() for file in files) and recipe.read_text() == str(RECIPE)


def _call_s(minutes: float) -> float:
    return round(minutes * 60 * CALL_SHARE, 2)


def _clock(seconds: float) -> str:
    return f"{int(seconds // 3600):02d}:{int(seconds // 60 % 60):02d}:{seconds % 60:05.2f}"


def _picture(path: Path, seconds: float) -> None:
    """A moving picture with so much noise that its encoder uses all the bits it may."""
    source = "testsrc2=size=1280x720:rate=15,noise=alls=8:allf=t"
    how = "-c:v libx264 -preset superfast -pix_fmt yuv420p -g 150 -bf 0 -b:v 900k -maxrate 1000k -bufsize 1800k"
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", source, "-t", str(seconds)]
    subprocess.run([*command, *how.split(), str(path)], check=True)


@dataclass(frozen=True, slots=True)
class Voices:
    """Stretches of real speech, cut at their pauses.

    Attributes:
        call: as Connect keeps them, each with what the agent's browser heard of it.
        after: what the agent says after a call, as the browser heard it.
    """

    call: list[tuple[Pcm, Pcm]]
    after: list[Pcm]


def _voices() -> Voices:
    import numpy as np  # noqa: PLC0415  see `main`

    truths = {MEDIA / name: truth for name, truth in json.loads((MEDIA / "truth.json").read_text()).items()}
    truths[SAMPLE / RECORDING] = json.loads((SAMPLE / "truth.json").read_text())
    voices = Voices([], [])
    for recording, truth in truths.items():
        connect = SAMPLE / CONNECT if recording.parent == SAMPLE else MEDIA / "call.wav"
        with wave.open(str(connect)) as file:
            call: Pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        own = _decoded(recording)
        begins, ends = (round(at_s * OWN_RATE) for at_s in (truth["offset_s"], truth["call_end_in_recording_s"]))
        scale = OWN_RATE // CALL_RATE
        for low, high in _stretches(call, CALL_RATE):
            voices.call.append((call[low:high], own[begins + low * scale : begins + high * scale]))
        voices.after.extend(own[ends + low : ends + high] for low, high in _stretches(own[ends:], OWN_RATE))
    return voices


def _decoded(recording: Path) -> Pcm:
    import numpy as np  # noqa: PLC0415

    command = ["ffmpeg", "-v", "error", "-nostdin", "-copyts", "-i", str(recording), "-vn"]
    command += ["-af", "aresample=async=1:first_pts=0", "-f", "s16le", "-ac", "2", "-ar", str(OWN_RATE), "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<i2").reshape(-1, 2)


def _stretches(pcm: Pcm, rate: int) -> list[tuple[int, int]]:
    """From where to where somebody speaks, in samples; pauses under 0.2 s belong to the speech."""
    import numpy as np  # noqa: PLC0415

    frame = rate // 50
    whole = pcm[: len(pcm) // frame * frame].astype(np.float32).max(axis=1).reshape(-1, frame)
    loud = np.flatnonzero(whole.max(axis=1) > 300)
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > 10) + 1)
    return [(int(group[0]) * frame, (int(group[-1]) + 1) * frame) for group in groups if len(group) > 10]


def _call_and_recording(minutes: float, voices: Voices, loop: Path, place: Path) -> None:
    import numpy as np  # noqa: PLC0415

    rng = np.random.default_rng(round(minutes * 60))
    # No line is digitally silent between two sentences, and encoders take another time over one that is.
    call = rng.normal(0, LINE_NOISE, (round(_call_s(minutes) * CALL_RATE), 2)).astype(np.int16)
    heard: list[tuple[int, Pcm]] = []  # (sample of the recording's clock, what is heard from there on)
    for at, number in _order(rng, [len(pcm) for pcm, _ in voices.call], len(call), CALL_RATE):
        connect, own = voices.call[number]
        call[at : at + len(connect)] = connect
        heard.append((round(LEAD_S * OWN_RATE) + at * (OWN_RATE // CALL_RATE), own))
    total = round(minutes * 60 * OWN_RATE)
    ends = round((LEAD_S + _call_s(minutes)) * OWN_RATE)
    for at, number in _order(rng, [len(pcm) for pcm in voices.after], total - ends, OWN_RATE):
        heard.append((ends + at, voices.after[number]))
    with wave.open(str(place / CONNECT), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(CALL_RATE)
        file.writeframes(call.tobytes())
    command = ["ffmpeg", "-v", "error", "-y", "-stream_loop", "-1", "-i", str(loop)]
    command += ["-f", "s16le", "-ar", str(OWN_RATE), "-ac", "2", "-i", "pipe:0", "-map", "0:v", "-map", "1:a"]
    command += ["-c:v", "copy", "-c:a", "aac", "-aac_coder", "fast", "-b:a", "128k"]
    command += ["-t", f"{minutes * 60:.3f}", str(place / RECORDING)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        pipe = cast("IO[bytes]", encoder.stdin)
        for pcm in _with_noise(rng, heard, total):
            pipe.write(pcm.tobytes())
        pipe.close()
    if encoder.returncode:
        raise BenchError(f"FFmpeg couldn't make {place / RECORDING}: it ended with {encoder.returncode}")


def _order(rng: np.random.Generator, lengths: list[int], total: int, rate: int) -> Iterator[tuple[int, int]]:
    """Which stretch is heard from which sample on: each once in ever new orders, with pauses of 0.2 to 1.2 s."""
    at = 0
    while True:
        for number in rng.permutation(len(lengths)):
            at += int(rng.integers(rate // 5, rate * 6 // 5))
            if at + lengths[number] > total:
                return
            yield at, int(number)
            at += lengths[number]


def _with_noise(rng: np.random.Generator, heard: list[tuple[int, Pcm]], total: int) -> Iterator[Pcm]:
    """The recording's sound from start to end, over a room's noise."""
    import numpy as np  # noqa: PLC0415

    noise = rng.normal(0, LINE_NOISE, (OWN_RATE * 30, 2)).astype(np.int16)
    at = 0
    for start, pcm in [*heard, (total, noise[:0])]:
        while at < start:
            silent = noise[: min(start - at, len(noise))]
            at += len(silent)
            yield silent
        at += len(pcm)
        yield np.clip(pcm.astype(np.int32) + noise[: len(pcm)], -32768, 32767).astype(np.int16)


# The command line -----------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[10.0, 60.0], help="the recordings' lengths")
    parser.add_argument("--runs", type=int, default=3, help="runs of each side on each recording")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "bench-output" / "process", help="where the input is kept"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")
    parser.add_argument("--make-only", action="store_true", help="make the input and stop")
    wanted = parser.parse_args(arguments)
    if wanted.runs < 1 or min(wanted.minutes) < 0.5:
        parser.error("at least one run, and half a minute")
    if shutil.which("ffmpeg") is None:
        say("ffmpeg isn't on the PATH: it makes the bench's input, and the reference is six runs of it; install it")
        return 2
    lengths = sorted(set(wanted.minutes))
    try:
        if wanted.make_only:
            make_inputs(lengths, wanted.folder)
            return 0
        # In a process of its own: on Linux a child's peak memory begins with its parent's, so this one stays small.
        say(f"the input is in {wanted.folder}; what is missing is made now")
        own = [sys.executable, str(HERE / "process.py"), "--make-only", "--folder", str(wanted.folder)]
        subprocess.run([*own, "--minutes", *map(str, lengths)], check=True)
        load = os.getloadavg()[0]
        runs = bench(lengths, wanted.runs, wanted.folder, say)
    except (BenchError, subprocess.CalledProcessError) as error:
        say(str(error))
        return 2
    print(report(runs))
    print(f"Load average before the first run: {load:.2f} (what else runs costs both sides time)")
    return 1 if wanted.check and any(row.is_met is False for row in rows(runs)) else 0


def say(text: str) -> None:
    """One line for the person who waits."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
