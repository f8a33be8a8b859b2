"""The recordings that a person decides about, by name."""

from __future__ import annotations

from fleet_rows import failing, fleet, row

from komorebi_qc.fleet.narrative.answers import answers
from komorebi_qc.fleet.study.named import named
from komorebi_qc.fleet.study.study import study_of

CORRECTED = {"corrected_by": "arn:aws:iam::000000000000:user/kei", "corrected_at": "2026-03-01T10:00:00+00:00"}


def test_each_kind_is_listed_by_name() -> None:
    """A recording may be of two kinds; the newest correction comes first."""
    newer = {**CORRECTED, "corrected_at": "2026-03-02T10:00:00+00:00", "correction_why": "late"}
    held = {"status": "failed", "verdict": None, "error_class": "HeldError", "publication": "held"}
    refused = {"status": "failed", "verdict": None, "error_class": "WrongPairError"}
    found = named(
        fleet(
            row(0),
            row(1, **CORRECTED),
            row(2, **newer, publication="unconfirmed"),
            row(3, **held),
            row(4, **failing()),
            row(5, **refused),
        )
    )
    assert [(one.kind, one.of, one.recording_id[-1]) for one in found] == [
        ("corrected", 2, "2"),
        ("corrected", 2, "1"),
        ("wrong_pair", 2, "4"),
        ("wrong_pair", 2, "5"),
        ("held", 1, "3"),
        ("unconfirmed", 1, "2"),
    ]
    assert (found[0].by, found[0].at, found[0].why) == (
        CORRECTED["corrected_by"],
        "2026-03-02T10:00:00+00:00",
        "late",
    )


def test_corrections_are_counted_in_the_first_answer() -> None:
    """With names, and nothing about them without any."""
    found = study_of(fleet(row(0), *(row(n, **CORRECTED) for n in range(1, 8))))
    assert found.overview.corrected == 7
    (text,) = [text for text, _ in answers(found)[0].sentences if "corrected" in text]
    names = ", ".join(f"recording-0000{n}" for n in range(1, 6))
    assert text == f"An analyst corrected 7 recordings: {names} and 2 more."
    assert not [text for text, _ in answers(study_of(fleet(row(0))))[0].sentences if "corrected" in text]


def test_the_headline_names_wrong_pairs() -> None:
    """Those with a result whose finding fails, and those that were refused without a result."""
    refused = {"status": "failed", "verdict": None, "error_class": "WrongPairError"}
    rows = [row(n) for n in range(20)]
    study = study_of(fleet(*rows, row(20, **failing()), row(21, **refused)))
    sentences = [text for text, _ in answers(study)[0].sentences]
    assert "2 pairs are of different calls: recording-00020, recording-00021." in sentences
    assert not [text for text, _ in answers(study_of(fleet(*rows)))[0].sentences if "different calls" in text]
