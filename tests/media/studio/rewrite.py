"""Captures rewritten by what people use: fix-webm-duration, ts-ebml and mediabunny in a page, and `ffmpeg -c copy`."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from media.studio.server import Site, serving

if TYPE_CHECKING:
    from collections.abc import Sequence

MEDIA = Path(__file__).parents[1]
FFMPEG = "ffmpeg-copy"
IN_PAGE = ("fix-webm-duration", "ts-ebml", "mediabunny")
TOOLS = (*IN_PAGE, FFMPEG)
WEBM_ONLY = {"fix-webm-duration", "ts-ebml"}
INSTALL_S, PAGE_S = 300, 60


@dataclass(frozen=True)
class Rewriting:
    """One capture, one tool, and the result's path. `duration_ms` is what the page measured."""

    tool: str
    source: Path
    target: Path
    duration_ms: float

    @property
    def fits(self) -> bool:
        """Whether the tool takes such a file."""
        return self.source.suffix == ".webm" or self.tool not in WEBM_ONLY


def install(cache: Path) -> str:
    """Install the npm packages below `cache`, once; an error's text, or nothing."""
    wanted = (MEDIA / "package.json").read_bytes()
    kept = cache / "package.json"
    if kept.exists() and kept.read_bytes() == wanted and (cache / "node_modules").exists():
        return ""
    npm = shutil.which("npm")
    if npm is None:
        return "npm isn't installed"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as fresh:
        shutil.copy(MEDIA / "package.json", fresh)
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=fresh,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
        if done.returncode:
            return done.stderr.strip()[-300:]
        shutil.rmtree(cache / "node_modules", ignore_errors=True)
        (Path(fresh) / "node_modules").rename(cache / "node_modules")
        kept.write_bytes(wanted)
    return ""


def rewrite(todo: Sequence[Rewriting], cache: Path, chromium: str) -> dict[Rewriting, str]:
    """Rewrite each; by each what went wrong, or nothing."""
    outcome = {one: _ffmpeg(one) for one in todo if one.tool == FFMPEG}
    in_page = [one for one in todo if one.tool != FFMPEG]
    if in_page:
        missing = install(cache)
        outcome.update(dict.fromkeys(in_page, missing) if missing else _in_page(in_page, cache, chromium))
    return outcome


def _ffmpeg(one: Rewriting) -> str:
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-i", str(one.source), "-c", "copy", str(one.target)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip()[-300:] if done.returncode else ""


def _in_page(todo: Sequence[Rewriting], cache: Path, chromium: str) -> dict[Rewriting, str]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  its absence matters only here

    outcome = {}
    with serving(Site(MEDIA, cache)) as site, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        try:
            for number, one in enumerate(todo):
                outcome[one] = _one(one, number, site, browser)
        finally:
            browser.close()
    return outcome


def _one(one: Rewriting, number: int, site: Site, browser: Any) -> str:
    source, target = f"in-{number}", f"out-{number}"
    site.given[source] = one.source.read_bytes()
    page = browser.new_page()
    try:
        page.goto(f"{site.address}/rewrite.html")
        page.wait_for_function("window.rewrite", timeout=PAGE_S * 1000)
        words = [json.dumps(word) for word in (one.tool, source, target, one.duration_ms, one.source.suffix[1:])]
        error: str = page.evaluate(f"rewrite({', '.join(words)})")
    finally:
        page.close()
    made = site.uploads.get(target, b"")
    if not error and not made:
        error = "it made an empty file"
    if not error:
        one.target.write_bytes(made)
    return error
