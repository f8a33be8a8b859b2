"""A fragment's tables are read in one go if it is as recorders write it."""

from __future__ import annotations

import bombs
import pytest

from komorebi_qc.media.bounds.mp4_fragment import fragment_tables
from komorebi_qc.media.bounds.mp4_tables import Table

RUN = bombs.table("trun", 2, 60, 5, 6, flags=0x201)
USUAL = bombs.table("mfhd", 1) + bombs.box("traf", bombs.table("tfhd", 1), RUN, RUN) + bombs.box("traf", RUN)


def test_all_runs_of_all_tracks_are_found() -> None:
    """With the bytes of their boxes."""
    assert fragment_tables(memoryview(USUAL)) == [(Table(2, 32, 12), len(RUN) - 8)] * 3


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(USUAL + bombs.box("uuid", RUN), id="a run in another box"),
        pytest.param(USUAL + bombs.sized(9), id="a table of an index"),
        pytest.param(USUAL + bombs.box("free", b"stsz"), id="its name in another box"),
        pytest.param(USUAL[:-1], id="cut off"),
        pytest.param(USUAL + b"\0\0\0\1trun" + bytes(20), id="a length of 64 bits"),
        pytest.param(bombs.box("traf", bombs.box("traf", bombs.box("traf", bombs.box("traf", RUN)))), id="deep boxes"),
        pytest.param(bombs.box("traf", b"\0\0\0\x0ctrun" + bytes(4)), id="a run without a number"),
    ],
)
def test_anything_unusual_is_left_to_the_walk(content: bytes) -> None:
    """It reads box by box."""
    assert fragment_tables(memoryview(content)) is None
