"""Digests of whole files and of files in parts."""

from __future__ import annotations

import base64
import hashlib
import io
import random
from typing import Any

import pytest

from komorebi_qc.core.provenance.parts import FileDigest, digest_of_bytes, digest_of_parts, whole_digest

CONTENT = random.Random(6).randbytes(2_500_000)  # noqa: S311  test data


def in_parts(content: bytes, first: int, rest: int) -> FileDigest:
    """The digest that an upload in parts of these sizes has."""
    parts = [content[:first], *(content[at : at + rest] for at in range(first, len(content), rest))]
    return digest_of_parts(len(content), [hashlib.sha256(part).digest() for part in parts], first, rest)


def test_a_whole_digest_is_that_of_sha256sum() -> None:
    """A file read in blocks has the digest of all its bytes."""
    expected = hashlib.sha256(CONTENT).hexdigest()
    assert whole_digest(io.BytesIO(CONTENT)) == FileDigest(len(CONTENT), expected) == digest_of_bytes(CONTENT)
    assert FileDigest(len(CONTENT), expected).is_of(io.BytesIO(CONTENT))
    assert not FileDigest(len(CONTENT), expected).is_of(io.BytesIO(CONTENT[:-1] + b"x"))


def test_a_digest_of_parts_is_s3s_composite_checksum() -> None:
    """SHA-256 over the parts' SHA-256, in Base64, with the number of parts behind it."""
    digests = [hashlib.sha256(part).digest() for part in (CONTENT[:1_000_000], CONTENT[1_000_000:])]
    expected = base64.b64encode(hashlib.sha256(digests[0] + digests[1]).digest()).decode() + "-2"
    assert digest_of_parts(len(CONTENT), digests, 1_000_000, 1_500_000).sha256_of_parts == expected


@pytest.mark.parametrize("first", [1, 800_000, 1 << 20, 2_499_999, 2_500_000])
@pytest.mark.parametrize("rest", [700_001, 1 << 20, 3 << 20])
def test_a_file_in_parts_is_recognised_by_their_sizes(first: int, rest: int) -> None:
    """A reading with the same sizes gives the same digest, whether the last part is full or not."""
    digest = in_parts(CONTENT, first, rest)
    assert digest.is_of(io.BytesIO(CONTENT))
    for at in (0, first - 1, len(CONTENT) - 1):
        changed = bytearray(CONTENT)
        changed[at] ^= 1
        assert not digest.is_of(io.BytesIO(bytes(changed))), at
    assert not digest.is_of(io.BytesIO(CONTENT[:-1]))
    assert not digest.is_of(io.BytesIO(CONTENT + b"x"))


def test_the_last_part_may_be_full() -> None:
    """A file whose size is a multiple of a part's has no empty part."""
    content = CONTENT[:300_000]
    digest = in_parts(content, 100_000, 100_000)
    assert digest.sha256_of_parts.endswith("=-3")
    assert digest.is_of(io.BytesIO(content))


@pytest.mark.parametrize("digest", [digest_of_bytes(b"abc"), in_parts(b"abcdef", 2, 3)])
def test_a_digest_survives_json(digest: FileDigest) -> None:
    """The written digest is read back; missing values are null."""
    written = digest.to_dict()
    assert None in written.values()
    assert FileDigest.from_dict(written) == digest


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"size_bytes": 3},
        {"size_bytes": "3", "sha256": "00"},
        {"size_bytes": True, "sha256": "00"},
        {"size_bytes": 3, "sha256": 5},
        {"size_bytes": 3, "sha256_of_parts": "x=-2", "first_part_bytes": 5},
        {"size_bytes": 3, "sha256_of_parts": "x=-2", "first_part_bytes": -1, "part_bytes": 4},
    ],
)
def test_an_unusable_digest_is_refused(found: dict[str, Any]) -> None:
    """A missing digest, a wrong type, and parts without a size are errors."""
    with pytest.raises(ValueError, match="a digest"):
        FileDigest.from_dict(found)


def test_reading_can_be_stopped() -> None:
    """An exception between two blocks ends the reading, of a whole file and of parts."""

    def stop() -> None:
        raise KeyboardInterrupt

    for digest in (digest_of_bytes(CONTENT), in_parts(CONTENT, 1_000_000, 1_000_000)):
        with pytest.raises(KeyboardInterrupt):
            digest.is_of(io.BytesIO(CONTENT), stop)
