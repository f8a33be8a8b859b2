"""Small changes to bytes, and the numbers that are worth trying in any field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from random import Random

NUMBERS = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 60_000_000, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)
"""Ends of ranges, and a count that is plausible but far too large for a small file."""


def number(rng: Random, size: int, old: int = 0) -> int:
    """A number for a field of `size` bytes: one of `NUMBERS`, one near the old one, or any."""
    largest = 256**size - 1
    kind = rng.randrange(4)
    if kind == 0:
        found = rng.choice(NUMBERS)
    elif kind == 1:
        found = old + rng.choice((-2, -1, 1, 2))
    elif kind == 2:
        found = old * rng.choice((2, 10, 1000))
    else:
        found = rng.randrange(largest + 1)
    return int(min(max(found, 0), largest))


def changed_field(data: bytearray, rng: Random, start: int, end: int, order: Literal["big", "little"] = "big") -> None:
    """Overwrite one field of 1, 2, 4 or 8 bytes between two places."""
    sizes = [size for size in (1, 2, 4, 8) if start + size <= min(end, len(data))]
    if not sizes:
        return
    size = rng.choice(sizes)
    at = rng.randrange(start, min(end, len(data)) - size + 1)
    if size >= 4 and rng.random() < 0.7:
        at = start + (at - start) // 4 * 4  # fields are mostly aligned
    old = int.from_bytes(data[at : at + size], order)
    data[at : at + size] = number(rng, size, old).to_bytes(size, order)


def changed_bytes(data: bytes, rng: Random) -> bytes:
    """Flip, cut, repeat or insert a few bytes anywhere."""
    found = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        at = rng.randrange(len(found)) if found else 0
        kind = rng.randrange(5)
        length = min(rng.choice((1, 2, 4, 16, 256)), max(len(found) - at, 1))
        if kind == 0 and found:
            found[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and found:
            changed_field(found, rng, at, at + 8)
        elif kind == 2:
            del found[at : at + length]
        elif kind == 3:
            found[at:at] = found[at : at + length] * rng.choice((1, 1, 2, 50))
        else:
            found[at:at] = rng.randbytes(rng.choice((1, 4, 16)))
    if rng.random() < 0.05:
        del found[rng.randrange(len(found) + 1) :]
    return bytes(found)
