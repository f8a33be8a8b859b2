"""Runs the function on real parts: ``python tests/e2e [PART...]``. Without arguments all parts run.

Each part is a module of this folder with ``run(report)``. The last line counts the cases; the exit code is 1 if one
has failed.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from parts import Report

PARTS = ("runtime", "image", "events", "arrivals", "masks", "storage", "verification", "streaming", "faults")


def main(names: list[str]) -> int:
    """Run the named parts, and print their outcomes."""
    here = [part for part in PARTS if Path(__file__).with_name(f"{part}.py").is_file()]
    unknown = [name for name in names if name not in here]
    if unknown:
        print(f"there is no part {', '.join(unknown)}; there are {', '.join(here)}", file=sys.stderr)
        return 2
    report = Report()
    for name in names or here:
        report.part = name
        print(f"\n{name}", flush=True)
        importlib.import_module(name).run(report)
    print(report.table())
    return 1 if report.count("failed") or not report.lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
