# ruff: noqa: INP001, T201  a script, no package
"""Checks every link inside the documentation: the Markdown of the repository, and the site that was built from it.

    python .ci/docs/check_links.py            the Markdown: files and anchors, as GitHub makes them
    python .ci/docs/check_links.py site       the built site as well: files, anchors, and no request to another host

Addresses of other hosts are not opened. Paths such as docs/speed.md in code, templates and targets are checked too.
"""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[2]
IMAGINED = {"komorebi_qc/findings/compare.py", "tests/unit/findings/test_compare.py"}
"""Files of the worked examples in CONTRIBUTING.md."""
_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_PATH = re.compile(r"`((?:komorebi_qc|tests|lambda|notebooks|docs|\.ci)/[\w./-]+\.\w+)`")
_NAMED = re.compile(r"(?<![\w/.-])docs/[\w./-]+\.(?:md|svg|webp)\b")
_LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "video": "src", "source": "src"}


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives a page's headings; repeated ones are numbered."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")
        name, number = slug, 1
        while name in found:
            name, number = f"{slug}-{number}", number + 1
        found.add(name)
    return found


def broken_in_markdown(root: Path, pages: list[Path]) -> list[str]:
    """Links of Markdown files to a file or a heading that isn't there; each a sentence."""
    found = []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for target in _LINK.findall(_CODE.sub("", _FENCE.sub("", text))):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            to = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            where = f"{page.relative_to(root)}: {target}"
            if not to.exists():
                found.append(f"{where}: there is no such file")
            elif parts.fragment and to.suffix == ".md" and parts.fragment not in anchors(to.read_text("utf-8")):
                found.append(f"{where}: {to.relative_to(root)} has no such heading")
        found += [
            f"{page.relative_to(root)}: `{name}`: there is no such file"
            for name in sorted(set(_PATH.findall(_FENCE.sub("", text))) - IMAGINED)
            if not (root / name).exists()
        ]
    return found


def broken_in_code(root: Path, files: list[Path]) -> list[str]:
    """Paths under docs/ that code, targets or templates name and that aren't there."""
    found = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{file.relative_to(root)}: {name}: there is no such file"
            for name in sorted(set(_NAMED.findall(text)))
            if not (root / name).exists()
        ]
    return found


class _Page(HTMLParser):
    """The links of a built page, the addresses it loads, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors.update(given[name] for name in ("id", "name") if given.get(name))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        # A canonical or alternate address is only named, not loaded.
        if tag in _LOADS and given.get("rel") not in ("canonical", "alternate", "prev", "next"):
            self.loads.append(given.get(_LOADS[tag], ""))


def broken_in_site(site: Path) -> list[str]:
    """Broken links of the built site, and requests of its pages to other hosts."""
    pages = {path.resolve(): _Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    if not pages:
        return [f"{site}: there is no page"]
    found = []
    for path, page in sorted(pages.items()):
        here = path.relative_to(site.resolve())
        found += [f"{here}: loads {load} from another host" for load in page.loads if urlsplit(load).netloc]
        # The page for a wrong address has links from the site's root.
        if here.name != "404.html":
            found += [
                f"{here}: {target}: {fault}"
                for target in [*page.links, *page.loads]
                if (fault := _fault(target, path, pages))
            ]
    found += [
        f"{style.relative_to(site)}: loads from another host"
        for style in site.rglob("*.css")
        if re.search(r"url\(\s*['\"]?(?:https?:)?//", style.read_text(encoding="utf-8"))
    ]
    return found


def _fault(target: str, path: Path, pages: dict[Path, _Page]) -> str:
    """Why a link of the page at `path` leads nowhere; empty if it leads somewhere, or to another host."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return ""
    to = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if to.is_dir():
        to /= "index.html"
    if not to.exists():
        return "there is no such file"
    if parts.fragment and to in pages and unquote(parts.fragment) not in pages[to].anchors:
        return "there is no such anchor"
    return ""


def tracked(root: Path) -> list[Path]:
    """The repository's files, those not yet committed included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return sorted(root / name for name in listed.split("\0") if name and (root / name).is_file())


def code(files: list[Path]) -> list[Path]:
    """The files that may name pages; the tests of the tooling name imagined ones."""
    tests = ROOT / "tests" / "tooling"
    return [file for file in files if file.suffix not in (".md", ".lock") and not file.is_relative_to(tests)]


def main(arguments: list[str]) -> int:
    """Print what is broken; 1 where anything is."""
    files = tracked(ROOT)
    pages = [file for file in files if file.suffix == ".md"]
    found = broken_in_markdown(ROOT, pages)
    found += broken_in_code(ROOT, code(files))
    checked = f"{len(pages)} Markdown files"
    for site in map(Path, arguments):
        found += broken_in_site(site)
        checked += f", {len(list(site.rglob('*.html')))} pages of {site}"
    print("\n".join(found) if found else f"links: {checked}; no broken link")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
