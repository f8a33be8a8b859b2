"""How well `komorebi_qc.sync` measures: pairs with known truth, made from real voices, against the product's limits.

    .venv/bin/python tests/bench/sync/bench.py [--right 304] [--wrong 1050] [--rounds 8] [--tuning] [--minutes M]
                                               [--workers 2] [--before FOLDER] [--cost] [--rivals [60]]
                                               [--json FILE] [--markdown FILE]
    .venv/bin/python tests/bench/sync/bench.py --captures FOLDER      captures of real browsers (`captures.py`)
    .venv/bin/python tests/bench/sync/bench.py --case FAMILY:SEED     one case again, as a failure's line names it

Prints the tables with percentiles, then every failure with its family and seed. The seeds are those for judging;
``--tuning`` takes the others, on which limits and models are made. ``--before`` compares the CPU time of `measure` with
that of the package in another folder. ``KOMOREBI_BENCH_CASES`` names a folder that keeps the made cases for the next
run. ``--cost`` adds what 60-minute
recordings cost in CPU and memory (`cost.py`), ``--rivals`` what other tools make of the same cases (`rivals.py`; they
are installed into ``bench-output/sync/rivals-venv``, from where pip looks). ``--markdown`` writes all of it between a
file's markers. The voices are Debian's packages asterisk-core-sounds-{en,es,fr,it,ru}-g722 and
asterisk-moh-opsound-wav, decoded once into ``bench-output/sync/``.

Exit status: 0; 2 if it can't run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from multiprocessing import Pool
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # As a script this folder comes first, where `bench` would be this very file.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
# The bench's own processes take a thread each; costs are measured with as many as the user has it.
os.environ.setdefault("KOMOREBI_BENCH_THREADS", os.environ.get("OPENBLAS_NUM_THREADS", ""))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bench.process import machine
from bench.sync import captures, rivals, voices
from bench.sync.catalogue import BY_NAME, JUDGING_SEED, TUNING_SEED, specs
from bench.sync.cost import Cost
from bench.sync.judge import report
from bench.sync.judge.score import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.sync.judge.marks import Row
    from bench.sync.spec import Spec

COST, CPU = Path(__file__).with_name("cost.py"), Path(__file__).with_name("judge") / "cpu.py"
ROOT = Path(__file__).resolve().parents[3]


def run_all(todo: Sequence[Spec], workers: int, limit_s: float = float("inf")) -> list[Row]:
    """Every case, in order; only the first ones if the time limit ends before."""
    rows: list[Row] = []
    until = time.monotonic() + limit_s
    if workers <= 1:
        for spec in todo:
            if time.monotonic() > until:
                break
            rows.append(run(spec))
        return rows
    with Pool(workers, voices.use, (voices.places.sounds, voices.places.cache)) as pool:
        for row in pool.imap(run, todo):
            rows.append(row)
            if len(rows) % 50 == 0:
                say(f"{len(rows)} of {len(todo)} cases")
            if time.monotonic() > until:
                break
    return rows


def measure_costs(runs: int) -> list[Cost]:
    """In a small process, with the user's own number of threads.

    Raises:
        subprocess.CalledProcessError: if it fails.
    """
    say("measuring the cost of 10- and 60-minute recordings; missing inputs are made first")
    env = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    if os.environ["KOMOREBI_BENCH_THREADS"]:
        env["OPENBLAS_NUM_THREADS"] = os.environ["KOMOREBI_BENCH_THREADS"]
    command = [sys.executable, str(COST), "--runs", str(runs)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=env)
    return [Cost(**json.loads(line)) for line in done.stdout.splitlines()]


def cpu_ratio(before: Path, seed: int) -> float:
    """CPU time of `measure` by that of another version, on the same cases, in turns.

    Raises:
        subprocess.CalledProcessError: if either fails.
    """
    say(f"comparing the CPU time of `measure` with that in {before}")
    spent: dict[Path, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(CPU), "--folder", folder, "--seed", str(seed)]
        command += ["--sounds", str(voices.places.sounds), "--cache", str(voices.places.cache)]
        subprocess.run([*command, "--make"], check=True)
        for package in (before, ROOT, before, ROOT, before, ROOT):
            env = {**os.environ, "PYTHONPATH": str(package)}
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=env)
            spent[package] = min(spent.get(package, float("inf")), float(done.stdout))
    return spent[ROOT] / spent[before]


def compared(count: int, seed: int, workers: int) -> str:
    """The other tools' table on the first right and wrong pairs."""
    place = voices.places.cache / "rivals-venv"
    missing = rivals.install(place, rivals.TOOLS, say)
    tools = [tool for tool in rivals.TOOLS if tool.name not in missing]
    return rivals.table(rivals.compare(specs(count, count, 0, seed), place, tools, workers, say), missing)


def markdown(rows: Sequence[Row], costs: Sequence[Cost], ratio: float | None, others: str, how: str) -> str:
    """All of it, as a page's sections."""
    parts = [f"Made by `make bench-sync ARGS='{how}'` on {machine()}.", "## What is published"]
    parts += [report.published_table(rows, ratio), "## The probability of belonging", report.reliability(rows)]
    parts += ["## Against the limits", report.table(rows, costs)]
    parts += ["## Against other tools", others] if others else []
    parts += ["## Every miss", report.misses(rows), "## The families", report.families(rows)]
    return "\n\n".join(parts)


def say(text: str) -> None:
    """One line for the person who waits."""
    print(text, file=sys.stderr, flush=True)


def _one(text: str) -> Spec:
    name, _, seed = text.partition(":")
    if name not in BY_NAME or not seed.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no FAMILY:SEED; the families are {', '.join(BY_NAME)}")
    return BY_NAME[name].spec(int(seed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--right", type=int, default=304, help="right pairs (304)")
    parser.add_argument("--wrong", type=int, default=1050, help="wrong pairs (1050)")
    parser.add_argument("--rounds", type=int, default=8, help="rounds of the families whose truth is a map (8)")
    parser.add_argument("--tuning", action="store_true", help="the seeds for tuning, not those for judging")
    parser.add_argument("--seed", type=int, help="the first seed, instead of either")
    parser.add_argument("--before", type=Path, help="folder with another version of komorebi_qc: compare CPU times")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop measuring after this time")
    parser.add_argument("--case", type=_one, action="append", help="only this case; may be given again")
    parser.add_argument("--cost", action="store_true", help="measure CPU and memory on long recordings too")
    parser.add_argument("--cost-runs", type=int, default=3, help="runs on each of those (3)")
    parser.add_argument(
        "--rivals", type=int, nargs="?", const=60, default=0, help="other tools on N right and N wrong pairs (60)"
    )
    parser.add_argument("--markdown", type=Path, help="write all of it between this file's markers")
    parser.add_argument("--json", type=Path, help="write every case's outcome there")
    parser.add_argument("--captures", type=Path, help="instead: the captures of real browsers in this folder")
    parser.add_argument("--sounds", type=Path, default=voices.SOUNDS, help=f"the prompts' folder ({voices.SOUNDS})")
    parser.add_argument("--cache", type=Path, default=voices.CACHE, help="the decoded voices (bench-output/sync)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser()
    wanted = parser.parse_args(given)
    seed = (TUNING_SEED if wanted.tuning else JUDGING_SEED) if wanted.seed is None else wanted.seed
    if min(wanted.right, wanted.wrong, wanted.rounds, seed, wanted.rivals) < 0 or wanted.cost_runs < 1:
        parser.error("counts and seeds start at 0, runs at 1")
    if wanted.captures:
        return captures.main(wanted.captures, wanted.workers, wanted.json, say)
    voices.use(wanted.sounds, wanted.cache)
    try:
        if wanted.markdown:
            report.check(wanted.markdown)
        voices.prepare()
        costs = measure_costs(wanted.cost_runs) if wanted.cost else []
    except (voices.VoicesMissingError, ValueError, subprocess.CalledProcessError) as error:
        say(str(error))
        return 2
    todo = wanted.case or specs(wanted.right, wanted.wrong, wanted.rounds, seed)
    rows = run_all(todo, wanted.workers, wanted.minutes * 60)
    if len(rows) < len(todo):
        say(f"the time limit ended after {len(rows)} of {len(todo)} cases")
    ratio = cpu_ratio(wanted.before, seed) if wanted.before else None
    print(f"{report.published_table(rows, ratio)}\n\n{report.reliability(rows)}\n")
    print(f"{report.table(rows, costs)}\n\n{report.misses(rows)}", flush=True)
    if wanted.json:
        wanted.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    others = compared(wanted.rivals, seed, wanted.workers) if wanted.rivals else ""
    print(f"\n{others}" if others else "", end="\n" if others else "")
    if wanted.markdown:
        report.put(markdown(rows, costs, ratio, others, " ".join(given)), wanted.markdown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
