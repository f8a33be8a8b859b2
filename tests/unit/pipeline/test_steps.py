"""Private spans aren't in the published files, and nothing is published if a span can't be masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from analyses import analysis, as_json, times, turn
from captures import CAPTURES, Capture
from fake_stores import Media, Table, manual_order, measured_order, stores
from suspended import correlation, kept_of, late_call, part_of, sound_of, suspended_call

from komorebi_qc.core.errors import InputError, MaskError
from komorebi_qc.pipeline.options import Options
from komorebi_qc.pipeline.process import process

if TYPE_CHECKING:
    from komorebi_qc.pipeline.options import Order
    from komorebi_qc.pipeline.outcome import Outcome

MOST = 0.02
"""The correlation with a sound that isn't there."""
SUSPENDED = {"sample": (8.0, 12.0), "vp8.webm": (3.0, 6.0)}


def suspended_stores(capture: Capture, *spans: tuple[float, float]) -> tuple[Table, Media]:
    """Stores with a capture whose call was suspended."""
    table, media = stores(capture)
    media.call = suspended_call(media.call, *spans)
    return table, media


def run(order: Order, media: Media, table: Table, **options: object) -> tuple[Outcome, bytes]:
    """The outcome of a run and its video."""
    outcome = process(order, table=table, media=media, options=Options(**options))  # type: ignore[arg-type]
    ((_, video, _),) = media.published
    return outcome, video


@pytest.mark.parametrize("name", sorted(SUSPENDED))
def test_a_suspended_span_is_silent_in_the_unified_recording(name: str) -> None:
    """In MP4 and in WebM; the document has the mask on each clock, and the file was measured there."""
    capture, span = CAPTURES[name], SUSPENDED[name]
    table, media = suspended_stores(capture, span)
    outcome, video = run(measured_order(capture), media, table)
    from_s, to_s = (at_s + capture.offset_s for at_s in span)
    assert kept_of(capture, video, from_s, to_s) < MOST
    masks = outcome.document["masks"]
    assert (masks["choice"], masks["margin_s"]) == ("picture", 0.5)
    (private,), (on_call,), (on_output,) = masks["private"], masks["call"], masks["output"]
    assert private["reason"] == "suspended"
    assert (private["call_from_s"], private["call_to_s"]) == pytest.approx(span, abs=0.1)
    assert (on_call["call_from_s"], on_call["call_to_s"]) == pytest.approx((span[0] - 0.5, span[1] + 0.5), abs=0.1)
    assert (on_output["output_from_s"], on_output["output_to_s"]) == pytest.approx((from_s - 0.5, to_s + 0.5), abs=0.1)
    assert on_output["level_db"] < -90.0
    inside = part_of(sound_of(video), on_output["output_from_s"] + 0.15, on_output["output_to_s"] - 0.15)
    assert np.abs(inside).max() < 1e-4
    # The speech beside the mask is where it was: nothing else is missing.
    before = part_of(sound_of(video), from_s - 2.5, from_s - 0.6)
    assert np.abs(before).max() > 0.02
    assert [f.name for f in outcome.findings if f.status == "fail"] == []
    assert {f.name: f.status for f in outcome.findings}["mask_level"] == "pass"


@pytest.mark.parametrize("more", [{"align": "call-end"}, {"audio_rate": 8000}, {"mask": "sound"}])
def test_every_way_to_place_and_to_write_masks(sample: Capture, more: dict[str, object]) -> None:
    """By the reported end the place is only known to a second or so, and the mask is wider by that."""
    table, media = suspended_stores(sample, (8.0, 12.0))
    outcome, video = run(measured_order(sample), media, table, **more)
    assert kept_of(sample, video, 8.0 + sample.offset_s, 12.0 + sample.offset_s) < MOST
    (mask,) = outcome.document["masks"]["output"]
    assert mask["output_to_s"] - mask["output_from_s"] == pytest.approx(7.6 if "align" in more else 5.0, abs=0.2)


def test_a_manual_place_is_masked_with_what_people_can_read(sample: Capture) -> None:
    """An offset has tenths of a second, and no drift is known."""
    table, media = suspended_stores(sample, (8.0, 12.0))
    outcome, video = run(manual_order(sample), media, table)
    assert kept_of(sample, video, 8.0 + sample.offset_s, 12.0 + sample.offset_s) < MOST
    (mask,) = outcome.document["masks"]["output"]
    assert mask["output_to_s"] - mask["output_from_s"] == pytest.approx(5.2, abs=0.02)


def test_the_end_of_a_call_that_was_suspended_for_good_is_masked(sample: Capture) -> None:
    """The recording's own sound would follow at once: the mask goes on by its margin."""
    table, media = suspended_stores(sample, (15.0, 20.1))
    outcome, video = run(measured_order(sample), media, table)
    assert kept_of(sample, video, 15.0 + sample.offset_s, sample.call_end_s + 0.4) < MOST
    assert outcome.document["masks"]["output"][0]["output_to_s"] == pytest.approx(sample.call_end_s + 0.5, abs=0.1)


def test_a_redacted_span_of_the_call_audio_is_masked(sample: Capture) -> None:
    """The original call audio has the words; without a mask they are in the video."""
    for choice, least, most in (("picture", 0.0, MOST), ("none", 0.5, 1.0)):
        table, media = stores(sample)
        media.analysis = {"a.json": as_json(analysis(turn(9000, 12_500, "", times(9200, 12_200))))}
        media.versions += ("a.json", "1")
        outcome, video = run(measured_order(sample), media, table, mask=choice)
        words = part_of(sound_of(sample.call.read_bytes()), 9.2, 12.2)
        at_s = outcome.placement.alignment.offset_s
        found = correlation(words, part_of(sound_of(video), 9.2 + at_s, 12.2 + at_s))
        assert least <= found <= most
        assert outcome.document["masks"]["private"][0]["reason"] == "redacted"
        assert (outcome.document["masks"]["output"][0]["level_db"] is None) is (choice == "none")


def test_nothing_is_published_where_a_span_has_no_place(sample: Capture) -> None:
    """Forced together, two calls have no place in common: a span of the one can't be masked in the other."""
    table, media = stores(sample)
    backwards = np.frombuffer(media.call[44:], "<i2").reshape(-1, 2)[::-1].tobytes()
    media.call = suspended_call(media.call[:44] + backwards, (8.0, 12.0))
    with pytest.raises(MaskError, match=r"suspended audio, first from 00:00:08.*--offset, or choose --mask none"):
        process(measured_order(sample), table=table, media=media, options=Options(force=True))
    assert (media.published, table.updates, media.open_files) == ([], [], 0)
    process(measured_order(sample), table=table, media=media, options=Options(force=True, mask="none"))
    assert len(media.published) == 1


def test_nothing_is_published_with_an_analysis_that_cannot_be_read(sample: Capture) -> None:
    """Its redactions are unknown."""
    table, media = stores(sample)
    media.analysis = {"a.json": b'{"Transcript": '}
    media.versions += ("a.json", "1")
    with pytest.raises(InputError, match="nothing is published"):
        process(measured_order(sample), table=table, media=media)
    assert (media.published, table.updates) == ([], [])


@pytest.mark.parametrize(
    ("outside_call", "least_before", "most_before", "after"),
    [("after", 0.0, MOST, True), ("own", 0.9, 1.0, True), ("silence", 0.0, MOST, False)],
)
def test_before_connect_recorded_nothing_plays(
    sample: Capture,
    outside_call: str,
    least_before: float,
    most_before: float,
    after: bool,  # noqa: FBT001
) -> None:
    """Connect's audio began 8 s late. The choice `own` alone publishes the words before it."""
    table, media = stores(sample)
    media.call = late_call(media.call, 8.0)
    outcome, video = run(measured_order(sample), media, table, outside_call=outside_call)
    begins_s = 8.0 + sample.offset_s
    assert outcome.placement.alignment.offset_s == pytest.approx(begins_s, abs=0.002)
    assert least_before <= kept_of(sample, video, 0.0, begins_s - 0.05) <= most_before
    own_s = part_of(sound_of(video), sample.call_end_s + 0.05, sample.call_end_s + 1.5)
    assert bool(np.abs(own_s).max() > 1e-3) is after
    assert [f.name for f in outcome.findings if f.status == "fail"] == []
