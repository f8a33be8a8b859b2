"""Whether a text or a file names a recording. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SHOWN_END = 78
"""The fleet page shows the last 78 characters of an ID of more than 80."""
_LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class NameMatch:
    """Finds a recording's ID in texts, and not an ID of which it is a part (``r1`` in ``r10``).

    A UUID counts wherever it is: ``<UUID>_report.html`` names it too.

    Attributes:
        recording_id: the ID.
        plain: a text without which nothing matches.
    """

    recording_id: str
    plain: str = field(init=False)
    _text: re.Pattern[str] = field(init=False, repr=False)
    _bytes: re.Pattern[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        name = self.recording_id
        # Its end is in each of its forms.
        plain = name if len(name) <= _LONGEST_SHOWN else name[-_SHOWN_END:]
        pattern, flags = re.escape(plain), re.IGNORECASE
        if _UUID.fullmatch(name) is None:
            flags = re.NOFLAG
            before = "" if plain != name else r"(?<![A-Za-z0-9_-])"
            pattern = rf"{before}{pattern}(?![A-Za-z0-9_-])"
        object.__setattr__(self, "plain", plain)
        object.__setattr__(self, "_text", re.compile(pattern, flags))
        object.__setattr__(self, "_bytes", re.compile(pattern.encode(), flags))

    def in_text(self, text: str) -> bool:
        """Return whether a text names the recording."""
        return self._text.search(text) is not None

    def in_bytes(self, content: bytes) -> bool:
        """Return whether a file's content names the recording, in UTF-8."""
        return self._bytes.search(content) is not None

    def in_chunks(self, chunks: Iterable[bytes]) -> bool:
        """Return whether a file's content names the recording, in UTF-8; the content comes piece by piece."""
        size = len(self.plain.encode())
        window, begins = b"", True
        for chunk in chunks:
            window += chunk
            # A match at the end waits for the byte after it. One at the start was seen with the byte before it.
            if self._found(window, begins=begins, ends=False):
                return True
            if len(window) > size + 1:
                window, begins = window[-size - 1 :], False
        return self._found(window, begins=begins, ends=True)

    def _found(self, window: bytes, *, begins: bool, ends: bool) -> bool:
        found = self._bytes.finditer(window)
        return any((begins or match.start() > 0) and (ends or match.end() < len(window)) for match in found)
