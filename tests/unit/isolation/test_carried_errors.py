"""Errors of another process: the same class and sentence on this side."""

from __future__ import annotations

import pytest

from komorebi_qc.core.errors import HeldError, KomorebiError, MediaError, NotThereYetError, SettingsError
from komorebi_qc.isolation.carried_errors import UnforeseenError, error_places, packed_error, unpacked_error


class OwnError(MediaError):
    """A class that the other side may not know."""


@pytest.mark.parametrize(
    "error", [MediaError("a.wav is empty"), NotThereYetError("later"), SettingsError("x isn't set")]
)
def test_an_expected_error_keeps_its_class_and_sentence(error: KomorebiError) -> None:
    """A passing error stays one, and is tried again."""
    found = unpacked_error(packed_error(error))
    assert (type(found), str(found)) == (type(error), str(error))


def test_a_held_recording_keeps_its_reason_and_candidates() -> None:
    """An operator decides by them."""
    found = unpacked_error(packed_error(HeldError("text", "reason", ((1.5, 0.75), (-2.0, 0.25)))))
    assert isinstance(found, HeldError)
    assert (str(found), found.reason, found.candidates) == ("text", "reason", ((1.5, 0.75), (-2.0, 0.25)))


def test_a_module_s_own_error_becomes_the_nearest_known_one() -> None:
    """So the handler needs to know the common classes only."""
    assert type(unpacked_error(packed_error(OwnError("text")))) is MediaError


def test_an_unforeseen_error_keeps_its_places_and_not_its_text() -> None:
    """The text may quote anything, such as a key with an agent's name."""
    try:
        raise ValueError("CallRecordings/agent-7/x.wav")
    except ValueError as error:
        found = unpacked_error(packed_error(error))
    assert isinstance(found, UnforeseenError)
    assert error_places(found).startswith("ValueError at test_carried_errors.py:")
    assert "agent-7" not in error_places(found)


@pytest.mark.parametrize("name", ["os", "KomorebiError.__init__", "missing_extra", "NOTHING_PUBLISHED", "gone"])
def test_a_name_that_is_no_error_is_not_called(name: str) -> None:
    """The other process may have been taken over."""
    assert isinstance(unpacked_error({"class": name, "text": "x"}), UnforeseenError)
