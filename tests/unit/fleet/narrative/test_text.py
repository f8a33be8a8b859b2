"""Texts from outside are harmless, and shares aren't rounded to 0 or 100 %."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.fleet.narrative.text import safe, safe_end, share_text


@given(st.text())
def test_a_text_from_outside_is_made_harmless(text: str) -> None:
    """It is one short line without control characters and formulas."""
    shown = safe(text)
    assert len(shown) <= 121
    assert not any(unicodedata.category(c)[0] == "C" for c in shown)
    assert not shown.startswith(("=", "+", "-", "@"))
    assert "\n" not in shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 0, "–"), (0, 9, "0 %"), (9, 9, "100 %"), (1, 3, "33.3 %"), (1, 3000, "0.03 %"), (2999, 3000, "99.97 %")],  # noqa: RUF001
)
def test_a_share_is_not_rounded_to_nothing_or_all(part: int, whole: int, shown: str) -> None:
    """1 of 3,000 isn't 0 %, and 2,999 of 3,000 isn't 100 %."""
    assert share_text(part, whole) == shown


def test_a_long_path_keeps_its_end() -> None:
    """Its end distinguishes it from others."""
    assert safe_end("/a/long/path/to/file.webm", 12) == "… /file.webm"
    assert safe_end("short", 12) == "short"
