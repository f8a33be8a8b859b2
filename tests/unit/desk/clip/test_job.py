"""The settings of a clip."""

from __future__ import annotations

from typing import Any

import pytest

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.clip import ClipJob


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seconds": 0.0}, "must be 0.2 to 600 s"),
        ({"seconds": 1e6}, "must be 0.2 to 600 s"),
        ({"sound": "left"}, "name one of output, sides"),
        ({"width": 641}, "even numbers"),
        ({"height": 200}, "at least 320 x 240"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], words: str) -> None:
    """One sentence that names the range."""
    with pytest.raises(InputError, match=words):
        ClipJob(**{"at_s": 1.0, **changes})
