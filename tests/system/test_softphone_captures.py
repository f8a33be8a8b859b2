"""Recordings by Chromium and Firefox through a mixing graph: paused, restarted, with lost chunks, and rewritten."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from captures import SOFTPHONE, SoftphoneCapture

from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.pipeline.diagnose import Diagnosis, diagnose
from komorebi_qc.storage.input_file import opened_file

LIMIT_S = 0.002
"""As good as the truth, which has the packets' whole milliseconds."""
MISSES = {"chromium-canvas.ts-ebml.webm": "a step of 10 ms, 1.6 s into the call, isn't followed"}
"""The captures whose map is off, and why."""


def known(name: str) -> pytest.MarkDecorator:
    """The mark of a known miss: the test fails as soon as it passes."""
    return pytest.mark.xfail(name in MISSES, strict=True, reason=MISSES.get(name, ""), raises=AssertionError)


@cache
def diagnosed(name: str) -> Diagnosis:
    """The diagnosis of a capture, made once."""
    capture = SOFTPHONE[name]
    with opened_file(capture.call) as call, opened_file(capture.recording) as recording:
        return diagnose(call, recording, CallEnd(capture.call_end_s, 1.0))


def recorded(capture: SoftphoneCapture) -> list[tuple[float, float]]:
    """Each half second of the call that the recording has, and its true place there, away from jumps."""
    found = []
    for (low, low_s), (high, high_s) in pairwise(capture.points):
        if any(low < stop and high > start for start, stop in capture.absent):
            continue
        found += [
            (float(c), float(np.interp(c, (low, high), (low_s, high_s))))
            for c in np.arange(low, high, 0.5)
            if all(abs(c - at) > 0.6 for at, _ in capture.jumps)
        ]
    return found


def error_s(name: str) -> float:
    """The 95th percentile of the map's error."""
    alignment = diagnosed(name).sync.alignment
    assert alignment is not None
    moments = recorded(SOFTPHONE[name])
    return float(np.percentile([abs(alignment.to_recording(c) - r) for c, r in moments], 95))


@pytest.mark.parametrize("name", sorted(SOFTPHONE))
def test_every_capture_is_aligned(name: str) -> None:
    """The voices confirm the call, whether the recorder paused, started again or lost a chunk."""
    assert diagnosed(name).sync.status == "aligned"


@pytest.mark.parametrize("name", [pytest.param(name, marks=known(name)) for name in sorted(SOFTPHONE)])
def test_the_map_follows_the_recording(name: str) -> None:
    """In 95 of 100 places the map agrees with the capture's pilots."""
    assert error_s(name) <= LIMIT_S


def test_no_large_jump_is_missed_and_its_size_is_right() -> None:
    """A pause in Firefox: one jump, as long as the pause, in what is missing."""
    capture = SOFTPHONE["firefox-pause.webm"]
    jumps = diagnosed(capture.name).sync.jumps
    assert len(jumps) == 1
    ((at, size),) = capture.jumps
    ((start, stop),) = capture.absent
    assert jumps[0].size_s == pytest.approx(size, abs=0.001)
    assert start - 0.1 <= jumps[0].call_s <= max(stop, at) + 0.1
