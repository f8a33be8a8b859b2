"""Checks inputs again, such as those of findings: `python tests/fuzz/again.py TARGET FILE...`, from the repository."""

from __future__ import annotations

import shutil
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / part) for part in ("fuzz", "support"))]

from seeds import made_seeds  # noqa: E402  the path comes first
from targets import target  # noqa: E402
from watch import Watch  # noqa: E402


def main() -> int:
    """Check each file; 1 if one is still a finding."""
    name, *paths = sys.argv[1:]
    tried = target(name, made_seeds(ROOT / "fuzz-output" / "seeds"))
    for seed in tried.seeds[:3]:  # unwatched: the first time modules load, which reach for files and sockets
        with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
            tried.check(seed, Path(scratch).resolve())
    watch, bad = Watch(), 0
    for path in map(Path, paths):
        data = path.read_bytes()
        folder = Path(tempfile.mkdtemp(prefix="fuzz-")).resolve()
        try:
            with watch.of(folder, len(data)):
                tried.check(data, folder)
            print(f"{path}: fine")
        except Exception as error:  # noqa: BLE001  each is a finding
            bad += 1
            traceback.print_exception(error)
            print(f"{path}: {type(error).__name__}: {error}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
