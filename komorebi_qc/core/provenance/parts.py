"""The digest of a file that is sent in parts, and is never in one place as a whole.

A video's index is written to its front at the end. By then all other parts were sent, so no SHA-256 over the whole file
can be made while its bytes pass. S3's own composite checksum can: SHA-256 over the SHA-256 of each part, in order. With
the sizes of the parts, everybody who has the file can make it again.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileDigest:
    """The digest of a file: of the whole, or of its parts.

    Attributes:
        size: in bytes.
        sha256: of the whole file, in hexadecimal; empty if it was sent in parts.
        sha256_of_parts: S3's composite checksum, such as ``kN...=-3``: SHA-256 of the parts' SHA-256, in Base64, and
            the number of parts; empty if the file wasn't sent in parts.
        first_part_bytes: size of the first part.
        part_bytes: size of every other part; the last one is smaller.
    """

    size: int
    sha256: str = ""
    sha256_of_parts: str = ""
    first_part_bytes: int = 0
    part_bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The digest for JSON; missing values are null."""
        return {
            "size_bytes": self.size,
            "sha256": self.sha256 or None,
            "sha256_of_parts": self.sha256_of_parts or None,
            "first_part_bytes": self.first_part_bytes or None,
            "part_bytes": self.part_bytes or None,
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> FileDigest:
        """Read what `to_dict` wrote.

        Raises:
            ValueError: it has neither a digest of the whole nor one of parts, or a value of another kind.
        """
        sha256, of_parts = (found.get(name) or "" for name in ("sha256", "sha256_of_parts"))
        size, first, rest = found.get("size_bytes"), found.get("first_part_bytes") or 0, found.get("part_bytes") or 0
        if not (isinstance(sha256, str) and isinstance(of_parts, str)):
            raise ValueError("a digest has a value of another kind")  # noqa: TRY004  as for a missing value
        if not (type(size) is int and type(first) is int and type(rest) is int):
            raise ValueError("a digest has a size of another kind")
        if not (sha256 or of_parts) or (of_parts and min(first, rest) <= 0):
            raise ValueError("a digest is incomplete")
        return cls(size, sha256, of_parts, first, rest)

    def is_of(self, file: BinaryIO, check_cancelled: Callable[[], None] = lambda: None) -> bool:
        """Read a file to its end, and return whether it has this digest.

        Args:
            file: at its start.
            check_cancelled: called between two blocks; its exception ends the reading.
        """
        digest = whole_digest if self.sha256 else self._digest_of_parts
        return digest(file, check_cancelled) == self

    def _digest_of_parts(self, file: BinaryIO, check_cancelled: Callable[[], None]) -> FileDigest:
        parts: list[bytes] = []
        size = 0
        while True:
            part, wanted, taken = hashlib.sha256(), self.part_bytes if parts else self.first_part_bytes, 0
            while taken < wanted and (piece := file.read(min(_READ_BYTES, wanted - taken))):
                check_cancelled()
                part.update(piece)
                taken += len(piece)
            if taken or not parts:
                parts.append(part.digest())
                size += taken
            if taken < wanted:
                return digest_of_parts(size, parts, self.first_part_bytes, self.part_bytes)


def whole_digest(file: BinaryIO, check_cancelled: Callable[[], None] = lambda: None) -> FileDigest:
    """Read a file to its end, and return its digest."""
    sha256, size = hashlib.sha256(), 0
    while piece := file.read(_READ_BYTES):
        check_cancelled()
        sha256.update(piece)
        size += len(piece)
    return FileDigest(size, sha256.hexdigest())


def digest_of_bytes(data: bytes) -> FileDigest:
    """Return the digest of a small file."""
    return FileDigest(len(data), hashlib.sha256(data).hexdigest())


def digest_of_parts(size: int, parts: Sequence[bytes], first_part_bytes: int, part_bytes: int) -> FileDigest:
    """Return the digest of a file of parts.

    Args:
        size: of the file in bytes.
        parts: SHA-256 of each part, in order.
        first_part_bytes: size of the first part.
        part_bytes: size of the others.
    """
    value = base64.b64encode(hashlib.sha256(b"".join(parts)).digest()).decode("ascii")
    return FileDigest(size, "", f"{value}-{len(parts)}", first_part_bytes, part_bytes)
