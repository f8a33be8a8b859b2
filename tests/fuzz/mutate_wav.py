"""Changes to a WAV file that keep most of its structure: RIFF chunks and their sizes, and the fields of ``fmt``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutate_bytes import changed_bytes, changed_field, number

if TYPE_CHECKING:
    from random import Random

_FORMATS = (0, 1, 2, 3, 6, 7, 0x11, 0x31, 0x55, 0xFFFE, 0xFFFF)
_KINDS = (b"fmt ", b"data", b"fact", b"LIST", b"bext", b"ds64", b"junk", b"id3 ", b"cue ")


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Names and contents of a RIFF file's chunks; the last one takes what is left."""
    found, at = [], 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def written(parts: list[tuple[bytes, bytes]], head: bytes = b"RIFF") -> bytearray:
    """A file of chunks with right sizes."""
    body = b"".join(
        name + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2) for name, content in parts
    )
    return bytearray(head + (4 + len(body)).to_bytes(4, "little") + b"WAVE" + body)


def mutate(data: bytes, rng: Random) -> bytes:
    """One changed WAV file."""
    parts = chunks(data)
    if not parts or rng.random() < 0.15:
        return changed_bytes(data, rng)
    at = rng.randrange(len(parts))
    name, content = parts[at]
    kind = rng.randrange(7)
    if kind == 0:
        parts.insert(rng.randrange(len(parts) + 1), parts[at])
    elif kind == 1:
        del parts[at]
    elif kind == 2:
        parts[at] = (rng.choice(_KINDS), content)
    elif kind == 3:
        parts[at] = (name, content[: rng.randrange(len(content) + 1)])
    elif kind == 4:
        parts.insert(rng.randrange(len(parts) + 1), (rng.choice(_KINDS), rng.randbytes(rng.choice((0, 1, 16, 28, 40)))))
    else:
        parts = [(one, _format(body, rng) if one == b"fmt " else body) for one, body in parts]
    found = written(parts, rng.choice((b"RIFF", b"RIFF", b"RIFF", b"RF64", b"RIFX", b"BW64")))
    if rng.random() < 0.4:
        _wrong_size(found, rng)
    return bytes(found)


def _format(content: bytes, rng: Random) -> bytes:
    found = bytearray(content.ljust(16, b"\0"))
    if rng.random() < 0.3:
        found[:2] = rng.choice(_FORMATS).to_bytes(2, "little")
    else:
        changed_field(found, rng, 0, len(found), "little")
    return bytes(found)


def _wrong_size(found: bytearray, rng: Random) -> None:
    places = [4]
    at = 12
    while at + 8 <= len(found):
        places.append(at + 4)
        size = int.from_bytes(found[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    at = rng.choice(places)
    found[at : at + 4] = number(rng, 4, int.from_bytes(found[at : at + 4], "little")).to_bytes(4, "little")
