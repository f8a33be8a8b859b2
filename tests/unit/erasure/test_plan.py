"""The plan and the result of an erasure, as a person and a script read them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from komorebi_qc.erasure.plan import Artefact, Erasure, Plan, counts, with_reasons

VIDEO = Artefact("video", "s3://o/a/recording.mp4", 2, ("v1", "v2"))
LOCKED = Artefact("qc.json", "s3://o/a/qc.json", 1, ("v1",), kept_because="a legal hold")
ROWS = Artefact("dataset row", "/d/day=2026-11-24/rows.parquet", 3)
OWN_LETTERS = Artefact("dead letter", "queue q", 2, ("m1", "m2"))
READ_LETTERS = Artefact("dead letter", "queue q, invisible", 10, kept_because="another process reads these messages")
PLAN = Plan("r1", (VIDEO, LOCKED, ROWS), ("dead letters: no queue",))


def test_a_plan_separates_kept_artefacts() -> None:
    """A locked artefact isn't to be removed."""
    assert PLAN.removable == (VIDEO, ROWS)
    assert PLAN.kept == (LOCKED,)
    assert counts(PLAN.found) == {"video": 2, "qc.json": 1, "dataset row": 3}


def test_a_search_leaves_everything() -> None:
    """Without removal all of it is left, and nothing counts as removed."""
    found = Erasure(PLAN, is_done=False, left=PLAN.found)
    assert not found.is_all_gone
    assert found.to_dict()["removed"] == {}
    assert Erasure(Plan("r1", ()), is_done=False, left=()).is_all_gone


def test_the_result_counts_what_is_gone() -> None:
    """The second search decides; versions and rows count one by one."""
    left = (LOCKED, Artefact("video", VIDEO.address, 1, ("v1",)))
    found = Erasure(PLAN, is_done=True, left=left)
    assert not found.is_all_gone
    assert found.to_dict() == {
        "recording_id": "r1",
        "is_done": True,
        "found": [
            {"kind": "video", "address": "s3://o/a/recording.mp4", "count": 2, "is_input": False},
            {
                "kind": "qc.json",
                "address": "s3://o/a/qc.json",
                "count": 1,
                "is_input": False,
                "kept_because": "a legal hold",
            },
            {"kind": "dataset row", "address": "/d/day=2026-11-24/rows.parquet", "count": 3, "is_input": False},
        ],
        "counts": {"video": 2, "qc.json": 1, "dataset row": 3},
        "removed": {"video": 1, "dataset row": 3},
        "left": [
            {
                "kind": "qc.json",
                "address": "s3://o/a/qc.json",
                "count": 1,
                "is_input": False,
                "kept_because": "a legal hold",
            },
            {"kind": "video", "address": "s3://o/a/recording.mp4", "count": 1, "is_input": False},
        ],
        "not_searched": ["dead letters: no queue"],
    }


def test_left_artefacts_have_their_reasons() -> None:
    """The error of its removal is shown, unless a lock is the reason already."""
    left = with_reasons([VIDEO, LOCKED, ROWS], [(VIDEO, "access denied"), (LOCKED, "access denied")])
    assert [one.kept_because for one in left] == ["access denied", "a legal hold", ""]


@pytest.mark.parametrize(
    ("found", "left", "removed"),
    [
        ((READ_LETTERS,), (), {}),
        ((READ_LETTERS,), (OWN_LETTERS,), {}),
        ((READ_LETTERS,), (READ_LETTERS,), {}),
        ((OWN_LETTERS,), (READ_LETTERS,), {"dead letter": 2}),
        ((OWN_LETTERS, READ_LETTERS), (replace(READ_LETTERS, count=3),), {"dead letter": 2}),
        ((OWN_LETTERS, READ_LETTERS), (replace(OWN_LETTERS, count=1),), {"dead letter": 1}),
        ((OWN_LETTERS,), (replace(OWN_LETTERS, kept_because="access denied"),), {}),
    ],
)
def test_letters_that_another_erasure_reads_were_not_removed(
    found: tuple[Artefact, ...], left: tuple[Artefact, ...], removed: dict[str, int]
) -> None:
    """They are any recording's, and visible again when it is done; the recording's own count, also beside them."""
    assert Erasure(Plan("r1", found), is_done=True, left=left).removed == removed


def test_a_version_under_a_lock_beside_removed_ones() -> None:
    """Only the free versions of the same object count."""
    locked = replace(VIDEO, count=3, kept_because="a legal hold")
    found = Plan("r1", (VIDEO, locked))
    assert Erasure(found, is_done=True, left=(locked,)).removed == {"video": 2}
    assert Erasure(found, is_done=True, left=(locked, replace(VIDEO, count=1))).removed == {"video": 1}
    assert Erasure(found, is_done=True, left=()).removed == {"video": 2}
