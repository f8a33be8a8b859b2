"""axe-core on a page: its script, and the serious problems that it finds."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
# Without this, axe describes every element that passes, which takes most of its time on a long page.
RUN = "axe.run(document, {resultTypes: ['violations']})"


@cache
def axe_script() -> str:
    """axe-core's script, installed by the first run."""
    made = subprocess.run([ROOT / ".ci" / "axe.sh"], capture_output=True, text=True, check=False, timeout=120)
    if made.returncode:
        unavailable(f"axe-core can't be installed: {made.stderr.strip()}")
    return Path(made.stdout.strip()).read_text(encoding="utf-8")


def serious_problems(page: Page) -> list[str]:
    """Open all details of the page, and return what axe calls serious or critical. The page must bypass its CSP."""
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    page.add_script_tag(content=axe_script())
    found: dict[str, Any] = page.evaluate(RUN)
    assert found["passes"]
    return [
        f"{v['id']}: {node['target']} {node.get('failureSummary')}"
        for v in found["violations"]
        for node in v["nodes"]
        if v["impact"] in ("serious", "critical")
    ]
