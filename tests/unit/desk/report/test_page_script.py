"""The page's script is joined from its modules."""

from __future__ import annotations

from importlib.resources import files

from komorebi_qc.desk.report.page_script import MODULES, page_script

MOST_LINES, WIDEST = 400, 120


def test_each_module_is_in_the_script_once() -> None:
    """The list names every module file, each file is short enough, and the script has the text of each."""
    folder = files("komorebi_qc.desk.report") / "script"
    texts = {
        f"{part.name}/{path.name.removesuffix('.js')}": path.read_text(encoding="utf-8")
        for part in folder.iterdir()
        for path in part.iterdir()
    }
    assert sorted(texts) == sorted(MODULES)
    script = page_script("one")
    lines = script.splitlines()
    for text in texts.values():
        code = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("//")]
        assert "\n".join(code) in script
        assert text.count("\n") <= MOST_LINES
    assert len(lines) == 3 + sum(_code_lines(text) for text in texts.values())
    assert script.endswith('(document.getElementById("one"));\n')


def test_the_script_is_readable() -> None:
    """Each module begins with a comment about it, its lines are short, and nothing in it spans lines as a text."""
    for module in MODULES:
        text = (files("komorebi_qc.desk.report") / "script" / f"{module}.js").read_text(encoding="utf-8")
        assert text.startswith("// "), module
        assert max(len(line) for line in text.splitlines()) <= WIDEST, module
        # The page's script has no comments: a text over several lines could lose a part of itself.
        code = "\n".join(line for line in text.splitlines() if not line.strip().startswith("//"))
        assert "`" not in code, module
        assert "/*" not in code, module


def _code_lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("//"))
