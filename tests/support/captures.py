"""The captures that the repository ships, with their truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEDIA = Path(__file__).parents[1] / "media"
SAMPLE = Path(__file__).parents[2] / "komorebi_qc" / "demo" / "sample"


@dataclass(frozen=True, slots=True)
class Capture:
    """A real recording by Chromium's MediaRecorder, with the call in it and the call's position."""

    name: str
    recording: Path
    call: Path
    offset_s: float
    call_end: str
    call_end_s: float


@dataclass(frozen=True, slots=True)
class SoftphoneCapture:
    """A recording by a softphone extension in Chromium or Firefox, and the map of the agent's side as its truth."""

    name: str
    recording: Path
    call: Path
    call_s: float
    call_end_s: float
    points: tuple[tuple[float, float], ...]  # call_s, recording_s; a call_s twice is a jump
    absent: tuple[tuple[float, float], ...]  # parts of the call that the recording lacks
    jumps: tuple[tuple[float, float], ...]  # call_s, size


def _softphone() -> dict[str, SoftphoneCapture]:
    folder = MEDIA / "softphone"
    return {
        name: SoftphoneCapture(
            name,
            folder / name,
            folder / "call.wav",
            t["call_s"],
            t["call_end_in_recording_s"],
            tuple((c, r) for c, r in t["map"]),
            tuple((a, b) for a, b in t["absent"]),
            tuple((jump["at_s"], jump["size_s"]) for jump in t["jumps"]),
        )
        for name, t in _read(folder / "truth.json").items()
    }


def _captures() -> dict[str, Capture]:
    truths = {name: (MEDIA / name, MEDIA / "call.wav", t) for name, t in _read(MEDIA / "truth.json").items()}
    truths["sample"] = (SAMPLE / "recording.mp4", SAMPLE / "call.wav", _read(SAMPLE / "truth.json"))
    return {
        name: Capture(name, recording, call, t["offset_s"], t["callEndingTimestamp"], t["call_end_in_recording_s"])
        for name, (recording, call, t) in truths.items()
        if recording.suffix in (".webm", ".mp4", ".mkv")
    }


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


CAPTURES = _captures()
SOFTPHONE = _softphone()
RECORDINGS = {name: one.recording for name, one in CAPTURES.items()} | {
    n: one.recording for n, one in SOFTPHONE.items()
}
"""Every recording by a browser, by its file's name or `sample`."""
