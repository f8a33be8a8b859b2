"""How well Amazon Connect's own screen recordings are placed: 20 made files with real voices, and one with a freeze.

    .venv/bin/python tests/bench/native.py [--only SEED ...] [--json FILE] [--markdown FILE]

Each case of `tests/support/native_screens.py` is made from its seed: MP4, H.264, 5 frames a second, one to three
monitors as tracks or as one wide picture, with the agent's voice, with both voices, or without sound. It is processed
with the record of its contact, whose times are whole seconds. ``--markdown`` writes the table between a file's markers.

Exit status: 0; 1 if a recording with the agent's sound is 1 ms off or more, if one without sound isn't marked as
placed by the record, if it is farther off than it states, or if a finding isn't explained by the case.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # As a script its own folder comes first, where `native_screens` isn't found.
    sys.path[:1] = [str(Path(__file__).resolve().parents[1] / name) for name in ("", "support")]

from native_runs import MOST_MS, run
from native_screens import CASES, FROZEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from native_runs import NativeRow

BEGIN, END = "<!-- native -->", "<!-- /native -->"
HEAD = (
    *("recording", "monitors", "index", "offset", "status", "placed by", "off by", "may be off by"),
    *("verdict", "warns or fails"),
)


def table(rows: Sequence[NativeRow]) -> str:
    """The results as a table in Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *map(_cells, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cells(row: NativeRow) -> tuple[str, ...]:
    case = row.case
    by = "the audio" if row.placed_by == "measured" else f"the {row.end_by}'s times"
    off = f"{row.error_ms:.3f} ms" if row.error_ms < 50 else f"{row.error_ms / 1000:.2f} s"
    bound = f"{row.bound_s * 1000:.2f} ms" if row.bound_s < 0.05 else f"{row.bound_s:.1f} s"
    return (
        case.name,
        " + ".join(f"{width}x{height}" for width, height in case.sizes),
        "first" if case.is_moov_first else "last",
        f"{case.offset_s:g} s",
        row.status,
        by,
        off,
        bound,
        row.verdict,
        ", ".join(f"`{name}`" for name in (*row.unexpected, *row.others)),
    )


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, nargs="+", default=[], metavar="SEED")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    asked = parser.parse_args()
    rows = []
    for case in (*CASES, FROZEN):
        if not asked.only or case.seed in asked.only:
            with tempfile.TemporaryDirectory() as folder:
                rows.append(run(Path(folder), case))
    found = table(rows)
    print(found)
    frozen = [row for row in rows if row.case.frozen_s]
    bad = [row.case.name for row in rows if not row.is_good or row.freeze != ("warn" if row.case.frozen_s else "pass")]
    sounding = [row.error_ms for row in rows if row.case.sound != "none"]
    silent = [row.error_ms / 1000 for row in rows if row.case.sound == "none"]
    if sounding:
        print(f"\n{len(sounding)} with the agent's sound: at most {max(sounding):.3f} ms off (limit: {MOST_MS:g} ms).")
    if silent:
        marked = sum((row.status, row.end_by) == ("insufficient", "record") for row in rows)
        print(f"{len(silent)} without sound: at most {max(silent):.2f} s off, {marked} marked as placed by the record.")
    if frozen:
        print(f"Freezes: {sum(row.freeze == 'warn' for row in frozen)} of {len(frozen)} found.")
    print(f"Not as expected: {', '.join(bad)}." if bad else "All are as expected.")
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    if asked.markdown:
        text = asked.markdown.read_text()
        before, after = text.split(BEGIN)[0], text.split(END)[1]
        asked.markdown.write_text(f"{before}{BEGIN}\n{found}\n{END}{after}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
