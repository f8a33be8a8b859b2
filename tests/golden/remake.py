"""Draws the golden images anew, for when a picture is meant to change: look at each before it is committed.

.venv/bin/python tests/golden/remake.py [NAME ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from plot_cases import CASES, draw  # noqa: E402  it lies in the folder above

for name in sys.argv[1:] or CASES:
    draw(name)[0].savefig(HERE / f"{name}.png", metadata={"Software": None})
    print(HERE / f"{name}.png")
