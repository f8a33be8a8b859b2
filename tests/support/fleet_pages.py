"""A fleet page parsed, and the rules that hold for every page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from komorebi_qc.fleet.page.contact_sheet import cards
from komorebi_qc.fleet.page.page import fleet_html
from komorebi_qc.fleet.study.study import study_of

if TYPE_CHECKING:
    from komorebi_qc.fleet.dataset import Fleet

TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "script",
        "h1",
        "h2",
        "p",
        "b",
        "div",
        "section",
        "nav",
    ),
    *("i", "ul", "ol", "li", "a", "figure", "figcaption", "details", "summary", "pre", "span", "img"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("svg", "g", "path", "rect", "text", "tspan", "defs", "clippath", "use", "circle", "line"),
}
NO_VALUE = r"\b(?:nan|inf|NaT)\b|\bNone\b(?! (?:of|could|is))"


class ParsedPage(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.text = ""
        self._skips = self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect an element."""
        self.tags.append((tag, dict(attrs)))
        self._skips = tag in ("script", "style")
        if tag in ("td", "th"):
            self.cells.append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        """End a cell."""
        self._skips = False
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        """Collect a text."""
        if not self._skips:
            self.text += data
            if self._in_cell:
                self.cells[-1] += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements with this tag."""
        return [attrs for name, attrs in self.tags if name == tag]

    def links(self) -> list[str]:
        """The addresses of links out of the page."""
        addresses = [str(attrs["href"]) for attrs in self.of("a")]
        return [address for address in addresses if not address.startswith("#")]


def page_of(fleet: Fleet, out: str = "/nowhere/fleet.html") -> str:
    """The fleet's page."""
    study = study_of(fleet)
    return fleet_html(study, cards(fleet, study.worst, out))


def checked(page: str) -> ParsedPage:
    """Check the rules of every page: known elements only, no address of a network, valid links, unique IDs."""
    parsed = ParsedPage(page)
    assert {tag for tag, _ in parsed.tags} <= TAGS
    assert len(parsed.of("script")) == 1
    assert not [attrs for _, attrs in parsed.tags if any(name.startswith("on") for name in attrs)]
    assert all(str(attrs["src"]).startswith("data:image/webp;base64,") for attrs in parsed.of("img"))
    # A printed page doesn't wait for lazy images.
    assert all("alt" in attrs and "loading" not in attrs for attrs in parsed.of("img"))
    ids = [str(attrs["id"]) for _, attrs in parsed.tags if attrs.get("id")]
    named = [one for one in ids if one.startswith("fleet")]
    assert len(named) == len(set(named))
    for attrs in parsed.of("a"):
        address = str(attrs["href"])
        assert address[1:] in ids if address.startswith("#") else not re.match(r"[a-z]+:", address), address
    for attrs in parsed.of("use"):
        assert str(attrs["xlink:href"])[1:] in ids
    assert not re.search(NO_VALUE, parsed.text)
    assert not [cell for cell in parsed.cells if cell.startswith(("=", "+", "-", "@"))]
    # Namespaces are the only addresses of the web.
    addresses = "".join(re.findall(r"(?:href|src|url)\W{1,3}https?:\S+", page))
    assert not re.sub(r"https?://www\.w3\.org/\S+", "", addresses)
    return parsed
