"""Runs on local files."""

from __future__ import annotations

from pathlib import Path

import pytest

from komorebi_qc.core.errors import InputError
from komorebi_qc.pipeline.local import LOCAL_ID, container_of, local_item


@pytest.mark.parametrize(
    ("out", "wanted", "container"),
    [
        ("a.mp4", "auto", "mp4"),
        ("a.WEBM", "auto", "webm"),
        ("a.mp4", "webm", "mp4"),
        ("a", "auto", "auto"),
        ("a", "webm", "webm"),
    ],
)
def test_the_extension_names_the_container(out: str, wanted: str, container: str) -> None:
    """Without an extension the request decides."""
    assert container_of(Path(out), wanted) == container


def test_other_extensions_are_refused() -> None:
    """The error names both extensions; a request for another container is refused too."""
    with pytest.raises(InputError, match=r"extension \.avi: name it \.mp4 or \.webm"):
        container_of(Path("a.avi"), "auto")
    with pytest.raises(InputError, match="auto, mp4, webm"):
        container_of(Path("a"), "avi")


def test_a_local_recording_has_an_item() -> None:
    """Its ID is the given one, or `local`."""
    assert local_item().recording_id == LOCAL_ID == "local"
    assert local_item("one").recording_id == "one"
