# ruff: noqa: INP001  mkdocs loads it by its path
"""Brings README, CONTRIBUTING and CHANGELOG into the site, and turns links between them and docs/ into the site's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}


def on_files(files: Any, config: Any) -> Any:
    """Add the three pages of the repository's root."""
    for name, page in PAGES.items():
        text = re.sub(r"\]\(docs/", "](", (ROOT / name).read_text(encoding="utf-8"))
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point links that leave docs/ for one of the three pages at the page on the site."""
    up = "../" * page.file.src_uri.count("/")
    for name, target in PAGES.items():
        markdown = re.sub(rf"\]\((?:\.\./)*{re.escape(name)}(#[\w-]+)?\)", rf"]({up}{target}\1)", markdown)
    return markdown
