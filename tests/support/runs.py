"""Results of two runs, compared but for the ID that each run gives them."""

from __future__ import annotations

import re

_RUN = re.compile(rb"komorebi_qc run [0-9a-f]{32}")


def without_run(content: bytes) -> bytes:
    """A video without its run's ID, which must be in it once."""
    found, count = _RUN.subn(b"", content)
    assert count == 1
    return found
