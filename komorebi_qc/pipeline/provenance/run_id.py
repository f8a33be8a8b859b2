"""The run ID, which all results of a run name: video, thumbnail, ``qc.json`` and the recording's item."""

from __future__ import annotations

import time
import uuid
import zlib
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import ConcurrentRunError, PassingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from komorebi_qc.core.recording import Recording
    from komorebi_qc.storage.protocols import MediaStore, RecordingsTable

PAUSES_S = (0.5, 1.0, 2.0)
"""The pauses between two tries, if another run is writing or undoing its work, or a store doesn't answer."""
_PNG = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = len(_PNG) + 25
"""A PNG's signature, and its first chunk, which is always ``IHDR``."""


def new_run_id() -> str:
    """A new run ID: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def marked_png(png: bytes, run_id: str) -> bytes:
    """The same picture with the run ID in a text chunk.

    Two runs make the same thumbnail, byte for byte. S3 compares objects by their ETags, so each run's has to differ.
    """
    if not run_id or not png.startswith(_PNG):
        return png
    chunk = b"tEXt" + b"komorebi-run\0" + run_id.encode("latin-1")
    framed = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    return png[:_HEADER_BYTES] + framed + png[_HEADER_BYTES:]


def mark_when_complete(
    item: Recording,
    container: str,
    attributes: Mapping[str, str | int | float | bool | None],
    *,
    table: RecordingsTable,
    media: MediaStore,
    check_cancelled: Callable[[], None] = lambda: None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Mark the item, and see that all published results are of this run then.

    The item is only changed if it has the run ID that it had before these results were complete. So a run that was
    suspended meanwhile can't mark the results of a later one as its own. A run that writes a result after the last look
    hasn't ended yet: it finishes its own results, or undoes its work.

    Args:
        item: the recording's item as the run read it.
        container: of the video.
        attributes: of the item; ``qcRunId`` is the run's own ID.
        table: the table of recordings.
        media: the stores of the media.
        check_cancelled: called before each pause; its exception ends the run.
        pause: waits for some seconds.

    Raises:
        ConcurrentRunError: the results are of another run, or of several.
        UnknownRecordingError: the item was deleted meanwhile.
        StorageError: a store doesn't answer.
    """
    run_id = str(attributes["qcRunId"])
    replaces: str | None = item.run_id
    failure: PassingError | None = None
    for pause_s in (*PAUSES_S, None):
        try:
            is_marked = replaces is not None and table.mark_processed(item, attributes, replaces=replaces)
            if is_marked and media.has_results(item, container, run_id):
                return
            failure = None
        except PassingError as error:  # all is published, and only this is left to do
            failure = error
        if pause_s is None:
            break
        check_cancelled()
        pause(pause_s)
        if failure is None:
            present = table.get(item.recording_id).run_id
            replaces = present if media.has_results(item, container, run_id) else None
    if failure is not None:
        raise failure
    raise ConcurrentRunError(
        f"another run of recording {item.recording_id} published at the same time, and the results aren't all of one "
        "run yet: a retry finds those of the other run, or makes its own"
    )
