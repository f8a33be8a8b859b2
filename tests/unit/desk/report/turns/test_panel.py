"""The transcript as a list."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
from parsed_pages import ParsedPage, data_of
from report_pages import made_page
from turn_pages import spoken

from komorebi_qc.desk.report.html import report_html
from komorebi_qc.desk.report.turns.panel import LIST_BYTES, MASKED_TEXT, turns_panel
from komorebi_qc.transcript.placed import PlacedTurn

MOST_BYTES = 1_000_000


def test_each_turn_is_a_line_without_scripts() -> None:
    """With its time as a link into the video, its speaker and its words, which can't be markup."""
    page = made_page(30.0, turns=spoken())
    found = turns_panel(page)
    text = ParsedPage(found.html).text
    assert text.index("Agent Hello, this is") < text.index("Customer Hello. My home line")
    assert "<b>The card number</b>" in text
    assert found.html.count("<li ") == 5
    assert 'href="recording.mp4#t=2.600"' in found.html
    assert found.packed == ""
    assert turns_panel(made_page(30.0)).html == ""


def test_a_finding_is_at_its_turn() -> None:
    """The finding at 15 s is in the turn that began last before it; a finding that passes has no badge."""
    found = turns_panel(made_page(30.0, turns=spoken()))
    lines = found.html.splitlines()
    assert [number for number, line in enumerate(lines) if "badge" in line] == [3]
    assert "warn: seam gap" in lines[3]


def test_masked_words_are_named() -> None:
    """A turn without words says that they are masked."""
    found = turns_panel(made_page(30.0, turns=(PlacedTurn("agent", 1.0, 2.0, "", is_redacted=True),)))
    assert MASKED_TEXT in found.html


def test_a_long_transcript_is_held_in_two_parts() -> None:
    """12 hours: the first turns are a list, the rest is deflated; no turn is missing, and the page keeps its size."""
    turns = spoken(9000, each_s=4.8)
    page = made_page(20.0, turns=turns)
    found = turns_panel(page)
    assert len(found.html.encode()) < LIST_BYTES + 2000
    rest = json.loads(zlib.decompress(base64.b64decode(found.packed), -15))
    assert found.html.count("<li ") + len(rest) == len(turns)
    assert rest[-1][3].endswith("Turn 8999.")
    text = report_html(page)
    assert len(text.encode()) <= MOST_BYTES
    assert data_of(text)["more_turns"] == found.packed


def test_words_without_room_are_counted() -> None:
    """Turns that can't be deflated enough are left out, and the page says how many."""
    rng = np.random.default_rng(1)
    turns = tuple(PlacedTurn("agent", k, k + 0.9, rng.bytes(400).hex()) for k in range(3000))
    found = turns_panel(made_page(20.0, turns=turns))
    rest = json.loads(zlib.decompress(base64.b64decode(found.packed), -15))
    missing = len(turns) - found.html.count("<li ") - len(rest)
    assert missing > 0
    assert f"{missing} turns have no room in this page." in found.html
    assert len(report_html(made_page(20.0, turns=turns)).encode()) <= MOST_BYTES


def test_five_megabytes_of_one_word_fit() -> None:
    """They are deflated."""
    found = turns_panel(made_page(20.0, turns=(PlacedTurn("agent", 1.0, 2.0, "word " * 1_000_000),)))
    assert 'data-kq="more-turns"' in found.html
    assert len(found.packed) < 20_000
