"""Results of one run, and of several."""

from __future__ import annotations

import pytest

from komorebi_qc.storage.generation import Generation


@pytest.mark.parametrize(
    ("found", "run_id", "is_of"),
    [
        (Generation("a", "a", "a"), "a", True),
        (Generation("a", "a", "a"), "b", False),
        (Generation("a", "b", "a"), "a", False),
        (Generation("a", "a", "b"), "a", False),
        (Generation("b", "a", "a"), "a", False),
        (Generation(None, "a", "a"), "a", False),
        (Generation("a", None, "a"), "a", False),
        (Generation("a", "b", "a", has_thumbnail=False), "a", True),
        (Generation("a", None, "a", has_thumbnail=False), "a", True),
        (Generation(), "a", False),
        (Generation(), "", False),
        (Generation("", "", ""), "", True),
        (Generation("", None, None), "", True),
        (Generation("", "a", ""), "", False),
        (Generation("", "", "a"), "", False),
        (Generation("a", "a", "a"), "", False),
    ],
)
def test_results_are_of_one_run_or_not(found: Generation, run_id: str, is_of: bool) -> None:  # noqa: FBT001
    """All present results count, and a missing one; results of an earlier version have no run ID."""
    assert found.is_of(run_id) is is_of


def test_each_object_is_named_for_json() -> None:
    """A missing object is null, and one without a run ID is empty."""
    assert Generation("a", None, "").to_dict() == {"video": "a", "thumbnail": None, "qc": ""}
