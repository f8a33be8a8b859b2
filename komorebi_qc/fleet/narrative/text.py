"""Values and names as text: harmless, on one line, and with units."""

from __future__ import annotations

import unicodedata
from typing import Final

from komorebi_qc.core.exports.spreadsheet import escape_formulas
from komorebi_qc.desk.plots.formatting import number_text, signed_text

UNKNOWN: Final = "\N{EN DASH}"
"""Instead of a missing value."""
MEASURE_UNITS: Final = {
    "offset_s": ("s", 2),
    "drift_ppm": ("ppm", 1),
    "call_end_error_s": ("s", 2),
    "coverage": ("", 3),
}
"""Unit and decimals of each measure; all others are shares."""
_MAX_CHARACTERS = 120


def safe(text: str | None, most: int = _MAX_CHARACTERS) -> str:
    """A text from outside on one line: without invisible characters and formulas, and shortened."""
    if text is None:
        return "(unknown)"
    line = " ".join(text[: 50 * most].split())
    line = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c)[0] == "C" else c for c in line)
    line = escape_formulas(line)
    return line if len(line) <= most else f"{line[: most - 2]} …"


def safe_end(text: str, most: int) -> str:
    """As `safe`, but a long text keeps its end, which distinguishes paths."""
    line = safe(text, len(text) + 1)
    return line if len(line) <= most else f"… {line[2 - most :]}"


def share_text(part: int, whole: int) -> str:
    """A share in per cent, with enough digits that it isn't shown as 0 or 100 % by rounding."""
    if not whole:
        return UNKNOWN
    percent = 100 * part / whole
    decimals = 0 if part in (0, whole) else 1 if 0.1 <= percent <= 99.9 else 2
    return f"{percent:.{decimals}f} %"


def of_text(part: int, whole: int) -> str:
    """A share with its counts."""
    return f"{share_text(part, whole)} ({part:,} of {whole:,})"


def verb(count: int, singular: str, plural: str) -> str:
    """The verb for this number of subjects."""
    return singular if count == 1 else plural


def value_text(measure: str, value: float | None) -> str:
    """A value of a measure, or a share, with its unit."""
    if value is None:
        return UNKNOWN
    if measure not in MEASURE_UNITS:
        return f"{100 * value:.1f} %"
    unit, decimals = MEASURE_UNITS[measure]
    return f"{number_text(round(value, decimals), decimals)} {unit}".rstrip()


def size_text(measure: str, value: float) -> str:
    """A difference of two values of a measure, with its sign and unit."""
    if measure not in MEASURE_UNITS:
        return signed_text(100 * value, "points", 1)
    unit, decimals = MEASURE_UNITS[measure]
    return signed_text(value, unit, decimals)
