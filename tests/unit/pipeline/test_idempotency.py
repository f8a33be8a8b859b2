"""A repeated message is processed once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from analyses import analysis, as_json, turn
from fake_stores import ITEM, manual_order, stores

from komorebi_qc.core.timebase import Alignment, CallEnd
from komorebi_qc.pipeline.idempotency import inputs_fingerprint, is_done
from komorebi_qc.pipeline.options import Options
from komorebi_qc.pipeline.process import process

if TYPE_CHECKING:
    from captures import Capture
    from fake_stores import Table

    from komorebi_qc.core.recording import Recording

BY_CALL_END = Options(align="call-end")
VERSIONS = ("connect.wav", "1", "recording", "1")


def marked(table: Table) -> Recording:
    """The item after the last run."""
    written = {name: str(value) for name, value in table.updates[-1].items()}
    return replace(
        ITEM,
        is_processed=True,
        container="mp4",
        inputs_fingerprint=written["qcInputsFingerprint"],
        run_id=written["qcRunId"],
    )


def test_an_order_is_done_once(sample: Capture) -> None:
    """It is done if it was processed from the present inputs for the same call end, and its video exists.

    The way of processing doesn't count: a repeated message must not undo an operator's correction.
    """
    table, media = stores(sample)
    order = manual_order(sample)
    assert not is_done(order, table=table, media=media)
    process(order, table=table, media=media, options=BY_CALL_END)
    done = marked(table)
    table.item = done
    is_present = partial(is_done, table=table, media=media)
    assert is_present(order)
    assert not is_present(replace(order, call_end=CallEnd(1.0, 1.0)))
    assert is_present(replace(order, alignment=Alignment(1.0)))
    for change in ({"is_processed": False}, {"container": ""}, {"inputs_fingerprint": ""}, {"run_id": "other"}):
        table.item = replace(done, **change)
        assert not is_present(order)
    table.item = done
    media.versions = ("connect.wav", "1", "recording", "2")
    assert not is_present(order)
    media.versions = VERSIONS
    media.published.clear()
    assert not is_present(order)


def test_a_call_end_that_comes_later_changes_nothing_that_was_certain(sample: Capture) -> None:
    """A place that was measured without a call end stays. One by a record's end is made again with a reported end."""
    table, media = stores(sample)
    order = replace(manual_order(sample), call_end=None)
    process(order, table=table, media=media, options=BY_CALL_END)
    table.item = marked(table)
    is_present = partial(is_done, table=table, media=media)
    assert is_present(order)
    assert is_present(replace(order, call_end=CallEnd(22.0, 1.0)))
    by_record = inputs_fingerprint(CallEnd(21.0, 2.0, "record"), media.versions)
    table.item = replace(table.item, inputs_fingerprint=by_record)
    assert is_present(order)
    assert not is_present(replace(order, call_end=CallEnd(22.0, 1.0)))


def test_an_event_makes_nothing_that_a_message_made(sample: Capture) -> None:
    """The backend's message with the call end may come before the last event, which has no call end."""
    table, media = stores(sample)
    process(manual_order(sample), table=table, media=media, options=BY_CALL_END)
    table.item = marked(table)
    event = replace(manual_order(sample), call_end=None)
    assert is_done(event, table=table, media=media)
    media.published.clear()
    assert not is_done(event, table=table, media=media)


def test_inputs_without_versions_are_never_done(sample: Capture) -> None:
    """Without versions no fingerprint is written, so no order counts as done."""
    table, media = stores(sample)
    media.versions = ()
    process(manual_order(sample), table=table, media=media, options=BY_CALL_END)
    assert "qcInputsFingerprint" not in table.updates[-1]
    assert inputs_fingerprint(manual_order(sample).call_end, ()) == ""


def test_the_fingerprint_is_the_one_of_earlier_versions() -> None:
    """Items of version 0.1 keep their fingerprints, or every recording would be processed again after an update."""
    assert inputs_fingerprint(CallEnd(22.0, 1.0), VERSIONS) == "6fec0086374f83bea1868e9d5156a48c"
    assert inputs_fingerprint(CallEnd(22.0, 0.1), VERSIONS) != "6fec0086374f83bea1868e9d5156a48c"


def test_a_later_analysis_is_processed(sample: Capture) -> None:
    """Contact Lens' analysis comes minutes after the call: a message that comes again masks what it redacted."""
    table, media = stores(sample)
    order = manual_order(sample)
    process(order, table=table, media=media, options=BY_CALL_END)
    table.item = marked(table)
    assert is_done(order, table=table, media=media)
    media.analysis = {"a.json": as_json(analysis(turn(0, 900)))}
    media.versions = (*VERSIONS, "a.json", "1")
    assert not is_done(order, table=table, media=media)
    process(order, table=table, media=media, options=BY_CALL_END)
    assert table.updates[-1]["qcInputsFingerprint"] == inputs_fingerprint(order.call_end, media.versions)
