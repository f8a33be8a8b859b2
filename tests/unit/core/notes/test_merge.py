"""Merging notes: nothing is lost, in any order, and a second merge changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.notes import Note, Notes, merge_notes

FIRST = Note("00000000000000aa", 1.0, 2.0, "First.", "", "minor", "Aya", "2026-11-27T13:00:00Z", "")
SECOND = replace(FIRST, id="00000000000000bb", from_s=0.5, text="Second.")
LATER = replace(FIRST, text="First, edited.", made_at="2026-11-27T14:30:00+01:00", by="Ben")
MANY = st.builds(
    Notes,
    st.just("call-1"),
    st.lists(
        st.builds(
            replace,
            st.just(FIRST),
            id=st.sampled_from(["00000000000000aa", "00000000000000bb"]),
            text=st.sampled_from(["a", "b", "c"]),
            made_at=st.sampled_from(["2026-11-27T13:00:00Z", "2026-11-27T14:00:00Z", "2026-11-27T14:00:00+01:00"]),
        ),
        unique_by=lambda one: one.id,
    ).map(tuple),
)


def contents(*notes: Notes) -> set[Note]:
    """The notes without their IDs."""
    return {replace(one, id="") for some in notes for one in some.notes}


def test_notes_of_both_are_kept_in_order() -> None:
    """Equal notes are one note."""
    assert merge_notes(Notes("a", (FIRST,)), Notes("a", (FIRST, SECOND))).notes == (SECOND, FIRST)


def test_a_note_that_both_edited_is_kept_twice() -> None:
    """The later edit by the clock, not by the text, has the ID."""
    found = merge_notes(Notes("a", (LATER,)), Notes("a", (FIRST,))).notes
    assert {one.text for one in found} == {"First.", "First, edited."}
    assert [one.text for one in found if one.id == FIRST.id] == ["First, edited."]


def test_notes_of_different_recordings_are_refused() -> None:
    """A merge of them would put words about one customer beside another."""
    with pytest.raises(InputError, match="about different recordings, a and b"):
        merge_notes(Notes("a"), Notes("b"))


@given(MANY, MANY)
@settings(max_examples=150, deadline=None)
def test_nothing_is_lost(one: Notes, other: Notes) -> None:
    """Both orders give the same notes, with the contents of both and distinct IDs; another merge changes nothing."""
    both = merge_notes(one, other)
    assert both == merge_notes(other, one)
    assert contents(both) == contents(one, other)
    assert len({note.id for note in both.notes}) == len(both.notes)
    assert merge_notes(both, other) == both
    assert merge_notes(both, both) == both
