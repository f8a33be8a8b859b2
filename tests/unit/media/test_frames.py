"""Decoded frames: joined, and as stereo samples."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from komorebi_qc.media.frames import FrameQueue, stereo_samples

RATE = 48_000


def frame(side_values: list[float], samples: int = 4, rate: int = RATE, stamp: int | None = None) -> av.AudioFrame:
    """A frame whose sides are one value each."""
    layout = {1: "mono", 2: "stereo"}.get(len(side_values), f"{len(side_values)}c")
    pcm = np.repeat(np.array(side_values, np.float32)[:, None], samples, axis=1)
    made = av.AudioFrame.from_ndarray(pcm, format="fltp", layout=layout)
    made.sample_rate, made.pts, made.time_base = rate, stamp, Fraction(1, rate)
    return made


def test_frames_of_one_kind_come_out_as_one() -> None:
    """Their samples follow each other, whatever their timestamps: the decoder places them."""
    queue = FrameQueue()
    assert all(queue.add(frame([value, -value], stamp=stamp)) for value, stamp in ((0.1, 0), (0.2, 9999), (0.3, 1)))
    taken = queue.take()
    assert taken is not None
    assert stereo_samples(taken)[:, 0] == pytest.approx(np.repeat([0.1, 0.2, 0.3], 4))
    assert stereo_samples(taken)[:, 1] == pytest.approx(np.repeat([-0.1, -0.2, -0.3], 4))
    assert queue.take() is None


@pytest.mark.parametrize(
    "other", [frame([0.5]), frame([0.5, 0.5], rate=RATE // 2), frame([0.5] * 3)], ids=["mono", "rate", "three"]
)
def test_a_frame_of_another_kind_waits_until_the_others_are_taken(other: av.AudioFrame) -> None:
    """FFmpeg's queue would read a side that isn't there, or mix two rates: neither is put into one."""
    queue = FrameQueue()
    assert queue.add(frame([0.1, 0.2]))
    assert not queue.add(other)
    first = queue.take()
    assert first is not None
    assert stereo_samples(first).shape == (4, 2)
    assert queue.add(other)
    assert not queue.add(frame([0.1, 0.2]))
    second = queue.take()
    assert second is not None
    assert second.sample_rate == other.sample_rate
    assert stereo_samples(second) == pytest.approx(np.full((4, 2), 0.5))


def test_a_frame_of_another_time_base_loses_nothing() -> None:
    """A decoder's last frame may have another time base: it is taken after the others, or alone."""
    queue = FrameQueue()
    late = frame([0.5])
    late.time_base = Fraction(1, 1000)
    assert queue.add(frame([0.1]))
    assert not queue.add(late)
    assert queue.take() is not None
    assert queue.add(late)
    assert queue.take() is not None
    assert queue.add(frame([0.1]))
    again = queue.take()
    assert again is not None
    assert stereo_samples(again) == pytest.approx(np.full((4, 2), 0.1))


def test_frames_that_cannot_be_joined_come_out_one_by_one() -> None:
    """Frames of three and more channels come out one by one, and all of them."""
    queue = FrameQueue()
    assert queue.add(frame([0.1] * 3))
    assert not queue.add(frame([0.1] * 3))
    assert queue.take() is not None
    assert queue.take() is None


@pytest.mark.parametrize(
    ("sample_format", "values", "expected"),
    [
        ("u8p", [0, 128, 192], [-1.0, 0.0, 0.5]),
        ("s16p", [-32768, 0, 16384], [-1.0, 0.0, 0.5]),
        ("fltp", [-1.5, 0.0, 0.5], [-1.5, 0.0, 0.5]),
    ],
)
def test_samples_have_a_full_scale_of_one(sample_format: str, values: list[float], expected: list[float]) -> None:
    """Of each sample format; mono plays on both sides."""
    kind = {"u8p": np.uint8, "s16p": np.int16, "fltp": np.float32}[sample_format]
    mono = av.AudioFrame.from_ndarray(np.array([values], kind), format=sample_format, layout="mono")
    assert stereo_samples(mono) == pytest.approx(np.repeat(np.array(expected)[:, None], 2, axis=1))


def test_more_than_two_channels_are_mixed_down() -> None:
    """Both sides have the mean of all channels."""
    assert stereo_samples(frame([0.1, 0.2, 0.6])) == pytest.approx(np.full((4, 2), 0.3))
