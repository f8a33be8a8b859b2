"""The tables of a track in an MP4's index (ISO/IEC 14496-12, 8.6 and 8.7), and the entries that FFmpeg makes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from komorebi_qc.media.bounds.table import MOST_TABLE_ENTRIES

CONTAINERS = frozenset(
    {
        b"moov",
        b"trak",
        b"mdia",
        b"minf",
        b"stbl",
        b"edts",
        b"dinf",
        b"udta",
        b"tref",
        b"mvex",
        b"moof",
        b"traf",
        b"sinf",
        b"schi",
    }
)
"""Boxes that hold boxes from their first byte on."""
TABLES = frozenset({b"stsz", b"stz2", b"stts", b"ctts", b"stsc", b"stco", b"co64", b"stss", b"stps", b"elst", b"trun"})
"""Boxes with a declared number of entries that FFmpeg takes memory for."""
_PCM = frozenset(
    {b"sowt", b"twos", b"raw ", b"lpcm", b"in24", b"in32", b"fl32", b"fl64", b"ulaw", b"alaw", b"ipcm", b"fpcm"}
)
"""Formats whose samples are single numbers. FFmpeg makes an entry for up to 1024 of them."""
_PCM_BLOCK = 1024
_MEDIA = frozenset({b"soun", b"vide", b"m1a ", b"subp", b"clcp"})
"""The handlers that decide a track's kind in FFmpeg."""
_ENTRY_BYTES = {b"stts": 8, b"ctts": 8, b"stsc": 12, b"stco": 4, b"co64": 8, b"stss": 4, b"stps": 4}


class Table(NamedTuple):
    """The head of a table.

    Attributes:
        entries: their declared number.
        entry_bits: bits of an entry; 0 for an entry without bytes.
        begin: the place of the first one, in bytes after the box's head.
        first: the first entry's fields, as far as they are needed.
    """

    entries: int
    entry_bits: int
    begin: int
    first: tuple[int, ...] = ()


def read_table(kind: bytes, fields: memoryview) -> Table | None:
    """Read a table's head; None if it is cut off.

    Args:
        kind: the name of its box.
        fields: the bytes after the box's head.
    """
    numbers = [int.from_bytes(fields[at : at + 4], "big") for at in range(0, len(fields) - 3, 4)]
    if len(numbers) < (3 if kind in {b"stsz", b"stz2"} else 2):
        return None
    version, flags = numbers[0] >> 24, numbers[0] & 0xFFFFFF
    if kind == b"stsz":
        return Table(numbers[2], 0 if numbers[1] else 32, 12, (numbers[1],))
    if kind == b"stz2":
        return Table(numbers[2], numbers[1] & 0xFF, 12)
    if kind == b"elst":
        return Table(numbers[1], 8 * (20 if version == 1 else 12), 8)
    if kind == b"trun":
        begin = 8 + 4 * (bool(flags & 0x1) + bool(flags & 0x4))
        return Table(numbers[1], 32 * (flags >> 8 & 0xF).bit_count(), begin)
    return Table(numbers[1], 8 * _ENTRY_BYTES[kind], 8, tuple(numbers[2:4]))


@dataclass(slots=True)
class TrackTables:
    """The declarations of one track's tables.

    Attributes:
        samples: the number of samples.
        sample_bytes: of all samples.
        edits: the number of edits that can repeat its samples.
        chunks: the number of chunks.
        table_entries: of all tables.
        steps: whether every sample lasts one unit of time, by each of its tables of times.
        formats: the formats of its samples.
        handlers: the kinds of its media.
        run: first chunk and samples a chunk of the last run of alike chunks.
        pcm_blocks: the entries for PCM in the runs before it.
    """

    samples: int = 0
    sample_bytes: int = 0
    edits: int = 1
    chunks: int = 0
    table_entries: int = 0
    steps: set[bool] = field(default_factory=set)
    formats: set[bytes] = field(default_factory=set)
    handlers: set[bytes] = field(default_factory=set)
    run: tuple[int, int] = (1, 0)
    pcm_blocks: int = 0

    def note(self, kind: bytes, table: Table) -> tuple[str, str] | None:
        """Take a table into account. Return the declaration and the bound if there are too many entries."""
        if kind in {b"stsz", b"stz2"}:
            self.samples = max(self.samples, table.entries)
            self.sample_bytes += table.entries * sum(table.first)
        elif kind in {b"stco", b"co64"}:
            self.chunks = max(self.chunks, table.entries)
        elif kind == b"elst":
            # An empty edit makes no entries, and one edit is usual.
            self.edits = max(self.edits, table.entries - 1)
        elif kind == b"stts":
            self.steps.add(table.entries == 1 and table.first[1:] == (1,))
        if table.entry_bits:
            self.table_entries += table.entries
        if self.table_entries > MOST_TABLE_ENTRIES:
            found = f"declares {self.table_entries:,} entries in the tables of a track"
            return found, f"12 h of the fastest recorder have at most {MOST_TABLE_ENTRIES:,}"
        return None

    def note_chunks(self, rows: memoryview) -> None:
        """Take rows of the table of chunks into account: first chunk, samples a chunk, description."""
        for first, count, _ in struct.iter_unpack(">III", rows):
            self.pcm_blocks += self._blocks_until(first)
            self.run = (first, count)

    def note_sizes(self, rows: memoryview) -> None:
        """Take rows of the table of sizes into account."""
        self.sample_bytes += int(np.frombuffer(rows, ">u4").sum(dtype=np.int64))

    def note_handler(self, kind: bytes) -> None:
        """Take a kind of media into account."""
        if kind in _MEDIA:
            self.handlers.add(kind)

    def note_format(self, kind: bytes) -> None:
        """Take a format of samples into account."""
        self.formats.add(kind)

    @property
    def is_sound(self) -> bool:
        """Whether all of its handlers are those of sound."""
        return self.handlers == {b"soun"}

    @property
    def can_be_pcm(self) -> bool:
        """Whether FFmpeg may make an entry for a block of samples instead of each sample."""
        return self.formats <= _PCM and self.handlers <= {b"soun"}

    def entries(self) -> int:
        """The entries that FFmpeg makes for the track, once for each edit."""
        is_pcm = bool(self.formats) and self.can_be_pcm and self.steps == {True}
        count = self.pcm_blocks + self._blocks_until(self.chunks + 1) if is_pcm else self.samples
        return count * self.edits

    def _blocks_until(self, chunk: int) -> int:
        """The entries for PCM from the last run's first chunk up to a chunk."""
        first, count = self.run
        return max(0, chunk - first) * -(-count // _PCM_BLOCK)
