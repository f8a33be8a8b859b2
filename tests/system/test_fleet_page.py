"""The fleet report in a real browser: as a file, without a network, sorted, searched, and without scripts."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from accessibility import serious_problems
from fleet_audits import audited_dataset

from komorebi_qc.fleet.dataset import open_fleet
from komorebi_qc.fleet.report import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a synthetic fleet with audits of the two worst recordings."""
    root = tmp_path_factory.mktemp("fleet")
    audited_dataset(root, 6_000, 2, ["sample"])
    write_report(open_fleet(str(root)), str(root / "fleet.html"), 6)
    return root / "fleet.html"


def test_a_foreign_script_is_refused(report: Path, browser: Browser) -> None:
    """A script or a handler that a text brought into the page doesn't run; the page's own does."""
    foreign = "<script>window.foreign = 1</script><img src=x onerror='window.foreign = 1'>"
    changed = report.with_name("changed.html")
    changed.write_text(report.read_text(encoding="utf-8").replace("<main", f"{foreign}<main", 1), encoding="utf-8")
    context = browser.new_context(offline=True)
    try:
        page = context.new_page()
        page.goto(changed.as_uri())
        assert page.evaluate("document.getElementById('fleet').dataset.ready") == "yes"
        assert page.evaluate("window.foreign") is None
    finally:
        context.close()


@contextmanager
def open_page(browser: Browser, report: Path, **more: Any) -> Iterator[Page]:
    """The page as a file, without a network; it requests nothing else, and has no errors."""
    context = browser.new_context(offline=True, **more)
    requests: list[str] = []
    errors: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    try:
        page.goto(report.as_uri())
        yield page
        assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
        assert [text for text in errors if "ERR_FILE_NOT_FOUND" not in text] == []
    finally:
        context.close()


def column(page: Page, name: str) -> list[str]:
    """The cells of a column of the agents' table, from top to bottom."""
    found: list[str] = page.evaluate(
        """(name) => { const table = document.querySelector("#fleet-by-agent ~ .scroll table");
        const k = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.startsWith(name));
        return [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[k].textContent); }""",
        name,
    )
    return found


def numbers(cells: list[str]) -> list[float]:
    """The cells as numbers."""
    return [float(cell.replace(",", "").replace("\N{MINUS SIGN}", "-").split()[0]) for cell in cells]


def test_tables_are_sorted_by_a_click(browser: Browser, report: Path) -> None:
    """The first click puts the largest first, the second the smallest, and the heading has the order."""
    with open_page(browser, report) as page:
        button = page.locator("#fleet-by-agent ~ .scroll").first.get_by_role("button", name="Recordings")
        before = column(page, "Agent")
        button.click()
        counts = numbers(column(page, "Recordings"))
        assert counts == sorted(counts, reverse=True)
        assert counts[0] > counts[-1]
        head = page.locator("#fleet-by-agent ~ .scroll th[aria-sort]").first
        assert head.get_attribute("aria-sort") == "descending"
        button.press("Enter")
        assert numbers(column(page, "Recordings")) == sorted(counts)
        assert head.get_attribute("aria-sort") == "ascending"
        assert sorted(column(page, "Agent")) == sorted(before)
        page.locator("#fleet-by-agent ~ .scroll").first.get_by_role("button", name="Offset, s").click()
        offsets = numbers(column(page, "Offset, s"))
        assert offsets == sorted(offsets, reverse=True)


def test_a_long_table_is_searched(browser: Browser, report: Path) -> None:
    """Rows without the typed text are hidden, and shown again once it is deleted."""
    with open_page(browser, report) as page:
        agents = column(page, "Agent")
        find = page.locator("#fleet-by-agent ~ .find input").first
        find.fill("AGENT-017")
        (left,) = column(page, "Agent")
        assert left.startswith("agent-017")
        find.fill("")
        assert column(page, "Agent") == agents


def test_it_is_read_without_scripts(browser: Browser, report: Path) -> None:
    """It has the answers, all charts, all tables and the contact sheet, and no button without a function."""
    with open_page(browser, report, java_script_enabled=False) as page:
        assert page.locator(".answer").count() == 4
        for chart in page.locator("svg.chart").all():
            assert chart.is_visible()
        assert page.locator("svg.chart").count() == 4
        assert page.locator("table").last.is_visible()
        assert page.locator(".sheet img").first.is_visible()
        assert page.locator("button, input").count() == 0


def test_the_answers_are_on_the_first_screen(browser: Browser, report: Path) -> None:
    """A laptop's screen shows all four."""
    with open_page(browser, report, viewport={"width": 1280, "height": 720}) as page:
        for answer in page.locator(".answer").all():
            box = answer.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= 720


def test_a_card_leads_to_its_report(browser: Browser, report: Path) -> None:
    """It is the recording's own report."""
    with open_page(browser, report) as page:
        link = page.locator(".sheet a").first
        name = link.inner_text()
        address = link.evaluate("a => a.href")
        assert address.startswith("file:")
        assert name in address
    with open_page(browser, Path(address.removeprefix("file://"))) as page:
        assert page.locator(".verdict").is_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_it_is_accessible(browser: Browser, report: Path, scheme: Any, width: int) -> None:
    """In light and narrow, in dark and wide: axe finds nothing serious, and the page doesn't scroll sideways."""
    size = {"width": width, "height": 900}
    with open_page(browser, report, color_scheme=scheme, viewport=size, bypass_csp=True) as page:
        assert serious_problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
