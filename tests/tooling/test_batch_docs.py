"""The documentation of the dataset is that of the code."""

from __future__ import annotations

import re
from pathlib import Path

from komorebi_qc.batch.schema import SCHEMA_VERSION, as_markdown

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "dataset.md"


def test_the_columns_are_those_of_the_schema() -> None:
    """The table in docs/reference/dataset.md is the one that schema.py makes; paste that where this fails."""
    told = re.search(r"<!-- schema -->\n(.*?)<!-- /schema -->", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert told is not None
    assert told[1] == as_markdown()


def test_the_version_is_that_of_the_schema() -> None:
    """The version that is documented is the one that is written."""
    assert f"<!-- version -->{SCHEMA_VERSION}<!-- /version -->" in DOCS.read_text(encoding="utf-8")
