"""A spreadsheet's cell."""

from __future__ import annotations

import pytest

from komorebi_qc.core.exports.spreadsheet import cell


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain; text", "plain; text"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("a\n+1", "a\n'+1"),
        ("a\r\n@b", "a\n'@b"),
        ("\t=1", "'\t'=1"),
        ("\x1b[2J", "\N{REPLACEMENT CHARACTER}[2J"),
        ("a\u202eb", "a\N{REPLACEMENT CHARACTER}b"),
    ],
)
def test_cell(given: str, shown: str) -> None:
    """No formula, and no control character but tab and line feed."""
    assert cell(given) == shown
