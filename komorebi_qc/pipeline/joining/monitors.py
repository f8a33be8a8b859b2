"""The agent recording with all of its monitors in one picture, if the options ask for it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, cast

from komorebi_qc.core.joining.monitors import Monitors
from komorebi_qc.core.source import Structure
from komorebi_qc.media.joining.monitors import Screen, write_monitors
from komorebi_qc.media.probe import probe_recording
from komorebi_qc.pipeline.joining.recording import IN_MEMORY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from komorebi_qc.core.joining.monitors import MonitorsChoice
    from komorebi_qc.core.source import Source


@contextmanager
def all_monitors(
    source: Source, choice: MonitorsChoice, check_cancelled: Callable[[], None] = lambda: None
) -> Iterator[Source]:
    """The recording as it is, or with all of its monitors side by side if it has several video tracks.

    A recording that was joined of several files stays as it is.

    Args:
        source: the agent recording.
        choice: the first monitor alone, or all of them.
        check_cancelled: called now and then; its exception ends the work.

    Raises:
        MediaError: the recording has too many tracks, or one that can't be decoded.
        StorageError: there is no room for the file with all of them.
    """
    if choice == "first" or source.parts:
        yield source
        return
    info = probe_recording(source)
    sizes = () if info.video_tracks is None else info.video_tracks.sizes
    if len(sizes) < 2:
        yield source
        return
    monitors = Monitors(sizes, info.missing_bytes, info.missing_s)
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as spooled:
        file = cast("BinaryIO", spooled)
        write_monitors([Screen(source, info)], file, check_cancelled)
        size = file.seek(0, 2)
        yield replace(source, file=file, size=size, open_again=None, structure=Structure(), monitors=monitors)
