"""Made cases, kept in a folder for the next run: making a case takes ten times as long as measuring it."""

from __future__ import annotations

import hashlib
import os
import pickle
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bench.sync import paths, simulate, spec, truth

if TYPE_CHECKING:
    from bench.sync.spec import Case, Spec

FOLDER = "KOMOREBI_BENCH_CASES"
"""The environment variable with the folder; without it nothing is kept."""


@cache
def _made_by() -> bytes:
    """The text of all that makes a case."""
    return b"".join(Path(str(module.__file__)).read_bytes() for module in (paths, simulate, spec, truth))


def kept(wanted: Spec) -> Case:
    """The case, from the folder if it is there."""
    folder = os.environ.get(FOLDER, "")
    if not folder:
        return simulate.make(wanted)
    name = hashlib.sha256(_made_by() + repr(wanted).encode()).hexdigest()[:24]
    place = Path(folder) / f"{wanted.family}-{wanted.seed}-{name}.pickle"
    if place.exists():
        return cast("Case", pickle.loads(place.read_bytes()))  # noqa: S301  written below, by this bench
    case = simulate.make(wanted)
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_suffix(f".part{os.getpid()}")
    part.write_bytes(pickle.dumps(case))
    part.replace(place)
    return case
