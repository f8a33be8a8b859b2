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
    "player/drawing",
    "player/view",
    "player/playing",
    "player/moments",
    "panels/meter",
    "panels/correction",
    "panels/transcript",
    "panels/listening",
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
    return "".join((_FOLDER / f"{module}.js").read_text(encoding="utf-8") for module in MODULES)
