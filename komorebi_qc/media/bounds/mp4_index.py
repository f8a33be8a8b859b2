"""The declarations of an MP4's index (ISO/IEC 14496-12), compared with their bounds: ``moov``, and each ``moof``.

FFmpeg makes an entry in memory for each declared sample, before it reads the first one. The number of samples is a
single field, which needs no bytes for the samples: if all have one size (``stsz``), and in a fragment whose samples
have the fragment's defaults (``trun``). FFmpeg reads a table wherever it finds one. So tables are followed in every box
that holds boxes, and refused in any other.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import MediaError
from komorebi_qc.media.bounds.mp4_fragment import MOST_FRAGMENT_BYTES, fragment_tables
from komorebi_qc.media.bounds.mp4_tables import CONTAINERS, TABLES, Table, TrackTables, read_table
from komorebi_qc.media.bounds.table import (
    MOST_BOX_BYTES,
    MOST_BOXES,
    MOST_FRAGMENTS,
    MOST_SAMPLES,
    MOST_TEXTS,
    MOST_TRACKS,
    check_size,
    refused,
)
from komorebi_qc.media.bounds.walk import Request, Window
from komorebi_qc.media.truncation import cut_off, encrypted

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.media.bounds.walk import Walk

_SKIPPED = frozenset({b"mdat", b"free", b"skip", b"wide"})
"""The boxes that FFmpeg skips."""
_AT_THE_TOP = frozenset({b"uuid", b"meta", b"sidx", b"mfra", b"ftyp", b"styp", b"emsg"})
_COUNTED = frozenset({b"moov", b"trak", b"moof"})
_ENCRYPTION = (b"senc", b"saiz", b"saio", b"pssh")
"""Boxes of an encrypted file. FFmpeg takes memory for each sample that they declare, and it needs no bytes there."""
_HIDDEN = (b"stsz", b"stz2", b"trun", b"stsc", b"elst", b"cmov", b"iloc", b"moof", b"sidx", *_ENCRYPTION)
"""Names that no box but a container has in it: tables, a compressed index, and the places of a still picture."""
_DEEPEST = 12
_ENDLESS = 1 << 62
_HEAD_BYTES = 16
_FIELDS_BYTES = 16
"""The fields of a table that are read."""
_ROWS = 1 << 12
"""Rows of a table that are read at once."""

_Steps = Generator[Request, memoryview, int]
_Checks = Generator[Request, memoryview, None]


def walk_mp4(name: str, size: int) -> Walk:
    """Check the boxes of a file, as far as it has any.

    Args:
        name: the file's name in messages.
        size: its size in bytes.

    Raises:
        MediaError: a declaration exceeds its bound.
    """
    yield from _Mp4(name, size).walk()


def _read_head(head: memoryview, at: int, end: int) -> tuple[bytes, int, int]:
    """The name of the box at a position, empty if there is no box, the place of its content, and the one behind it."""
    if len(head) < 8:
        return b"", at, end
    length, kind, begin = int.from_bytes(head[:4], "big"), bytes(head[4:8]), at + 8
    if length == 1 and len(head) == _HEAD_BYTES:
        length, begin = int.from_bytes(head[8:16], "big"), at + 16
    elif length == 0:  # up to the end of what it is in
        length = end - at
    if length < begin - at:
        return b"", at, end
    if kind in {b"free", b"hoov"} and bytes(head[12:16]) in {b"mvhd", b"cmov"}:
        kind = b"moov"  # FFmpeg takes it for the index
    return kind, begin, at + length


class _Mp4:
    def __init__(self, name: str, size: int) -> None:
        self._name, self._size = name, size
        self._window = Window()
        self._samples = 0
        """Of all tracks and fragments so far."""
        self._picture_bytes = 0
        """Of the samples of all tracks that aren't sound."""
        self._tracks = 0
        self._boxes = 0
        """In the current box of the top level."""
        self._fragments = self._texts = 0
        self._tables = TrackTables()

    def walk(self) -> Walk:
        at = 0
        while at + 8 <= self._size:
            self._boxes = 0
            at = yield from self._box(at, _ENDLESS, 0)
        # Of a file that was cut off, the boxes declare the whole length.
        whole = max(self._size, at if at < _ENDLESS else 0)
        if self._picture_bytes > whole:
            found = f"has samples of {self._picture_bytes:,} bytes by its index"
            raise refused(self._name, found, f"a file of {whole:,} bytes can't hold them: several are the same bytes")

    def _box(self, at: int, end: int, depth: int) -> _Steps:
        """Check the box at a position, and return the position behind it."""
        head = yield from self._window.at(at, _HEAD_BYTES)
        kind, begin, behind = _read_head(head, at, min(end, self._size))
        if not kind:
            return end
        stop = min(behind, end)
        self._boxes += 1
        if self._boxes > MOST_BOXES:
            raise refused(self._name, f"has more than {MOST_BOXES:,} boxes in its index", "recorders write a few dozen")
        if kind in _ENCRYPTION:
            raise MediaError(encrypted(self._name))
        if kind == b"moof":
            self._add_fragments(1)
        if kind == b"moof" and (yield from self._fragment(begin, stop)):
            return behind
        if kind in CONTAINERS:
            yield from self._container(kind, begin, stop, depth + 1)
        elif kind == b"cmov":
            raise refused(self._name, "has a compressed index", "no recorder writes one")
        elif kind in TABLES:
            yield from self._table(kind, begin, stop)
        elif kind not in _SKIPPED and (depth or kind in _AT_THE_TOP):
            yield from self._leaf(kind, begin, stop)
        return behind

    def _fragment(self, begin: int, stop: int) -> Generator[Request, memoryview, bool]:
        """Check a fragment as recorders write it, which is quick; False for any other."""
        if stop - begin > MOST_FRAGMENT_BYTES:
            return False
        tables = fragment_tables((yield from self._window.at(begin, stop - begin)))
        if tables is None:
            return False
        for table, room in tables:
            self._check_room(b"trun", table, room)
            self._add(table.entries, "fragments of {} samples")
        return True

    def _container(self, kind: bytes, begin: int, stop: int, depth: int) -> _Checks:
        if depth > _DEEPEST:
            raise refused(self._name, f"has boxes in boxes, {depth} deep", f"an index is {_DEEPEST} deep at most")
        outer = self._tables
        if kind in _COUNTED:
            self._tables = TrackTables()
            self._tracks += kind == b"trak"
            if self._tracks > MOST_TRACKS:
                raise refused(self._name, f"declares more than {MOST_TRACKS} tracks", "a recording has two or three")
        at = begin
        while at + 8 <= stop:
            at = yield from self._box(at, stop, depth)
        if kind in _COUNTED:
            self._add(self._tables.entries(), "an index of {} samples")
            self._picture_bytes += 0 if self._tables.is_sound else self._tables.sample_bytes
            self._tables = outer

    def _table(self, kind: bytes, begin: int, stop: int) -> _Checks:
        table = read_table(kind, (yield from self._window.at(begin, _FIELDS_BYTES)))
        if table is None:
            return
        if table.entry_bits and stop > self._size:  # it is cut off
            if table.entries > self._size:
                raise MediaError(cut_off(self._name, stop - self._size))
            return
        self._check_room(kind, table, stop - begin)
        if kind == b"trun":
            self._add(table.entries, "fragments of {} samples")
        excess = self._tables.note(kind, table)
        if excess is not None:
            raise refused(self._name, *excess)
        if kind == b"stsc" and self._tables.can_be_pcm:
            yield from self._rows(begin + table.begin, table.entries, 12, self._tables.note_chunks)
        elif kind == b"stsz" and table.entry_bits and not self._tables.is_sound:
            yield from self._rows(begin + table.begin, table.entries, 4, self._tables.note_sizes)

    def _check_room(self, kind: bytes, table: Table, room: int) -> None:
        if table.entries * table.entry_bits > 8 * max(0, room - table.begin):
            found = f"declares {table.entries:,} entries in a table '{kind.decode()}' of {room:,} bytes"
            raise refused(self._name, found, "the table can't hold them")

    def _rows(self, begin: int, entries: int, row_bytes: int, note: Callable[[memoryview], None]) -> _Checks:
        """Read the rows of a table, some at a time."""
        for row in range(0, entries, _ROWS):
            count = min(_ROWS, entries - row) * row_bytes
            rows = yield from self._window.at(begin + row * row_bytes, count)
            if len(rows) < count:
                return
            note(rows)

    def _leaf(self, kind: bytes, begin: int, stop: int) -> _Checks:
        """Check a box that holds no boxes, or holds them in a way of its own."""
        shown = kind.decode("latin-1")
        if stop - begin > MOST_BOX_BYTES:
            found = f"has a box '{shown}' of {stop - begin:,} bytes in its index"
            raise refused(self._name, found, f"such a box has at most {MOST_BOX_BYTES:,}")
        content = bytes((yield from self._window.at(begin, stop - begin)))
        hidden = next((name for name in _HIDDEN if name in content), None)
        if hidden is not None:
            raise refused(self._name, f"has '{hidden.decode()}' in its box '{shown}'", "no recorder writes one there")
        self._texts += content.count(b"data")
        if self._texts > MOST_TEXTS:
            raise refused(self._name, f"has more than {MOST_TEXTS:,} texts in its index", "recorders write a dozen")
        if kind == b"sidx":
            at = 30 if content[:1] > b"\0" else 22
            self._add_fragments(int.from_bytes(content[at : at + 2], "big"))
        if kind == b"hdlr":
            self._tables.note_handler(content[8:12])
        elif kind == b"stsd":
            self._tables.note_format(content[12:16])
            if b"vide" in self._tables.handlers:
                width, height = (int.from_bytes(content[at : at + 2], "big") for at in (40, 42))
                check_size(self._name, width, height)

    def _add_fragments(self, count: int) -> None:
        """Count fragments. FFmpeg keeps the place of each, and for every track."""
        self._fragments += count
        if self._fragments * max(1, self._tracks) > MOST_FRAGMENTS:
            found = f"declares {self._fragments:,} fragments of {self._tracks} tracks"
            raise refused(self._name, found, f"the two numbers multiplied are at most {MOST_FRAGMENTS:,}")

    def _add(self, samples: int, found: str) -> None:
        """Count samples that FFmpeg makes entries for."""
        self._samples += samples
        for most, bound in (
            (self._size, f"a file of {self._size:,} bytes can't hold them"),
            (MOST_SAMPLES, f"12 h of the fastest recorder have at most {MOST_SAMPLES:,}"),
        ):
            if self._samples > most:
                raise refused(self._name, f"declares {found.format(f'{self._samples:,}')}", bound)
