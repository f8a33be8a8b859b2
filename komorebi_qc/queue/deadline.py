"""A progress sink that stops a run before its time limit, while there is still time to clean up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.errors import OutOfTimeError
from komorebi_qc.core.progress import MARK, SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

MARGIN_S = 30.0
"""Enough to abort an upload, close the files and answer the queue over a slow connection."""


class Deadline:
    """Receives each step and its progress; raises when less than the margin is left."""

    def __init__(
        self, remaining_s: Callable[[], float], *, margin_s: float = MARGIN_S, progress: Progress = SILENT
    ) -> None:
        """Watch the time.

        Args:
            remaining_s: returns the seconds until the time limit.
            margin_s: seconds to reserve for cleaning up.
            progress: receives everything as well.
        """
        self._remaining_s = remaining_s
        self._margin_s = margin_s
        self._progress = progress
        self._name = "begin"
        self._fraction = 0.0

    def check(self) -> None:
        """Check the time that is left.

        Raises:
            OutOfTimeError: less than the margin is left.
        """
        self._progress.check()
        left_s = self._remaining_s()
        if left_s < self._margin_s:
            raise OutOfTimeError(
                f"the time limit was close ({left_s:.0f} s left) at '{self._name}', {self._fraction:.0%} done: the "
                "run was stopped and nothing was published. Give the function more time or memory, or process this "
                "recording with `komorebi-qc process`, which has no time limit"
            )

    def step(self, number: int, of: int, name: str) -> None:
        """Step `number` of `of` starts."""
        self._name, self._fraction = name, 0.0
        if name != MARK:
            self.check()
        self._progress.step(number, of, name)

    def advance(self, fraction: float) -> None:
        """The current step is done to `fraction`."""
        self._fraction = fraction
        self.check()
        self._progress.advance(fraction)
