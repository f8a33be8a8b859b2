"""Addresses of objects in logs and dead letters: an agent's ID is a folder of a key, and may be a person's name."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"s3://([^/\s]+)/(\S*/)?(\S*)")
_DAY = re.compile(r"(?<!\d)(\d{4}/\d{2}/\d{2})/[^/\s]+/")
"""A key's folders of the day and of the agent; also in a path, or in an address of another form."""
_MAIL = re.compile(r"[^\s\"'<>()/]+(?:@|%40)[^\s\"'<>()/]+", re.IGNORECASE)


def without_agents(text: str) -> str:
    """Return a text without the folders of its S3 addresses, and without the agents in other paths and mail addresses.

    An object is shown as ``s3://bucket/.../name``. Together with the recording's ID that is enough to find it:
    `komorebi-qc status` shows whole keys.

    Examples:
        >>> without_agents("s3://out/2026/03/02/jane.doe@example.com/c1/recording.mp4 isn't there")
        "s3://out/.../recording.mp4 isn't there"
    """
    return _MAIL.sub("...", _DAY.sub(r"\1/.../", _ADDRESS.sub(_short, text)))


def _short(match: re.Match[str]) -> str:
    bucket, folders, name = match.groups()
    return f"s3://{bucket}/{'.../' if folders else ''}{name}"
