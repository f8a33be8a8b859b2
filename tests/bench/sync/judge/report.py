"""The bench's outcome in Markdown: the table against the limits, its summary, and every miss with its reason."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from bench.sync.catalogue import WHAT
from bench.sync.cost import MP4, WEBM, Cost
from bench.sync.families import HARD
from bench.sync.judge import calibration, how_good
from bench.sync.judge.marks import Line, Row, total
from bench.sync.judge.score import END_MS, JUMP_MS, LAG_MS, OFFSET_MS, PLACE_S

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

REFUSED_OF_300 = 2
CPU_S, CPU_AIM_S = 5.0, 3.0
MEMORY_MB, GROWTH_MB_A_MINUTE = 250.0, 1.0
BEGIN, END = "<!-- table -->", "<!-- /table -->"


def _spread(rows: Sequence[Row], name: str, what: str, unit: str, must: float, aim: float) -> Line:
    """Percentiles of an error; the limit is on the worst case."""
    found = np.array([row.numbers[name] for row in rows if name in row.numbers])
    limits = (f"{must:g} {unit}".strip(), f"{aim:g} {unit}".strip())
    if len(found) == 0:
        return Line(what, *limits, "no case", None, None)
    p50, p90, p99, worst = np.percentile(found, [50, 90, 99, 100])
    measured = f"p50 {p50:.4f}, p90 {p90:.4f}, p99 {p99:.4f}, worst {worst:.4f} (n = {len(found)})"
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
    in_phase = sum(not row.failures for row in hold)
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
            "ambiguous, with the music's period",
            f"{confident} of {len(hold)} confident; {ambiguous} of {len(hold)} ambiguous; "
            f"{in_phase} of {len(hold)} with the music's period",
            confident == 0 if hold else None,
            in_phase == len(hold),
        ),
    ]


def _costs(costs: Sequence[Cost]) -> list[Line]:
    """The cost of the longest recording: the median of its runs' CPU time, and their highest memory."""
    lengths = sorted({c.minutes for c in costs})
    long = f"{lengths[-1] if lengths else 60:g}"
    what = f"CPU, {long}-minute pair, decoding included, one core", f"peak memory, {long} minutes"
    memory_must = f"{MEMORY_MB:g} MB, growing by at most {GROWTH_MB_A_MINUTE:g} MB a minute"
    if not costs:
        return [
            Line(what[0], f"{CPU_S:g} s", f"{CPU_AIM_S:g} s", "not run", None, None),
            Line(what[1], memory_must, "", "not run", None, None),
        ]
    kinds = [kind for kind in (MP4, WEBM) if any(c.kind == kind for c in costs)]

    def runs(kind: str, minutes: float) -> list[Cost]:
        return [c for c in costs if c.kind == kind and c.minutes == minutes]

    spent = {kind: median(c.cpu_s for c in runs(kind, lengths[-1])) for kind in kinds}
    peaks = {kind: [max(c.memory_mb for c in runs(kind, m)) for m in lengths] for kind in kinds}
    minutes_more = lengths[-1] - lengths[0]
    growth = {kind: (p[-1] - p[0]) / minutes_more if minutes_more else None for kind, p in peaks.items()}
    cpu = ", ".join(f"{kind} {spent[kind]:.2f} s" for kind in kinds)
    memory = ", ".join(f"{kind} {peaks[kind][-1]:.0f} MB{_growth(growth[kind], lengths[0])}" for kind in kinds)
    is_cpu_met = max(spent.values()) <= CPU_S
    is_memory_met = max(p[-1] for p in peaks.values()) <= MEMORY_MB and all(
        g is None or g <= GROWTH_MB_A_MINUTE for g in growth.values()
    )
    return [
        Line(what[0], f"{CPU_S:g} s", f"{CPU_AIM_S:g} s", cpu, is_cpu_met, max(spent.values()) <= CPU_AIM_S),
        Line(what[1], memory_must, "", memory, is_memory_met, None),
    ]


def _growth(a_minute: float | None, since: float) -> str:
    return "" if a_minute is None else f" ({a_minute:+.2f} MB a minute from {since:g} minutes on)"


def lines(rows: Sequence[Row], costs: Sequence[Cost] = ()) -> list[Line]:
    """The table."""
    hold = [row for row in rows if row.family == "hold_only"]
    right = [row for row in rows if row.matches and row.family != "hold_only" and not row.kind]
    wrong = [row for row in rows if not row.matches]
    plain = [row for row in right if row.family not in HARD]
    hard = [row for row in right if row.family in HARD]
    return [
        _spread(plain, "offset_ms", "offset, plain cases, ms", "ms", OFFSET_MS, 0.05),
        _spread(hard, "offset_ms", "offset, hard cases, ms", "ms", OFFSET_MS, 0.2),
        _spread(
            right,
            "drift_of_limit",
            "drift error, divided by its limit (0.3 ppm, or 60 ppm / call seconds if larger)",
            "",
            1.0,
            0.1,
        ),
        _found_jumps(right),
        _spread(right, "jump_size_ms", "jump's size, ms", "ms", JUMP_MS, 0.1),
        _spread(
            right,
            "jump_place_s",
            "distance of the found jump from the pause that contains the real one, s",
            "s",
            PLACE_S,
            PLACE_S,
        ),
        *_statuses(right, wrong, hold),
        _spread(right, "customer_lag_ms", "customer's lag, ms", "ms", LAG_MS, 0.2),
        _spread(right, "call_end_ms", "call end, ms", "ms", END_MS, 1.0),
        *_costs(costs),
    ]


def _as_table(found: Sequence[Line]) -> list[str]:
    out = ["| what | must | aim | measured | |", "| --- | --- | --- | --- | --- |"]
    return [*out, *(f"| {v.what} | {v.must} | {v.aim} | {v.measured} | {v.verdict} |" for v in found)]


def published_table(rows: Sequence[Row], ratio: float | None = None) -> str:
    """The table of what is published, and how the wrong pairs end."""
    wrong = [row.published or row.status for row in rows if not row.matches]
    ends = ", ".join(f"{wrong.count(s)} {s}" for s in sorted(set(wrong)))
    note = f"\n\nWrong pairs: {ends}." if wrong else ""
    return "\n".join(_as_table(how_good.lines(rows, ratio))) + note


def reliability(rows: Sequence[Row]) -> str:
    """The reliability diagram."""
    return calibration.diagram(rows)


def table(rows: Sequence[Row], costs: Sequence[Cost] = ()) -> str:
    """The table, and how honest the intervals are."""
    out = [*_as_table(lines(rows, costs)), ""]
    notes = []
    for name, what in (("offset_in_ci", "offset"), ("drift_in_ci", "drift")):
        inside = [row.numbers[name] for row in rows if name in row.numbers]
        if inside:
            notes.append(f"The {what}'s 95 % interval holds the truth in {sum(inside):.0f} of {len(inside)} cases.")
    wrong = [row.status for row in rows if not row.matches]
    if wrong:
        notes.append(f"Wrong pairs: {', '.join(f'{wrong.count(s)} {s}' for s in sorted(set(wrong)))}.")
    spent = [row.numbers["cpu_s"] for row in rows if "cpu_s" in row.numbers]
    if spent:
        notes.append(f"CPU of `measure`, s a case: median {np.median(spent):.2f}, worst {max(spent):.2f}.")
    return "\n".join([*out, *notes])


def _reason(row: Row) -> str:
    """Why, in a sentence: the family's effect on audio and time, the miss, and the evidence."""
    missed = "; ".join([*row.failures, *how_good.missed(row)])
    because = f" Evidence: {row.evidence}." if row.evidence else ""
    return f"{WHAT.get(row.family, '')}: {missed}.{because}".removeprefix(": ")


def misses(rows: Sequence[Row]) -> str:
    """Every miss by its family and seed."""
    failed = [row for row in rows if row.failures or how_good.missed(row)]
    out = [f"{len(failed)} of {len(rows)} cases failed" + (":\n" if failed else ".")]
    return "\n".join([*out, *(f"- `{row.family}:{row.seed}` {_reason(row)}" for row in failed)])


def families(rows: Sequence[Row]) -> str:
    """How many cases of each family, and how many of them missed a limit."""
    out = ["| family | made of | cases | failed |", "| --- | --- | --- | --- |"]
    for name, what in WHAT.items():
        own = [row for row in rows if row.family == name]
        if own:
            out.append(
                f"| `{name}` | {what} | {len(own)} | {sum(bool(row.failures or how_good.missed(row)) for row in own)} |"
            )
    return "\n".join(out)


def put(text: str, target: Path) -> None:
    """Write it between the file's markers, or as a new file with them.

    Raises:
        ValueError: if the file exists and has no such markers.
    """
    check(target)
    old = target.read_text(encoding="utf-8") if target.exists() else f"{BEGIN}{END}\n"
    before, _, rest = old.partition(BEGIN)
    after = rest.partition(END)[2]
    target.write_text(f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}", encoding="utf-8")


def check(target: Path) -> None:
    """Before hours of work: can it be written there?

    Raises:
        ValueError: if it can't be written.
    """
    if target.is_dir() or not target.parent.is_dir():
        raise ValueError(f"{target} can't be written: name a file in an existing folder")
    if target.exists() and END not in target.read_text(encoding="utf-8").partition(BEGIN)[2]:
        raise ValueError(f"{target} has no {BEGIN} ... {END} to write between: put them there, or name a new file")
