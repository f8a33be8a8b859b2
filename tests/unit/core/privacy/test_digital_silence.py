"""Runs of digital silence in a channel, to the sample."""

from __future__ import annotations

import numpy as np
import pytest

from komorebi_qc.core.privacy.digital_silence import FRAME, SilentRun, frame_ranges, silent_runs, steps


def noise(samples: int, amplitude: int = 200, seed: int = 3) -> np.ndarray:
    """Two channels that never have the same value twice in a row."""
    rng = np.random.default_rng(seed)
    return (rng.integers(20, amplitude, (samples, 2)) * (1 - 2 * (np.arange(samples)[:, None] % 2))).astype(np.int16)


def runs(call: np.ndarray, channel: int = 0, spread: int = 0) -> list[tuple[int, int]]:
    """The runs of a channel as (start, stop)."""
    return [(run.start, run.stop) for run in silent_runs(call, frame_ranges(call), channel, spread)]


@pytest.mark.parametrize(("start", "stop"), [(4000, 9000), (4013, 9077), (0, 5001), (12_345, 20_000)])
@pytest.mark.parametrize("constant", [0, 8, -8])
def test_a_run_is_found_to_the_sample(start: int, stop: int, constant: int) -> None:
    """At any sample, also at the call's edges, for the constant of every G.711 law."""
    call = noise(20_000)
    call[start:stop, 1] = constant
    assert runs(call, 1) == [(start, stop)]
    assert runs(call, 0) == []


def test_a_short_run_does_not_count() -> None:
    """A lost packet of 20 ms, and 90 ms of silence."""
    call = noise(20_000)
    call[4000:4160] = 0
    call[8000:8720] = 0
    assert runs(call) == []


def test_an_offset_is_not_digital_silence() -> None:
    """A constant far from 0 is a fault of its own."""
    call = noise(20_000)
    call[4000:9000] = 900
    assert runs(call) == []


def test_residues_of_a_codec_need_a_spread() -> None:
    """A step of the last bits isn't exact silence, and within a wider spread it is."""
    call = noise(20_000)
    call[4000:9000] = np.random.default_rng(1).integers(-2, 3, (5000, 2))
    assert runs(call, spread=0) == []
    assert runs(call, spread=4) == [(4000, 9000)]


def test_a_call_is_read_in_blocks() -> None:
    """A run across two blocks is one, and the last frame may be short."""
    call = noise(6000 * FRAME + 12_345)
    call[6000 * FRAME - 2000 : 6000 * FRAME + 2001] = 0
    call[-1000:] = 0
    assert runs(call) == [(6000 * FRAME - 2000, 6000 * FRAME + 2001), (len(call) - 1000, len(call))]


def test_fractions_are_steps() -> None:
    """A decoder's samples with a fraction are rounded to 16 bits; no number is silence."""
    found = steps(np.array([0.0, 0.5, -2.0, np.nan]))
    assert found.dtype == np.int16
    assert found.tolist() == [0, 16384, -32768, 0]


def test_an_empty_call_has_no_run() -> None:
    """Nothing is read of it."""
    assert runs(np.zeros((0, 2), np.int16)) == []


def test_runs_overlap() -> None:
    """The samples that two runs share."""
    assert SilentRun(10, 20).overlap(SilentRun(15, 40)) == 5
    assert SilentRun(10, 20).overlap(SilentRun(20, 40)) == 0
