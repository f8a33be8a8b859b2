"""A recording's ID is found wherever it is, and not within another ID, nor where a text has it by chance."""

from __future__ import annotations

import html
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from komorebi_qc.erasure.name_match import NameMatch

UUID = "7f3c2a90-5b1e-4c6d-9a57-2e8d41c0b6f3"
CASE = "case-0815"


@pytest.mark.parametrize(
    ("recording_id", "text", "is_named"),
    [
        (CASE, CASE, True),
        (CASE, f"reports/{CASE}/report.html", True),
        (CASE, f"'{CASE}', r2", True),
        (CASE, f"{CASE}.mp4", True),
        (CASE, f"{CASE}0", False),
        (CASE, f"a{CASE}", False),
        (CASE, f"{CASE}-b", False),
        (CASE, f"{CASE}_b", False),
        (CASE, CASE.upper(), False),
        (CASE, "", False),
        ("case.0815", "casex0815", False),
        ("/data/a b.webm", "row of /data/a b.webm.", True),
        (UUID, f"{UUID}_report.html", True),
        (UUID, f"x{UUID.upper()}x", True),
        (UUID, UUID[:-1], False),
        ("a1" * 50, f"… {'a1' * 39}", True),
        ("a1" * 50, f"… {'a1' * 38}a", False),
    ],
)
def test_a_distinctive_name_is_found(recording_id: str, text: str, *, is_named: bool) -> None:
    """Letters, digits, ``-`` and ``_`` beside it make another ID; a UUID counts anywhere, a long ID by its end."""
    names = NameMatch(recording_id)
    assert names.is_distinctive
    assert names.in_text(text) is is_named
    assert names.in_path(text) is is_named
    assert names.in_bytes(text.encode()) is is_named
    assert names.in_chunks([text.encode()]) is is_named


@pytest.mark.parametrize(
    "text",
    [
        "opacity:1; \"width\": 1, '1', 1",
        "<td>1</td><td>1 s</td>",
        "The recording 1.5 s long",
        "see 1",
        '{"recording_id": "10", "count": "1"}',
        "<title>Recording 12: pass</title>",
        "recording_id in ('11') and jump_count = '1'",
    ],
)
def test_a_short_id_is_in_no_text_by_chance(text: str) -> None:
    """A number or a word is in every page: that doesn't make it this recording's."""
    names = NameMatch("1")
    assert not names.is_distinctive
    assert not names.in_text(text)
    assert not names.in_bytes(text.encode())


@pytest.mark.parametrize("recording_id", ["1", "call", "r-1", "a_b"])
@pytest.mark.parametrize(
    "place",
    [
        '{"recording_id": "@", "findings": []}',
        '{"source": "recording_id = \\"@\\"\\n"}',
        '{"source": "recording_id=\'@\'"}',
        '{"recordingID":"@","callEndingTimestamp":"10"}',
        '{"state": "done", "recording": "@"}',
        "<pre>&quot;recording_id&quot;: &quot;@&quot;</pre>",
        "rerun data --where &quot;recording_id in (&#x27;a&#x27;, &#x27;@&#x27;)&quot;",
        "rerun data --where \"recording_id = '@'\"",
        "<title>Recording @: pass</title>",
        "<h1>Recording @</h1>",
        "<dt>Recording</dt><dd>@</dd>",
        "komorebi_qc: clip of @\0",
        "Software\0komorebi_qc Description\0@.mp4",
        '<img alt="Frame of @">',
        '<svg aria-label="Waveforms of @, from top to bottom">',
        '<p class="name"><span class="tag">fail</span> @</p>',
        '<p class="name"><span class="tag">fail</span> <a href="_reports/x/report.html">@</a></p>',
        '<td><span class="tag">corrected</span></td><th scope="row">@</th>',
        '<td><span class="tag">held</span></td><th scope="row"><a href="_reports/x/report.html">@</a></th>',
        "Recording @ needs a look: offset.",
        "The worst recording, @, fails: offset.",
        "fail | @ | agent",
        "the recording @ is listed in /day.csv:1 already: keep one row",
        "@ has two different call ends: keep one row",
    ],
)
def test_a_short_id_counts_where_this_software_writes_it(recording_id: str, place: str) -> None:
    """Another ID in the same place doesn't count."""
    names = NameMatch(recording_id)
    assert names.in_text(place.replace("@", recording_id))
    assert names.in_bytes(place.replace("@", recording_id).encode())
    for other in (f"{recording_id}2", f"2{recording_id}", f"{recording_id}-b"):
        assert not names.in_text(place.replace("@", other))


def test_a_short_id_in_a_path() -> None:
    """A folder or a file may be named after it."""
    names = NameMatch("1")
    assert all(map(names.in_path, ("1", "a/1/report.html", "1.mp4", "a/1.qc.json")))
    assert not any(map(names.in_path, ("10/report.html", "day=2026-11-1/x", "x1.mp4", "1-2.mp4", "a 1.mp4")))


def test_an_id_itself() -> None:
    """The ID alone counts; case only matters without a UUID."""
    assert NameMatch(UUID).is_id(UUID.upper())
    assert not NameMatch(UUID).is_id(f"{UUID}-2")
    assert NameMatch("r1").is_id("r1")
    assert not NameMatch("r1").is_id("R1")


@pytest.mark.parametrize("name", ['/data/Größe & "x" <1>.webm', "/data/a\\b 1.webm", "/data/two  spaces 1.webm"])
def test_a_path_with_odd_characters(name: str) -> None:
    """JSON and HTML write quotes, accents and signs in other ways."""
    names = NameMatch(name)
    texts = (
        name,
        json.dumps(name),
        json.dumps(name, ensure_ascii=False),
        html.escape(name),
        html.escape(json.dumps(name)),
    )
    assert all(names.in_bytes(text.encode()) for text in (*texts, " ".join(name.split())))


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([b"case-0815", b"case-", b"0815", b"0", b" ", b"-", b"xyz", b""]), max_size=12),
    st.integers(1, 12),
)
def test_pieces_are_the_same_as_the_whole(parts: list[bytes], size: int) -> None:
    """The answer doesn't depend on where a file's content is cut."""
    names, whole = NameMatch(CASE), b"".join(parts)
    assert names.in_chunks(whole[i : i + size] for i in range(0, len(whole), size)) is names.in_bytes(whole)
    assert names.in_chunks(parts) is names.in_bytes(whole)


def test_a_clip_in_pieces_names_a_short_id() -> None:
    """The mark and the ID may be cut anywhere."""
    clip = b"\0" * 9000 + b"komorebi_qc: clip of r1" + b"\0" * 9000
    for size in (7, 100, 8999, 20_000):
        assert NameMatch("r1").in_chunks(clip[i : i + size] for i in range(0, len(clip), size))
        assert not NameMatch("r").in_chunks(clip[i : i + size] for i in range(0, len(clip), size))
