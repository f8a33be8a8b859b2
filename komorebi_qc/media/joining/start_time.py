"""The time in a recording's header at which it was begun."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from komorebi_qc.media.opening import RECORDING_FORMATS, open_container

if TYPE_CHECKING:
    from komorebi_qc.core.source import Source

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""An MP4 without a time has its epoch, 1904 (ISO/IEC 14496-12, 8.2.2), and other writers have 1970."""


def started_at(source: Source) -> datetime | None:
    """Read the header's time: MP4's ``creation_time`` in whole seconds, or Matroska's ``DateUTC``; None without one.

    Raises:
        MediaError: the file isn't media.
    """
    with open_container(source.reopen(), RECORDING_FORMATS, is_read_through=True) as container:
        text = container.metadata.get("creation_time", "")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return found if found > _EARLIEST else None
