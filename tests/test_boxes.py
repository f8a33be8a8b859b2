"""Where a file's structure says it ends."""

from __future__ import annotations

import io
import struct

import pytest
from conftest import CAPTURES
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.boxes import is_encrypted, missing_bytes


@pytest.mark.parametrize("name", sorted(CAPTURES))
def test_a_whole_file_lacks_nothing(name: str) -> None:
    """Real captures in MP4, WebM and Matroska are whole, and the file's position stays."""
    file = io.BytesIO(CAPTURES[name].recording.read_bytes())
    file.seek(17)
    assert missing_bytes(file) == 0
    assert file.tell() == 17


@pytest.mark.parametrize("name", sorted(CAPTURES))
@pytest.mark.parametrize("kept", [0.3, 0.5, 0.77, 0.999])
def test_a_cut_file_lacks_something(name: str, kept: float) -> None:
    """Cut anywhere inside, the last box, cluster or block says that more was to come."""
    whole = CAPTURES[name].recording.read_bytes()
    cut = whole[: int(len(whole) * kept)]
    assert 0 < missing_bytes(io.BytesIO(cut)) <= len(whole)


def test_a_box_that_runs_to_the_end_lacks_nothing() -> None:
    """Length 0 means `to the end of the file`, length 1 a 64-bit length."""
    head = struct.pack(">I4sI", 12, b"ftyp", 0)
    assert missing_bytes(io.BytesIO(head + struct.pack(">I4s", 0, b"mdat") + b"x" * 50)) == 0
    assert missing_bytes(io.BytesIO(head + struct.pack(">I4sQ", 1, b"mdat", 66) + b"x" * 40)) == 10


@given(st.binary(max_size=300), st.sampled_from([b"", b"\0\0\0\x10ftyp", b"\x1aE\xdf\xa3"]))
def test_no_bytes_confuse_it(data: bytes, head: bytes) -> None:
    """Whatever follows, it ends and gives a number."""
    assert missing_bytes(io.BytesIO(head + data)) >= 0


def test_an_encrypted_track_is_told_by_the_index() -> None:
    """A sample entry `encv` or `enca` in the index, and nowhere else, is DRM."""
    plain = CAPTURES["sample"].recording.read_bytes()
    assert not is_encrypted(io.BytesIO(plain))
    assert is_encrypted(io.BytesIO(plain.replace(b"avc1", b"encv", 2)))
    assert not is_encrypted(io.BytesIO(CAPTURES["vp8.webm"].recording.read_bytes() + b"encv"))
