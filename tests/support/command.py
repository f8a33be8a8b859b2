"""The installed command, run in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CLI = Path(sys.executable).with_name("komorebi-qc")


def run(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command, without what this test run's environment says of AWS."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "KOMOREBI_")) and "BUCKET" not in k}
    return subprocess.run(
        [str(CLI), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**kept, "COLUMNS": "200", **environ},
        check=False,
        timeout=120,
    )
