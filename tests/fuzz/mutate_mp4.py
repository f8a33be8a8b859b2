"""Changes to an MP4 file that keep most of its structure: boxes and their sizes, and the tables of samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mutate_bytes import changed_bytes, changed_field, number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

_CONTAINERS = {
    b"moov",
    b"trak",
    b"mdia",
    b"minf",
    b"stbl",
    b"dinf",
    b"edts",
    b"mvex",
    b"moof",
    b"traf",
    b"udta",
    b"mfra",
}
_TABLES = (
    b"stsz",
    b"stts",
    b"ctts",
    b"stsc",
    b"stco",
    b"co64",
    b"trun",
    b"elst",
    b"sidx",
    b"tfhd",
    b"tkhd",
    b"mvhd",
    b"mdhd",
    b"senc",
    b"saiz",
    b"saio",
    b"pssh",
    b"tenc",
    b"meta",
    b"keys",
    b"ilst",
)
_LARGEST_NEST = 200


@dataclass
class Box:
    """A box: its kind, and its content or its children."""

    kind: bytes
    content: bytes = b""
    children: list[Box] = field(default_factory=list)

    def written(self) -> bytes:
        """The box with a right size."""
        body = b"".join(child.written() for child in self.children) if self.children else self.content
        return (8 + len(body)).to_bytes(4, "big") + self.kind + body

    def all(self) -> Iterator[Box]:
        """This box and all below it."""
        yield self
        for child in self.children:
            yield from child.all()


def parsed(data: bytes, depth: int = 0) -> list[Box]:
    """The boxes of a file or of a box; the last one takes what is left."""
    found, at = [], 0
    while at + 8 <= len(data):
        size, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = at + size if size >= head else len(data)
        content = data[at + head : end]
        is_parent = kind in _CONTAINERS and depth < 12
        found.append(Box(kind, b"" if is_parent else content, parsed(content, depth + 1) if is_parent else []))
        at = end
    return found


def mutate(data: bytes, rng: Random) -> bytes:
    """One changed MP4 file."""
    boxes = parsed(data)
    everything = [box for top in boxes for box in top.all()]
    if not everything or rng.random() < 0.15:
        return changed_bytes(data, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        _change(boxes, everything, rng)
    found = bytearray(b"".join(box.written() for box in boxes))
    if rng.random() < 0.25:
        _wrong_size(found, everything, rng)
    return bytes(found)


def _change(boxes: list[Box], everything: list[Box], rng: Random) -> None:
    tables = [box for box in everything if box.kind in _TABLES]
    parents = [box.children for box in everything if box.children] + [boxes]
    siblings = rng.choice(parents)
    kind = rng.randrange(9)
    if kind <= 3 and tables:
        table = rng.choice(tables)
        content = bytearray(table.content)
        changed_field(content, rng, 0, min(len(content), rng.choice((20, len(content)))))
        table.content = bytes(content)
    elif kind == 4 and siblings:
        siblings.insert(rng.randrange(len(siblings) + 1), rng.choice(siblings))
    elif kind == 5 and siblings:
        del siblings[rng.randrange(len(siblings))]
    elif kind == 6:
        rng.choice(everything).kind = rng.choice((*_TABLES, b"free", b"mdat", b"moov", rng.randbytes(4)))
    elif kind == 7:
        box = rng.choice(everything)
        for _ in range(rng.choice((1, 5, _LARGEST_NEST))):
            box.children = [Box(box.kind, box.content, box.children)]
    else:
        box = rng.choice([one for one in everything if not one.children] or everything)
        content = bytearray(box.content[:200])
        changed_field(content, rng, 0, len(content))
        box.content = bytes(content) + box.content[200:]


def _wrong_size(found: bytearray, everything: list[Box], rng: Random) -> None:
    at = found.find(rng.choice(everything).kind) - 4
    if at >= 0:
        found[at : at + 4] = number(rng, 4, int.from_bytes(found[at : at + 4], "big")).to_bytes(4, "big")
