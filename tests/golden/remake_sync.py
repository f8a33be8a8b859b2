"""Records the sync results of the simulated calls again, after an intended change of a measurement.

.venv/bin/python tests/golden/remake_sync.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "support"))

from sync_cases import CASES, record  # noqa: E402  the path is added above

from komorebi_qc.sync import measure  # noqa: E402


def rounded(value: object) -> object:
    """Numbers to 0.1 us, which is finer than the test compares."""
    if isinstance(value, float):
        return round(value, 7)
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    return [rounded(part) for part in value] if isinstance(value, list) else value


results = {name: rounded(record(measure(*make()))) for name, make in CASES.items()}
lines = (f"{json.dumps(name)}: {json.dumps(result)}" for name, result in results.items())
(HERE / "sync.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
