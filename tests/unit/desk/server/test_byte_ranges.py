"""The header Range."""

from __future__ import annotations

import pytest

from komorebi_qc.desk.server.byte_ranges import UnsatisfiableRangeError, byte_range


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, None),
        ("bytes=0-", (0, 100)),
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=20-10", None),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
        (f"bytes=0-{'9' * 30}", None),
    ],
)
def test_range(header: str | None, found: tuple[int, int] | None) -> None:
    """The first byte and the one after the last; None for the whole file."""
    assert byte_range(header, 100) == found


@pytest.mark.parametrize(("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=-5", 0), ("bytes=0-", 0)])
def test_no_byte_is_in_the_range(header: str, size: int) -> None:
    """The server answers that the range can't be satisfied."""
    with pytest.raises(UnsatisfiableRangeError):
        byte_range(header, size)
