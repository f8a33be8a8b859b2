"""The report is written as a whole, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fleet_rows import fleet, row

from komorebi_qc.core.errors import InputError
from komorebi_qc.fleet.report import write_report

if TYPE_CHECKING:
    from pathlib import Path


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Nothing is left behind."""
    made = fleet(row(0))
    (tmp_path / "fleet.html").mkdir()
    with pytest.raises(InputError, match="can't be written"):
        write_report(made, str(tmp_path / "fleet.html"))
    with pytest.raises(InputError, match="can't be written"):
        write_report(made, str(tmp_path / "no" / "fleet.html"))
    with pytest.raises(InputError, match="name the page's file"):
        write_report(made, " ")
    with pytest.raises(InputError, match="names no object"):
        write_report(made, "s3://bucket/")
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.html"]
