"""A correction in a recording's item, and its effect on an order. Pure.

A recording that was corrected keeps its correction. A later run of it, by a message or by hand, uses the alignment of
the correction again. Only another correction replaces it, and only `komorebi-qc correct --undo` removes it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from komorebi_qc.core.analyst.correction import correction_of
from komorebi_qc.core.errors import ConcurrentRunError, InputError
from komorebi_qc.core.recording import CORRECTION_ATTRIBUTE

if TYPE_CHECKING:
    from komorebi_qc.core.analyst.correction import Correction
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.pipeline.options import Order

BY, AT, WHY = "qcCorrectedBy", "qcCorrectedAt", "qcCorrectionWhy"
"""The attributes of an item that a backend may list."""
_SUMMARY = ("qcDriftPpm", "qcCallEndErrorSeconds")
"""Numbers of an earlier result that a corrected result may not have."""


def correction_in_item(item: Recording) -> Correction | None:
    """The correction of a recording; None without one.

    Raises:
        InputError: the item has something else there.
    """
    if not item.correction:
        return None
    try:
        return correction_of(json.loads(item.correction))
    except (ValueError, RecursionError, InputError):
        raise InputError(
            f"the item of recording {item.recording_id} has a {CORRECTION_ATTRIBUTE} that can't be read: remove it by "
            f"`komorebi-qc correct {item.recording_id} --undo`, or correct the recording again"
        ) from None


def with_correction(order: Order, item: Recording) -> Order:
    """The order with the alignment of its own correction, or else of the item's.

    Raises:
        InputError: the order's correction is of another recording, the item's can't be read, or another offset would
            undo it.
        ConcurrentRunError: somebody corrected the recording after the analyst saw its item.
    """
    if order.replaces is not None and order.replaces != item.correction:
        raise ConcurrentRunError(
            f"somebody else corrected recording {item.recording_id}, or undid its correction, at the same time. "
            "Nothing was overwritten: look at the present result, and correct it again if needed"
        )
    if order.correction is not None:
        order.correction.check_recording(item.recording_id)
        return replace(order, alignment=order.correction.alignment)
    if order.undoes or not item.correction:
        return order
    correction = correction_in_item(item)
    if correction is None:
        return order
    if order.alignment is not None:
        raise InputError(
            f"recording {item.recording_id} was corrected by {correction.by or 'an analyst'} at {correction.made_at}, "
            "and another offset would undo that: use `komorebi-qc correct` with --from correction.json or --undo"
        )
    return replace(order, correction=correction, alignment=correction.alignment)


def correction_attributes(order: Order, item: Recording) -> dict[str, str | None]:
    """The attributes that a run of the order changes beside its result's; None removes one."""
    if order.undoes:
        return dict.fromkeys((CORRECTION_ATTRIBUTE, BY, AT, WHY)) if item.correction else {}
    correction = order.correction
    if correction is None:
        return {}
    text = json.dumps(correction.to_dict(), separators=(",", ":"))
    values = {CORRECTION_ATTRIBUTE: text, BY: correction.by, AT: correction.made_at, WHY: correction.why}
    return {**dict.fromkeys(_SUMMARY), **{name: value or None for name, value in values.items()}}
