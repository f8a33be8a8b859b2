"""Draws the golden images again, after an intended change. Look at each one before you commit it.

.venv/bin/python tests/golden/remake.py [NAME ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "support"))

from plot_cases import CASES, draw  # noqa: E402  from tests/support

for name in sys.argv[1:] or CASES:
    draw(name)[0].savefig(HERE / f"{name}.png", metadata={"Software": None})
    print(HERE / f"{name}.png")
