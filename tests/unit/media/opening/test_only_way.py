"""Media are opened in one place: nothing else in the package gives FFmpeg a file to read."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TypeGuard

import komorebi_qc

PACKAGE = Path(komorebi_qc.__file__).parent
ALLOWED = PACKAGE / "media" / "opening" / "container.py"
READERS = {"VideoFileClip", "AudioFileClip", "ImageSequenceClip", "ffmpeg_parse_infos"}
"""Classes and functions of moviepy that open a file by its name."""
COMMANDS = ("ffmpeg", "ffprobe")


def openings(path: Path) -> list[int]:
    """The lines of a module that open media to read, or whose mode isn't plain."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    written = {id(node.func) for node in nodes if isinstance(node, ast.Call) and _mode(node) == ["w"]}
    return sorted(node.lineno for node in nodes if _opens(node) and id(node) not in written)


def _mode(call: ast.Call) -> list[object]:
    modes = [*call.args[1:2], *(one.value for one in call.keywords if one.arg == "mode")]
    return [mode.value if isinstance(mode, ast.Constant) else None for mode in modes]


def _opens(node: ast.AST) -> TypeGuard[ast.stmt | ast.expr]:
    if isinstance(node, ast.Attribute):
        return node.attr == "open" and isinstance(node.value, ast.Name) and node.value.id == "av"
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0] == "av" and any(name.name in ("open", "*") for name in node.names)
    if isinstance(node, ast.List) and node.elts and isinstance(node.elts[0], ast.Constant):
        return str(node.elts[0].value).rpartition("/")[2] in COMMANDS
    return isinstance(node, ast.Name) and node.id in READERS


def test_media_are_opened_in_one_place() -> None:
    """Writing is allowed anywhere, if the mode is in the call."""
    found = {str(path): openings(path) for path in PACKAGE.rglob("*.py") if path != ALLOWED}
    assert {path: lines for path, lines in found.items() if lines} == {}
    assert len(openings(ALLOWED)) == 1


def test_the_search_finds_other_ways(tmp_path: Path) -> None:
    """An opening by name, without a mode, with a variable mode, under another name, or by a program."""
    path = tmp_path / "module.py"
    path.write_text(
        "import av\n"
        "av.open(name)\n"
        "av.open(name, 'r')\n"
        "av.open(name, mode)\n"
        "av.open(name, 'w')\n"
        "opening = av.open\n"
        "from av import open\n"
        "VideoFileClip(name)\n"
        "run(['/usr/bin/ffprobe', name])\n"
        "av.open(file, mode='w')\n"
    )
    assert openings(path) == [2, 3, 4, 6, 7, 8, 9]
