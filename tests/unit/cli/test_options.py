"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import pytest

from komorebi_qc.cli.options import output_file
from komorebi_qc.core.errors import InputError


def test_an_output_that_ends_in_a_slash_is_refused() -> None:
    """A slash at the end means a folder; without it the path is used as it is written."""
    assert output_file("a/b.mp4") == Path("a/b.mp4")
    with pytest.raises(InputError, match=r"a/b\.mp4/ ends in a slash, as a folder does: name a file"):
        output_file("a/b.mp4/")
