"""Chapters of the unified recording, on the output clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ChapterKind = Literal["before_call", "call", "hold", "suspended", "redacted", "transfer", "after_call"]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter on the output clock.

    Attributes:
        from_s: its start.
        to_s: its end, which is the next one's start.
        kind: what it holds, for machines.
        title: the same for a person.
    """

    from_s: float
    to_s: float
    kind: ChapterKind
    title: str
