"""Reports to test on: of the sample call, and of made tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from captures import CAPTURES

from komorebi_qc.core.timebase import CallEnd, parse_call_end
from komorebi_qc.desk.report.audio_tracks import write_audio_tracks
from komorebi_qc.desk.report.build import page_of
from komorebi_qc.desk.report.content import Mark, Moment, Page, PageTrack, Stretch
from komorebi_qc.desk.report.html import report_html
from komorebi_qc.desk.report.trial.tracks import write_trial_tracks
from komorebi_qc.pipeline.examine import Examined, examine
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63606060f80f0001040100e5fd5d9b0000000049454e44ae426082"
)


def examined(call: Path, recording: Path, call_end: str | CallEnd, folder: Path) -> Examined:
    """A pair, examined into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    reported = parse_call_end(call_end) if isinstance(call_end, str) else call_end
    with opened_file(call) as ours, opened_file(recording) as theirs:
        return examine(ours, theirs, reported, folder)


WRONG_END = "00:00:18"
"""Of the sample call, which ends almost 5 s later."""


def sample_report(
    folder: Path, name: str = "sample", call_end: str = WRONG_END, embed_s: float | None = None
) -> tuple[Examined, Path]:
    """The report of one of the shipped captures, with tracks to listen to beside it; its reported call end is wrong."""
    capture = CAPTURES[name]
    found = examined(capture.call, capture.recording, call_end, folder)
    audio = {} if embed_s is not None else write_audio_tracks(found.tracks, folder)
    trial = "" if embed_s is not None else write_trial_tracks(found, folder)
    page = page_of(found, PICTURE, "image/png", audio, trial_audio=trial, embed_s=embed_s)
    report = folder / "report.html"
    report.write_text(report_html(page), encoding="utf-8")
    return found, report


def noise(seconds: float, seed: int) -> NDArray[np.int16]:
    """Bursts of noise at 8 kHz: no waveform envelope is harder to pack."""
    rng = np.random.default_rng(seed)
    count = round(seconds * 8000)
    loud = np.repeat(rng.random(count // 1000 + 1) ** 2, 1000)[:count].astype(np.float32)
    return (rng.standard_normal(count, np.float32) * loud * 6000).clip(-32768, 32767).astype(np.int16)


def finding(name: str, value: Any, status: str, **more: Any) -> dict[str, Any]:
    """A finding as the document has it."""
    text = more.pop("text", f"It is about {name}.")
    base = {"name": name, "value": value, "unit": "s", "status": status, "text": text, "limit": 0.5, "at": None}
    return {**base, "limit_name": name, **more}


def made_page(seconds: float, **more: Any) -> Page:
    """A page of noise with a mark, a stretch and some findings."""
    tracks = [
        PageTrack(name, name.title(), noise(seconds, k)) for k, name in enumerate(("customer", "agent", "recording"))
    ]
    findings = [
        finding("drift", 0.25, "pass"),
        finding("seam_gap", 0.75, "warn", at={"clock": "output", "s": seconds / 2}),
        finding("lost", 3, "fail", unit="packets"),
    ]
    document = {"verdict": "fail", "findings": findings, "limits": {"drift": {"direction": "above"}}}
    given = {
        "title": "Recording 42",
        "document": document,
        "status": "fail",
        "verdict": "Something is wrong.",
        "headline": "It was tried.",
        "facts": [("The call begins", "2 s into the recording")],
        "tracks": tracks,
        "length_s": seconds,
        "video": "recording.mp4",
        "figure": PICTURE,
        "figure_type": "image/png",
        "figure_alt": "Two waves.",
        "marks": [Mark(seconds / 2, "seam", "ink", (2, 3), 3)],
        "stretches": [Stretch(1.0, 2.0, kind, "agent") for kind in ("silence", "hold", "dropout", "clipping")],
        "moments": [Moment(1.0, "a mark"), Moment(seconds / 2, "a seam. It gapes.", (1,))],
        "places": {1: seconds / 2},
    }
    return Page(**{**given, **more})
