"""The page's script is joined from its modules."""

from __future__ import annotations

from importlib.resources import files

from komorebi_qc.desk.report.page_script import MODULES, page_script

MOST_LINES = 400


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
    for text in texts.values():
        assert script.count(text) == 1
        assert text.count("\n") <= MOST_LINES
    assert script.endswith('(document.getElementById("one"));\n')
