"""Walks over a file's structure.

A *walk* is a generator. It asks for the bytes at one position after another, and raises an error for a declaration
beyond a bound.
"""

from __future__ import annotations

from collections.abc import Generator

Request = tuple[int, int]
"""A position, and a number of bytes."""
Walk = Generator[Request, memoryview, None]
"""It is sent the bytes from the requested position on: the requested number or more, fewer at the file's end."""


class Window:
    """The bytes that a walk was sent last. Nothing in them is requested again."""

    __slots__ = ("_data", "_start")

    def __init__(self) -> None:
        self._start, self._data = 0, memoryview(b"")

    def at(self, position: int, count: int) -> Generator[Request, memoryview, memoryview]:
        """Return the bytes from a position on, requested if need be; fewer than `count` at the file's end."""
        offset = position - self._start
        if offset < 0 or offset + count > len(self._data):
            self._data = yield position, count
            self._start, offset = position, 0
        return self._data[offset : offset + count]
