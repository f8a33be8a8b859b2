"""The keys of Contact Lens' files in Connect's bucket: analyses, and redacted call audio. Pure.

The layout, with ``Analysis/Voice`` as the prefix:

* ``Analysis/Voice/YYYY/MM/DD/<contactId>_analysis_<timestamp>.json``
* ``Analysis/Voice/Redacted/YYYY/MM/DD/<contactId>_analysis_redacted_<timestamp>.json``
* ``Analysis/Voice/Redacted/YYYY/MM/DD/<contactId>_call_recording_redacted_<timestamp>.wav``

The timestamp is the moment at which the agent was connected, as in ``2020-02-04T21:14:16Z``, and the days are UTC:
https://docs.aws.amazon.com/connect/latest/adminguide/example-contact-lens-output-locations.html. On a live instance
(``RUN-LOG.md`` of github.com/ciopulse/ciopulse-connect-quickstart, 2026-09-16) these keys began at the bucket's root,
although those of the call audio began with ``connect/<instance>/``, and the files came five minutes after the call.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from komorebi_qc.core.recording import Recording

ANALYSIS_PREFIX = "Analysis/Voice"
"""The prefix on a live instance; an instance may have another one."""
_NAME = re.compile(
    r"(?:.*/)?(?P<contact>[^/]+?)_(?P<kind>analysis|analysis_redacted|call_recording_redacted)_(?P<stamp>\d[^/_]*(?:_UTC)?)"
    r"\.(?P<extension>json|wav)",
    re.ASCII,
)


def analysis_prefixes(recording: Recording, prefix: str, *, redacted_only: bool = False) -> tuple[str, ...]:
    """Return the key prefixes of a recording's files: its day and the neighbouring ones, as for the call audio.

    Args:
        recording: the item.
        prefix: before ``YYYY/MM/DD`` and ``Redacted/``; empty for the bucket's root.
        redacted_only: leave out the analyses with the original text.
    """
    base = prefix.strip("/")
    folders = ["Redacted/"] if redacted_only else ["Redacted/", ""]
    return tuple(
        f"{base + '/' if base else ''}{folder}{day:%Y/%m/%d}/{recording.recording_id}_"
        for folder in folders
        for day in recording.days()
    )


def choose_analyses(recording_id: str, keys: Iterable[str]) -> tuple[str, ...]:
    """Choose the analyses to read, in the order of their keys: for each timestamp the redacted one, if there is one.

    Both variants of a timestamp hold the same times, and the redacted one holds less personal data. Another timestamp
    is of another part of the call, which may have been analysed without redaction.
    """
    found = [(match["stamp"], _kind(recording_id, key), key) for key in keys if (match := _NAME.fullmatch(key))]
    redacted = {stamp for stamp, kind, _ in found if kind == ("analysis_redacted", "json")}
    return tuple(
        sorted(
            key
            for stamp, kind, key in found
            if kind == ("analysis_redacted" if stamp in redacted else "analysis", "json")
        )
    )


def choose_redacted_audio(recording_id: str, keys: Iterable[str]) -> str | None:
    """Choose the redacted call audio of one contact: the newest. None if there isn't any."""
    wanted = ("call_recording_redacted", "wav")
    found = [match for key in keys if (match := _NAME.fullmatch(key)) and _kind(recording_id, key) == wanted]
    return max(found, key=lambda match: (match["stamp"], match[0]))[0] if found else None


def _kind(recording_id: str, key: str) -> tuple[str, str] | None:
    match = _NAME.fullmatch(key)
    return (match["kind"], match["extension"]) if match is not None and match["contact"] == recording_id else None
