"""A batch over many calls: throughput with one and two workers, memory, where the time goes, and ten times kill -9.

The calls are five minutes long and made of real voices, by cutting and shifting: those of the repository's captures, or
of a corpus (folders with ``connect.wav``). Phrases of both sides are arranged into a few long calls with their
recordings (VP8 and Opus in WebM). Each call is a different cut of one of these, with the recording's
packets copied. So each call's position is known, and every row is checked. It prints Markdown.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import wave
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from komorebi_qc.batch.dataset.dataset import open_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "bench-output" / "batch"
TOOL = Path(sys.executable).with_name("komorebi-qc")
RATE, SOUND_RATE = 8000, 48_000
BASES = 4
AFTER_S = 15
MOVING = ("done_at", "took_s", "peak_memory_mb")
STAGES = {
    "decoding (both sides, to 8 kHz)": ("decode_8khz.py", ("decode_call_8khz", "_decode")),
    "reading timestamps": ("probe.py", ("probe_call", "read_packets")),
    "measuring sync": ("measure.py", ("measure",)),
    "measuring levels": ("pair.py", ("measure_levels",)),
}


@dataclass(frozen=True, slots=True)
class Made:
    """A call whose place is known."""

    name: str
    connect: Path
    recording: Path
    call_end_s: float
    offset_s: float


def main() -> int:
    """Make the calls, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--corpus", type=Path, help="folders with connect.wav; the repository's captures by default")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    calls = make_calls(asked.out, asked.calls, asked.minutes * 60, asked.corpus, asked.seed)
    few = max(asked.calls // 10, 4)
    manifest, small = (
        _manifest(asked.out / f"{name}.csv", some) for name, some in (("all", calls), ("few", calls[:few]))
    )
    print(f"### {asked.calls} calls of {asked.minutes:g} minutes, diagnosed\n")
    print("| workers | calls | wall, s | calls a second | supervisor, MB | largest worker, MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    walls = {}
    for workers, which, number in ((2, small, few), (1, manifest, asked.calls), (2, manifest, asked.calls)):
        walls[workers] = _row(str(workers), asked.out / f"dataset-{workers}-{number}", which, number, _here(workers))
    with _dask(asked.out / "dask", 2) as (address, pids):
        _row("2 of Dask", asked.out / f"dataset-dask-{few}", small, few, ["--dask", address], pids)
    print(f"\nTwo workers do {walls[1] / walls[2]:.2f} times what one does (must be: 1.8).\n")
    whole = asked.out / f"dataset-2-{asked.calls}"
    _check(calls, whole)
    _profile(calls[: min(6, len(calls))])
    return _kill(manifest, asked.out / "killed", whole, len(calls), asked.kills, asked.seed)


# --- the calls


def make_calls(out: Path, number: int, call_s: float, corpus: Path | None, seed: int) -> list[Made]:
    """Make `number` calls; calls of an earlier run are kept."""
    marks = json.dumps([call_s, str(corpus or ""), seed])
    marker = out / "made.json"
    if not (marker.is_file() and marker.read_text() == marks):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        phrases = _phrases(corpus)
        for n in range(BASES):
            _make_base(out, n, phrases, 2.0 * call_s + 60, random.Random(f"{seed}-{n}"))  # noqa: S311  no secret
        marker.write_text(marks)
    return [_cut(out, n, call_s, random.Random(f"{seed}-cut-{n}")) for n in range(number)]  # noqa: S311


def _phrases(corpus: Path | None) -> list[list[NDArray[np.int16]]]:
    """Each side's speech, in pieces."""
    places = sorted(corpus.glob("*/connect.wav")) if corpus else []
    places = places or [ROOT / "tests" / "media" / "call.wav", ROOT / "komorebi_qc" / "demo" / "sample" / "call.wav"]
    sides: list[list[NDArray[np.int16]]] = [[], []]
    for place in places:
        with wave.open(str(place)) as file:
            if file.getframerate() != RATE or file.getnchannels() != 2:
                continue
            sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        for side in (0, 1):
            sides[side] += _spoken(sound[:, side])
    return sides


def _spoken(sound: NDArray[np.int16]) -> Iterator[NDArray[np.int16]]:
    """Stretches of speech, cut where 100 ms are quiet."""
    step = RATE // 20
    frames = sound[: len(sound) // step * step].reshape(-1, step).astype(np.float64)
    loud = np.sqrt((frames**2).mean(axis=1)) > 200
    begins, quiet = None, 0
    for n, is_significant in enumerate([*loud, False, False, False]):
        if is_significant:
            begins, quiet = (n if begins is None else begins), 0
        elif begins is not None:
            quiet += 1
            if quiet == 3:
                piece = sound[max(begins - 1, 0) * step : (n - 1) * step]
                if len(piece) > RATE // 2:
                    yield piece[: 6 * RATE]
                begins = None


def _make_base(out: Path, n: int, phrases: list[list[NDArray[np.int16]]], length_s: float, dice: random.Random) -> None:
    """A long call, and its recording that begins with it."""
    call = np.zeros((int(length_s * RATE), 2), np.int16)
    noise = np.random.default_rng(n)
    call += noise.integers(-4, 5, call.shape, np.int16)
    at, side = 0.5, 0
    while True:
        piece = dice.choice(phrases[side])
        piece = piece[dice.randrange(0, max(len(piece) // 3, 1)) :]
        first = int(at * RATE)
        if first + len(piece) >= len(call):
            break
        call[first : first + len(piece), side] += piece
        at += len(piece) / RATE + dice.uniform(0.2, 1.6)
        side = dice.choice((0, 1))
    np.save(out / f"base-{n}.npy", call)
    _encode(out / f"base-{n}.webm", (call.astype(np.int32).sum(axis=1) * 0.6).clip(-32768, 32767).astype(np.int16))


def _encode(path: Path, sound: NDArray[np.int16]) -> None:
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libvpx", 5, {"deadline": "realtime", "cpu-used": "8", "g": "5"})
        video.width, video.height, video.pix_fmt, video.bit_rate = 320, 180, "yuv420p", 100_000
        audio: Any = container.add_stream("libopus", SOUND_RATE, {"application": "voip", "compression_level": "3"})
        audio.layout, audio.bit_rate = "mono", 32_000
        resampler = av.AudioResampler("s16", "mono", SOUND_RATE)
        for second in range(len(sound) // RATE):
            picture = np.full((180, 320, 3), second % 200, np.uint8)
            for tick in range(5):
                frame = av.VideoFrame.from_ndarray(picture, "rgb24")
                frame.pts, frame.time_base = second * 5 + tick, Fraction(1, 5)
                container.mux(video.encode(frame))
            block = av.AudioFrame.from_ndarray(sound[None, second * RATE : (second + 1) * RATE], "s16", "mono")
            block.sample_rate, block.pts, block.time_base = RATE, second * RATE, Fraction(1, RATE)
            for piece in resampler.resample(block):
                container.mux(audio.encode(piece))
        for piece in resampler.resample(None):
            container.mux(audio.encode(piece))
        container.mux(video.encode())
        container.mux(audio.encode())


def _cut(out: Path, n: int, call_s: float, dice: random.Random) -> Made:
    """One call; its position and its recording's start differ from all others."""
    base, which, lead_s = dice.randrange(BASES), dice.randrange(25), dice.randint(0, 14)
    call_from_s = int(call_s / 25 * which) + 15
    begins_s = call_from_s - lead_s
    connect = out / "calls" / f"{base}-{which}.wav"
    recording = out / "recordings" / f"c{n:04}.webm"
    for path in (connect, recording):
        path.parent.mkdir(exist_ok=True)
    if not connect.exists():
        call = np.load(out / f"base-{base}.npy", mmap_mode="r")
        first = call_from_s * RATE
        with wave.open(str(connect), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(np.ascontiguousarray(call[first : first + int(call_s * RATE)]).tobytes())
    if not recording.exists():
        _copy(out / f"base-{base}.webm", recording, begins_s, call_from_s + call_s + AFTER_S)
    return Made(f"c{n:04}", connect, recording, lead_s + call_s, float(lead_s))


def _copy(base: Path, path: Path, from_s: float, to_s: float) -> None:
    """Copy a stretch from a whole second on: each second begins with a key frame."""
    part = path.with_suffix(".part")
    with av.open(str(base)) as source, av.open(str(part), "w", format="webm") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        source.seek(int(from_s * 1_000_000), backward=True)
        for packet in source.demux():
            if packet.pts is None or packet.time_base is None or packet.pts * packet.time_base < from_s:
                continue
            if packet.pts * packet.time_base >= to_s:
                break
            shift = int(from_s / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, (packet.dts or packet.pts) - shift
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    part.replace(path)


def _manifest(path: Path, calls: list[Made]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["recording_id", "connect", "recording", "call_end", "day"])
        for n, call in enumerate(calls):
            ends = f"{int(call.call_end_s) // 60:02}:{int(call.call_end_s) % 60:02}"
            writer.writerow([call.name, call.connect, call.recording, ends, f"2026-11-{1 + n % 28:02}"])
    return path


# --- the runs


def _here(workers: int) -> list[str]:
    return ["--workers", str(workers)]


def _command(manifest: Path, dataset: Path, crew: list[str]) -> list[str]:
    return [str(TOOL), "batch", str(manifest), "--out", str(dataset), *crew, "--json"]


def _row(name: str, dataset: Path, manifest: Path, number: int, crew: list[str], roots: Sequence[int] = ()) -> float:
    """Run it, print its row, and return its wall seconds; memory is the supervisor's and the largest worker's.

    Workers are children of the run, or of the processes `roots`.
    """
    shutil.rmtree(dataset, ignore_errors=True)
    began, supervisor_kb, worker_kb = time.monotonic(), 0, 0
    with subprocess.Popen(_command(manifest, dataset, crew), stdout=subprocess.DEVNULL) as run:
        while run.poll() is None:
            supervisor_kb = max(supervisor_kb, _peak_kb(run.pid))
            workers = [pid for root in (roots or (run.pid,)) for pid in _children(root)]
            worker_kb = max([worker_kb, *map(_peak_kb, workers)])
            time.sleep(0.25)
    if run.returncode not in (0, 3):
        raise SystemExit(f"{dataset}: the batch ended with {run.returncode}")
    wall_s = time.monotonic() - began
    print(
        f"| {name} | {number} | {wall_s:.1f} | {number / wall_s:.2f} | {supervisor_kb * 1024 / 1e6:.0f} | "
        f"{worker_kb * 1024 / 1e6:.0f} |",
        flush=True,
    )
    return wall_s


@contextmanager
def _dask(folder: Path, workers: int) -> Iterator[tuple[str, list[int]]]:
    """A scheduler's address, and the process IDs of its workers: Dask's own command line, on this machine."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    address_file = folder / "scheduler.json"
    alike = ("--host", "127.0.0.1", "--no-dashboard")
    with ExitStack() as stack:

        def start(*arguments: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{len(list(folder.iterdir()))}.log").open("wb"))
            run = subprocess.Popen([sys.executable, "-m", "dask", *arguments, *alike], stdout=log, stderr=log)
            stack.callback(run.wait)
            stack.callback(run.terminate)
            return run

        start("scheduler", "--port", "0", "--scheduler-file", str(address_file))
        while not (address_file.exists() and address_file.read_text().strip()):
            time.sleep(0.05)
        address = str(json.loads(address_file.read_text())["address"])
        each = ("worker", address, "--nthreads", "1", "--no-nanny", "--memory-limit", "0")
        pids = [start(*each, "--local-directory", str(folder / f"w{n}")).pid for n in range(workers)]
        yield address, pids


def _peak_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []


def _rows(dataset: Path) -> list[dict[str, Any]]:
    return open_dataset(str(dataset)).read().to_pylist()  # type: ignore[no-any-return]


def _check(calls: list[Made], dataset: Path) -> None:
    """Compare every row with its call's true position."""
    found = {row["recording_id"]: row for row in _rows(dataset)}
    statuses = Counter(row["sync_status"] or row["error_class"] for row in found.values())
    errors = [abs(found[c.name]["offset_s"] - c.offset_s) for c in calls if found[c.name]["offset_s"] is not None]
    largest = (
        f"; offsets are off by {np.median(errors) * 1e3:.2f} ms (median), {max(errors) * 1e3:.2f} ms at most"
        if errors
        else ""
    )
    print(f"Of {len(calls)} calls {', '.join(f'{n} {status}' for status, n in statuses.most_common())}{largest}.\n")


def _profile(calls: list[Made]) -> None:
    """The time of a diagnosis by stage, by cProfile, in one process."""
    import cProfile  # noqa: PLC0415
    import pstats  # noqa: PLC0415

    from komorebi_qc.core.timebase import parse_call_end  # noqa: PLC0415
    from komorebi_qc.pipeline.diagnose import diagnose  # noqa: PLC0415
    from komorebi_qc.storage.input_file import opened_file  # noqa: PLC0415

    profile = cProfile.Profile()
    for n in count():
        if n == 1:
            profile.enable()  # the first one is for the imports and the caches
        if n > len(calls) - 1:
            break
        with opened_file(calls[n].connect) as call, opened_file(calls[n].recording) as own:
            diagnose(call, own, parse_call_end(str(calls[n].call_end_s)))
    profile.disable()
    stats: Any = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total_s = sum(own_s for _, _, own_s, _, _ in stats.values())
    number = max(len(calls) - 1, 1)
    print(f"### Where a diagnosis spends its time (cProfile, {number} calls, one process)\n")
    print("| stage | s a call | share |\n| --- | --- | --- |")
    listed_s = 0.0
    for stage, (file, names) in STAGES.items():
        spent_s = sum(v[3] for (path, _, name), v in stats.items() if name in names and Path(path).name == file)
        listed_s += spent_s
        print(f"| {stage} | {spent_s / number:.3f} | {spent_s / total_s:.0%} |")
    print(f"| the rest | {(total_s - listed_s) / number:.3f} | {(total_s - listed_s) / total_s:.0%} |")
    print(f"| all | {total_s / number:.3f} | 100% |\n")


def _kill(manifest: Path, dataset: Path, whole: Path, number: int, kills: int, seed: int) -> int:
    """Kill one run `kills` times, at different counts of done rows, and resume it each time; 1 if the rows differ."""
    shutil.rmtree(dataset, ignore_errors=True)
    dice = random.Random(seed)  # noqa: S311
    points = sorted(dice.sample(range(number), min(kills, number)))
    held = open_dataset(str(dataset))
    print(f"### kill -9 at {len(points)} points, 2 workers\n")
    print("| killed when done | rows kept |\n| --- | --- |")
    for point in points:
        with subprocess.Popen(
            _command(manifest, dataset, _here(2)), stdout=subprocess.DEVNULL, start_new_session=True
        ) as run:
            while run.poll() is None and _done(dataset) < point:
                time.sleep(0.02)
            time.sleep(dice.uniform(0, 0.3))
            os.killpg(run.pid, signal.SIGKILL)
        print(f"| {point} | {len(open_dataset(str(dataset)).summaries())} |", flush=True)
    done = subprocess.run(_command(manifest, dataset, _here(2)), capture_output=True, text=True, check=False)
    unchanged = json.loads(done.stdout)["unchanged"]
    mine, theirs = ([{k: v for k, v in row.items() if k not in MOVING} for row in _rows(d)] for d in (dataset, whole))
    is_same = mine == theirs
    print(
        f"\nThe last run did {number - unchanged} of {number}. The dataset "
        f"{'equals' if is_same else '**differs from**'} the undisturbed run's in all columns but {', '.join(MOVING)} "
        f"({len(mine)} and {len(theirs)} rows); the journal has {len(held.store.names('_journal/'))} files."
    )
    return 0 if is_same else 1


def _done(dataset: Path) -> int:
    """Count the rows that are saved so far."""
    return len(open_dataset(str(dataset)).summaries()) if dataset.is_dir() else 0


if __name__ == "__main__":
    sys.exit(main())
