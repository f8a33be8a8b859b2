"""Measured maps, judged by others: mir_eval's metrics of alignments, and audio-offset-finder's own files.

mir_eval reads what everybody can read, `sync.segments` of the JSON document, and compares the recording times of the
call's moments with the true ones. audio-offset-finder's tests publish the offsets of their files. The licence of these
files differs from this project's, so they aren't in this repository: OFFSET_FINDER_AUDIO names the folder that has
them, `tests/audio` of audio-offset-finder's repository.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import mir_eval.alignment
import numpy as np
import pytest
import soxr
from captures import CAPTURES, Capture
from mapped_clocks import Points, place_by_map, rates, to_recording, warming
from talkers import RATE, place, talk

import komorebi_qc
from komorebi_qc.findings.sync_document import sync_dict
from komorebi_qc.sync import measure
from komorebi_qc.sync.evidence.candidates import best_candidate

TRUE_MS = 1.0
"""A moment of the call is right if the map has it within this."""


@dataclass(frozen=True, slots=True)
class Score:
    """mir_eval's verdict.

    Attributes:
        median_ms: median absolute error.
        mean_ms: mean absolute error.
        correct: share of the moments within `TRUE_MS`, 0..1.
        overlap: share of the time in which the segments between the moments overlap the true ones, 0..1.
    """

    median_ms: float
    mean_ms: float
    correct: float
    overlap: float


def judged(reference_s: np.ndarray, estimated_s: np.ndarray) -> Score:
    """Judge recording times of the same moments. mir_eval takes times from 0 on, in order."""
    early_s = min(0.0, float(reference_s[0]), float(estimated_s[0]))
    reference_s, estimated_s = reference_s - early_s, estimated_s - early_s
    median_s, mean_s = mir_eval.alignment.absolute_error(reference_s, estimated_s)
    return Score(
        float(median_s) * 1e3,
        float(mean_s) * 1e3,
        float(mir_eval.alignment.percentage_correct(reference_s, estimated_s, window=TRUE_MS / 1e3)),
        float(mir_eval.alignment.percentage_correct_segments(reference_s, estimated_s)),
    )


def document_map(sync: dict[str, Any]) -> Points:
    """The map as the JSON document has it."""
    assert sync["status"] == "aligned", sync["reason"]
    return tuple((p["call_s"], p["recording_s"]) for p in sync["segments"])


def measured_map(call: np.ndarray, recording: np.ndarray) -> Points:
    """The map of a call in a recording."""
    return document_map(sync_dict(measure(call, recording), len(call) / RATE))


def moments(call_s: float) -> np.ndarray:
    """A moment of the call each quarter of a second."""
    return np.arange(0.1, call_s - 0.1, 0.25)


BENT: dict[str, Points] = {
    "constant rate": rates(2.0, (90.0, 60.0)),
    "two rates": rates(1.2, (60.0, 50.0), (120.0, -60.0)),
    "three rates": rates(0.5, (40.0, 0.0), (80.0, 140.0), (120.0, 10.0)),
    "warming": warming(1.0, 180.0, 60.0, 5.0, 60.0),
}


@pytest.mark.parametrize("name", BENT)
def test_mir_eval_finds_the_map_right(name: str) -> None:
    """On clocks that bend and that don't: every moment within a millisecond, half of them within a tenth of one."""
    points = BENT[name]
    call_s = points[-1][0]
    call = talk(601, call_s)
    found = measured_map(call, place_by_map(call, points, customer_delay=640))
    at_s = moments(call_s)
    score = judged(to_recording(points, at_s), to_recording(found, at_s))
    assert score.correct == 1.0
    assert score.median_ms < 0.1
    assert score.mean_ms < 0.2
    assert score.overlap > 0.999


def test_mir_eval_finds_the_segments_right() -> None:
    """The bends themselves: the segments of a clock with three rates overlap the true ones nearly everywhere."""
    points = BENT["three rates"]
    call = talk(601, 120.0)
    found = measured_map(call, place_by_map(call, points))
    assert len(found) == len(points)
    score = judged(np.array([r for _, r in points]), np.array([r for _, r in found]))
    assert score.overlap > 0.95


def test_mir_eval_finds_a_jump_right() -> None:
    """A jump forwards: moments on both sides of it have their own place."""
    call = talk(602, 90)
    found = measured_map(call, place(call, 2.0, 30.0, ((45.0, 0.6),)))
    at_s = np.array([t for t in moments(90.0) if abs(t - 45.0) > 3.0])
    truth_s = 2.0 + at_s * (1 + 30e-6) + np.where(at_s > 45.0, 0.6, 0.0)
    score = judged(truth_s, to_recording(found, at_s))
    assert (score.correct, score.overlap > 0.999) == (1.0, True)


def test_mir_eval_notices_a_wrong_map() -> None:
    """The same judge fails a map that ignores the bend, or that is 20 ms late: its verdict above isn't given away."""
    points = BENT["two rates"]
    at_s = moments(120.0)
    truth_s = to_recording(points, at_s)
    assert judged(truth_s, to_recording((points[0], points[-1]), at_s)).correct < 0.8
    assert judged(truth_s, truth_s + 0.02).correct == 0.0


@pytest.mark.parametrize("capture", CAPTURES.values(), ids=CAPTURES)
def test_mir_eval_finds_real_captures_right(capture: Capture) -> None:
    """Recordings by a browser: half of the moments within a millisecond of the capture's truth."""
    document = komorebi_qc.diagnose(connect=capture.call, recording=capture.recording, call_end=capture.call_end)
    found = document_map(document.to_dict()["sync"])
    at_s = moments(capture.call_end_s - capture.offset_s)
    score = judged(capture.offset_s + at_s, to_recording(found, at_s))
    assert score.median_ms < 1.0
    assert score.overlap > 0.98


AUDIO = os.environ.get("OFFSET_FINDER_AUDIO")
FILES = {
    "timbl_1.mp3": "6e35b69faf4b8869f1923a1f616bcc82e03a6f3b758f550a0ed6a9a3f644c7ec",
    "timbl_2.mp3": "52bd4fda01eca4b5777956dca6901f47f7172c301d4022d049adcfdfdc55ccb2",
    "timbl_3.mp3": "094edc367b87ac274781e04b578362e8fe28b7ab58e31d11b64d75e2d9296b3b",
}
HOP_S = 0.02
"""The grid of the published offsets: 160 samples at 8 kHz."""
PUBLISHED_S = [
    ("timbl_1.mp3", "timbl_2.mp3", 12.26),
    ("timbl_1.mp3", "timbl_3.mp3", 12.24),
    ("timbl_1.mp3", "timbl_1.mp3", 0.0),
    ("timbl_2.mp3", "timbl_2.mp3", 0.0),
    ("timbl_2.mp3", "timbl_1.mp3", -12.26),
]


def samples(name: str) -> np.ndarray:
    """A file's samples at 8 kHz, from its first one on."""
    path = Path(AUDIO or "") / name
    assert hashlib.sha256(path.read_bytes()).hexdigest() == FILES[name], "another file than the published one"
    to_mono = av.AudioResampler(format="flt", layout="mono")
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        parts = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in to_mono.resample(frame)]
    found: np.ndarray = np.clip(soxr.resample(np.concatenate(parts), rate, RATE), -1, 1)
    return (found * 32767).astype(np.int16)


if AUDIO is not None:  # without the folder there is nothing to compare with

    @pytest.mark.parametrize(("within", "file", "published_s"), PUBLISHED_S)
    def test_audio_offset_finders_files_have_their_published_offset(within: str, file: str, published_s: float) -> None:
        """A radio programme, cut and with noise added: the published offset to its own grid, and no jump or bend."""
        voice = samples(file)
        r = measure(np.stack([np.zeros_like(voice), voice], axis=1), samples(within))
        chosen = best_candidate(r.candidates, None, 1.0)
        offset_s = r.offset_s if r.status == "aligned" else chosen.offset_s if chosen is not None else None
        assert offset_s == pytest.approx(published_s, abs=HOP_S)
        assert (r.jumps, r.knots) == ((), ())
