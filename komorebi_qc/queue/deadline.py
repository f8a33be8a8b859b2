"""A progress sink that stops a run before its time is up, where everything can still be tidied up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.errors import OutOfTimeError
from komorebi_qc.core.progress import MARK, SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

MARGIN_S = 30.0
"""Enough to abort an upload, to close the files and to tell the queue, on a connection that has just been slow."""


class Deadline:
    """Told of each step, and of how far it is; raises where less than the margin is left."""

    def __init__(
        self, remaining_s: Callable[[], float], *, margin_s: float = MARGIN_S, progress: Progress = SILENT
    ) -> None:
        """Watch the time.

        Args:
            remaining_s: seconds until whoever runs this ends it.
            margin_s: seconds to keep for tidying up.
            progress: told of everything as well.
        """
        self._remaining_s = remaining_s
        self._margin_s = margin_s
        self._progress = progress
        self._name = "begin"
        self._fraction = 0.0

    def check(self) -> None:
        """Go on, or stop.

        Raises:
            OutOfTimeError: where less than the margin is left.
        """
        self._progress.check()
        left_s = self._remaining_s()
        if left_s < self._margin_s:
            raise OutOfTimeError(
                f"the time was nearly up ({left_s:.0f} s left) at '{self._name}', {self._fraction:.0%} done: it "
                "was stopped and nothing was published. Give the function more time or memory, or process this "
                "recording by `komorebi-qc process`, which has no time limit"
            )

    def step(self, number: int, of: int, name: str) -> None:
        """Step `number` of `of` begins."""
        self._name, self._fraction = name, 0.0
        if name != MARK:
            self.check()
        self._progress.step(number, of, name)

    def advance(self, fraction: float) -> None:
        """The present step is done to `fraction`."""
        self._fraction = fraction
        self.check()
        self._progress.advance(fraction)
