"""Header elements, tracks and cues of a WebM are compared with the bounds before FFmpeg reads them."""

from __future__ import annotations

import io
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
from komorebi_qc.media.bounds.table import MOST_CUES, MOST_ELEMENT_BYTES, MOST_TRACKS
from komorebi_qc.media.opening import RECORDING_FORMATS, open_container

if TYPE_CHECKING:
    from collections.abc import Callable

LIVE = b"\x01" + b"\xff" * 7
CLUSTER = b"\x1f\x43\xb6\x75"


def checked(content: bytes, step: int = 1 << 18) -> Source:
    """Read a file in steps under the guard."""
    source = Source("a.webm", io.BytesIO(content), len(content))
    guard = IndexGuard(source, content[:512])
    while data := source.file.read(step):
        guard.see(source.file.tell() - len(data), data)
    return source


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "tracks": (lambda: bombs.many_tracks(MOST_TRACKS + 1), "declares more than 64 tracks"),
    "cues behind a live cluster": (lambda: bombs.many_cues(MOST_CUES + 1), "declares more than 432,000 cues"),
    "a long cue": (
        lambda: bombs.webm(bombs.INFO, bombs.PICTURE, bombs.ebml(0x1C53BB6B, bombs.ebml(0xBB, bytes(5000)))),
        "declares a cue of 5,000 bytes, and a cue has at most 4,096",
    ),
    "a large attachment": (
        lambda: bombs.webm(bombs.INFO, bombs.ebml(0x1941A469, bytes(9), length=MOST_ELEMENT_BYTES + 1)),
        "declares 4,194,305 bytes of its element Attachments, and such an element has at most 4,194,304",
    ),
    "many tags": (
        lambda: bombs.webm(bombs.INFO, bombs.ebml(0x1254C367, bytes(70_000)), bombs.ebml(0x1254C367, bytes(70_000))),
        "declares 140,000 bytes of its element Tags, and such an element has at most 131,072",
    ),
    "packets in zlib": (
        lambda: bombs.one_track(bombs.compressed(b"\0")),
        "has a track with compressed packets, and no recorder writes one",
    ),
    "packets in zlib by default": (
        lambda: bombs.one_track(bombs.ebml(0x6D80, bombs.ebml(0x6240, b""))),
        "has a track with compressed packets",
    ),
    "packets in zlib after another way": (
        lambda: bombs.one_track(bombs.compressed(b"\3", b"\0")),
        "has a track with compressed packets",
    ),
    "a long stripped header": (
        lambda: bombs.one_track(bombs.compressed(b"\3", header=bytes(900))),
        r"has a track with encodings of 9\d\d bytes, and they have at most 512",
    ),
    "many additions": (lambda: bombs.added(17, 9000), "has 17 additions to one block, and at most 16 are allowed"),
    "additions to laced packets": (
        lambda: bombs.added(1, 600_000, laced=True),
        "has 1 additions to one block, and at most 16 are allowed, and 0 if packets share the block",
    ),
    "a large packet": (
        lambda: bombs.webm(
            bombs.INFO, bombs.PICTURE, CLUSTER + LIVE + bombs.ebml(0xA3, bytes(20), length=(32 << 20) + 1)
        ),
        "has a packet of 33,554,433 bytes, and a packet has at most 33,554,432",
    ),
    "tags without a length": (
        lambda: bombs.webm(bombs.INFO, b"\x12\x54\xc3\x67" + LIVE),
        "declares no length of its element Tags, and only segments and clusters may do so",
    ),
}


@pytest.mark.parametrize("name", sorted(BOMBS))
@pytest.mark.parametrize("step", [1 << 18, 1021])
def test_a_declaration_beyond_a_bound_is_refused(name: str, step: int) -> None:
    """However the file is read, in one piece or in small ones."""
    make, says = BOMBS[name]
    with pytest.raises(MediaError, match=says):
        checked(make(), step)


@pytest.mark.parametrize("name", sorted(set(BOMBS) - {"cues behind a live cluster"}))
def test_the_sentence_comes_from_the_opening(name: str) -> None:
    """FFmpeg sees the file's end instead of the declaration, and the file's own error is raised."""
    make, says = BOMBS[name]
    content = make()
    with (
        pytest.raises(MediaError, match=says),
        open_container(Source("a.webm", io.BytesIO(content), len(content)), RECORDING_FORMATS),
    ):
        pass


@pytest.mark.parametrize("name", sorted(name for name in RECORDINGS if name.endswith(("webm", "mkv"))))
def test_a_recorders_file_is_within_the_bounds(name: str) -> None:
    """Live or complete, to its end."""
    assert checked(RECORDINGS[name].read_bytes(), 4099).structure.is_checked


def test_a_short_stripped_header_is_within_the_bounds() -> None:
    """As old versions of mkvmerge wrote it. An encrypted track has a sentence of its own."""
    assert checked(bombs.one_track(bombs.compressed(b"\3", header=bytes(4)))).structure.is_checked
    encrypted = bombs.ebml(0x6D80, bombs.ebml(0x6240, bombs.ebml(0x5033, b"\1") + bombs.ebml(0x5035, b"")))
    assert checked(bombs.one_track(encrypted)).structure.is_checked


def test_transparency_of_a_picture_is_within_the_bounds() -> None:
    """It is an addition to each block."""
    assert checked(bombs.added(1, 600_000)).structure.is_checked


def test_cues_of_12_hours_are_within_the_bounds() -> None:
    """Ten of them a second, with all their fields."""
    cue = bombs.ebml(0xBB, bombs.ebml(0xB3, b"\1\2\3\4") + bombs.ebml(0xB7, bombs.ebml(0xF7, b"\1")))
    content = bombs.webm(bombs.INFO, bombs.PICTURE, bombs.ebml(0x1C53BB6B, cue * 300_000))
    assert checked(content).structure.is_checked


@given(
    st.sampled_from(sorted(name for name in RECORDINGS if name.endswith("webm"))),
    st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(0, 255)), max_size=30),
    st.integers(12, 5000),
)
@settings(max_examples=60, deadline=None)
def test_any_damage_ends_in_a_sentence_or_in_nothing(name: str, hits: list[tuple[float, int]], step: int) -> None:
    """Bytes of the first 4 kB are changed: the walk ends, and raises nothing but its own error."""
    content = bytearray(RECORDINGS[name].read_bytes()[:60_000])
    for share, value in hits:
        content[int(share * 4095)] = value
    with suppress(MediaError):
        checked(bytes(content), step)
