"""One target in a process of its own: it changes seeds and checks them until the time is over.

With Atheris the code's coverage guides the choice (libFuzzer). If Atheris has no wheel, Hypothesis chooses, and
coverage.py counts lines. A finding is written down, and the loop goes on; a crash or a hang ends the process, which
the supervisor sees.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from targets import Target

HANG_S = 120
"""Seconds of one execution after which libFuzzer ends the process."""
LARGEST = 400_000
"""Bytes of an input."""
_OWN_MUTATIONS = 0.85
"""The share of inputs that the target's own mutator changes; libFuzzer's changes the rest."""


@dataclass
class Run:
    """A target at work.

    Attributes:
        folder: for findings.
        scratch: for the target's files.
        found: the keys of the findings so far.
    """

    name: str
    target: Target
    folder: Path
    scratch: Path
    watch: Any
    found: set[str] = field(default_factory=set)
    executions: int = 0

    def warm_up(self) -> None:
        """Check the seeds unwatched: the first time modules load, which reach for files and sockets."""
        for seed in self.target.seeds[:3]:
            self.scratch.mkdir(exist_ok=True)
            self.target.check(seed, self.scratch)
            shutil.rmtree(self.scratch)

    def once(self, data: bytes) -> None:
        """Check one input; a finding is written down once."""
        self.executions += 1
        (self.folder / f"{self.name}.running").write_bytes(data)  # if this one ends the process
        self.scratch.mkdir(exist_ok=True)
        try:
            with self.watch.of(self.scratch, len(data)):
                self.target.check(data, self.scratch)
        except Exception as error:  # noqa: BLE001  each is a finding
            self._write(data, error)
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _write(self, data: bytes, error: Exception) -> None:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "komorebi_qc" in f.filename]
        places = [f"{Path(frame.filename).name}:{frame.name}" for frame in frames[-3:]]
        words = "" if places else re.sub(r"\d+", "N", str(error))[:30]
        key = hashlib.sha256(json.dumps([type(error).__name__, words, *places]).encode()).hexdigest()[:12]
        if key in self.found:
            return
        self.found.add(key)
        (self.folder / f"{self.name}-{key}").write_bytes(data)
        (self.folder / f"{self.name}-{key}.txt").write_text("".join(traceback.format_exception(error)))
        print(f"FINDING {self.name}-{key}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr, flush=True)


def by_atheris(run: Run, corpus: Path, seconds: float) -> None:
    """Let libFuzzer choose; it prints executions and coverage, and ends the process."""
    import atheris  # noqa: PLC0415  only where it is installed

    for number, seed in enumerate(run.target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed[:LARGEST])

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        rng = Random(seed)  # noqa: S311  no secret
        if rng.random() < _OWN_MUTATIONS:
            with suppress(RecursionError):  # boxes in boxes, which the mutator follows without a bound
                return run.target.mutate(data, rng)[:most]
        return bytes(atheris.Mutate(data, most))

    options = (
        *(f"-max_total_time={int(seconds)}", f"-timeout={HANG_S}", "-rss_limit_mb=6000", f"-max_len={LARGEST}"),
        *("-print_final_stats=1", "-detect_leaks=0", f"-artifact_prefix={run.folder}/{run.name}-"),
    )
    atheris.Setup([sys.argv[0], str(corpus), *options], run.once, custom_mutator=mutated)
    atheris.Fuzz()


def by_hypothesis(run: Run, seconds: float) -> None:
    """Let Hypothesis choose seeds of the mutator, and count the lines of the package that ran."""
    import coverage  # noqa: PLC0415
    from hypothesis import HealthCheck, Phase, given, settings, strategies  # noqa: PLC0415

    until = time.monotonic() + seconds
    measured = coverage.Coverage(source=["komorebi_qc"], data_file=None)
    quick = settings(
        max_examples=200, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    measured.start()
    while time.monotonic() < until:

        @quick
        @given(strategies.sampled_from(run.target.seeds), strategies.integers(0, 2**64), strategies.integers(1, 4))
        def check(data: bytes, seed: int, times: int) -> None:
            if time.monotonic() < until:
                rng = Random(seed)  # noqa: S311  no secret
                for _ in range(times):
                    data = run.target.mutate(data, rng)
                run.once(data[:LARGEST])

        check()
    measured.stop()
    lines = sum(len(measured.get_data().lines(name) or ()) for name in measured.get_data().measured_files())
    print(f"Done {run.executions} runs\n#{run.executions} DONE cov: {lines} lines", file=sys.stderr, flush=True)


def main() -> None:
    """Read the command line of the supervisor."""
    name, seeds, odd, folder, corpus = sys.argv[1], *map(Path, sys.argv[2:6])
    seconds, known = float(sys.argv[6]), set(sys.argv[7].split(","))
    has_atheris = find_spec("atheris") is not None
    if has_atheris:
        import atheris  # noqa: PLC0415

        with atheris.instrument_imports(include=["komorebi_qc"]):
            import targets  # noqa: PLC0415
    else:
        import targets  # noqa: PLC0415
    from seeds import made_seeds  # noqa: PLC0415
    from watch import Watch  # noqa: PLC0415

    scratch = Path(tempfile.gettempdir()).resolve() / "work"
    made = made_seeds(seeds, odd if odd.is_dir() else None)
    tried = targets.target(name, made)
    Run(name, tried, folder, scratch, None, known).warm_up()
    run = Run(name, tried, folder, scratch, Watch(), known)
    if has_atheris:
        by_atheris(run, corpus, seconds)
    else:
        by_hypothesis(run, seconds)


if __name__ == "__main__":
    main()
