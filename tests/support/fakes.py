"""Hand-written fakes that several tests use."""

from __future__ import annotations


class Noting:
    """A progress sink that remembers."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def step(self, number: int, of: int, name: str) -> None:
        """Remember it."""
        self.told.append((number, of, name))

    def advance(self, fraction: float) -> None:
        """Remember it."""
        self.told.append(fraction)

    def check(self) -> None:
        """Remember it."""
        self.told.append("check")
