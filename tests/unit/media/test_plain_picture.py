"""The plain picture."""

from __future__ import annotations

import numpy as np
import pytest

from komorebi_qc.media.plain_picture import GROUND, INK, MASK_TEXT, plain_frame, plain_grey, plain_picture


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (640, 360), (320, 240), (161, 91), (1080, 1920)])
def test_the_text_is_in_the_middle_and_fits(size: tuple[int, int]) -> None:
    """Letters have margins on all sides, and the picture has only two shades."""
    picture = plain_grey(*size)
    assert picture.shape == (size[1], size[0])
    assert set(np.unique(picture)) == {GROUND, INK}
    rows, columns = (np.flatnonzero((picture == INK).any(axis=axis)) for axis in (1, 0))
    for inked, length in ((rows, size[1]), (columns, size[0])):
        before, after = inked[0], length - 1 - inked[-1]
        assert min(before, after) >= 1
        assert abs(before - after) <= 1


def test_letters_grow_with_the_picture() -> None:
    """On a full screen they are 28 pixels high or higher."""
    rows = np.flatnonzero((plain_grey(1280, 720) == INK).any(axis=1))
    assert rows[-1] - rows[0] + 1 >= 28


def test_a_small_picture_has_fewer_words() -> None:
    """A picture too narrow for the line shows its first word, and a tiny one is blank."""
    assert np.array_equal(plain_grey(80, 45), plain_grey(80, 45, "Masked"))
    assert (plain_grey(80, 45) == INK).any()
    assert not (plain_grey(16, 16) == INK).any()
    assert plain_grey(2, 2).shape == (2, 2)


def test_every_letter_differs() -> None:
    """No two letters or digits look alike, and each has dots."""
    names = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:.,-'"
    pictures = {plain_grey(40, 40, name).tobytes() for name in names}
    assert len(pictures) == len(names)
    assert plain_grey(40, 40, " ").tobytes() not in pictures


def test_small_letters_are_capitals_and_others_are_blank() -> None:
    """The line is readable in any spelling."""
    assert np.array_equal(plain_grey(400, 100, "masked"), plain_grey(400, 100, "MASKED"))
    assert np.array_equal(plain_grey(400, 100, "a\u00e9b"), plain_grey(400, 100, "A B"))


def test_a_frame_is_the_picture_in_the_videos_format() -> None:
    """Grey in colour, and in 4:2:0."""
    assert np.array_equal(plain_picture(64, 32)[:, :, 1], plain_grey(64, 32))
    frame = plain_frame(320, 180)
    assert (frame.width, frame.height, frame.format.name) == (320, 180, "yuv420p")
    assert np.abs(frame.to_ndarray(format="gray").astype(int) - plain_grey(320, 180)).max() <= 2


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_a_frame_is_upright_after_its_rotation(rotation: int) -> None:
    """The coded picture is turned the other way."""
    coded = plain_frame(320, 180, MASK_TEXT, "gray", rotation).to_ndarray()
    assert coded.shape == (180, 320)
    upright = np.rot90(coded, k=round(rotation / 90) % 4)
    assert np.array_equal(upright, plain_grey(upright.shape[1], upright.shape[0]))
