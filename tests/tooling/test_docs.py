"""The reference tables are those of the code, and no link in README, docs or code is broken."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]


def _script(name: str) -> ModuleType:
    """A script of .ci/docs as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / ".ci" / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


TABLES = _script("tables")
LINKS = _script("check_links")


@pytest.mark.parametrize("page", TABLES.PAGES)
def test_reference_tables_match_the_code(page: str) -> None:
    """`make docs-tables` would change nothing on this page."""
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    assert TABLES.rendered(text, TABLES.PAGES[page]) == text


def test_a_stale_table_is_replaced() -> None:
    """Only the text between the markers changes."""
    page = "before\n<!-- one -->\nstale\n<!-- /one -->\nafter <!-- two -->1<!-- /two -->\n"
    tables = {"one": lambda: "| new |\n", "two": lambda: "2"}
    expected = "before\n<!-- one -->\n| new |\n<!-- /one -->\nafter <!-- two -->2<!-- /two -->\n"
    assert TABLES.rendered(page, tables) == expected


def test_a_page_without_markers_is_refused() -> None:
    """A page that lost a table's markers is an error that names them."""
    with pytest.raises(ValueError, match="needs <!-- one --> and <!-- /one --> once, and has them 0 times"):
        TABLES.rendered("no table\n", {"one": lambda: "| new |\n"})


def test_every_setting_limit_and_command_is_in_its_table() -> None:
    """The generated tables have a row for each setting and limit, and a section for each command."""
    assert "`KOMOREBI_CACHE_MB`" in TABLES.settings()
    assert "`call_end_error`" in TABLES.limits()
    assert "## dlq redrive\n" in TABLES.commands()
    assert "`sync.jumps[].call_s`" in TABLES.qc_keys()


def test_links_of_the_repository_hold() -> None:
    """No Markdown file links to a file or heading that isn't there, and no code names a missing page."""
    files = LINKS.tracked(ROOT)
    pages = [file for file in files if file.suffix == ".md"]
    assert len(pages) > 20
    assert LINKS.broken_in_markdown(ROOT, pages) == []
    assert LINKS.broken_in_code(ROOT, LINKS.code(files)) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[here](other.md)", None),
        ("[here](other.md#two-words)", None),
        ("[here](other.md#two-words-1)", None),
        ("`[code](missing.md)` and [away](https://example.com/missing)", None),
        ("```\n[code](missing.md)\n```\n", None),
        ("[here](missing.md)", "page.md: missing.md: there is no such file"),
        ("![image](missing.svg)", "page.md: missing.svg: there is no such file"),
        ("[here](other.md#gone)", "page.md: other.md#gone: other.md has no such heading"),
        ("[here](#gone)", "page.md: #gone: page.md has no such heading"),
        ("see `komorebi_qc/missing.py`", "page.md: `komorebi_qc/missing.py`: there is no such file"),
    ],
)
def test_broken_links_of_markdown_are_found(tmp_path: Path, text: str, fault: str | None) -> None:
    """A link to a missing file or heading is named; code and other hosts are left alone."""
    (tmp_path / "other.md").write_text("# Other\n\n## Two *words*\n\n## Two words\n")
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{text}\n")
    assert LINKS.broken_in_markdown(tmp_path, [page]) == ([] if fault is None else [fault])


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="other.html#there">x</a><img src="image.png">', None),
        ('<a href="https://example.com/">x</a>', None),
        ('<a href="missing.html">x</a>', "page.html: missing.html: there is no such file"),
        ('<a href="other.html#gone">x</a>', "page.html: other.html#gone: there is no such anchor"),
        (
            '<script src="https://cdn.example.com/x.js"></script>',
            "page.html: loads https://cdn.example.com/x.js from another host",
        ),
        (
            '<link rel="stylesheet" href="//fonts.example.com/x.css">',
            "page.html: loads //fonts.example.com/x.css from another host",
        ),
    ],
)
def test_broken_links_of_a_site_are_found(tmp_path: Path, html: str, fault: str | None) -> None:
    """A built page may link to another host but not load from it; its own links must lead somewhere."""
    (tmp_path / "other.html").write_text('<p id="there">x</p>')
    (tmp_path / "image.png").write_bytes(b"")
    (tmp_path / "page.html").write_text(html)
    assert LINKS.broken_in_site(tmp_path) == ([] if fault is None else [fault])


def test_a_style_sheet_that_loads_from_another_host_is_found(tmp_path: Path) -> None:
    """Fonts and images of a style sheet are local as well."""
    (tmp_path / "page.html").write_text("<p>x</p>")
    (tmp_path / "style.css").write_text("@font-face { src: url(https://fonts.example.com/x.woff2) }")
    assert LINKS.broken_in_site(tmp_path) == ["style.css: loads from another host"]


def test_a_page_that_code_names_has_to_exist(tmp_path: Path) -> None:
    """A path under docs/ in code or in a template is checked."""
    (tmp_path / "docs").mkdir()
    here, gone = (f"docs/{name}.md" for name in ("here", "gone"))
    (tmp_path / here).write_text("# Here\n")
    code = tmp_path / "template.yaml"
    code.write_text(f"# See {here} and {gone}.\n")
    assert LINKS.broken_in_code(tmp_path, [code]) == [f"template.yaml: {gone}: there is no such file"]


def test_the_readme_is_short() -> None:
    """The README has at most 150 lines; everything else is in docs/."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
