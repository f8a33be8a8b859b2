"""Fuzzes everything that reads what nobody trusts, for a number of minutes: `make fuzz MINUTES=60`.

Each target runs in a process of its own, with a share of the time. Prints a Markdown table: executions, coverage and
findings. A finding's input and its traceback are in fuzz-output/findings. Exit code 1 if there is a finding.

    make fuzz MINUTES=5 ARGS='--only mp4 ebml'
    make fuzz MINUTES=60 ARGS='--odd FOLDER'      more seeds: odd media files of others
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from seeds import made_seeds

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "fuzz-output"
NAMES = ("wav", "mp4", "ebml", "message", "item", "manifest-csv", "manifest-json", "row", "parameters", "analysis",
         "transcript", "subtitles", "correction", "notes")  # fmt: skip
WEIGHTS = {"wav": 3.0, "mp4": 4.0, "ebml": 4.0}
"""Shares of the time; one for the others."""
LEAST_S = 5.0
_COUNT = re.compile(r"(?m)^(?:stat::number_of_executed_units: |Done )(\d+)")
_LAST = re.compile(r"(?m)^#(\d+)\s.*?cov: (\d+)")


@dataclass
class Result:
    """One target's run.

    Attributes:
        executions: inputs that were checked.
        coverage: edges of the package's code (Atheris), or lines (Hypothesis).
        findings: names of files in the folder of findings.
        seconds: how long it ran.
    """

    executions: int = 0
    coverage: int = 0
    findings: tuple[str, ...] = ()
    seconds: float = 0.0


def fuzzed(name: str, seconds: float, odd: Path, findings: Path) -> Result:
    """Run a target for some seconds. If an input ends its process, another goes on with the rest of the time."""
    result, began, started = Result(), time.monotonic(), time.time()
    corpus = OUT / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    known: set[str] = set()
    while (left_s := seconds - (time.monotonic() - began)) > LEAST_S or not result.executions:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
            paths = [str(ROOT), *(str(ROOT / "tests" / part) for part in ("fuzz", "support"))]
            environment = {
                **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "KOMOREBI_"))},
                "PYTHONPATH": os.pathsep.join([*paths, *(str(path) for path in _atheris())]),
                "TMPDIR": scratch,
                "HOME": scratch,
                "AWS_EC2_METADATA_DISABLED": "true",
                "OPENBLAS_NUM_THREADS": "1",
            }
            argv = [sys.executable, str(Path(__file__).with_name("loop.py")), name, str(OUT / "seeds"), str(odd)]
            argv += [str(findings), str(corpus), str(max(left_s, LEAST_S)), ",".join(sorted(known))]
            done = subprocess.run(argv, cwd=scratch, env=environment, stderr=subprocess.PIPE, text=True, check=False,
                                  errors="replace")  # fmt: skip
        (OUT / f"{name}.log").write_text(done.stderr)
        counts, last = _COUNT.findall(done.stderr), _LAST.findall(done.stderr)
        result.executions += int(counts[-1] if counts else last[-1][0] if last else 0)
        result.coverage = max([result.coverage, *(int(coverage) for _, coverage in last)])
        known |= set(re.findall(rf"FINDING {re.escape(name)}-([0-9a-f]+)", done.stderr))
        running = findings / f"{name}.running"
        if done.returncode != 0 and not is_own_growth(name, running, done, environment):
            _keep(running, findings, name, done)
            if not result.executions:
                break
        running.unlink(missing_ok=True)
    result.findings = found_since(findings, name, started)
    result.seconds = time.monotonic() - began
    return result


def is_own_growth(
    name: str, running: Path, done: subprocess.CompletedProcess[str], environment: dict[str, str]
) -> bool:
    """Whether the fuzzer's process ended by its own memory: Atheris keeps some of each execution.

    The input that ran then is checked again, in a process of its own, within the usual bound of memory.
    """
    if "libFuzzer: out-of-memory" not in done.stderr or not running.is_file():
        return False
    argv = [sys.executable, str(Path(__file__).with_name("again.py")), name, str(running)]
    if subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, check=False).returncode:
        return False
    for artefact in running.parent.glob(f"{name}-oom-*"):
        if artefact.read_bytes() == running.read_bytes():
            artefact.unlink()
    return True


def found_since(findings: Path, name: str, started: float) -> tuple[str, ...]:
    """The findings of a target that were written since a moment; those of earlier runs stay in the folder."""
    found = [path for path in findings.glob(f"{name}-*") if path.suffix != ".txt" and "slow-unit" not in path.name]
    return tuple(sorted(path.name for path in found if path.stat().st_mtime >= started - 1))


def _keep(running: Path, findings: Path, name: str, done: subprocess.CompletedProcess[str]) -> None:
    """Keep the input that ended its process, with the end of what was printed."""
    place = findings / f"{name}-ended-{time.time_ns()}"
    if running.is_file():
        shutil.copy(running, place)
    place.with_suffix(".txt").write_text(f"exit code {done.returncode}\n{done.stderr[-6000:]}")
    print(f"FINDING {place.name}: its process ended with code {done.returncode}", flush=True)


def _atheris() -> list[Path]:
    return sorted((ROOT / ".tools" / "fuzz" / "lib").glob("python3*/site-packages"))


def main() -> int:
    """Read the command line, run the targets, and print the table."""
    parser = argparse.ArgumentParser(description="Fuzzes everything that reads what nobody trusts.")
    parser.add_argument("--minutes", type=float, default=10.0, help="for all targets together")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES), help="these targets only")
    parser.add_argument("--odd", type=Path, default=OUT / "odd", help="folder with more seeds: odd media files")
    parser.add_argument("--out", type=Path, default=OUT / "findings", help="folder for the findings")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    seeds = made_seeds(OUT / "seeds", asked.odd if asked.odd.is_dir() else None)
    print(f"{len(seeds.wav)} WAV, {len(seeds.mp4)} MP4 and {len(seeds.ebml)} WebM seeds", flush=True)
    share_s = asked.minutes * 60 / sum(WEIGHTS.get(name, 1.0) for name in asked.only)
    guide = "edges covered" if _atheris() else "lines covered"
    print(f"\n| target | seconds | executions | {guide} | findings |\n| --- | --- | --- | --- | --- |", flush=True)
    found = 0
    for name in asked.only:
        result = fuzzed(name, share_s * WEIGHTS.get(name, 1.0), asked.odd.resolve(), asked.out.resolve())
        found += len(result.findings)
        columns = (name, f"{result.seconds:.0f}", f"{result.executions:,}", f"{result.coverage:,}")
        print(f"| {' | '.join(columns)} | {', '.join(result.findings) or 'none'} |", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
