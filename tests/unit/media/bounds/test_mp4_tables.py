"""The tables of a track, and the entries that FFmpeg makes of them."""

from __future__ import annotations

import struct

import bombs
import pytest

from komorebi_qc.media.bounds.mp4_tables import Table, TrackTables, read_table


def fields(made: bytes) -> memoryview:
    """The bytes after a box's head."""
    return memoryview(made)[8:]


@pytest.mark.parametrize(
    ("made", "table"),
    [
        pytest.param(bombs.sized(9, 3), Table(9, 0, 12, (3,)), id="one size"),
        pytest.param(bombs.table("stsz", 0, 2, 5, 6), Table(2, 32, 12, (0,)), id="sizes"),
        pytest.param(bombs.table("stz2", 4, 7), Table(7, 4, 12), id="small sizes"),
        pytest.param(bombs.times(9, 40), Table(1, 64, 8, (9, 40)), id="times"),
        pytest.param(bombs.table("co64", 3), Table(3, 64, 8), id="offsets of 64 bits"),
        pytest.param(bombs.table("elst", 2), Table(2, 96, 8), id="edits"),
        pytest.param(bombs.table("elst", 2, version=1), Table(2, 160, 8), id="edits of 64 bits"),
        pytest.param(bombs.table("trun", 5), Table(5, 0, 8), id="a fragment's defaults"),
        pytest.param(bombs.table("trun", 5, 0, 0, flags=0xF05), Table(5, 128, 16), id="a fragment's samples"),
        pytest.param(bombs.table("trun", 5, 0, flags=0x201), Table(5, 32, 12), id="a fragment's sizes"),
    ],
)
def test_a_tables_head_is_read(made: bytes, table: Table) -> None:
    """The number of entries, the bits of one, and the place of the first."""
    assert read_table(made[4:8], fields(made)) == table


@pytest.mark.parametrize("kept", [0, 3, 7])
def test_a_table_that_is_cut_off_isnt_read(kept: int) -> None:
    """Fewer bytes than its head has."""
    assert read_table(b"stts", fields(bombs.times(9))[:kept]) is None


def pcm(*runs: tuple[int, int], chunks: int) -> TrackTables:
    """A track of PCM."""
    tables = TrackTables()
    tables.note_handler(b"soun")
    tables.note_handler(b"url ")  # the handler of its data
    tables.note_format(b"sowt")
    tables.note(b"stts", Table(1, 64, 8, (10_000, 1)))
    tables.note(b"stsz", Table(10_000, 0, 12, (4,)))
    tables.note_chunks(memoryview(b"".join(struct.pack(">III", first, count, 1) for first, count in runs)))
    tables.note(b"stco", Table(chunks, 32, 8))
    return tables


def test_pcm_has_an_entry_for_a_block() -> None:
    """Of 1024 samples, counted for each chunk."""
    assert pcm((1, 2048), (4, 1025), (5, 1), chunks=6).entries() == 3 * 2 + 2 + 2


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("a handler of pictures", lambda tables: tables.note_handler(b"vide")),
        ("a format of pictures", lambda tables: tables.note_format(b"avc1")),
        ("other steps", lambda tables: tables.note(b"stts", Table(1, 64, 8, (10_000, 1024)))),
        ("several times", lambda tables: tables.note(b"stts", Table(2, 64, 8, (10_000, 1)))),
    ],
)
def test_anything_else_has_an_entry_for_a_sample(kind: str, change: object) -> None:
    """FFmpeg takes a track for PCM only if all of its tables agree."""
    tables = pcm((1, 2048), chunks=6)
    change(tables)  # type: ignore[operator]
    assert tables.entries() == 10_000, kind


@pytest.mark.parametrize(("edits", "factor"), [(0, 1), (1, 1), (2, 1), (3, 2), (9, 8)])
def test_edits_repeat_the_entries(edits: int, factor: int) -> None:
    """An empty edit and one other are usual, and repeat nothing."""
    tables = TrackTables()
    tables.note(b"stsz", Table(50, 0, 12, (1,)))
    tables.note(b"elst", Table(edits, 96, 8))
    assert tables.entries() == 50 * factor


def test_tables_with_more_entries_than_a_recording_has_are_named() -> None:
    """The sum counts: each of them may have as many as there are samples."""
    tables = TrackTables()
    assert tables.note(b"stss", Table(20_000_000, 32, 8)) is None
    assert tables.note(b"ctts", Table(1_000_000, 64, 8)) == (
        "declares 21,000,000 entries in the tables of a track",
        "12 h of the fastest recorder have at most 20,736,000",
    )


def test_the_bytes_of_all_samples_are_added_up() -> None:
    """From one size for all, or from each."""
    tables = TrackTables()
    tables.note(b"stsz", Table(50, 0, 12, (7,)))
    tables.note_sizes(memoryview(struct.pack(">III", 1, 2, 0xFFFFFFFF)))
    assert tables.sample_bytes == 350 + 3 + 0xFFFFFFFF
