"""A desk under attack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from running_desk import Client, running_desk, write_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Client]:
    """A server for two reports, beside a file and a report that aren't in the folder."""
    root = tmp_path / "root"
    write_report(root / "a")
    write_report(root / "b c", "call-2")
    write_report(tmp_path / "other", "call-3")
    (tmp_path / "secret.html").write_text("secret")
    (root / "a" / "link.html").symlink_to(tmp_path / "secret.html")
    (root / "a" / "up").symlink_to(tmp_path)
    (root / "a" / "private.key").write_text("secret")
    (root / "a" / ".hidden.html").write_text("secret")
    with running_desk(root) as client:
        yield client
