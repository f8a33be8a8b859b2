"""The table of bounds, as the documentation has it."""

from __future__ import annotations

from komorebi_qc.core.errors import MediaError, PermanentError
from komorebi_qc.media.bounds.table import BOUNDS, refused


def test_every_bound_has_a_value_and_a_reason() -> None:
    """And each subject comes once."""
    assert all(one.subject and one.bound and one.reason for one in BOUNDS)
    assert len({one.subject for one in BOUNDS}) == len(BOUNDS)


def test_a_refusal_is_permanent_and_has_four_parts() -> None:
    """The file, the declaration, the bound and the remedy."""
    error = refused("a.mp4", "declares 9 samples", "a file of 5 bytes can't hold them")
    assert isinstance(error, MediaError)
    assert isinstance(error, PermanentError)
    assert str(error) == (
        "a.mp4 declares 9 samples, and a file of 5 bytes can't hold them. It is damaged, or was made to exhaust a "
        "machine: it isn't decoded; get it again"
    )
