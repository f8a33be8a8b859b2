"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import pytest

from komorebi_qc.cli.options import first_and_further, output_file
from komorebi_qc.core.errors import InputError


def test_an_output_that_ends_in_a_slash_is_refused() -> None:
    """A slash at the end means a folder; without it the path is used as it is written."""
    assert output_file("a/b.mp4") == Path("a/b.mp4")
    with pytest.raises(InputError, match=r"a/b\.mp4/ ends in a slash, as a folder does: name a file"):
        output_file("a/b.mp4/")


def test_a_recording_may_have_several_files() -> None:
    """The first one, and the others."""
    names = [Path("a.webm"), Path("b.webm")]
    assert first_and_further(names) == (names[0], (names[1],))
    assert first_and_further([]) == first_and_further(None) == (None, ())
