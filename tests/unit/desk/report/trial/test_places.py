"""The places of the call to try."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from desk import sample_session
from examinations import bent, held, in_parts

from komorebi_qc.core.analyst.correction import alignment_of
from komorebi_qc.core.contact.choice import FoundContact
from komorebi_qc.core.contact.record import ContactRecord, ContactRecording
from komorebi_qc.core.privacy.masks import Masks
from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.report.trial.places import trial_of


def test_the_candidates_have_their_probability() -> None:
    """The present place is first, then the other candidates, then the reported end."""
    found = trial_of(held())
    assert [one.label for one in found.places] == [
        "Present place: 2.567 s to 22.667 s, 90.0 %",
        "Candidate: 10.767 s to 30.867 s, 7.0 %",
        "Candidate: \N{MINUS SIGN}5.633 s to 14.467 s, 3.0 %",
        "Reported end: 1.900 s to 22.000 s",
    ]
    assert found.is_unsure
    assert not trial_of(sample_session().examined).is_unsure


def test_the_records_end_is_a_place() -> None:
    """It is the middle of what both whole seconds allow, with its resolution in the label."""
    examined = held()
    name, began_at = examined.diagnosis.recording.name, datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
    screen = ContactRecording(name, media="VIDEO", began_at=began_at)
    record = ContactRecord("c-1", after_work_at=began_at + timedelta(seconds=23), recordings=(screen,))
    diagnosis = replace(examined.diagnosis, contact=FoundContact("api", record, (), "record", "it names it"))
    labels = [one.label for one in trial_of(replace(examined, diagnosis=diagnosis)).places]
    assert labels[-2:] == [
        "Reported end: 1.900 s to 22.000 s",
        "End by the contact's record, known within 2 s: 2.900 s to 23.000 s",
    ]


@pytest.mark.parametrize("examined", [bent(), in_parts(), held()])
def test_the_present_place_is_passed_through(examined: object) -> None:
    """Bends and the agent's part are in it, in the form of a correction."""
    found = trial_of(examined).to_dict("a.html")  # type: ignore[arg-type]
    present = alignment_of(found["places"][0]["alignment"])
    alignment = examined.alignment  # type: ignore[attr-defined]
    for call_s in (0.0, 5.0, 11.0, 20.0):
        assert present.to_recording(call_s) == pytest.approx(alignment.to_recording(call_s), abs=1e-5)
    assert present.part == alignment.part


def test_the_pieces_are_those_of_the_waveforms() -> None:
    """Each with the call time at its start; a jump has two."""
    found = trial_of(in_parts())
    assert len(found.pieces) == 2
    from_s, _, call_s, rate = found.pieces[1]
    assert in_parts().alignment.to_output(call_s) == pytest.approx(from_s)
    assert rate == 1.0


def test_masks_reach_the_page() -> None:
    """On the call clock, because they stay with the words."""
    masks = Masks("sound", call=(Span(3.0, 4.5),))
    assert trial_of(replace(sample_session().examined, masks=masks)).masked == ((3.0, 4.5),)


def test_the_file_names_the_recording() -> None:
    """Its ID, and the content of both inputs."""
    found = trial_of(replace(held(), recording_id="42", call_sha256="a" * 64, recording_sha256="b" * 64))
    assert found.file["recording_id"] == "42"
    assert found.file["inputs"] == {"call_sha256": "a" * 64, "recording_sha256": "b" * 64}
    assert found.command == "komorebi-qc correct 42 --from correction.json --publish"
