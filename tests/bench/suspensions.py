"""How well suspensions are found, and how often look-alikes are taken for one: simulated calls, real voices.

    .venv/bin/python tests/bench/suspensions.py [--count 200] [--tuning] [--workers 2] [--kinds mute hold ...]
                                                [--minutes M] [--outside 6] [--json FILE]
                                                [--markdown FILE]
    .venv/bin/python tests/bench/suspensions.py --case KIND:SEED      one call again, as a miss's line names it

Makes `--count` calls with suspensions of 3 s and more, and as many of each look-alike (`suspended/calls.py`): mute,
hold, discontinuous transmission (DTX), lost packets, a dead channel, silence at the call's start or end. Each call is
judged twice: with the recording as a witness, at the call's true place, and without it. ``--outside N`` also measures
the finding `conversation_outside_call` on N rounds of the families of `make bench-sync`. The seeds are those for
judging; ``--tuning`` takes the others, on which the limits were chosen. ``--markdown`` writes the tables between a
file's markers. The voices are those of `make bench-sync`: Debian's packages asterisk-core-sounds-{en,es,fr,it,ru}-g722
and asterisk-moh-opsound-wav.

Exit status: 0; 1 if a limit isn't met; 2 if it can't run.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # As a script its own folder comes first, where `bench` would be no package.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.process import machine
from bench.suspended import outside
from bench.suspended.calls import KINDS, LOOK_ALIKES, Made, kinds_and_seeds, make
from bench.sync import voices
from bench.sync.judge import report

from komorebi_qc.core.privacy.suspensions import suspended_spans
from komorebi_qc.core.timebase import Alignment
from komorebi_qc.sync.suspended import find_suspensions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.privacy.masks import PrivateSpan

JUDGING_SEED, TUNING_SEED = 90_000_001, 1
EDGE_S = 0.1
MOST_TAKEN = 0.01
WHAT = {
    "suspended": "one to three suspensions of 3 to 35 s; one in 16 is never resumed",
    "mute": "the agent mutes the microphone one to three times, in two of five with a colleague in the recording",
    "hold": "the customer is on hold: music, or digital silence, also on the agent's channel with its own edges",
    "dtx": "both telephones send nothing between two words, with pauses of up to 5 s",
    "loss": "lost packets on both channels, also for seconds on one, and for up to 1.5 s on both",
    "dead": "one channel is digitally silent for the whole call; in three of ten the other one is muted too",
    "edges": "both channels are digitally silent for 2 to 10 s at the call's start, its end, or both",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One call's result.

    Attributes:
        kind: of the call.
        seed: of the call.
        how: its legs, line and codec.
        wanted: the number of suspensions.
        found: how many of them were found, with the recording.
        precise: how many of them with both edges within 0.1 s.
        taken: how much else was taken for one, with the recording.
        found_alone: how many were found without the recording.
        taken_alone: how much else was taken for one without it.
        spans: the stretches that were found, on the call clock.
        truth: the suspensions, on the same clock.
    """

    kind: str
    seed: int
    how: str
    wanted: int
    found: int
    precise: int
    taken: int
    found_alone: int
    taken_alone: int
    spans: tuple[tuple[float, float], ...]
    truth: tuple[tuple[float, float], ...]

    @property
    def is_right(self) -> bool:
        """Whether all suspensions were found, and nothing else."""
        return self.found == self.wanted and self.taken == 0


def judge(task: tuple[str, int]) -> Row:
    """Make one call and search it."""
    made = make(*task)
    with_recording = find_suspensions(made.call, made.recording, Alignment(made.offset_s))
    found, precise, taken = _compared(made, with_recording)
    found_alone, _, taken_alone = _compared(made, suspended_spans(made.call))
    spans = tuple((round(p.call.start_s, 3), round(p.call.end_s, 3)) for p in with_recording)
    return Row(*task, made.how, len(made.spans), found, precise, taken, found_alone, taken_alone, spans, made.spans)


def _compared(made: Made, got: Sequence[PrivateSpan]) -> tuple[int, int, int]:
    """Suspensions found, found with precise edges, and everything else that was found."""
    found = precise = 0
    for (start, stop), (low, high) in zip(made.spans, made.silent, strict=True):
        hits = [p.call for p in got if min(p.call.end_s, stop) - max(p.call.start_s, start) > (stop - start) / 2]
        found += bool(hits)
        # Beside a suspension both channels may be digitally silent by themselves.
        precise += any(
            low - EDGE_S <= h.start_s <= start + EDGE_S and stop - EDGE_S <= h.end_s <= high + EDGE_S for h in hits
        )
    others = [p for p in got if not any(p.call.start_s < stop and p.call.end_s > start for start, stop in made.spans)]
    return found, precise, len(others)


def table(rows: Sequence[Row]) -> str:
    """The counts of each kind, with and without the recording."""
    head = "| calls | count | suspensions | found | edges within 0.1 s | calls with something else taken for one "
    lines = [f"{head}| without the recording: found, taken |", "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for kind in KINDS:
        mine = [row for row in rows if row.kind == kind]
        if mine:
            wanted, found = sum(r.wanted for r in mine), sum(r.found for r in mine)
            taken, alone = sum(r.taken > 0 for r in mine), sum(r.taken_alone > 0 for r in mine)
            is_real = kind == "suspended"
            lines.append(
                f"| {kind}: {WHAT[kind]} | {len(mine)} | {wanted or ''} | {found if is_real else ''} | "
                f"{sum(r.precise for r in mine) if is_real else ''} | {taken} | "
                f"{f'{sum(r.found_alone for r in mine)}, ' if is_real else ''}{alone} |"
            )
    return "\n".join(lines)


def misses(rows: Sequence[Row]) -> str:
    """Every call that isn't right, one line each."""
    wrong = [row for row in rows if not row.is_right or row.precise < row.found]
    if not wrong:
        return "No call was judged wrong."
    return "\n".join(
        f"- `{row.kind}:{row.seed}`, {row.how}: there {_spans(row.truth)}, found {_spans(row.spans)}" for row in wrong
    )


def _spans(spans: Sequence[tuple[float, float]]) -> str:
    return ", ".join(f"{a:.2f} to {b:.2f} s" for a, b in spans) or "nothing"


def is_met(rows: Sequence[Row]) -> bool:
    """Whether every suspension was found, and at most 1 of 100 of each look-alike was taken for one."""
    for kind in LOOK_ALIKES:
        mine = [row for row in rows if row.kind == kind]
        if sum(row.taken > 0 for row in mine) > MOST_TAKEN * len(mine):
            return False
    return all(row.found == row.wanted for row in rows)


def run_all(tasks: Sequence[tuple[str, int]], workers: int, limit_s: float = float("inf")) -> list[Row]:
    """Every call, in order; only the first ones if the time limit ends before."""
    until = time.monotonic() + limit_s
    rows: list[Row] = []
    with Pool(max(workers, 1), voices.use, (voices.places.sounds, voices.places.cache)) as pool:
        for row in pool.imap(judge, tasks):
            rows.append(row)
            if len(rows) % 100 == 0:
                say(f"{len(rows)} of {len(tasks)} calls")
            if time.monotonic() > until:
                say(f"the time limit ended after {len(rows)} of {len(tasks)} calls")
                break
    return rows


def say(text: str) -> None:
    """One line for the person who waits."""
    print(text, file=sys.stderr, flush=True)


def _one(text: str) -> tuple[str, int]:
    kind, _, seed = text.partition(":")
    if kind not in KINDS or not seed.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no KIND:SEED; the kinds are {', '.join(KINDS)}")
    return kind, int(seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="calls of each kind (200)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="only these kinds")
    parser.add_argument("--tuning", action="store_true", help="the seeds for tuning, not those for judging")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop making calls after this time")
    parser.add_argument(
        "--outside", type=int, default=0, help="rounds of the sync families, for conversation outside (0)"
    )
    parser.add_argument("--case", type=_one, action="append", help="only this call; may be given again")
    parser.add_argument("--json", type=Path, help="write every call's result there")
    parser.add_argument("--markdown", type=Path, help="write the tables between this file's markers")
    wanted = parser.parse_args(given)
    seed = TUNING_SEED if wanted.tuning else JUDGING_SEED
    try:
        if wanted.markdown:
            report.check(wanted.markdown)
        voices.prepare()
    except (voices.VoicesMissingError, ValueError) as error:
        say(str(error))
        return 2
    rows = run_all(
        wanted.case or kinds_and_seeds(wanted.count, seed, wanted.kinds), wanted.workers, wanted.minutes * 60
    )
    parts = [table(rows), misses(rows)]
    if wanted.outside:
        beside = outside.run_all(wanted.outside, seed, wanted.workers, say)
        parts += [outside.table(beside), outside.misses(beside)]
    print("\n\n".join(parts), flush=True)
    if wanted.json:
        wanted.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    if wanted.markdown:
        made = f"Made by `make bench-suspensions ARGS='{' '.join(given)}'` on {machine()}."
        report.put("\n\n".join([made, *parts]), wanted.markdown)
    return 0 if wanted.case or is_met(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
