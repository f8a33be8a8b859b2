"""Captions in the page: a track of the video, as a data URI. A page opened as a file can't read another file."""

from __future__ import annotations

import base64
import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from komorebi_qc.transcript.placed import PlacedTranscript
from komorebi_qc.transcript.write_webvtt import captions_webvtt

if TYPE_CHECKING:
    from komorebi_qc.desk.report.content import Page

_VOICE = re.compile(r"<v ([^>]+)>")
MOST_BYTES = 120_000
"""Longer captions are made by the page's script, from the list of turns."""


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
