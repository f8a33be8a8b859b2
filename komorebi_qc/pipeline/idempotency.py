"""Whether an order was carried out already: a message that arrives twice is processed once."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.pipeline.options import Order
    from komorebi_qc.storage.protocols import MediaStore, RecordingsTable


def inputs_fingerprint(call_end: CallEnd | None, versions: tuple[str, ...]) -> str:
    """A hash of the input versions and the call end; empty if the inputs have no versions.

    Without a reported call end, only its source counts. Options and software version don't count. A repeated message
    must not start the work again after an update, and must not undo an operator's manual or forced run.
    """
    if not versions:
        return ""
    end: list[object] = ["measured" if call_end is None else call_end.source]
    if call_end is not None and call_end.source == "reported":
        end = [call_end.recording_s, call_end.resolution_s]
    content = json.dumps([*versions, *end])
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def is_done(order: Order, *, table: RecordingsTable, media: MediaStore) -> bool:
    """Whether the recording was processed from its present inputs for this call end, with all results of one run.

    A place that was certain without a call end stays as it is if a call end is reported later. An order without a call
    end comes from an event. Events never make a recording twice, also if a message with a call end made it before.

    Raises:
        PermanentError: the item or an input is missing, or access is denied.
        PassingError: the store may answer later.
    """
    item = table.get(order.recording_id)
    if not (item.is_processed and item.inputs_fingerprint and item.container):
        return False
    if order.call_end is not None:
        versions = media.input_versions(item)
        if item.inputs_fingerprint not in {inputs_fingerprint(end, versions) for end in (order.call_end, None)}:
            return False
    return media.has_results(item, item.container, item.run_id)
