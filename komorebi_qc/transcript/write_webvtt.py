"""Captions and chapters as WebVTT (https://www.w3.org/TR/webvtt1/).

A cue holds one turn, with its speaker as a voice span. Words are escaped, so that no text can be markup. Masked turns
have no cue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.transcript.chapters import Chapter
    from komorebi_qc.transcript.placed import PlacedTranscript

RUN_NOTE = "NOTE komorebi-run "
"""Begins the comment that names the run."""
VOICES = {"agent": "Agent", "customer": "Customer", "unknown": "Speaker"}
_LEAST_S = 0.001
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def captions_webvtt(placed: PlacedTranscript, run_id: str = "") -> str:
    """Return a transcript as WebVTT.

    Args:
        placed: the transcript on the output clock.
        run_id: the run, named in a comment; empty for no comment.
    """
    header = ["WEBVTT", "Kind: captions"]
    header += [f"Language: {placed.language}"] if placed.language else []
    cues = [
        _cue(number, turn.from_s, turn.to_s, f"<v {VOICES[turn.speaker]}>{turn.text.translate(_ESCAPES)}</v>")
        for number, turn in enumerate((turn for turn in placed.turns if turn.text), 1)
    ]
    return _file(header, cues, run_id)


def chapters_webvtt(chapters: Sequence[Chapter], run_id: str = "") -> str:
    """Return chapters as WebVTT.

    Args:
        chapters: on the output clock.
        run_id: the run, named in a comment; empty for no comment.
    """
    cues = [_cue(n, one.from_s, one.to_s, one.title.translate(_ESCAPES)) for n, one in enumerate(chapters, 1)]
    return _file(["WEBVTT", "Kind: chapters"], cues, run_id)


def run_of(text: str) -> str:
    """Return the run that a file of this module names; empty if it names no run."""
    for line in text.splitlines():
        if line.startswith(RUN_NOTE):
            return line.removeprefix(RUN_NOTE).strip()
        if "-->" in line:
            break
    return ""


def _file(header: Sequence[str], cues: Sequence[str], run_id: str) -> str:
    note = [f"{RUN_NOTE}{run_id}"] if run_id else []
    return "\n\n".join(["\n".join(header), *note, *cues]) + "\n"


def _cue(number: int, from_s: float, to_s: float, payload: str) -> str:
    end_s = max(to_s, round(from_s, 3) + _LEAST_S)  # a cue has a length
    return f"{number}\n{clock_text(from_s)} --> {clock_text(end_s)}\n{payload}"
