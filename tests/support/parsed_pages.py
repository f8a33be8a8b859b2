"""Reads report pages: rows, links, texts, and the data of the page's script."""

from __future__ import annotations

import base64
import json
import re
import zlib
from html.parser import HTMLParser
from typing import Any

import numpy as np


class ParsedPage(HTMLParser):
    """A page's rows, links, tags, and its text without scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: dict[int, list[str]] = {}
        self.links: list[dict[str, str | None]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._row: list[str] | None = None
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag starts."""
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag in ("script", "style"):
            self._open.append(tag)
        if tag == "tr" and "data-row" in given:
            self._row = self.rows.setdefault(int(given["data-row"] or ""), [])
        if tag in ("td", "th") and self._row is not None:
            self._row.append("")
        if tag == "a":
            self.links.append(given)

    def handle_endtag(self, tag: str) -> None:
        """A tag ends."""
        if self._open and self._open[-1] == tag:
            self._open.pop()
        if tag == "tr":
            self._row = None

    def handle_data(self, data: str) -> None:
        """A text."""
        if not self._open:
            self.text += data
            if self._row:
                self._row[-1] += data


def data_of(page: str) -> dict[str, Any]:
    """The data of the page's script."""
    found = re.search(r'<script type="application/json" data-kq="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def unpacked(data: str) -> np.ndarray[Any, np.dtype[np.int8]]:
    """A packed envelope, inflated like the page's script does it."""
    return np.frombuffer(zlib.decompress(base64.b64decode(data), -15), np.int8)
