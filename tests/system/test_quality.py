"""The output's quality: it has the call audio as Connect recorded it, and all of it at the right time."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from measure import cases, decode_audio, lag_s, process, resampled, unavailable, video_pts, window_lags_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from measure import Case, Pcm

RATE = 16_000
PESQ_RATE = 8_000
LOWEST_PESQ = 4.3
PLACED_WITHIN_S = {".mp4": 0.0005, ".webm": 0.001}
PTS_WITHIN_S = 0.001
CONTAINERS = {"h264": (".mp4",), "vp8": (".webm",), "vp9": (".mp4", ".webm"), "av1": (".mp4", ".webm")}
"""Containers into which the codec is copied."""
CASES = cases()
Wanted = tuple[str, str, float | None]
PLAIN: list[Wanted] = [(name, suffix, None) for name, case in CASES.items() for suffix in CONTAINERS[case.video_codec]]
LATE: list[Wanted] = [("recording.mp4", ".mp4", -2.3456), ("vp9.mp4", ".mp4", -3.2101), ("vp8.webm", ".webm", -3.2101)]
"""As if the recording had started after the call: the video starts later, and the call's first seconds are kept."""


@dataclass(frozen=True, slots=True)
class Made:
    """A case, and the unified recording of it.

    Attributes:
        case: the input.
        path: the output.
        offset_s: the call's offset.
        shift_s: the output clock minus the recording clock.
    """

    case: Case
    path: Path
    offset_s: float
    shift_s: float


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str, float | None], Made]:
    """Unified recordings, each made once by the command line."""
    made: dict[tuple[str, str, float | None], Made] = {}

    def make(name: str, suffix: str, offset_s: float | None) -> Made:
        key = name, suffix, offset_s
        if key not in made:
            case = CASES[name]
            found = process(case, tmp_path_factory.mktemp("made") / f"{case.recording.stem}{suffix}", offset_s)
            at_s = case.offset_s if offset_s is None else offset_s
            made[key] = Made(case, Path(found["output"]), at_s, max(0.0, -at_s))
        return made[key]

    return make


@pytest.mark.parametrize(("name", "suffix", "offset_s"), PLAIN)
def test_call_audio_has_connects_quality(
    make: Callable[[str, str, float | None], Made], name: str, suffix: str, offset_s: float | None
) -> None:
    """Each side of the call scores PESQ-NB 4.3 or more against Connect's own audio, in AAC and in Opus."""
    if find_spec("pesq") is None:
        unavailable("pesq isn't installed (pip install -e '.[quality]' builds it)")
    pesq = import_module("pesq").pesq
    made = make(name, suffix, offset_s)
    call, _ = decode_audio(made.case.connect)
    output, rate = decode_audio(made.path)
    first = round((made.offset_s + made.shift_s) * rate)
    output = resampled(output[first : first + round(made.case.call_s * rate)], rate, PESQ_RATE)
    scores = [pesq(PESQ_RATE, call[: len(output), side], output[: len(call), side], "nb") for side in (0, 1)]
    assert min(scores) >= LOWEST_PESQ, f"customer and agent score {scores[0]:.2f} and {scores[1]:.2f}"


@pytest.mark.parametrize(("name", "suffix", "offset_s"), PLAIN + LATE)
def test_call_audio_is_at_its_aligned_time(
    make: Callable[[str, str, float | None], Made], name: str, suffix: str, offset_s: float | None
) -> None:
    """Every spoken window of the call, on either side, lies within half a millisecond (WebM: one) of its moment."""
    made = make(name, suffix, offset_s)
    call = _at_rate(made.case.connect)
    begins = (made.offset_s + made.shift_s) * RATE
    output = _at_rate(made.path)[round(begins) :]
    found = list(window_lags_s(call, output[: len(call)], RATE))
    lags = np.array([lag for lag, _ in found]) - (begins - round(begins)) / RATE
    assert {side for _, side in found} == {0, 1}
    assert len(lags) >= made.case.call_s
    assert np.max(np.abs(lags)) <= PLACED_WITHIN_S[suffix]


@pytest.mark.parametrize(("name", "suffix", "offset_s"), PLAIN + LATE)
def test_audio_after_the_call_keeps_its_time(
    make: Callable[[str, str, float | None], Made], name: str, suffix: str, offset_s: float | None
) -> None:
    """Every spoken window after the call is at most half a millisecond (WebM: one) from its video frame."""
    made = make(name, suffix, offset_s)
    ends_s = made.offset_s + made.case.call_s
    own = _at_rate(made.case.recording)[round(ends_s * RATE) :]
    begins = (ends_s + made.shift_s) * RATE
    output = _at_rate(made.path)[round(begins) :]
    lags = np.array([lag for lag, _ in window_lags_s(own, output, RATE, window_s=1.0, step_s=0.25)])
    lags -= (begins - round(begins) - (ends_s * RATE - round(ends_s * RATE))) / RATE
    assert len(lags) >= 12
    assert np.max(np.abs(lags)) <= PLACED_WITHIN_S[suffix]


@pytest.mark.parametrize(("name", "suffix", "offset_s"), PLAIN + LATE)
def test_video_packets_are_unchanged(
    make: Callable[[str, str, float | None], Made], name: str, suffix: str, offset_s: float | None
) -> None:
    """No video packet is lost or added, and a packet moves by at most a millisecond, beside the late start's shift."""
    made = make(name, suffix, offset_s)
    before, after = video_pts(made.case.recording), video_pts(made.path)
    assert len(after) == len(before)
    assert np.max(np.abs(np.array(after) - np.array(before) - made.shift_s)) <= PTS_WITHIN_S


@pytest.mark.parametrize("late_s", [0.0, 0.012_34, 0.25])
def test_measured_lag_is_true(late_s: float) -> None:
    """The measure finds the lag of a real voice to a hundredth of a millisecond, between two samples as well."""
    pcm, rate = decode_audio(CASES["recording.mp4"].connect)
    fine = resampled(pcm[: 4 * rate, 1:].repeat(2, axis=1), rate, 100_000)[:, 0]
    voice = resampled(_two(fine), 100_000, RATE)[:, 0]
    delayed = resampled(_two(np.concatenate([np.zeros(round(late_s * 100_000), np.float32), fine])), 100_000, RATE)
    lag, ratio = lag_s(voice, delayed[:, 0], RATE)
    assert lag == pytest.approx(late_s, abs=1e-5)
    assert ratio > 3


def test_measure_finds_nothing_in_another_voice() -> None:
    """Two voices that say different things give no clear peak."""
    pcm, rate = decode_audio(CASES["recording.mp4"].connect)
    _, ratio = lag_s(pcm[: 8 * rate, 0], pcm[8 * rate : 16 * rate, 1], rate)
    assert ratio < 1.6


def _at_rate(path: Path) -> Pcm:
    return resampled(*decode_audio(path), RATE)


def _two(pcm: Pcm) -> Pcm:
    return np.repeat(pcm[:, None], 2, axis=1)
