"""Whether a text, a path or a file names a recording. Pure.

A contact's UUID, a path, and a long ID of letters and digits are *distinctive*: wherever such a text is, it names the
recording. A short ID or a word, such as ``1`` or ``call``, is in many texts by chance. It counts only as an ID's own
value, as a folder or a file of that name, and in the sentences and fields in which this software writes an ID.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SHOWN_END = 78
"""The fleet page shows the last 78 characters of an ID of more than 80."""
_LONGEST_SHOWN = 80
_DISTINCTIVE_CHARACTERS = 8
_LONGEST_LIST = 4000
"""Characters between ``recording_id in (`` and an ID: 50 UUIDs take 2,000."""
_MARK = b"komorebi_qc"
"""In every clip and figure, near the recording's name."""
_QUOTE = r"""(?:\\?["']|&quot;|&\#x27;)"""
_IS = rf"{_QUOTE}?\s{{0,3}}[:=]\s{{0,3}}{_QUOTE}@{_QUOTE}"
_WRITTEN = (
    # qc.json, a message, a notebook's parameters, the condition of a command, status.json
    *(rf"{name}{_IS}" for name in ("recording_id", "recordingID", "videoID", "recording")),
    rf"recording_id in \([^()\n]{{0,{_LONGEST_LIST}}}?{_QUOTE}@{_QUOTE}",
    # a report, the page of a failed audit, a clip, a plot
    r"<title>Recording @[:<]",
    r"<h1>Recording @<",
    r"<dt>Recording</dt><dd>@</dd>",
    r"komorebi_qc: clip of @",
    r"Description\x00@\.(?:mp4|webm)",
    # the fleet page, and its notebook
    r"Frame of @[\\\"&]",
    r"Waveforms of @,",
    r"""</span> (?:<a href=\\?"[^"]{0,2000}">)?@(?:</a>)?</p>""",
    r"""</span></td><th scope=\\?"row\\?">(?:<a href=\\?"[^"]{0,2000}">)?@(?:</a>)?</th>""",
    r"Recording @ (?:fails|needs a look)",
    r"recording, @, (?:fails|needs a look)",
    *(rf"{verdict} \| @ \| " for verdict in ("pass", "warn", "fail")),
    # rejected rows of a dataset
    r"the recording @ is listed in ",
    r"^@ has two different call ends",
)
"""The places in which this software writes an ID, with ``@`` for it. A pattern that begins with a literal is fast."""


@dataclass(frozen=True, slots=True)
class NameMatch:
    """Finds a recording's ID, and not an ID of which it is a part (``r1`` in ``r10``).

    A UUID counts within a longer name too: ``<UUID>_report.html``.

    Attributes:
        recording_id: the ID.
        plain: a text without which no text names it.
        is_distinctive: whether the ID isn't in a text by chance.
    """

    recording_id: str
    plain: str = field(init=False)
    is_distinctive: bool = field(init=False)
    _is_uuid: bool = field(init=False, repr=False)
    _texts: tuple[re.Pattern[str], ...] = field(init=False, repr=False)
    _bytes: tuple[re.Pattern[bytes], ...] = field(init=False, repr=False)
    _path: re.Pattern[str] = field(init=False, repr=False)
    _reach: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        name = self.recording_id
        is_uuid = _UUID.fullmatch(name) is not None
        is_distinctive = is_uuid or _is_distinctive(name)
        # The end of a long ID is in each of its forms.
        plain = name if len(name) <= _LONGEST_SHOWN else name[-_SHOWN_END:]
        forms = sorted(_forms(plain), key=len, reverse=True)
        one = "(?:" + "|".join(map(re.escape, forms)) + ")"
        if not is_uuid:
            before = "" if plain != name else r"(?<![A-Za-z0-9_-])"
            one = rf"{before}{one}(?![A-Za-z0-9_-])"
        flags = re.IGNORECASE if is_uuid else re.NOFLAG
        patterns = [one] if is_distinctive else [place.replace("@", one) for place in _WRITTEN]
        path = one if is_distinctive else rf"(?:^|/){re.escape(name)}(?:/|\.\w+(?:\.\w+)?$|$)"
        reach = max(len(form.encode()) for form in forms) + (0 if is_distinctive else _LONGEST_LIST + 100)
        values: dict[str, object] = {
            "plain": plain,
            "is_distinctive": is_distinctive,
            "_is_uuid": is_uuid,
            "_texts": tuple(re.compile(pattern, flags) for pattern in patterns),
            "_bytes": tuple(re.compile(pattern.encode(), flags) for pattern in patterns),
            "_path": re.compile(path, flags),
            "_reach": reach,
        }
        for attribute, value in values.items():
            object.__setattr__(self, attribute, value)

    def is_id(self, text: str) -> bool:
        """Return whether a text is the ID itself. UUIDs compare without regard to case."""
        return text == self.recording_id or (self._is_uuid and text.lower() == self.recording_id.lower())

    def in_text(self, text: str) -> bool:
        """Return whether a text names the recording."""
        return any(pattern.search(text) is not None for pattern in self._texts)

    def in_path(self, path: str) -> bool:
        """Return whether a path or a key names the recording: by a folder or a file name."""
        return self._path.search(path) is not None

    def in_bytes(self, content: bytes) -> bool:
        """Return whether a text file's content names the recording, in UTF-8."""
        return any(pattern.search(content) is not None for pattern in self._bytes)

    def in_chunks(self, chunks: Iterable[bytes]) -> bool:
        """Return whether a media file's content names the recording, in UTF-8; the content comes piece by piece."""
        window, begins = b"", True
        for chunk in chunks:
            window += chunk
            # A match at the end waits for the byte after it. One at the start was seen with the byte before it.
            if self._found(window, begins=begins, ends=False):
                return True
            if len(window) > self._reach + 1:
                window, begins = window[-self._reach - 1 :], False
        return self._found(window, begins=begins, ends=True)

    def _found(self, window: bytes, *, begins: bool, ends: bool) -> bool:
        if not self.is_distinctive and _MARK not in window:
            return False
        found = (match for pattern in self._bytes for match in pattern.finditer(window))
        return any((begins or match.start() > 0) and (ends or match.end() < len(window)) for match in found)


def _is_distinctive(name: str) -> bool:
    """Return whether an ID that isn't a UUID is in no text by chance: a path, or letters and digits, and not few."""
    has_both = any(c.isdigit() for c in name) and any(c.isalpha() for c in name)
    return len(name) >= _DISTINCTIVE_CHARACTERS and ("/" in name or has_both)


def _forms(name: str) -> Iterator[str]:
    """The forms in which texts, JSON and HTML have an ID: a path may have quotes, accents and odd characters."""
    line = " ".join(name.split())
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    in_json = json.dumps(name, ensure_ascii=False)[1:-1]
    texts = dict.fromkeys((name, shown, in_json, json.dumps(name)[1:-1]))
    yield from dict.fromkeys(form for text in texts for form in (text, html.escape(text)))
