"""The captions of the page."""

from __future__ import annotations

import base64
import re

import webvtt
from report_pages import made_page
from turn_pages import spoken

from komorebi_qc.core.output import Chapter
from komorebi_qc.desk.report.turns.captions import captions_track, chapters_track, text_tracks


def _text(track: str) -> str:
    found = re.search(r"base64,([^\"]+)", track)
    assert found is not None
    return base64.b64decode(found[1]).decode()


def test_the_captions_are_a_track() -> None:
    """WebVTT with each turn and its speaker, in the transcript's language."""
    track = captions_track(made_page(30.0, turns=spoken(), language="en-US"))
    assert 'srclang="en-US"' in track
    assert "00:00:02.600 --> 00:00:06.400\n<v Agent>Agent: Hello" in _text(track)
    assert captions_track(made_page(30.0)) == ""


def test_an_excerpt_has_its_own_clock() -> None:
    """Captions count from the excerpt's start, and turns outside of it are left out."""
    page = made_page(30.0, turns=spoken(), video="data:video/mp4;base64,", video_start_s=10.0, video_length_s=6.0)
    text = _text(captions_track(page))
    assert text.count("-->") == 3
    assert "00:00:00.000 --> 00:00:00.400" in text


def test_the_chapters_are_a_track() -> None:
    """On the clock of the video that the page has; one chapter is no list."""
    chapters = (
        Chapter(0.0, 8.0, "before_call", "Before the call"),
        Chapter(8.0, 20.0, "call", "Call"),
        Chapter(20.0, 30.0, "after_call", "After-call work"),
    )
    track = chapters_track(made_page(30.0, chapters=chapters))
    assert track.startswith('<track kind="chapters"')
    assert [one.text for one in webvtt.from_string(_text(track)).captions] == [one.title for one in chapters]
    excerpt = made_page(
        30.0, chapters=chapters, video="data:video/mp4;base64,", video_start_s=10.0, video_length_s=16.0
    )
    assert [(one.start, one.end, one.text) for one in webvtt.from_string(_text(chapters_track(excerpt))).captions] == [
        ("00:00:00.000", "00:00:10.000", "Call"),
        ("00:00:10.000", "00:00:16.000", "After-call work"),
    ]
    assert chapters_track(made_page(30.0, chapters=chapters[:1])) == ""
    both = text_tracks(made_page(30.0, chapters=chapters, turns=spoken(), language="en"))
    assert [kind in both for kind in ('kind="captions"', 'kind="chapters"')] == [True, True]


def test_long_captions_are_left_to_the_script() -> None:
    """They would make the page too large."""
    assert captions_track(made_page(30.0, length_s=9000.0, turns=spoken(2000), language="en")) == ""
