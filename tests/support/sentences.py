"""The numbers in a sentence, for tests: its words may change, its numbers may not."""

from __future__ import annotations

import re


def numbers(text: str) -> list[str]:
    """The numbers and times in a sentence, as written."""
    return re.findall(r"[+-]?\d[\d:.,]*\d|[+-]?\d", text)
