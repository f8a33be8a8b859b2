"""An MP4's index is compared with the bounds before FFmpeg makes entries for its samples."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

import bombs
import pytest
from captures import RECORDINGS
from hypothesis import given, settings
from hypothesis import strategies as st

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.source import Source
from komorebi_qc.media.bounds.guard import IndexGuard
from komorebi_qc.media.bounds.table import MOST_BOX_BYTES, MOST_SAMPLES
from komorebi_qc.media.opening import RECORDING_FORMATS, open_container

if TYPE_CHECKING:
    from collections.abc import Callable

TOO_MANY = MOST_SAMPLES + 800_000


def checked(content: bytes, step: int = 1 << 18) -> Source:
    """Read a file in steps under the guard."""
    source = Source("a.mp4", io.BytesIO(content), len(content))
    guard = IndexGuard(source, content[:512])
    while data := source.file.read(step):
        guard.see(source.file.tell() - len(data), data)
    return source


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "samples of one size": (
        lambda: bombs.declared_samples(TOO_MANY),
        rf"declares an index of {TOO_MANY:,} samples, and a file of 6\d\d bytes can't hold them",
    ),
    "blocks of PCM": (lambda: bombs.declared_chunks(TOO_MANY), r"index of 62,914,560 samples, and a file of"),
    "edits": (lambda: bombs.declared_edits(6000), r"declares an index of 5,999,000 samples, and a file of"),
    "a fragment's defaults": (
        lambda: bombs.declared_fragment(TOO_MANY),
        rf"declares fragments of {TOO_MANY:,} samples, and a file of [67]\d\d bytes can't hold them",
    ),
    "a table in another box": (lambda: bombs.hidden_table(TOO_MANY), "has 'stsz' in its box 'stsd'"),
    **{
        f"entries of {kind}": (
            lambda kind=kind: bombs.declared_table(kind, TOO_MANY),  # type: ignore[misc]
            rf"{TOO_MANY:,} entries in a table '{kind}' of \d+ bytes, and the table can't hold them",
        )
        for kind in ("stsz", "stts", "stsc", "stco")
    },
    "a compressed index": (
        lambda: bombs.box("ftyp", b"isom") + bombs.box("moov", bombs.box("cmov", bytes(20))),
        "has a compressed index",
    ),
    "one picture for all chunks": (
        lambda: bombs.mp4(
            bombs.track(
                bombs.video_description(),
                bombs.times(400),
                bombs.table("stsz", 2000, 400),
                bombs.table("stsc", 1, 1, 1, 1),
                bombs.table("stco", 400, *[700] * 400),
            ),
            data=bytes(4000),
        ),
        r"has samples of 800,000 bytes by its index, and a file of 6,\d\d\d bytes can't hold them",
    ),
    "one picture of many sizes": (
        lambda: bombs.mp4(
            bombs.track(
                bombs.video_description(),
                bombs.times(400),
                bombs.table("stsz", 0, 400, *range(2000, 2400)),
                bombs.table("stsc", 1, 1, 1, 1),
                bombs.table("stco", 400, *[700] * 400),
            ),
            data=bytes(4000),
        ),
        r"has samples of 879,800 bytes by its index, and a file of",
    ),
    "a wide picture": (
        lambda: bombs.mp4(bombs.track(bombs.video_description(width=8200))),
        "has a picture of 8200 x 90 pixels, and a picture has at most 8192 x 8192",
    ),
    "tracks": (lambda: bombs.box("moov", bombs.box("trak") * 65), "declares more than 64 tracks"),
    "a large box": (
        lambda: struct.pack(">I4sI4s", MOST_BOX_BYTES + 99, b"moov", MOST_BOX_BYTES + 9, b"udtx") + bytes(9),
        f"has a box 'udtx' of {MOST_BOX_BYTES + 1:,} bytes in its index",
    ),
    "an encrypted track": (lambda: bombs.encrypted(1), r"a\.mp4 is encrypted \(DRM\): get the recording without it"),
    "encryption in another box": (
        lambda: bombs.mp4(bombs.track(bombs.box("stsd", bombs.video_description(), bombs.table("senc", TOO_MANY)))),
        "has 'senc' in its box 'stsd'",
    ),
    "empty fragments": (
        lambda: bombs.empty_fragments(15_626),
        "declares 15,626 fragments of 64 tracks, and the two numbers multiplied are at most 1,000,000",
    ),
    "lists of fragments": (lambda: bombs.listed_fragments(1), "declares 65,535 fragments of 64 tracks"),
    "many texts": (lambda: bombs.many_texts(2001), "has more than 2,000 texts in its index"),
    "many boxes": (lambda: bombs.box("moov", bombs.box("free") * 20_001), "more than 20,000 boxes"),
    "deep boxes": (
        lambda: bombs.box("moov", *[struct.pack(">I4s", 8 * (20 - depth), b"udta") for depth in range(20)]),
        "has boxes in boxes, 13 deep",
    ),
}
BOMBS["the end of the file"] = (
    lambda: bombs.mp4(data=bytes(5000)).replace(b"moov", b"skip") + bombs.declared_samples(TOO_MANY)[20:],
    "can't hold them",
)


@pytest.mark.parametrize("name", sorted(BOMBS))
@pytest.mark.parametrize("step", [1 << 18, 37])
def test_a_declaration_beyond_a_bound_is_refused(name: str, step: int) -> None:
    """However the file is read, in one piece or in small ones."""
    make, says = BOMBS[name]
    with pytest.raises(MediaError, match=says):
        checked(make(), step)


@pytest.mark.parametrize("name", sorted(set(BOMBS) - {"many boxes", "tracks", "a large box", "deep boxes"}))
def test_the_sentence_comes_from_the_opening(name: str) -> None:
    """FFmpeg sees the file's end instead of the declaration, and the file's own error is raised."""
    make, says = BOMBS[name]
    content = make()
    with (
        pytest.raises(MediaError, match=says),
        open_container(Source("a.mp4", io.BytesIO(content), len(content)), RECORDING_FORMATS),
    ):
        pass


@pytest.mark.parametrize("name", sorted(RECORDINGS))
@pytest.mark.parametrize("step", [1 << 18, 1021])
def test_a_recorders_file_is_within_the_bounds(name: str, step: int) -> None:
    """Its structure is then known, and isn't checked again."""
    content = RECORDINGS[name].read_bytes()
    source = checked(content, step)
    assert source.structure.is_checked
    assert source.reopen().structure.is_checked
    assert not IndexGuard(source.reopen(), content[:512]).is_active


def test_12_hours_at_60_frames_a_second_are_within_the_bounds() -> None:
    """With AAC at 48 kHz, each sample with a size of its own."""
    frames, packets = 12 * 3600 * 60, 12 * 3600 * 48000 // 1024
    sizes = [
        bombs.box("stsz", struct.pack(">III", 0, 0, count) + struct.pack(">I", 7) * count)
        for count in (frames, packets)
    ]
    content = bombs.mp4(
        bombs.track(bombs.video_description(), bombs.times(frames), sizes[0], bombs.one_chunk(frames)),
        bombs.track(
            bombs.audio_description("mp4a"),
            bombs.times(packets, 1024),
            sizes[1],
            bombs.one_chunk(packets),
            kind="soun",
            number=2,
        ),
    )
    head, _, _ = content.rpartition(b"mdat")
    mdat = struct.pack(">I", 8 + 7 * (frames + packets)) + b"mdat"
    assert checked(head[:-4] + mdat + bytes(1000)) is not None


def test_fragments_of_12_hours_are_within_the_bounds() -> None:
    """Ten a second, of two tracks, in lists of them."""
    tracks = [bombs.track(bombs.video_description(), number=number) for number in (1, 2)]
    listed = bombs.box("sidx", struct.pack(">IIIIIHH", 0, 1, 1000, 0, 0, 0, 54_000), bytes(12 * 54_000))
    assert checked(bombs.mp4(*tracks, after=listed * 8)).structure.is_checked


def test_12_hours_of_pcm_are_within_the_bounds() -> None:
    """A sample of PCM is a single number, and FFmpeg makes an entry for 1024 of them."""
    second, count = 48_000, 12 * 3600
    sound = bombs.track(
        bombs.audio_description(),
        bombs.times(second * count),
        bombs.table("stsc", 1, 1, second, 1),
        bombs.table("stco", count, *range(600, 600 + count)),
        bombs.sized(second * count, 4),
        kind="soun",
        scale=second,
    )
    assert checked(bombs.mp4(sound, data=bytes(2 << 20))).structure.is_checked


def cut(samples: int, kept: int) -> bytes:
    """An MP4 that is cut off in its table of sizes, each of 4 bytes."""
    whole = bombs.mp4(
        bombs.track(
            bombs.video_description(),
            bombs.times(samples),
            bombs.box("stsz", struct.pack(">III", 0, 0, samples) + bytes(4 * samples)),
            bombs.one_chunk(samples),
        )
    )
    return whole[:kept]


def test_a_table_that_is_cut_off_is_no_bomb() -> None:
    """FFmpeg reads what is there."""
    checked(cut(5000, 10_000))


def test_a_table_that_is_cut_off_may_not_declare_more_than_the_file_has() -> None:
    """The sentence is the one of a file that is cut off."""
    says = r"a\.mp4 is cut off before its index \(\d{5} bytes are missing\)\. Nothing in it can be played"
    with pytest.raises(MediaError, match=says):
        checked(cut(5000, 3000))


@given(
    st.sampled_from(sorted(name for name in RECORDINGS if name.endswith("mp4") or name == "sample")),
    st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(0, 255)), max_size=30),
    st.integers(1, 5000),
)
@settings(max_examples=60, deadline=None)
def test_any_damage_ends_in_a_sentence_or_in_nothing(name: str, hits: list[tuple[float, int]], step: int) -> None:
    """Bytes of the first 4 kB are changed: the walk ends, and raises nothing but its own error."""
    content = bytearray(RECORDINGS[name].read_bytes()[:60_000])
    for share, value in hits:
        content[int(share * 4095)] = value
    with suppress(MediaError):
        checked(bytes(content), step)
