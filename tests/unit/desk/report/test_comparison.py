"""The call against the recording, for a report page."""

from __future__ import annotations

from desk import sample_session
from examinations import in_parts, not_measured

from komorebi_qc.desk.report.comparison import comparison_of


def test_the_bands_are_on_the_output_clock() -> None:
    """Each stretch has its place in the video, and its kind is in the legend."""
    found = in_parts()
    compared = comparison_of(found, ["audio/left_out_1.m4a"])
    offset_s = found.alignment.offset_s + found.alignment.output_shift_s
    assert [(band.row, band.kind, round(band.from_s - offset_s, 6)) for band in compared.bands] == [
        ("call", "agrees", 0.0),
        ("recording", "only", round(14.0 - found.alignment.offset_s, 6)),
    ]
    assert [kind for kind, _ in compared.legend] == ["agrees", "only"]
    assert [row.at_s is not None for row in compared.rows] == [True, False, True]
    assert compared.rows[1].without_place == "not in the video"
    assert [span.label for span in compared.left_out] == ["Left out 1: call, 00:00:07.000 to 00:00:10.000 (3.0 s)"]


def test_stretches_of_another_place_have_no_band() -> None:
    """They have no time in the video that is in use."""
    found = in_parts()
    elsewhere = sample_session().examined.placement.alignment
    moved = comparison_of(not_measured("candidate"), [])
    assert len(moved.candidates) == 3
    assert "(used)" in moved.candidates[0][0]
    result = found.diagnosis.sync
    assert result.spans_alignment is not None
    assert abs(result.spans_alignment.to_recording(found.call_s) - elsewhere.to_recording(found.call_s)) > 1.0
