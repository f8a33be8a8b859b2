"""What a long run tells the person who waits for it."""

from __future__ import annotations

from typing import Protocol

PUBLISH, MARK = "publish", "mark the item processed"
"""The last two steps: what is in sight gets marked, so that nothing stops a run from the one to the other."""


class Progress(Protocol):
    """Told of each step as it begins, and of how far it is."""

    def step(self, number: int, of: int, name: str) -> None:
        """Step `number` of `of` begins."""
        ...

    def advance(self, fraction: float) -> None:
        """The present step is done to `fraction`, from 0 to 1."""
        ...

    def check(self) -> None:
        """Between two pieces of work: raises where the run is to stop."""
        ...


class Silent:
    """Tells nobody."""

    def step(self, number: int, of: int, name: str) -> None:
        """Say nothing."""

    def advance(self, fraction: float) -> None:
        """Say nothing."""

    def check(self) -> None:
        """Go on."""


SILENT: Progress = Silent()
