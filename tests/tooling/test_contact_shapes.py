"""The page about contact records has the shapes that are tested."""

from __future__ import annotations

from pathlib import Path

from contact_shapes import table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operator" / "contact-record.md"


def test_the_table_of_shapes_is_the_tested_one() -> None:
    """Each row is a record that the tests read, with the audio that they expect."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- shapes -->\n")
    assert rest.partition("<!-- /shapes -->")[0] == table()
