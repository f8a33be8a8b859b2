"""Changes to a WebM or Matroska file that keep most of its structure: elements, their sizes, lacing and cues."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mutate_bytes import changed_bytes, changed_field, number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_PARENTS = {
    *(_SEGMENT, _CLUSTER, 0x1A45DFA3, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0, 0xE1, 0x1C53BB6B, 0xBB, 0xB7),
    *(0xA0, 0x114D9B74, 0x4DBB, 0x1254C367, 0x7373, 0x67C8, 0x6D80, 0x6240, 0x5034, 0x75A1, 0xA6),
}
_BLOCKS = {0xA3, 0xA1}
_LACING = 0x06
_NAMES = (
    *sorted(_PARENTS),
    *_BLOCKS,
    0x86,
    0x83,
    0xD7,
    0xB0,
    0xBA,
    0xB5,
    0x9F,
    0x2AD7B1,
    0x4489,
    0xE7,
    0x63A2,
    0xEC,
    0xBF,
    0xA5,
    0x4254,
    0x4255,
    0x5032,
    0x5033,
)


@dataclass
class Element:
    """An element: its ID, and its content or its children."""

    name: int
    content: bytes = b""
    children: list[Element] = field(default_factory=list)
    is_unknown_size: bool = False

    def written(self) -> bytes:
        """The element with a right size, or an unknown one."""
        body = b"".join(child.written() for child in self.children) if self.children else self.content
        size = b"\x01" + b"\xff" * 7 if self.is_unknown_size else (len(body) | 1 << 56).to_bytes(8, "big")
        return self.name.to_bytes(max(1, (self.name.bit_length() + 7) // 8), "big") + size + body

    def all(self) -> Iterator[Element]:
        """This element and all below it."""
        yield self
        for child in self.children:
            yield from child.all()


def _number(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int] | None:
    if at >= len(data) or data[at] == 0:
        return None
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), at + length


def parsed(data: bytes, depth: int = 0) -> list[Element]:
    """The elements of a file or of an element; one of unknown or too large a size takes what is left."""
    found, at = [], 0
    while (name := _number(data, at, keep_marker=True)) and (size := _number(data, name[1], keep_marker=False)):
        end = min(size[1] + size[0], len(data))
        content = data[size[1] : end]
        is_parent = name[0] in _PARENTS and depth < 8
        children = parsed(content, depth + 1) if is_parent else []
        found.append(Element(name[0], b"" if children else content, children))
        at = end
    return found


def mutate(data: bytes, rng: Random) -> bytes:
    """One changed WebM file."""
    elements = parsed(data)
    everything = [element for top in elements for element in top.all()]
    if not everything or rng.random() < 0.15:
        return changed_bytes(data, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        _change(elements, everything, rng)
    return b"".join(element.written() for element in elements)


def _change(elements: list[Element], everything: list[Element], rng: Random) -> None:
    siblings = rng.choice([one.children for one in everything if one.children] + [elements])
    one = rng.choice(everything)
    leaves = [element for element in everything if not element.children and element.name not in _BLOCKS]
    blocks = [element for element in everything if element.name in _BLOCKS]
    kind = rng.randrange(9)
    if kind <= 2 and leaves:
        leaf = rng.choice(leaves)
        content = bytearray(leaf.content or b"\0")
        if len(content) <= 8 and rng.random() < 0.7:
            content = bytearray(
                number(rng, rng.choice((1, 2, 4, 8)), int.from_bytes(content, "big")).to_bytes(8, "big")
            )
        else:
            changed_field(content, rng, 0, len(content))
        leaf.content = bytes(content)
    elif kind == 3 and blocks:
        block = rng.choice(blocks)
        content = bytearray(block.content)
        if len(content) > 5:
            content[3] = content[3] & ~_LACING | rng.choice((0, 2, 4, 6))
            content[4:5] = bytes([rng.choice((0, 1, 255, content[4]))])
            changed_field(content, rng, 0, 8)
        block.content = bytes(content)
    elif kind == 4 and siblings:
        siblings.insert(rng.randrange(len(siblings) + 1), rng.choice(siblings))
    elif kind == 5 and siblings:
        del siblings[rng.randrange(len(siblings))]
    elif kind == 6:
        one.name = rng.choice(_NAMES)
    elif kind == 7:
        one.is_unknown_size = not one.is_unknown_size
    else:
        for _ in range(rng.choice((1, 5, 100))):
            one.children = [Element(one.name, one.content, one.children)]
