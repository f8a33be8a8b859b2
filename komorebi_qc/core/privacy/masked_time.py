"""Whether a moment, or a frame while it is on show, is in a masked span."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.timebase import Span


class MaskedTime:
    """The masked spans of one clock. Falsy without a span."""

    def __init__(self, spans: Sequence[Span]) -> None:
        """Take the spans, in order and without overlap, as `Masks` has them."""
        self._starts = [span.start_s for span in spans]
        self._ends = [span.end_s for span in spans]

    def __bool__(self) -> bool:
        return bool(self._ends)

    def is_masked(self, at_s: float) -> bool:
        """Whether a moment is masked."""
        number = bisect_right(self._ends, at_s)
        return number < len(self._starts) and self._starts[number] <= at_s

    def is_shown(self, from_s: float, until_s: float) -> bool:
        """Whether a frame that is on show from `from_s` until `until_s` is on show in a mask, if only for a moment."""
        number = bisect_right(self._ends, from_s)
        return number < len(self._starts) and (self._starts[number] < until_s or self._starts[number] <= from_s)

    def starts_within(self, at_s: float, ahead_s: float) -> bool:
        """Whether a span is on at `at_s`, or begins in the `ahead_s` seconds after it."""
        number = bisect_right(self._ends, at_s)
        return number < len(self._starts) and self._starts[number] < at_s + ahead_s
