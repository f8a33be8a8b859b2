"""The CPU time of `komorebi_qc.sync.measure` on 12 cases, of whatever version of the package comes first on the path.

    python cpu.py --folder FOLDER --seed N --make     make the cases
    PYTHONPATH=VERSION python cpu.py --folder FOLDER  print the seconds

It is a separate script: two versions of a package don't fit into one process.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

CASES = 12


def make(folder: Path, seed: int, sounds: Path, cache: Path) -> None:
    """Make the cases: every sixth family of the right pairs, and as many wrong ones."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from bench.sync import voices  # noqa: PLC0415  the measuring process needs none of it
    from bench.sync.catalogue import WRONG, WRONG_SEED  # noqa: PLC0415
    from bench.sync.families import RIGHT  # noqa: PLC0415
    from bench.sync.simulate import make as made  # noqa: PLC0415

    voices.use(sounds, cache)
    half = CASES // 2
    todo = [RIGHT[6 * k].spec(seed + 6 * k) for k in range(half)]
    todo += [WRONG[4 * k].spec(seed + WRONG_SEED + 4 * k) for k in range(half)]
    for k, spec in enumerate(todo):
        case = made(spec)
        np.savez(folder / f"{k}.npz", call=case.call, recording=case.recording, end_s=case.call_end_s)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sounds", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--make", action="store_true")
    wanted = parser.parse_args()
    if wanted.make:
        make(wanted.folder, wanted.seed, wanted.sounds, wanted.cache)
        return 0
    from komorebi_qc.sync import measure  # noqa: PLC0415  the version that PYTHONPATH names

    cases = [dict(np.load(place)) for place in sorted(wanted.folder.glob("*.npz"))]
    measure(cases[0]["call"], cases[0]["recording"], float(cases[0]["end_s"]))
    began = time.process_time()
    for case in cases:
        measure(case["call"], case["recording"], float(case["end_s"]))
    print(time.process_time() - began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
