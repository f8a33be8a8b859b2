"""A report inside of another page, such as a notebook: neither changes the looks of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from report_browser import open_report
from report_pages import made_page
from turn_pages import spoken

from komorebi_qc.desk.report.html import report_fragment

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
# Rules in the form of JupyterLab's own for the HTML of a cell, and stronger ones.
HOST_STYLE = """
body { font: 20px/2 serif; color: #800; text-align: center; }
.jp-RenderedHTMLCommon { line-height: 2.5; letter-spacing: 2px; }
.jp-RenderedHTMLCommon h1, .jp-RenderedHTMLCommon h2 { margin: 40px; font-weight: 300; text-transform: uppercase; }
.jp-RenderedHTMLCommon p, .jp-RenderedHTMLCommon ul { margin: 30px; padding: 9px; }
.jp-RenderedHTMLCommon li { list-style: square; text-indent: 20px; }
.jp-RenderedHTMLCommon table { table-layout: fixed; margin: 0 auto; font-size: 9px; border: 3px solid red; }
.jp-RenderedHTMLCommon tbody tr:nth-child(odd):not(.x) { background: rgb(200, 0, 0); }
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th { text-align: right; max-width: 20px; padding: 30px; }
.jp-RenderedHTMLCommon pre, .jp-RenderedHTMLCommon code { background: rgb(0, 200, 0); border: 2px dashed; }
.jp-RenderedHTMLCommon img, .jp-RenderedHTMLCommon video { float: right; opacity: .5; max-width: 100px; }
.jp-RenderedHTMLCommon :not(pre) > kbd { font-size: 30px; float: left; }
.jp-RenderedHTMLCommon button, .jp-RenderedHTMLCommon input, .jp-RenderedHTMLCommon select { border-radius: 30px; }
.jp-RenderedHTMLCommon dt { float: left; width: 10px; }
.jp-OutputArea .jp-RenderedHTMLCommon a:link { color: rgb(1, 2, 3); text-decoration: line-through; }
.jp-RenderedHTMLCommon details > summary { display: flex; }
"""
# Layout depends on the width that the host gives, so sizes aren't compared.
STYLES = """(root) => [...root.querySelectorAll("*")].filter((one) => !one.closest("script, canvas")).map((one) => {
  const s = getComputedStyle(one), names = ["color", "backgroundColor", "fontFamily", "fontSize", "fontWeight",
    "float", "lineHeight", "textAlign", "textTransform", "letterSpacing", "listStyleType", "textIndent", "marginTop",
    "marginLeft", "paddingTop", "paddingLeft", "borderTopWidth", "borderTopLeftRadius", "display", "opacity",
    "textDecorationLine"];
  return [one.tagName + "." + one.className, ...names.map((name) => s[name])].join(" | "); })"""
NEIGHBOURS = """<h1>Cell</h1><p>Text <a href="#x">link</a> <kbd>k</kbd></p><table><tbody><tr><td>1</td></tr></tbody>
</table><ul><li>one</li></ul><button>b</button><details open><summary>s</summary></details><pre><code>c</code></pre>"""


def _page(folder: Path, name: str, style: str, body: str) -> Path:
    path = folder / f"{name}.html"
    path.write_text(
        f"<!doctype html><meta charset='utf-8'><style>{style}</style><body><main>{body}</main>", encoding="utf-8"
    )
    return path


def _looks(browser: Browser, path: Path, selector: str) -> Any:
    with open_report(browser, path, viewport={"width": 1280, "height": 900}) as page:
        return page.evaluate(f"({STYLES})(document.querySelector('{selector}'))")


def test_a_hosts_styles_stay_outside(browser: Browser, tmp_path: Path) -> None:
    """Each element of the report has the same text, colours, spaces and borders as in a page without any styles."""
    fragment = report_fragment(made_page(20.0, turns=spoken()), alone=False)
    plain = _page(tmp_path, "plain", "", fragment)
    inside = f'<div class="jp-OutputArea"><div class="jp-RenderedHTMLCommon">{fragment}</div></div>'
    hosted = _page(tmp_path, "hosted", HOST_STYLE, inside)
    expected, found = (_looks(browser, path, "#komorebi") for path in (plain, hosted))
    assert len(found) == len(expected) > 100
    assert [pair for pair in zip(expected, found, strict=True) if pair[0] != pair[1]] == []


def test_the_reports_styles_stay_inside(browser: Browser, tmp_path: Path) -> None:
    """The elements of the other page look the same with and without the report's style."""
    fragment = report_fragment(made_page(20.0), alone=False)
    without = fragment.replace("<style>", "<style media='not all'>", 1)
    looks = []
    for name, content in (("with", fragment), ("without", without)):
        host = f'<div id="host" class="jp-RenderedHTMLCommon">{NEIGHBOURS}</div>{content}'
        looks.append(_looks(browser, _page(tmp_path, name, HOST_STYLE, host), "#host"))
    assert looks[0] == looks[1]
    assert len(looks[0]) == 15
