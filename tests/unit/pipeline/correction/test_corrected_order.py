"""A correction in an item, and its effect on orders."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest

from komorebi_qc.core.analyst.correction import Correction
from komorebi_qc.core.errors import ConcurrentRunError, InputError
from komorebi_qc.core.recording import Recording
from komorebi_qc.core.timebase import Alignment, CallEnd
from komorebi_qc.pipeline.correction.corrected_order import correction_attributes, correction_in_item, with_correction
from komorebi_qc.pipeline.options import MeasurementPlan, Options, Order

CORRECTION = Correction("one", Alignment(1.5), "a" * 64, "b" * 64, "Early.", "kei", "2026-03-01T10:00:00Z", "x")
ITEM = Recording("one", "agent-1", datetime(2026, 3, 1, 12, 0, 0))  # noqa: DTZ001  a table's date has no zone
CORRECTED = replace(ITEM, correction=json.dumps(CORRECTION.to_dict()))
ORDER = Order("one", CallEnd(10.0, 1.0))


def test_a_later_order_keeps_the_correction() -> None:
    """It has the alignment of the item's correction, and writes the same attributes again."""
    found = with_correction(ORDER, CORRECTED)
    assert (found.alignment, found.correction) == (Alignment(1.5), CORRECTION)
    again = correction_attributes(found, CORRECTED)
    assert json.loads(str(again["qcCorrection"])) == CORRECTION.to_dict()
    assert (again["qcCorrectedBy"], again["qcCorrectionWhy"]) == ("kei", "Early.")
    assert with_correction(ORDER, ITEM) is ORDER
    assert correction_attributes(ORDER, ITEM) == {}


def test_another_offset_would_undo_it() -> None:
    """It is refused, with the name of the analyst."""
    with pytest.raises(InputError, match=r"was corrected by kei at 2026-03-01T10:00:00Z, and another offset"):
        with_correction(replace(ORDER, alignment=Alignment(3.0)), CORRECTED)


def test_undo_removes_it() -> None:
    """The order is as it was, and all four attributes go."""
    order = replace(ORDER, undoes=True)
    assert with_correction(order, CORRECTED) == order
    removed = correction_attributes(order, CORRECTED)
    assert set(removed) == {"qcCorrection", "qcCorrectedBy", "qcCorrectedAt", "qcCorrectionWhy"}
    assert set(removed.values()) == {None}


def test_another_correction_replaces_it() -> None:
    """The order's own one wins over the item's. An earlier result's drift goes; an absent name isn't written."""
    other = replace(CORRECTION, alignment=Alignment(2.0), by="")
    found = with_correction(replace(ORDER, correction=other), CORRECTED)
    assert found.alignment == Alignment(2.0)
    written = correction_attributes(found, CORRECTED)
    assert (written["qcCorrectedBy"], written["qcDriftPpm"]) == (None, None)
    with pytest.raises(InputError, match=r"of recording one, not of two"):
        with_correction(replace(ORDER, correction=other), replace(ITEM, recording_id="two"))


def test_a_correction_of_somebody_else_meanwhile_stops_the_order() -> None:
    """The analyst saw no correction, and the item has one now; or the other way round."""
    for seen, item in (("", CORRECTED), ("something", ITEM)):
        with pytest.raises(ConcurrentRunError, match="somebody else corrected recording one"):
            with_correction(replace(ORDER, correction=CORRECTION, replaces=seen), item)


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"schema": "komorebi-correction/9"}', "[" * 100_000])
def test_an_unreadable_attribute_is_never_ignored(text: str) -> None:
    """A run would undo the correction otherwise. The sentence has the command that removes it."""
    with pytest.raises(InputError, match=r"komorebi-qc correct one --undo"):
        correction_in_item(replace(ITEM, correction=text))


def test_a_correction_is_measured_as_well() -> None:
    """A pair of different calls is refused also for an analyst; an offset by hand isn't measured."""
    corrected = with_correction(ORDER, CORRECTED)
    assert MeasurementPlan.of(corrected, Options()).measures_sync
    assert not MeasurementPlan.of(replace(ORDER, alignment=Alignment(1.0)), Options()).measures_sync
