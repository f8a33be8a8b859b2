"""The sizes of several monitors in one picture."""

from __future__ import annotations

import pytest

from komorebi_qc.core.joining.monitors import MOST_WIDTH, Monitors, side_by_side, with_monitors
from komorebi_qc.core.media_info import MediaInfo, VideoTracks

FULL = (1920, 1080)


@pytest.mark.parametrize(
    ("sizes", "cells"),
    [
        ([FULL, FULL], [FULL, FULL]),
        ([FULL, FULL, FULL], [(1280, 720)] * 3),
        ([(1280, 720), (640, 480)], [(1280, 720), (960, 720)]),
        ([(640, 480), (1280, 720)], [(960, 720), (1280, 720)]),
        ([(1280, 720), FULL, (1366, 768)], [(1276, 718), (1276, 718), (1276, 718)]),
        ([(1081, 1921), (101, 99)], [(1080, 1920), (1958, 1920)]),
        ([(7680, 100), FULL], [(3686, 48), (84, 48)]),
    ],
)
def test_all_have_one_height_and_fit(sizes: list[tuple[int, int]], cells: list[tuple[int, int]]) -> None:
    """The highest one's height, or less if the picture were too wide; even sizes, in order."""
    found = side_by_side(sizes)
    assert list(found) == cells
    assert sum(width for width, _ in found) <= MOST_WIDTH
    assert not any((width | height) & 1 for width, height in found)


def test_the_picture_keeps_what_its_file_has_and_lacks() -> None:
    """A file that was cut off stays one."""
    info = MediaInfo("a", "mp4", None, None, 0.0, 0, None, video_tracks=VideoTracks((FULL,)))
    assert with_monitors(info, None) == info
    marked = with_monitors(info, Monitors((FULL, FULL), 7, 1.5))
    assert (marked.missing_bytes, marked.missing_s) == (7, 1.5)
    assert marked.video_tracks == VideoTracks((FULL, FULL), is_side_by_side=True)
