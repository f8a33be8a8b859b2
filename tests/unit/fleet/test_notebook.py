"""The fleet notebook's functions, for every kind of dataset."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fleet_pages import NO_VALUE, checked
from fleet_rows import NOWHERE, failing, fleet, row

from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.fleet import notebook
from komorebi_qc.fleet.dataset import Fleet, fleet_of
from komorebi_qc.fleet.study.study import study_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.desk.notebooks.notebook_output import NotebookOutput

CASES: dict[str, Callable[[], Fleet]] = {
    "empty": lambda: fleet_of(WITH_DAY.empty_table(), NOWHERE, "empty"),
    "one row": lambda: fleet(row(0)),
    "all failed": lambda: fleet(*(row(n, status="failed", verdict=None, error_class="MediaError") for n in range(400))),
    "two months": lambda: fleet(*(row(n, **(failing() if n % 10 == 3 else {})) for n in range(600))),
}


@pytest.mark.parametrize("name", CASES)
def test_every_cell_shows_something(name: str) -> None:
    """In HTML and as text; its figures are within the HTML."""
    session = notebook.FleetSession(study_of(CASES[name]()))
    shows: tuple[Callable[[notebook.FleetSession], NotebookOutput], ...] = (
        *(notebook.overview, notebook.over_time, notebook.changes, notebook.by_browser, notebook.worst),
        *(notebook.groups, notebook.reasons, notebook.distributions, notebook.medians),
    )
    for show in shows:
        shown = show(session)
        assert shown.text.strip()
        assert not re.search(NO_VALUE, shown.text)
        assert all(source.startswith("data:") for source in re.findall(r' src="([^"]{0,40})', shown.html))


def test_the_notebook_calls_these_functions() -> None:
    """And no others."""
    path = Path(__file__).parents[3] / "notebooks" / "fleet_report.ipynb"
    sources = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    called = {name for text in sources for name in re.findall(r"show\.(\w+)\(", text)}
    shows = {"overview", "over_time", "changes", "by_browser", "worst", "groups", "reasons", "distributions", "medians"}
    assert called == {"open_fleet", "page", *shows}


def test_the_notebook_writes_the_page(tmp_path: Path) -> None:
    """The last cell prints its place and size."""
    out = tmp_path / "fleet.html"
    shown = notebook.page(notebook.FleetSession(study_of(fleet(row(0)))), str(out))
    assert f"The page is {out} (0." in shown.text
    checked(out.read_text())
