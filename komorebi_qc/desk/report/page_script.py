"""The page's script: modules of one idea each, joined into one text, so that the page stays one file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

MODULES = (
    "player/base",
    "player/envelope",
    "player/style",
    "player/sources",
    "panels/trial",
    "panels/trial_audio",
    "player/drawing",
    "player/view",
    "player/playing",
    "player/moments",
    "panels/meter",
    "panels/correction",
    "panels/transcript",
    "panels/listening",
    "panels/spectrogram",
    "panels/notes",
    "player/controls",
    "player/start",
)
"""In the order in which they run. They share one scope; each may use what the ones before it define."""
_FOLDER = files("komorebi_qc.desk.report") / "script"


def page_script(name: str) -> str:
    """The script for the element of this name."""
    return f'(function (root) {{\n"use strict";\n{_joined()}}})(document.getElementById("{name}"));\n'


@cache
def _joined() -> str:
    return "".join(_small((_FOLDER / f"{module}.js").read_text(encoding="utf-8")) for module in MODULES)


def _small(text: str) -> str:
    """The script without indentation, empty lines and lines of comment. No text in it may span lines."""
    lines = (line.strip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("//"))
