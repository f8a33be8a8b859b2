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
