"""What a test reads in a sentence: its numbers. Words may be put better; numbers may not change."""

from __future__ import annotations

import re


def numbers(text: str) -> list[str]:
    """The numbers and times in a sentence, as written."""
    return re.findall(r"[+-]?\d[\d:.,]*\d|[+-]?\d", text)
