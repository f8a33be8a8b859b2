"""Captions and chapters in the page: tracks of the video, as data URIs. A page opened as a file can't read others."""

from __future__ import annotations

import base64
import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from komorebi_qc.transcript.placed import PlacedTranscript
from komorebi_qc.transcript.write_webvtt import captions_webvtt, chapters_webvtt

if TYPE_CHECKING:
    from komorebi_qc.desk.report.content import Page

_VOICE = re.compile(r"<v ([^>]+)>")
MOST_BYTES = 120_000
"""Longer captions are made by the page's script, from the list of turns."""


def text_tracks(page: Page) -> str:
    """The video's track elements: captions and chapters."""
    return captions_track(page) + chapters_track(page)


def chapters_track(page: Page) -> str:
    """The track element of the chapters, which some browsers and readers list; empty without at least two."""
    length_s = page.video_length_s if page.is_embedded else page.length_s
    shown = [
        replace(
            one, from_s=max(0.0, one.from_s - page.video_start_s), to_s=min(one.to_s - page.video_start_s, length_s)
        )
        for one in page.chapters
        if one.to_s > page.video_start_s and one.from_s - page.video_start_s < length_s
    ]
    if len(shown) < 2:
        return ""
    data = base64.b64encode(chapters_webvtt(shown).encode()).decode()
    return f'<track kind="chapters" srclang="en" label="Chapters" src="data:text/vtt;base64,{data}">'


def captions_track(page: Page) -> str:
    """The video's track element; empty without a transcript, or if the captions are too long."""
    length_s = page.video_length_s if page.is_embedded else page.length_s
    turns = tuple(
        replace(turn, from_s=max(0.0, turn.from_s - page.video_start_s), to_s=turn.to_s - page.video_start_s)
        for turn in page.turns
        if turn.to_s - page.video_start_s > 0.0 and turn.from_s - page.video_start_s < length_s
    )
    if not turns:
        return ""
    # Browsers don't show the voice of a cue, so its words name the speaker too.
    text = _VOICE.sub(r"\g<0>\1: ", captions_webvtt(PlacedTranscript(turns, page.language, "webvtt")))
    data = base64.b64encode(text.encode()).decode()
    if len(data) > MOST_BYTES:
        return ""
    language = html.escape(page.language or "und", quote=True)
    return (
        f'<track kind="captions" srclang="{language}" label="Transcript" data-kq="track" '
        f'src="data:text/vtt;base64,{data}">'
    )
