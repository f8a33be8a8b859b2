"""Captures of real browsers (`tests/media/make_captures.py` makes them), diagnosed and processed, against their truth.

A capture is a folder with connect.wav, recording.* and truth.json. The error is that of the diagnosed map, at the
moments of speech that the recording has, half a second away from the truth's jumps. The output's error is the place of
each two seconds of Connect's audio in the published video, by correlation, against the same truth.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from media.studio.by_speech import phat
from media.studio.clock import sound
from media.studio.signals import FULL, NARROW, Signal, decode, resampled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LIMIT_MS, END_MS = 2.0, 5.0
SURE_JUMP_S, PLACE_S, AWAY_S = 0.015, 0.5, 0.5
BRIEF_S = 1.5
"""Jumps that follow one another within this count as one: too little speech in between to be placed."""
ENOUGH_S = 20.0
"""A recording with less of the call may be called unsure, as long as the output is right."""
ACTIVE = 0.02
FRAME = NARROW // 10
WINDOW_S, MARGIN_S = 2.0, 0.25
SURE = 1.5
TIMEOUT_S = 300
PROGRAM = (sys.executable, "-m", "komorebi_qc")

Map = list[tuple[float, float]]


@dataclass(slots=True)
class Row:
    """One capture's outcome. Errors are in ms; `output_ms` is the output's 95th percentile."""

    name: str
    status: str = ""
    verdict: str = ""
    p50_ms: float | None = None
    p95_ms: float | None = None
    output_ms: float | None = None
    jumps: str = ""
    exit_code: int = 0
    failures: list[str] = field(default_factory=list)


def at(points: Map, call_s: Signal) -> Signal:
    """Moments of the call on the recording's clock, by a map; beyond its ends it goes straight on."""
    c, r = np.array(points).T
    index = np.clip(np.searchsorted(c, call_s, "right") - 1, 0, len(c) - 2)
    while (flat := c[index + 1] - c[index] <= 0).any():
        index = np.where(flat, np.maximum(index - 1, 0), index)
    slope = (r[index + 1] - r[index]) / (c[index + 1] - c[index])
    return np.asarray(r[index] + slope * (call_s - c[index]))


def measured_map(sync: dict[str, Any]) -> Map:
    """The diagnosed map."""
    return [(one["call_s"], one["recording_s"]) for one in sync["segments"]]


def lasting(truth: dict[str, Any]) -> list[tuple[float, float, float]]:
    """The truth's jumps as first place, last place and size; brief excursions count as one jump."""
    out: list[tuple[float, float, float]] = []
    for one in truth["jumps"]:
        since = out[-1][1] if out else -BRIEF_S
        missing = sum(max(0.0, min(stop, one["at_s"]) - max(start, since)) for start, stop in truth["absent"])
        if out and one["at_s"] - since - missing < BRIEF_S:
            out[-1] = (out[-1][0], one["at_s"], out[-1][2] + one["size_s"])
        else:
            out.append((one["at_s"], one["at_s"], one["size_s"]))
    return out


def moments(truth: dict[str, Any], call: Signal) -> Signal:
    """The moments of the call with speech that the recording has, away from jumps and edges."""
    both = np.abs(call).max(axis=1)
    loud = both[: len(both) // FRAME * FRAME].reshape(-1, FRAME).mean(axis=1) > ACTIVE
    c = (np.flatnonzero(loud) + 0.5) * FRAME / NARROW
    keep = np.ones(len(c), bool)
    gone = [*truth["absent"], *truth.get("unsteady", [])]
    for start, stop in [*gone, *((first, last) for first, last, _ in lasting(truth))]:
        keep &= (c < start - AWAY_S) | (c > stop + AWAY_S)
    return np.asarray(c[keep])


def jumps(truth: dict[str, Any], found: Sequence[dict[str, float]]) -> tuple[str, list[str]]:
    """How many of the true jumps were found, and the errors."""
    left, wrong, hits = list(found), [], 0
    every, unsteady = lasting(truth), truth.get("unsteady", [])
    sure = [
        (first, last, size)
        for first, last, size in every
        if abs(size) >= SURE_JUMP_S
        and not any(start - PLACE_S <= last and first <= stop + PLACE_S for start, stop in unsteady)
    ]
    for first, last, size in sure:
        spans = [s for s in truth["absent"] if s[0] - PLACE_S <= first <= s[1] + PLACE_S]
        low, high = min([first, *(s[0] for s in spans)]), max([last, *(s[1] for s in spans)])
        near = [j for j in left if low - PLACE_S * 2 <= j["call_s"] <= high + PLACE_S * 2]
        if not near:
            wrong.append(f"jump of {size * 1e3:+.0f} ms at {first:.1f} s missed")
            continue
        best = min(near, key=lambda j: abs(j["size_s"] - size))
        left.remove(best)
        hits += 1
        off_ms = (best["size_s"] - size) * 1e3
        if abs(off_ms) > LIMIT_MS:
            wrong.append(f"jump at {first:.1f} s off by {off_ms:+.1f} ms")
    excused = [*unsteady, *((first, last) for first, last, _ in every)]
    wrong += [
        f"jump of {extra['size_s'] * 1e3:+.1f} ms invented at {extra['call_s']:.1f} s"
        for extra in left
        if not any(start - PLACE_S * 2 < extra["call_s"] < stop + PLACE_S * 2 for start, stop in excused)
    ]
    return f"{hits}/{len(sure)}", wrong


def output_errors(call: Signal, output: Path, truth: dict[str, Any], where: Signal) -> Signal:
    """The distance of Connect's audio in the video from its true place, window by window (ms)."""
    decoded = sound(output)
    played = resampled(decoded.samples, FULL, NARROW)
    mixed = call.sum(axis=1)
    shift = max(0.0, -truth["offset_s"])
    size, margin = round(WINDOW_S * NARROW), round(MARGIN_S * NARROW)
    off = []
    for start in np.arange(0.0, truth["call_s"] - WINDOW_S, WINDOW_S / 2):
        inside = (where > start) & (where < start + WINDOW_S)
        if np.count_nonzero(inside) < WINDOW_S * NARROW / FRAME / 3:
            continue
        places = at(truth["map"], np.array([start + 0.1, start + WINDOW_S - 0.1]))
        if abs(places[1] - places[0] - WINDOW_S + 0.2) > LIMIT_MS / 1e3:
            continue  # a jump: it is in the map's own error
        wanted_s = float(places[0]) - 0.1 + shift
        place = round(float(np.interp(wanted_s, decoded.stamps_s, decoded.firsts)) * NARROW / FULL)
        if place - margin < 0 or place + size + margin > len(played):
            continue
        first = round(start * NARROW)
        lag, sure = phat(mixed[first : first + size], played[place - margin : place + size + margin], NARROW)
        if sure > SURE:
            found_s = decoded.presented_s(((place - margin) / NARROW + lag) * FULL)
            off.append((found_s - wanted_s - (first / NARROW - start)) * 1e3)
    return np.array(off)


def judge(folder: Path) -> Row:
    """One capture."""
    truth = json.loads((folder / "truth.json").read_text())
    row = Row(folder.name)
    recording = next(file for file in sorted(folder.iterdir()) if file.stem == "recording")
    pair = ["--connect", str(folder / "connect.wav"), "--recording", str(recording)]
    command = [*PROGRAM, "diagnose", *pair, "--call-end", f"{truth['call_end_in_recording_s']:.0f}", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    try:
        got = json.loads(done.stdout)
        sync = got["sync"]
    except (ValueError, KeyError):
        row.status, row.exit_code = "error", done.returncode
        row.failures.append((f"{done.stderr}{done.stdout}".strip().splitlines() or ["no answer"])[-1][:160])
        return row
    row.status, row.verdict = sync["status"], got["verdict"]
    call = decode(["-i", str(folder / "connect.wav")], NARROW, channels=2)
    where = moments(truth, call)
    if row.status == "aligned":
        error_ms = np.abs(at(measured_map(sync), where) - at(truth["map"], where)) * 1e3
        row.p50_ms, row.p95_ms = float(np.median(error_ms)), float(np.percentile(error_ms, 95))
        if row.p95_ms > LIMIT_MS:
            row.failures.append(f"map off by {row.p95_ms:.1f} ms (95th percentile)")
        row.jumps, wrong = jumps(truth, sync["jumps"])
        row.failures += wrong
    elif truth["call_s"] - sum(stop - start for start, stop in truth["absent"]) >= ENOUGH_S:
        row.failures.append(f"status {row.status}")
    _process(row, pair, truth, call, where)
    return row


def _process(row: Row, pair: list[str], truth: dict[str, Any], call: Signal, where: Signal) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / f"output{'.mp4' if pair[-1].endswith('.mp4') else '.webm'}"
        command = [*PROGRAM, "process", *pair, "--call-end", f"{truth['call_end_in_recording_s']:.0f}"]
        done = subprocess.run(
            [*command, "--out", str(output)], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        row.exit_code = done.returncode
        if not output.exists():
            row.failures.append(f"no video, exit code {done.returncode}")
            return
        errors = np.abs(output_errors(call, output, truth, where))
    if len(errors):
        row.output_ms = float(np.percentile(errors, 95))
        if row.output_ms > LIMIT_MS:
            row.failures.append(f"output off by {row.output_ms:.1f} ms (95th percentile)")


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def table(rows: Sequence[Row]) -> str:
    """All captures, as Markdown."""
    lines = [
        "| capture | status | p50, ms | p95, ms | output p95, ms | jumps | verdict | exit | misses |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- | ---: | --- |",
    ]
    lines += [
        f"| {r.name} | {r.status} | {_ms(r.p50_ms)} | {_ms(r.p95_ms)} | {_ms(r.output_ms)} | {r.jumps} | {r.verdict} "
        f"| {r.exit_code} | {'; '.join(r.failures)} |"
        for r in rows
    ]
    good = sum(not r.failures for r in rows)
    return "\n".join([*lines, "", f"{good} of {len(rows)} captures without a miss (limit {LIMIT_MS:.0f} ms)."])


def run(folder: Path, workers: int, say: Callable[[str], None]) -> list[Row]:
    """Every capture of the folder.

    Raises:
        ValueError: if it has no capture.
    """
    found = sorted(path.parent for path in folder.glob("*/truth.json"))
    if not found:
        raise ValueError(f"{folder} has no captures: make them by tests/media/make_captures.py --out {folder}")
    rows = []
    with ThreadPool(max(1, workers)) as pool:
        for row in pool.imap(judge, found):
            say(f"{row.name}: {row.status} {'; '.join(row.failures)}")
            rows.append(row)
    return rows


def main(folder: Path, workers: int, kept: Path | None, say: Callable[[str], None]) -> int:
    """Judge the folder, print the table, and keep the rows as JSON where asked to; the exit status."""
    try:
        rows = run(folder, workers, say)
    except ValueError as error:
        say(str(error))
        return 2
    print(table(rows), flush=True)
    if kept:
        kept.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    return 0
