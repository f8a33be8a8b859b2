"""Whether an order was carried out already: a message that arrives twice is processed once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komorebi_qc.pipeline.options import Order
    from komorebi_qc.storage.protocols import MediaStore, RecordingsTable


def inputs_fingerprint(order: Order, versions: tuple[str, ...]) -> str:
    """A hash of the input versions and the reported call end; empty if the inputs have no versions.

    Options and software version don't count. A repeated message must not start the work again after an update, and
    must not undo an operator's manual or forced run.
    """
    if not versions:
        return ""
    content = json.dumps([*versions, *asdict(order.call_end).values()])
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def is_done(order: Order, *, table: RecordingsTable, media: MediaStore) -> bool:
    """Whether the recording was processed from its present inputs for this call end, with all results of one run.

    Raises:
        PermanentError: the item or an input is missing, or access is denied.
        PassingError: the store may answer later.
    """
    item = table.get(order.recording_id)
    if not (item.is_processed and item.inputs_fingerprint and item.container):
        return False
    is_same = item.inputs_fingerprint == inputs_fingerprint(order, media.input_versions(item))
    return is_same and media.has_results(item, item.container, item.run_id)
