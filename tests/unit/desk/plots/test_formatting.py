"""Numbers and times in plots."""

from __future__ import annotations

import pytest

from komorebi_qc.desk.plots.formatting import clock_text, ms_text, rounded_text, seconds_text, signed_text, whole_text

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (clock_text(61.5, 1), "01:01.5"),
        (clock_text(59.96, 1), "01:00.0"),
        (clock_text(3725.0, 0), "1:02:05"),
        (clock_text(-0.0004, 3), "00:00.000"),
        (clock_text(-1.5, 1), f"{MINUS}00:01.5"),
        (whole_text(62.0), "01:02"),
        (whole_text(62.35), "01:02.350"),
        (ms_text(0.35), "+350 ms"),
        (ms_text(-12.0), f"{MINUS}12 s"),
        (signed_text(0.0, "ppm", 2), "0 ppm"),
        (rounded_text(0.004), "0.01"),
        (rounded_text(12.34), "12"),
        (seconds_text(0.667), "667 ms"),
        (seconds_text(1.0), "1.00 s"),
    ],
)
def test_numbers_are_written_for_people(text: str, expected: str) -> None:
    """Signs, units and decimals, without exponents and negative zeros."""
    assert text == expected
