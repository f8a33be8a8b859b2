#!/usr/bin/env python3
"""Make captures by MediaRecorder in Chromium and Firefox, with the failures of practice, and their truth.

    make_captures.py [NAME ...] [--out bench-output/captures] [--at-once 2]
    make_captures.py --list
    make_captures.py --keep [--out bench-output/captures]

NAME is a scenario (`--list` prints them); without one, all are made: about 30 sessions of half a minute, and their
rewritten forms. Each capture is a folder with connect.wav, recording.* and truth.json. `--keep` copies the few that the
repository keeps from the folder to `softphone/`.

A page (`capture.html`, `softphone.js`) records as a softphone extension does: microphone and far end go through one
AudioContext into one MediaRecorder, beside a picture from a canvas or from getDisplayMedia. The browsers run on an X
server and a sound server of their own (Xvfb, PulseAudio). The call's voices are those of `make_media.py`.

How the truth is known: both sides carry a pilot, a quiet noise of a known seed above 4.5 kHz, in the samples that the
browser plays. Connect's file ends at 4 kHz and `komorebi_qc.sync` measures below it, so it can't see the pilots, and
nothing of it is used here. A matched filter finds each 0.4 s of a pilot among the capture's decoded samples to 0.1 ms.
The packets' timestamps state when a sample is presented, to 1 ms (`studio/pilot.py`, `clock.py`, `truth.py`).
truth.json has the fields of this folder's truth.json, and `map` [[call_s, recording_s], ...] (a jump where a call_s
appears twice), `absent` (parts of the call that the recording lacks), `unsteady` (parts that jump too often for a map),
`jumps` and `customer_lag_s`. The map is the agent's.

Needs Debian's chromium, firefox-esr, xvfb, pulseaudio, pulseaudio-utils, ffmpeg, nodejs and npm, and
asterisk-core-sounds-en-g722 and -it-g722; of Python numpy, av, playwright and websocket-client. fix-webm-duration,
ts-ebml and mediabunny are installed by npm, in the versions of `package.json`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # as a script this folder comes first

from media.studio.dialogue import Call, make_call
from media.studio.rewrite import Rewriting, rewrite
from media.studio.scenarios import BY_NAME, KEPT, SCENARIOS, SCRIPT, Scenario
from media.studio.session import Programs, perform, streams
from media.studio.signals import NARROW, write_wav
from media.studio.truth import Truth, truth

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).resolve().parent
TRIES = 2


@dataclass(frozen=True)
class Made:
    """One file of a session, and how long the page says it is."""

    name: str
    path: Path
    duration_ms: float
    scenario: Scenario
    note: str
    log: dict[str, Any]


def clock(seconds: float) -> str:
    """HH:MM:SS, cut off."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def described(found: Truth, made: Made, call_s: float) -> dict[str, Any]:
    """truth.json."""
    offset_s, end_s = found.map[0][1] - found.map[0][0], found.map[-1][1] + call_s - found.map[-1][0]
    return {
        "name": made.name,
        "matches": True,
        "offset_s": round(offset_s, 4),
        "offset_tolerance_s": 0.002,
        "drift_ppm": 0.0,
        "call_s": call_s,
        "call_end_in_recording_s": round(end_s, 4),
        "callEndingTimestamp": clock(end_s),
        **streams(made.path),
        "mime": made.log["mime"],
        "map": found.map,
        "absent": found.absent,
        "unsteady": found.unsteady,
        "jumps": [{"at_s": at, "size_s": size} for at, size in found.jumps],
        "customer_lag_s": found.customer_lag_s,
        "suspended": [],
        "agent_part": None,
        "case": {"browser": made.log["agent"], "mixer_hz": made.log["mixer_hz"], "events": made.log["events"]},
        "measured": {
            "by": "pilots of 4.5-7.5 kHz, 0.4 s windows",
            "windows": found.windows,
            "windows_of": found.windows_of,
            "worst_ms": found.worst_ms,
            "time_stamp_steps": found.time_stamp_steps,
        },
        "note": made.note,
    }


def keep(made: Made, call: Call, wav: Path) -> str:
    """Measure the capture and write its folder's other files; a line for the user."""
    try:
        found = truth(made.path, call.call_s)
    except (RuntimeError, OSError) as error:  # av's errors are OSErrors or their children
        (made.path.parent / "unusable.txt").write_text(f"{error}\n")
        return f"{made.name:44} no truth: {error}"
    shutil.copyfile(wav, made.path.parent / "connect.wav")
    kept = json.dumps(described(found, made, call.call_s), indent=1) + "\n"
    (made.path.parent / "truth.json").write_text(kept)
    jumps = ", ".join(f"{size * 1e3:+.1f} ms at {at:.1f} s" for at, size in found.jumps)
    absent = ", ".join(f"{a:.1f}-{b:.1f} s" for a, b in found.absent)
    return (
        f"{made.name:44} {made.path.stat().st_size // 1024:4d} kB  offset {found.map[0][1] - found.map[0][0]:.4f} s, "
        f"{found.windows} of {found.windows_of} windows, worst {found.worst_ms:.2f} ms"
        f"{'; jumps ' + jumps if jumps else ''}{'; absent ' + absent if absent else ''}"
    )


def placed(out: Path, name: str, suffix: str) -> Path:
    """The path of a capture, in an empty folder of its own."""
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder / f"recording{suffix}"


def record(scenario: Scenario, call: Call, programs: Programs, out: Path) -> list[Made]:
    """The files of one session; of a restart, each, and all joined."""
    for left in reversed(range(TRIES)):
        try:
            done = perform(scenario, call, programs)
            break
        except Exception as error:  # noqa: BLE001  browsers and their drivers fail in many ways; the next session goes on
            print(f"{scenario.name}: {type(error).__name__}: {error}", flush=True)
            if not left:
                return []
    made = []
    for number, data in enumerate(done.files):
        name = scenario.name if len(done.files) == 1 else f"{scenario.name}-{number + 1}"
        path = placed(out, name, scenario.suffix)
        path.write_bytes(data)
        made.append(Made(name, path, done.durations_ms[number], scenario, scenario.note, done.log))
    if scenario.joined and len(made) > 1:
        path = placed(out, f"{scenario.name}-joined", scenario.suffix)
        path.write_bytes(b"".join(done.files))
        note = f"{scenario.note}, joined byte by byte"
        made.append(Made(f"{scenario.name}-joined", path, sum(done.durations_ms), scenario, note, done.log))
    return made


def rewritten(made: Sequence[Made], programs: Programs, out: Path) -> list[Made]:
    """The captures as the tools rewrite them."""
    todo: dict[Rewriting, Made] = {}
    for one in made:
        for tool in one.scenario.rewritten:
            name = f"{one.name}.{tool}"
            path = placed(out, name, one.path.suffix)
            note = f"{one.note}; rewritten by {tool}"
            todo[Rewriting(tool, one.path, path, one.duration_ms)] = Made(
                name, path, one.duration_ms, one.scenario, note, one.log
            )
    outcome = rewrite(list(todo), out.parent / "captures-tools", programs.chromium)
    for rewriting, error in outcome.items():
        if error:
            print(f"{todo[rewriting].name:44} not rewritten: {error.splitlines()[0]}", flush=True)
            shutil.rmtree(rewriting.target.parent)
    return [todo[rewriting] for rewriting, error in outcome.items() if not error]


def keep_few(out: Path, target: Path) -> None:
    """Copy the repository's captures from `out` to `target`, with one truth.json by file name."""
    target.mkdir(exist_ok=True)
    truths: dict[str, Any] = {}
    for name in KEPT:
        truth_of = json.loads((out / name / "truth.json").read_text())
        recording = next(file for file in sorted((out / name).iterdir()) if file.stem == "recording")
        truths[f"{name}{recording.suffix}"] = truth_of
        shutil.copyfile(recording, target / f"{name}{recording.suffix}")
    shutil.copyfile(out / "call.wav", target / "call.wav")
    shutil.copyfile(HERE / "LICENSE.txt", target / "LICENSE.txt")
    (target / "truth.json").write_text(json.dumps(truths, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is named."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", metavar="NAME", help="scenarios (default: all)")
    p.add_argument("--out", type=Path, default=Path("bench-output/captures"))
    p.add_argument("--at-once", type=int, default=2, help="sessions at the same time (2)")
    p.add_argument("--list", action="store_true", help="only print the scenarios")
    p.add_argument("--keep", action="store_true", help="only copy the captures that the repository keeps")
    p.add_argument("--chromium", default=Programs.chromium)
    p.add_argument("--firefox", default=Programs.firefox)
    p.add_argument("--sounds", type=Path, default=Path("/usr/share/asterisk/sounds"))
    a = p.parse_args(arguments)
    if a.list:
        print("\n".join(f"{one.name:22} {one.note}" for one in SCENARIOS))
        return 0
    if a.keep:
        keep_few(a.out, HERE / "softphone")
        return 0
    unknown = sorted(set(a.names) - set(BY_NAME))
    if unknown:
        p.error(f"unknown: {', '.join(unknown)}")
    programs, out, began = Programs(a.chromium, a.firefox), a.out.resolve(), time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    call = make_call(a.sounds, SCRIPT)
    wav = out / "call.wav"
    write_wav(wav, call.connect, NARROW)
    shutil.copyfile(HERE / "LICENSE.txt", out / "LICENSE.txt")
    wanted = [one for one in SCENARIOS if not a.names or one.name in a.names]
    made: list[Made] = []
    with ThreadPoolExecutor(max(1, a.at_once)) as pool:
        for files in pool.map(lambda one: record(one, call, programs, out), wanted):
            made += files
            for one in [*files, *rewritten(files, programs, out)]:
                print(keep(one, call, wav), flush=True)
    print(f"{len(list(out.glob('*/truth.json')))} captures in {out}, made in {time.monotonic() - began:.0f} s")
    return 0 if len({one.scenario.name for one in made}) == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
