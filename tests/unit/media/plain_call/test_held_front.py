"""A far file whose front stays in memory between two readings."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.core.source import Source
from komorebi_qc.media.plain_call.held_front import HeldFront

MIB = 1 << 20


class Network(io.BytesIO):
    """A file that counts the bytes that are read of it."""

    read_bytes = 0

    def read(self, size: int | None = -1) -> bytes:
        """Read, and count."""
        data = super().read(size)
        self.read_bytes += len(data)
        return data


def held(content: bytes, most_bytes: int) -> tuple[HeldFront, Network]:
    """The file, and the network behind it."""
    network = Network(content)
    return HeldFront(Source("far", network, len(content), lambda: network), most_bytes), network


def read_through(file: HeldFront, piece: int) -> bytes:
    """All of the file in pieces."""
    file.seek(0)
    pieces = []
    while data := file.read(piece):
        pieces.append(data)
    return b"".join(pieces)


@given(
    content=st.binary(max_size=300),
    most_bytes=st.integers(0, 400),
    moves=st.lists(st.tuples(st.integers(0, 320), st.one_of(st.none(), st.integers(-1, 320)), st.booleans())),
)
def test_any_reads_give_the_files_bytes(content: bytes, most_bytes: int, moves: list[tuple[int, int, bool]]) -> None:
    """At each position, before and after the release, a reader gets the file's bytes."""
    file, plain = held(content, most_bytes)[0], io.BytesIO(content)
    for at, size, is_last in moves:
        if is_last:
            file.release()
        assert file.seek(at) == plain.seek(at)
        assert file.read(size) == plain.read(size)
        assert file.tell() == plain.tell()


@pytest.mark.parametrize(("most_bytes", "again"), [(8 * MIB, 0), (3 * MIB, 2 * MIB), (0, 5 * MIB)])
def test_the_second_reading_fetches_only_what_was_not_held(most_bytes: int, again: int) -> None:
    """A file that fits crosses the network once; of a longer one, the rest crosses it again."""
    content = bytes(range(256)) * (5 * MIB // 256)
    file, network = held(content, most_bytes)
    assert read_through(file, 100_000) == content
    file.release()
    network.read_bytes = 0
    assert read_through(file, 70_000) == content
    assert network.read_bytes == again


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux shows a process's memory")
def test_the_last_reading_gives_the_memory_back() -> None:
    """At its end, nearly none of the held bytes is in memory."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    file, _ = held(bytes(64 * MIB), 64 * MIB)
    before = resident()
    while file.read(MIB):
        pass
    full = resident()
    assert full - before > 56 * MIB
    file.release()
    file.seek(0)
    while file.read(MIB):
        pass
    assert full - resident() > 56 * MIB


def test_a_released_front_can_be_read_again() -> None:
    """A rendering that begins anew reads the front from the network."""
    content = bytes(range(256)) * (4 * MIB // 256)
    file, _ = held(content, 4 * MIB)
    read_through(file, MIB)
    file.release()
    assert read_through(file, MIB) == content
    assert read_through(file, MIB) == content
