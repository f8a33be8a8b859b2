"""Results of one run, and of several."""

from __future__ import annotations

import pytest

from komorebi_qc.storage.generation import Generation


@pytest.mark.parametrize(
    ("found", "run_id", "is_of", "is_mixed"),
    [
        (Generation("a", "a", "a"), "a", True, False),
        (Generation("a", "a", "a"), "b", False, False),
        (Generation("a", "b", "a"), "a", False, True),
        (Generation("a", "a", "b"), "a", False, True),
        (Generation("b", "a", "a"), "a", False, True),
        (Generation(None, "a", "a"), "a", False, True),
        (Generation("a", None, "a"), "a", False, True),
        (Generation("a", "b", "a", has_thumbnail=False), "a", True, False),
        (Generation("a", None, "a", has_thumbnail=False), "a", True, False),
        (Generation(), "a", False, False),
        (Generation(), "", False, False),
        (Generation("", "", ""), "", True, False),
        (Generation("", None, None), "", True, False),
        (Generation("", "a", ""), "", False, True),
        (Generation("", "", "a"), "", False, True),
        (Generation("a", "a", "a"), "", False, False),
    ],
)
def test_results_are_of_one_run_or_not(found: Generation, run_id: str, is_of: bool, is_mixed: bool) -> None:  # noqa: FBT001
    """All present results count, and a missing one; results of an earlier version have no run ID."""
    assert (found.is_of(run_id), found.is_mixed) == (is_of, is_mixed)


def test_each_object_is_named_for_json() -> None:
    """A missing object is null, and one without a run ID is empty."""
    assert Generation("a", None, "").to_dict() == {"video": "a", "thumbnail": None, "qc": ""}
