"""A recording's ID is found wherever it is, and not within another ID."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.erasure.name_match import NameMatch

UUID = "7f3c2a90-5b1e-4c6d-9a57-2e8d41c0b6f3"


@pytest.mark.parametrize(
    ("recording_id", "text", "is_named"),
    [
        ("r1", "r1", True),
        ("r1", "reports/r1/report.html", True),
        ("r1", "'r1', r2", True),
        ("r1", "r1.mp4", True),
        ("r1", "r10", False),
        ("r1", "ar1", False),
        ("r1", "r1-b", False),
        ("r1", "r1_b", False),
        ("r1", "R1", False),
        ("r1", "", False),
        ("r.1", "rx1", False),
        ("/data/a b.webm", "row of /data/a b.webm.", True),
        (UUID, f"{UUID}_report.html", True),
        (UUID, f"x{UUID.upper()}x", True),
        (UUID, UUID[:-1], False),
        ("a" * 100, f"… {'a' * 78}", True),
        ("a" * 100, f"… {'a' * 77}", False),
    ],
)
def test_a_name_is_found(recording_id: str, text: str, *, is_named: bool) -> None:
    """Letters, digits, ``-`` and ``_`` beside it make another ID; a UUID counts anywhere, a long ID by its end."""
    names = NameMatch(recording_id)
    assert names.in_text(text) is is_named
    assert names.in_bytes(text.encode()) is is_named
    assert names.in_chunks([text.encode()]) is is_named


@given(
    st.lists(st.sampled_from([b"r1", b"r", b"1", b"0", b" ", b"-", b"xyz", b""]), max_size=12),
    st.integers(1, 5),
)
def test_pieces_are_the_same_as_the_whole(parts: list[bytes], size: int) -> None:
    """The answer doesn't depend on where a file's content is cut."""
    names, whole = NameMatch("r1"), b"".join(parts)
    assert names.in_chunks(whole[i : i + size] for i in range(0, len(whole), size)) is names.in_bytes(whole)
    assert names.in_chunks(parts) is names.in_bytes(whole)
