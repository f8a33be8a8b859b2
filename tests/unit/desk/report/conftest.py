"""The sample call's report, built once for all tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from report_pages import sample_report

if TYPE_CHECKING:
    from komorebi_qc.pipeline.examine import Examined


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Examined, str]:
    """The sample call's examination, and its report."""
    found, report = sample_report(tmp_path_factory.mktemp("report"))
    return found, report.read_text(encoding="utf-8")
