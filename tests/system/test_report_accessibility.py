"""The report for everybody: in light and dark, on wide and narrow screens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from accessibility import serious_problems
from report_browser import open_report

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(browser: Browser, report: Path, scheme: Any, width: int) -> None:
    """In light and dark, wide and narrow, axe finds no serious or critical problem, and nothing is too wide."""
    size = {"width": width, "height": 900}
    with open_report(browser, report, color_scheme=scheme, viewport=size, bypass_csp=True) as page:
        assert serious_problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
