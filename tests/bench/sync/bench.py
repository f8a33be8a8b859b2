"""How well `komorebi_qc.sync` measures: pairs with known truth, made from real voices, against the product's limits.

    .venv/bin/python tests/bench/sync/bench.py [--right 264] [--wrong 240] [--seed 1] [--workers 2] [--json FILE]
    .venv/bin/python tests/bench/sync/bench.py --case FAMILY:SEED     one case again, as a failure's line names it

Prints the table with percentiles, then every failure with its family and seed. The voices are Debian's packages
asterisk-core-sounds-{en,es,fr,it,ru}-g722 and asterisk-moh-opsound-wav, decoded once into ``bench-output/sync/``.
What a 60-minute pair costs isn't measured here.

Exit status: 0; 2 where it can't run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # As a script this folder comes first, where `bench` would be this very file.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from bench.sync import voices
from bench.sync.families import BY_NAME, HARD, specs
from bench.sync.score import END_MS, JUMP_MS, LAG_MS, OFFSET_MS, PLACE_S, Row, run, total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.sync.simulate import Spec

REFUSED_OF_300 = 2
NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table."""

    what: str
    must: str
    aim: str
    measured: str
    is_met: bool | None
    is_aim_met: bool | None

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.is_met is None:
            return NOT_MEASURED
        if not self.is_met:
            return "MISSED"
        return "met, the aim too" if self.is_aim_met else "met"


def _spread(rows: Sequence[Row], name: str, what: str, unit: str, must: float, aim: float) -> Line:
    """Percentiles of an error; the limit is on the worst case."""
    found = np.array([row.numbers[name] for row in rows if name in row.numbers])
    limits = (f"{must:g} {unit}".strip(), f"{aim:g} {unit}".strip())
    if len(found) == 0:
        return Line(what, *limits, "no case", None, None)
    p50, p90, p99, worst = np.percentile(found, [50, 90, 99, 100])
    measured = f"p50 {p50:.4f}, p90 {p90:.4f}, p99 {p99:.4f}, worst {worst:.4f} of {len(found)}"
    return Line(what, *limits, measured, bool(worst <= must), bool(worst <= aim))


def _found_jumps(rows: Sequence[Row]) -> Line:
    sure, missed = total(rows, "jumps_sure"), total(rows, "jumps_sure_missed")
    small, small_missed = total(rows, "jumps_small"), total(rows, "jumps_small_missed")
    invented = total(rows, "jumps_invented")
    measured = (
        f"{sure - missed} of {sure} from 20 ms up, {small - small_missed} of {small} smaller ones; {invented} invented"
    )
    is_met = missed == 0 and invented == 0 if sure else None
    return Line("jumps found", "from 20 ms up", "from 10 ms up", measured, is_met, is_met and small_missed == 0)


def _statuses(right: Sequence[Row], wrong: Sequence[Row], hold: Sequence[Row]) -> list[Line]:
    accepted = sum(row.status == "aligned" for row in wrong)
    refused = sum(row.status != "aligned" for row in right)
    ambiguous = sum(row.status == "ambiguous" for row in hold)
    confident = sum(row.status == "aligned" for row in hold)
    told = sum(not row.failures for row in hold)
    return [
        Line(
            "wrong pairs accepted",
            "0 of 300",
            "0 of 1,000",
            f"{accepted} of {len(wrong)}",
            accepted == 0 if wrong else None,
            accepted == 0 and len(wrong) >= 1000,
        ),
        Line(
            "right pairs refused",
            f"{REFUSED_OF_300} of 300",
            "0 of 1,000",
            f"{refused} of {len(right)}",
            refused * 300 <= REFUSED_OF_300 * len(right) if right else None,
            refused == 0 and len(right) >= 1000,
        ),
        Line(
            "hold music only",
            "never a confident answer",
            "ambiguous, with the period",
            f"{confident} confident, {ambiguous} ambiguous, {told} with the period, of {len(hold)}",
            confident == 0 if hold else None,
            told == len(hold),
        ),
    ]


def lines(rows: Sequence[Row]) -> list[Line]:
    """The table."""
    hold = [row for row in rows if row.family == "hold_only"]
    right = [row for row in rows if row.matches and row.family != "hold_only"]
    wrong = [row for row in rows if not row.matches]
    plain = [row for row in right if row.family not in HARD]
    hard = [row for row in right if row.family in HARD]
    return [
        _spread(plain, "offset_ms", "offset, plain cases, ms", "ms", OFFSET_MS, 0.05),
        _spread(hard, "offset_ms", "offset, hard cases, ms", "ms", OFFSET_MS, 0.2),
        _spread(right, "drift_of_limit", "drift, share of max(0.3, 60 / call seconds) ppm", "", 1.0, 0.1),
        _found_jumps(right),
        _spread(right, "jump_size_ms", "jump's size, ms", "ms", JUMP_MS, 0.1),
        _spread(right, "jump_place_s", "jump's place beyond its pause, s", "s", PLACE_S, PLACE_S),
        *_statuses(right, wrong, hold),
        _spread(right, "customer_lag_ms", "customer's lag, ms", "ms", LAG_MS, 0.2),
        _spread(right, "call_end_ms", "call end, ms", "ms", END_MS, 1.0),
    ]


def report(rows: Sequence[Row]) -> str:
    """The table, how honest the intervals are, and every failure."""
    out = ["| what | must | aim | measured | |", "| --- | --- | --- | --- | --- |"]
    out += [f"| {v.what} | {v.must} | {v.aim} | {v.measured} | {v.verdict} |" for v in lines(rows)]
    out.append("")
    for name, what in (("offset_in_ci", "offset"), ("drift_in_ci", "drift")):
        inside = [row.numbers[name] for row in rows if name in row.numbers]
        if inside:
            out.append(f"The {what}'s 95 % interval holds the truth in {sum(inside):.0f} of {len(inside)} cases.")
    wrong = [row.status for row in rows if not row.matches]
    if wrong:
        out.append(f"Wrong pairs: {', '.join(f'{wrong.count(s)} {s}' for s in sorted(set(wrong)))}.")
    spent = [row.numbers["cpu_s"] for row in rows if "cpu_s" in row.numbers]
    if spent:
        out.append(f"CPU of `measure`, s a case: median {np.median(spent):.2f}, worst {max(spent):.2f}.")
    failed = [row for row in rows if row.failures]
    out += ["", f"{len(failed)} of {len(rows)} cases failed" + (":" if failed else ".")]
    for row in failed:
        out.append(f"- `{row.family}:{row.seed}` {'; '.join(row.failures)}")
        out += [f"  ({row.evidence})"] if row.evidence else []
    return "\n".join(out)


def run_all(todo: Sequence[Spec], workers: int) -> list[Row]:
    """Every case, in order."""
    if workers <= 1:
        return [run(spec) for spec in todo]
    with Pool(workers, voices.use, (voices.places.sounds, voices.places.cache)) as pool:
        return pool.map(run, todo, chunksize=2)


def _one(text: str) -> Spec:
    name, _, seed = text.partition(":")
    if name not in BY_NAME or not seed.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no FAMILY:SEED; the families are {', '.join(BY_NAME)}")
    return BY_NAME[name].spec(int(seed))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--right", type=int, default=264, help="right pairs (264)")
    parser.add_argument("--wrong", type=int, default=240, help="wrong pairs (240)")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    parser.add_argument("--case", type=_one, action="append", help="only this case; may be given again")
    parser.add_argument("--json", type=Path, help="write every case's outcome there")
    parser.add_argument("--sounds", type=Path, default=voices.SOUNDS, help=f"the prompts' folder ({voices.SOUNDS})")
    parser.add_argument("--cache", type=Path, default=voices.CACHE, help="the decoded voices (bench-output/sync)")
    wanted = parser.parse_args(arguments)
    if min(wanted.right, wanted.wrong, wanted.seed) < 0:
        parser.error("counts and seeds start at 0")
    voices.use(wanted.sounds, wanted.cache)
    try:
        voices.prepare()
    except voices.VoicesMissingError as error:
        print(error, file=sys.stderr)
        return 2
    rows = run_all(wanted.case or specs(wanted.right, wanted.wrong, wanted.seed), wanted.workers)
    print(report(rows))
    if wanted.json:
        wanted.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
