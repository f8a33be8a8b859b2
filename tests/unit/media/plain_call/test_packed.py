"""A packed call gives back each sample, in half of the memory."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from talkers import RATE, talk

from komorebi_qc.media.plain_call.packed import PackedCall

SPEECH = talk(5, 60.0)
LOUD = np.random.default_rng(2).integers(-32768, 32767, (20_000, 2), np.int16, endpoint=True)


@pytest.mark.parametrize("track", [SPEECH, LOUD, SPEECH[:1], SPEECH[:4608], SPEECH[:4609], SPEECH[:0]])
def test_a_packed_call_has_the_same_samples(track: np.ndarray) -> None:
    """Of any length, and also if nothing can be packed."""
    packed = PackedCall(track)
    assert packed.shape == track.shape
    assert np.array_equal(packed[0 : len(track)], track)


def test_any_part_in_any_order() -> None:
    """Parts within a block, across blocks, beyond the end, and empty ones."""
    packed = PackedCall(SPEECH)
    rng = np.random.default_rng(3)
    for start, count in zip(rng.integers(0, len(SPEECH), 60), rng.integers(0, 12 * RATE, 60), strict=True):
        assert np.array_equal(packed[start : start + count], SPEECH[start : start + count])
    assert packed[10:5].shape == (0, 2)
    assert packed[len(SPEECH) :].shape == (0, 2)
    assert np.array_equal(packed[:], SPEECH)


def test_speech_takes_less_than_six_tenths() -> None:
    """Each voice pauses while the other speaks."""
    assert PackedCall(SPEECH).packed_bytes < 0.6 * SPEECH.nbytes


def test_two_threads_read_at_once() -> None:
    """One decoder serves both."""
    packed = PackedCall(SPEECH)
    wrong: list[int] = []

    def read(step: int) -> None:
        starts = range(0, len(SPEECH), step)
        wrong.extend(at for at in starts if not np.array_equal(packed[at : at + step], SPEECH[at : at + step]))

    threads = [threading.Thread(target=read, args=(step,)) for step in (RATE, 3 * RATE + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert wrong == []


def test_a_run_can_be_stopped_between_two_blocks() -> None:
    """A call comes over a network while it is packed."""

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        PackedCall(SPEECH, stop)
