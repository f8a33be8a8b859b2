"""Files that were cut off, detected by their structure."""

from __future__ import annotations

import io
import struct
import wave
from typing import BinaryIO, cast

import pytest
from captures import CAPTURES, RECORDINGS
from hypothesis import given, settings
from hypothesis import strategies as st

from komorebi_qc.media.truncation import (
    TruncationScanner,
    is_encrypted,
    is_fragmented,
    missing_bytes,
    mp4_index,
    wav_sample_bytes,
)


@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_a_whole_file_lacks_nothing(name: str) -> None:
    """Real captures in MP4, WebM and Matroska are whole, and the file's position stays."""
    file = io.BytesIO(RECORDINGS[name].read_bytes())
    file.seek(17)
    assert missing_bytes(file) == 0
    assert file.tell() == 17


@pytest.mark.parametrize("name", sorted(RECORDINGS))
@pytest.mark.parametrize("kept", [0.3, 0.5, 0.77, 0.999])
def test_a_cut_file_lacks_something(name: str, kept: float) -> None:
    """In a file that is cut anywhere, the last box, cluster or block is incomplete."""
    whole = RECORDINGS[name].read_bytes()
    cut = whole[: int(len(whole) * kept)]
    assert 0 < missing_bytes(io.BytesIO(cut)) <= len(whole)


def test_a_box_that_runs_to_the_end_lacks_nothing() -> None:
    """Length 0 means `to the end of the file`, length 1 a 64-bit length."""
    head = struct.pack(">I4sI", 12, b"ftyp", 0)
    assert missing_bytes(io.BytesIO(head + struct.pack(">I4s", 0, b"mdat") + b"x" * 50)) == 0
    assert missing_bytes(io.BytesIO(head + struct.pack(">I4sQ", 1, b"mdat", 66) + b"x" * 40)) == 10


@given(st.binary(max_size=300), st.sampled_from([b"", b"\0\0\0\x10ftyp", b"\x1aE\xdf\xa3"]))
def test_no_bytes_confuse_it(data: bytes, head: bytes) -> None:
    """Any bytes give a number, in bounded time."""
    assert missing_bytes(io.BytesIO(head + data)) >= 0


@given(
    st.sampled_from(sorted(RECORDINGS)),
    st.floats(0.01, 1.0),
    st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(1, 60_000)), max_size=5),
    st.integers(1, 40_000),
)
@settings(max_examples=60, deadline=None)
def test_a_scanner_gives_the_result_of_a_full_walk(
    name: str, kept: float, before: list[tuple[float, int]], step: int
) -> None:
    """However a file is read, here and there or from its start in steps, whole or cut: it lacks what it lacks."""
    whole = RECORDINGS[name].read_bytes()
    cut = whole[: int(len(whole) * kept)]
    seen = TruncationScanner(cast("BinaryIO", io.BytesIO(cut)))
    for share, count in before:
        seen.seek(int(share * len(cut)))
        seen.read(count)
    seen.seek(0)
    while seen.read(max(step, len(cut) // 300)):
        pass
    assert seen.missing_bytes() == missing_bytes(io.BytesIO(cut))
    assert seen.tell() == len(cut)


@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_a_scanned_file_isnt_read_again(name: str) -> None:
    """After a read from start to end, the missing bytes are known without another read."""

    class Once(io.BytesIO):
        """Counts what is read."""

        count = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.count += len(data)
            return data

    file = Once(RECORDINGS[name].read_bytes())
    seen = TruncationScanner(cast("BinaryIO", file))
    while seen.read(1009):
        pass
    assert seen.missing_bytes() == 0
    assert file.count == len(file.getvalue())


def test_an_encrypted_track_shows_in_the_index() -> None:
    """A sample entry `encv` or `enca` in the index, and nowhere else, is DRM."""
    plain = CAPTURES["sample"].recording.read_bytes()
    assert not is_encrypted(mp4_index(io.BytesIO(plain)))
    assert is_encrypted(mp4_index(io.BytesIO(plain.replace(b"avc1", b"encv", 2))))
    assert not is_encrypted(mp4_index(io.BytesIO(CAPTURES["vp8.webm"].recording.read_bytes() + b"encv")))


def test_an_index_is_found_behind_a_large_file() -> None:
    """Media data with a 64-bit length come before it, as in files of over 4 GB; it shows whether fragments follow."""
    plain = CAPTURES["sample"].recording.read_bytes()
    large = b"\0\0\0\1mdat" + (16 + 100).to_bytes(8, "big") + bytes(100)
    index = mp4_index(io.BytesIO(plain))
    assert index[4:8] == b"moov"
    assert mp4_index(io.BytesIO(large + plain)) == index
    assert mp4_index(io.BytesIO(b"\0\0\0\1mdat")) == mp4_index(io.BytesIO(large[:20])) == b""
    assert is_fragmented(index)
    assert not is_fragmented(index.replace(b"mvex", b"free"))


def chunk(name: bytes, content: bytes, length: int | None = None) -> bytes:
    """A RIFF chunk, padded to an even length; `length` replaces the true length in its header."""
    said = len(content) if length is None else length
    return name + struct.pack("<I", said) + content + b"\0" * (len(content) % 2)


def riff(*chunks: bytes) -> io.BytesIO:
    """A WAV of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return io.BytesIO(b"RIFF" + struct.pack("<I", len(body)) + body)


FORMAT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 2, 8000, 32_000, 4, 16))


@given(
    frames=st.integers(0, 200),
    before=st.lists(st.integers(0, 40), max_size=3),
    behind=st.lists(st.integers(0, 40), max_size=3),
    lost=st.integers(0, 1000),
)
def test_a_wavs_samples_are_counted_by_its_chunks(frames: int, before: list[int], behind: list[int], lost: int) -> None:
    """Other chunks, also of odd length, are around it; of a file that was cut off the remaining bytes count."""
    samples = b"ab" * 2 * frames
    front = b"".join([FORMAT, *(chunk(b"LIST", bytes(n)) for n in before)])
    whole = riff(front, chunk(b"data", samples), *(chunk(b"id3 ", bytes(n)) for n in behind)).getvalue()
    begins = 12 + len(front) + 8
    file = io.BytesIO(whole[: max(begins, len(whole) - lost)])
    file.seek(5)
    left = min(len(samples), len(file.getvalue()) - begins)
    assert wav_sample_bytes(file) == (left if frames else None)
    assert file.tell() == 5


def test_a_wav_of_the_standard_library_is_counted_as_it_counts() -> None:
    """Two channels of 16 bits: four bytes a frame."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(4 * 321))
    assert wav_sample_bytes(file) == 4 * 321


@pytest.mark.parametrize(
    "file",
    [
        riff(FORMAT, chunk(b"data", b"abcd", 0)),
        riff(FORMAT, chunk(b"data", b"abcd", 0xFFFFFFFF)),
        riff(FORMAT, chunk(b"data", b"abcd", 0xFFFFFF00)),
        riff(FORMAT, chunk(b"data", b"abcd"), chunk(b"data", b"efgh")),
        riff(FORMAT),
        riff(),
        io.BytesIO(b"RIFX" + riff(FORMAT, chunk(b"data", b"abcd")).getvalue()[4:]),
        io.BytesIO(b"RIFF\0\0\0\0AVI " + chunk(b"data", b"abcd")),
        io.BytesIO(CAPTURES["sample"].recording.read_bytes()[:5000]),
        io.BytesIO(),
    ],
    ids=["no length", "no end", "nearly no end", "two", "none", "nothing", "big endian", "AVI", "MP4", "empty"],
)
def test_a_wav_with_unusual_chunks_is_left_to_a_demuxer(file: io.BytesIO) -> None:
    """An unfinished header, samples in two chunks or without a chunk, and files other than WAV."""
    assert wav_sample_bytes(file) is None


@given(st.binary(max_size=300))
def test_no_bytes_confuse_a_wavs_chunks(data: bytes) -> None:
    """Any bytes after a WAV's first ones give at most as many samples as there are bytes."""
    assert 0 <= (wav_sample_bytes(io.BytesIO(b"RIFF\0\0\0\0WAVE" + data)) or 0) <= len(data)
