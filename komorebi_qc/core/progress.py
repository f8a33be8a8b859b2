"""Progress of a long run, for the person who waits for it."""

from __future__ import annotations

from typing import Protocol

PUBLISH, MARK = "publish", "mark processed"
"""The last two steps. A published result is always marked, so no signal stops a run between them."""


class Progress(Protocol):
    """Receives each step as it begins, and the fraction done."""

    def step(self, number: int, of: int, name: str) -> None:
        """Step `number` of `of` begins."""
        ...

    def advance(self, fraction: float) -> None:
        """The current step is done to `fraction`, from 0 to 1."""
        ...

    def check(self) -> None:
        """Called between two pieces of work. Raises an exception to stop the run."""
        ...


class Silent:
    """Discards all progress."""

    def step(self, number: int, of: int, name: str) -> None:
        """Do nothing."""

    def advance(self, fraction: float) -> None:
        """Do nothing."""

    def check(self) -> None:
        """Do nothing: the run continues."""


SILENT: Progress = Silent()
