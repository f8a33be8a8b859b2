"""Pictures of one size fitted into another."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from komorebi_qc.media.joining.fitting import Fitting


def frame(width: int, height: int, pts: int) -> av.VideoFrame:
    """A white picture."""
    made = av.VideoFrame.from_ndarray(np.full((height, width), 235, np.uint8), format="gray").reformat(format="yuv420p")
    made.pts, made.time_base = pts, Fraction(1, 1000)
    return made


def test_a_picture_keeps_its_proportions_and_its_time() -> None:
    """It is in the middle of a black one."""
    fitted = Fitting(160, 90, "yuv420p").fitted(frame(80, 80, 1234))
    picture = fitted.to_ndarray(format="gray")
    assert (fitted.width, fitted.height, fitted.pts) == (160, 90, 1234)
    assert picture[:, :30].max() < 30
    assert picture[45, 50:110].min() > 200


def test_a_picture_of_the_right_size_stays_as_it_is() -> None:
    """Nothing is scaled."""
    same = frame(160, 90, 7)
    assert Fitting(160, 90, "yuv420p").fitted(same) is same


def test_pictures_may_change_their_size_on_the_way() -> None:
    """A window that is resized changes it within one file."""
    fitting = Fitting(160, 90, "yuv420p")
    sizes = [(f.width, f.height, f.pts) for f in (fitting.fitted(frame(w, 60, w)) for w in (64, 100, 64))]
    assert sizes == [(160, 90, 64), (160, 90, 100), (160, 90, 64)]
