"""After two runs that published at once: the item and the published files are of one run again.

A run compares the item with the one that it read, and then writes its files. Another run may mark the item in between.
Then this run can't mark it any more, and the item names a correction that isn't in the video. A message that fails so
is delivered again, and its next run mends it. A person's command has no next run, so it mends it here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import ConcurrentRunError, KomorebiError
from komorebi_qc.pipeline.provenance.run_id import PAUSES_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.core.recording import Recording
    from komorebi_qc.storage.protocols import MediaStore, RecordingsTable


def settle(
    recording_id: str,
    process_again: Callable[[], object],
    *,
    table: RecordingsTable,
    media: MediaStore,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until the published files are of the item's run. If they don't become so, process the recording again.

    Args:
        recording_id: the recording.
        process_again: processes it with its item's correction.
        table: the table of recordings.
        media: the stores of the media.
        pause: waits for some seconds.

    Raises:
        ConcurrentRunError: they still are of different runs. The sentence has the remedy.
        UnknownRecordingError: the item was deleted meanwhile.
        StorageError: a store doesn't answer.
    """
    for pause_s in PAUSES_S:
        if _is_settled(table.get(recording_id), media):
            return
        pause(pause_s)
    if _is_settled(table.get(recording_id), media):
        return
    try:
        process_again()
    except KomorebiError as error:
        if not _is_settled(table.get(recording_id), media):
            raise ConcurrentRunError(
                f"runs of recording {recording_id} published at the same time, and its item and its files are of "
                f"different runs ({error}): send its message again with force"
            ) from error


def _is_settled(item: Recording, media: MediaStore) -> bool:
    """Whether the files are of the item's run. A recording without a result has no run."""
    return not item.is_processed or media.has_results(item, item.container or "mp4", item.run_id)
