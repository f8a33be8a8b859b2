"""The pages' content security policy: only the page's own scripts run."""

from __future__ import annotations

import re

from fleet_pages import page_of
from fleet_rows import fleet, row
from report_pages import made_page

from komorebi_qc.desk.content_policy import content_policy
from komorebi_qc.desk.report.html import report_html

_META = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def test_a_script_is_named_by_its_hash() -> None:
    """The hash is that of the W3C's example, and a page without scripts allows no script."""
    policy = content_policy("alert('Hello, world.');")
    assert "script-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='" in policy
    assert content_policy() == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )


def test_both_pages_allow_their_own_script_alone() -> None:
    """The policy of each page follows from the one script that it has."""
    report = {"media": "'self' file: data: blob:", "frames": "'self' file:", "connections": "'self'"}
    for page, sources in ((report_html(made_page(3.0)), report), (page_of(fleet(row(0))), {})):
        found = _META.search(page)
        assert found is not None
        (script,) = _SCRIPT.findall(page)
        assert found[1] == content_policy(script, **sources)
        assert re.findall(r"script-src [^;]*unsafe", found[1]) == []
