"""A quick look against the whole diagnosis: agreement over the sync bench's cases, and the cost of long recordings.

    .venv/bin/python tests/bench/triage.py [--right 304] [--wrong 1050] [--rounds 8] [--long 15] [--tuning]
                                           [--first-seed N] [--rows FILE]
                                           [--workers 2] [--minutes M] [--cost-runs 3] [--calls 200] [--folder FOLDER]

Prints the table, then every disagreement. Each case is measured whole and quickly, as arrays. The costs are those of
whole commands on an hour of 720p, in one run: ``diagnose``, then ``diagnose --quick``. ``--cost-runs 0`` leaves them
out. ``--calls`` is the number of 5-minute calls of the throughput row. ``--rows`` keeps the compared cases in a file,
so a long run can be stopped and continued.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from multiprocessing import Pool
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bench.inputs import make_inputs
from bench.measuring import ROOT, BenchError, say
from bench.sync import voices
from bench.sync.catalogue import JUDGING_SEED, TUNING_SEED, specs
from bench.sync.triage_cases import add_row, compare, long_specs, name_of, read_rows
from bench.triage_costs import HOUR, SHORT, Line, from_s3, hour, throughput

sys.path.append(str(ROOT / "tests" / "e2e"))
from parts import MissingPartError
from servers import ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.sync.spec import Spec
    from bench.sync.triage_cases import Compared


def run_all(todo: Sequence[Spec], workers: int, limit_s: float, kept: Path | None = None) -> list[Compared]:
    """Compare every case, in order; only the first ones if the time limit ends before.

    Args:
        todo: the cases.
        workers: processes.
        limit_s: the time limit.
        kept: a file of cases that were compared earlier. Others are added to it.
    """
    known = read_rows(kept)
    left = [spec for spec in todo if name_of(spec) not in known]
    until = time.monotonic() + limit_s
    with Pool(workers, voices.use, (voices.places.sounds, voices.places.cache)) as pool:
        for count, row in enumerate(pool.imap(compare, left), start=1):
            known[row.name] = row
            if kept is not None:
                add_row(kept, row)
            if count % 50 == 0:
                say(f"{count} of {len(left)} cases")
            if time.monotonic() > until:
                break
    return [known[name] for spec in todo if (name := name_of(spec)) in known]


def agreement(rows: Sequence[Compared]) -> list[Line]:
    """The rows about what a quick look says; none without cases."""
    if not rows:
        return []
    apart = [row for row in rows if row.differences]
    left = [row for row in apart if not row.is_settled]
    # A quick look that leaves a call to `diagnose`, and reports that, doesn't contradict it.
    share = 1 - (len(apart) - len(left)) / max(len(rows), 1)
    wrong = [row for row in rows if not row.matches]
    called = sum(row.quick == "aligned" for row in wrong)
    agreed = f"{len(rows) - len(apart)} of {len(rows)}; {len(left)} left to `diagnose`, with a doubt by name"
    return [
        Line(
            "status, offset, drift, net jumps of 20 ms and more: as `diagnose`",
            *("99 of 100", "999 of 1,000", agreed),
            met=share >= 0.99,
            aim_met=share >= 0.999,
        ),
        Line(
            "wrong pairs called aligned",
            "0 of 1,000",
            "",
            f"{called} of {len(wrong)}",
            met=not called,
            aim_met=not called,
        ),
    ]


def facts(rows: Sequence[Compared]) -> list[str]:
    """Sentences about the cases."""
    pieces = [row for row in rows if row.measured == "pieces"]
    aligned = [row for row in pieces if row.quick == "aligned"]
    out = [
        f"{len(aligned)} of {len(rows)} cases are aligned by their pieces, {len(rows) - len(pieces)} measured whole."
    ]
    if aligned:
        read = statistics.median(row.read for row in aligned)
        cpu = sum(row.cpu_s[1] for row in aligned) / max(sum(row.cpu_s[0] for row in aligned), 1e-9)
        out.append(
            f"The median of those reads {read:.0%} of the recording's audio, and all of them take {cpu:.0%} of the CPU "
            "of the whole measurement."
        )
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("right", 304), ("wrong", 1050), ("rounds", 8), ("long", 15)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--tuning", action="store_true", help="the seeds for tuning, not those for judging")
    parser.add_argument("--first-seed", type=int, help="the first seed, instead of those for judging")
    parser.add_argument("--rows", type=Path, help="keep the compared cases in this file, and continue with it")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop comparing after this time")
    parser.add_argument("--cost-runs", type=int, default=3, help="runs on an hour of each kind; 0 for no costs")
    parser.add_argument("--calls", type=int, default=200, help="calls of the throughput row")
    parser.add_argument("--folder", type=Path, default=ROOT / "bench-output" / "process", help="the recordings")
    parser.add_argument("--sounds", type=Path, default=voices.SOUNDS)
    parser.add_argument("--cache", type=Path, default=voices.CACHE)
    wanted = parser.parse_args(arguments)
    seed = wanted.first_seed or (TUNING_SEED if wanted.tuning else JUDGING_SEED)
    voices.use(wanted.sounds, wanted.cache)
    try:
        voices.prepare()
        lines: list[Line] = []
        if wanted.cost_runs:
            make_inputs({HOUR: ("webm",), SHORT: ()}, wanted.folder)
            lines = [*hour(wanted.folder, wanted.cost_runs), *from_s3(wanted.folder)]
            lines.append(throughput(wanted.folder, wanted.calls, wanted.workers))
    except (
        *(voices.VoicesMissingError, BenchError, MissingPartError, ServerError),
        subprocess.CalledProcessError,
    ) as error:
        say(str(error))
        return 2
    todo = [*specs(wanted.right, wanted.wrong, wanted.rounds, seed), *long_specs(wanted.long, seed)]
    rows = run_all(todo, wanted.workers, wanted.minutes * 60, wanted.rows)
    print("| what | must | aim | measured | |\n| --- | --- | --- | --- | --- |")
    print("\n".join(line.text() for line in (*agreement(rows), *lines)))
    print("\n" + "\n".join(facts(rows)))
    print("\nEvery disagreement:\n")
    for row in rows:
        if row.differences:
            doubts = f" (its doubts: {'; '.join(row.doubts)})" if row.doubts else ""
            left = "" if row.is_settled else "left to `diagnose`: "
            print(f"- `{row.name}`, {row.call_s:.0f} s: {left}{'; '.join(row.differences)}{doubts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
