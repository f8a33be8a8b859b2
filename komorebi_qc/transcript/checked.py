"""Checks of every reader: times and texts of turns are within bounds, and texts have no hidden characters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from komorebi_qc.transcript.turns import MOST_TURN_CHARACTERS, MOST_TURNS, Transcript, Turn, Word, unusable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from komorebi_qc.transcript.turns import Speaker, TranscriptSource

MAX_TIME_S = 48 * 3600.0
"""Twice the length of the longest shift, as for the reported call end."""
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
"""Characters that show nothing, break lines, or turn the direction of the text around them."""
_VANISHING = re.compile("[\u00ad\u061c\u2060-\u2064\U000e0000-\U000e007f]")
"""Characters within words that show nothing."""
_SURROGATE = re.compile("[\ud800-\udfff]")
"""Halves of a character, which no file can hold."""
_WORDS = re.compile(r"\w+")
_ROLES: dict[str, Speaker] = {"agent": "agent", "customer": "customer", "caller": "customer"}


def speaker_of(role: object) -> Speaker:
    """Return who a role's name means, in any case; ``unknown`` for every other one."""
    return _ROLES.get(role.strip().lower(), "unknown") if isinstance(role, str) else "unknown"


def seconds(value: object, unit_s: float, which: str, name: str) -> float:
    """Return a time in seconds.

    Args:
        value: as the file has it.
        unit_s: its unit.
        which: the turn, for messages.
        name: the file's name, for messages.

    Raises:
        InputError: it isn't a number of a call's length.
    """
    # A true or false counts as a number in Python. Nor does a NaN pass. An integer may be too large for a float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_TIME_S / unit_s:
        raise unusable(name, f"{which} has a time that isn't a number from 0 to 48 hours")
    return value * unit_s


def clean(text: object) -> str:
    """Return a text in one line, without characters that can't be shown; empty for something else than a text."""
    if not isinstance(text, str):
        return ""
    return " ".join(_SURROGATE.sub("\ufffd", _HIDDEN.sub(" ", _VANISHING.sub("", text))).split())


def turn(
    speaker: Speaker,
    from_s: float,
    to_s: float,
    text: object,
    which: str,
    name: str,
    *,
    is_redacted: bool = False,
    words: Iterable[Word] = (),
) -> Turn | None:
    """Return a turn; None if it has no text.

    Args:
        speaker: of the turn.
        from_s: its start.
        to_s: its end.
        text: as the file has it.
        which: the turn, for messages.
        name: the file's name, for messages.
        is_redacted: whether a part of the text is a placeholder.
        words: with their times. If they begin later than the turn, the turn begins with them. Words of another text
            don't count.

    Raises:
        InputError: it ends before it begins, or its text is longer than any turn.
    """
    if isinstance(text, str) and len(text) > MOST_TURN_CHARACTERS:
        raise unusable(name, f"{which} has {len(text)} characters, and a turn has at most {MOST_TURN_CHARACTERS}")
    if to_s < from_s:
        raise unusable(name, f"{which} ends before it begins")
    shown = clean(text)
    if not shown:
        return None
    listed = [word for word in words if clean(word.text)]
    if _letters(shown) != _letters("".join(word.text for word in listed)):
        listed = []
    spoken = tuple(sorted(listed, key=lambda w: (w.from_s, w.to_s)))
    if spoken:
        from_s = min(max(from_s, spoken[0].from_s), to_s)
    return Turn(speaker, from_s, to_s, shown, is_redacted, spoken)


def _letters(text: str) -> str:
    """A text without spaces and punctuation, which words may lack."""
    return "".join(_WORDS.findall(clean(text)))


def transcript(turns: Iterable[Turn | None], language: object, source: TranscriptSource, name: str) -> Transcript:
    """Return a transcript, its turns in order.

    Args:
        turns: in any order; they may overlap.
        language: as the file has it.
        source: the format.
        name: the file's name.

    Raises:
        InputError: no turn has words, or there are more than a call can have.
    """
    kept = sorted((one for one in turns if one is not None), key=lambda one: (one.from_s, one.to_s))
    if not kept:
        raise unusable(name, "it has no turn with words")
    if len(kept) > MOST_TURNS:
        raise unusable(name, f"it has {len(kept)} turns, and a call has at most {MOST_TURNS}")
    tag = clean(language)
    return Transcript(
        tuple(kept), tag if re.fullmatch(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,3}", tag) else "", source, name
    )
