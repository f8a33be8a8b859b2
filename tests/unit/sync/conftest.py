"""The memory that the measurement has in production."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from komorebi_qc.media.malloc import keep_freed_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def as_in_the_pipeline() -> Iterator[None]:
    """The pipeline measures while freed blocks are kept. Earlier tests of the process may have left it otherwise."""
    with keep_freed_blocks():
        yield
