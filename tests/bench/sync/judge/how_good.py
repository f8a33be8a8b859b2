"""The table of what is published: wrong pairs, refusals, the map, the stated bound, the probability of belonging."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from bench.sync.judge import calibration
from bench.sync.judge.marks import Line, Row, total
from bench.sync.judge.published import HELD, NOT_PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Sequence

ENOUGH_SPEECH_S, SOME_SPEECH_S = 5.0, 1.0
"""Without a second of speech in both files, nothing can speak against a pair."""
ENOUGH_TURNS = 3
PART_MS, MUSIC_MS, ODD_MS = 1.0, 5.0, 1.0
NOT_ASKED = calibration.NOT_ASKED
BOUND_HOLDS = 0.95
MAPS = {
    "rates": ("two or three rates, to 150 ppm", "p95 1 ms, worst 3 ms, 0 invented jumps", (1.0, 3.0), 0.3, False),
    "quartz": ("a warming quartz, 60 to 5 ppm over 30 minutes", "p95 1 ms", (1.0, np.inf), 0.3, False),
    "drift": ("drift of 100 to 1,000 ppm", "0.5 ms", (0.5, 0.5), 0.1, False),
    "pause": ("the recorder's pauses", "p95 1 ms, all found", (1.0, np.inf), 0.3, True),
    "pair": ("a pair of opposite jumps around a word", "p95 1 ms, all found", (1.0, np.inf), 0.3, True),
    "file": ("the call audio stopped early or began late", "p95 1 ms", (1.0, np.inf), 0.3, False),
    "several": ("two or three calls in the recording", "the right one, p95 1 ms", (1.0, np.inf), 0.3, False),
}
"""By kind: its name, its limits in words and in ms (p95, worst), the aim of its p95, and whether its jumps count."""


def _speech_s(row: Row) -> float:
    return min(row.numbers.get("call_speech_s", 0.0), row.numbers.get("recording_speech_s", 0.0))


def is_published(row: Row) -> bool:
    """Whether anything is published of it."""
    return bool(row.published) and row.published not in NOT_PUBLISHED


def wrong_published(rows: Sequence[Row], *, enough: bool) -> tuple[list[Row], list[Row]]:
    """The published ones, and all wrong pairs with enough speech (or with less)."""
    all_of_them = [
        row
        for row in rows
        if not row.matches and row.family != NOT_ASKED and (_speech_s(row) >= ENOUGH_SPEECH_S) == enough
    ]
    return [row for row in all_of_them if is_published(row)], all_of_them


def refused(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The right pairs with three turns or more that are refused or held, and all of them."""
    of = [row for row in rows if row.matches and row.numbers.get("true_turns", 0.0) >= ENOUGH_TURNS]
    return [row for row in of if row.published in NOT_PUBLISHED], of


def _wrong(rows: Sequence[Row]) -> list[Line]:
    out, of = wrong_published(rows, enough=True)
    held = [row for row in of if row.published == HELD and row.answer != "no"]
    less, of_less = wrong_published(rows, enough=False)
    apart = [row for row in rows if row.family == NOT_ASKED]
    gone = sum(is_published(row) for row in apart)
    lines = [
        Line(
            "wrong pairs published, 5 s of speech or more in both",
            "0 of 1,000",
            "0 of 1,000",
            f"{len(out)} of {len(of)}",
            not out if of else None,
            not out and len(of) >= 1000,
        ),
        Line(
            "of those, held that needn't be",
            "",
            "0: all refused",
            f"{len(held)} of {len(of)} held, {sum(row.published == 'refused' for row in of)} refused",
            True if of else None,
            not held,
        ),
        Line(
            "wrong pairs published, less speech",
            "1 in 100",
            "0",
            f"{len(less)} of {len(of_less)}",
            len(less) * 100 <= len(of_less) if of_less else None,
            not less,
        ),
    ]
    some = [row for row in of_less if _speech_s(row) >= SOME_SPEECH_S]
    out_of_some = sum(is_published(row) for row in some)
    what = "of those, with 1 s of speech or more in both"
    lines.append(Line(what, "", "", f"{out_of_some} of {len(some)}", None, None))
    if apart:
        what = "recordings that hold the work after the call alone, published"
        lines.append(Line(what, "", "", f"{gone} of {len(apart)}", None, None))
    return lines


def _right(rows: Sequence[Row]) -> Line:
    lost, of = refused(rows)
    return Line(
        "right pairs refused or held, three turns or more",
        "1 of 1,000",
        "0",
        f"{len(lost)} of {len(of)}",
        len(lost) * 1000 <= len(of) if of else None,
        not lost,
    )


def _parts(rows: Sequence[Row]) -> Line:
    of = [row for row in rows if row.kind == "part"]
    good = sum(row.status == "aligned" and row.numbers.get("map_p95_ms", np.inf) <= PART_MS for row in of)
    return Line(
        "transfers, late joins, consults with 20 s of the agent's part, aligned to 1 ms",
        "95 of 100",
        "99 of 100",
        f"{good} of {len(of)}",
        good >= 0.95 * len(of) if of else None,
        good >= 0.99 * len(of),
    )


def _map(rows: Sequence[Row], kind: str) -> Line:
    """The largest p95 and the worst error over all cases of a kind; a case that isn't aligned is a miss."""
    what, must_text, must, aim, jumps = MAPS[kind]
    of = [row for row in rows if row.kind == kind]
    sure = [row for row in of if row.status == "aligned" and "map_p95_ms" in row.numbers]
    if not of:
        return Line(what, must_text, f"{aim:g} ms", "no case", None, None)
    p95 = max((row.numbers["map_p95_ms"] for row in sure), default=np.inf)
    worst = max((row.numbers["map_worst_ms"] for row in sure), default=np.inf)
    within = sum(row.numbers["map_p95_ms"] <= must[0] and row.numbers["map_worst_ms"] <= must[1] for row in sure)
    measured = f"p95 {p95:.3f} ms, worst {worst:.3f} ms; {within} of {len(of)} within the limit"
    invented = total(of, "jumps_invented")
    measured += f"; {invented} jumps invented"
    is_met = within == len(of)
    if jumps:
        made = total(of, "jumps_sure") + total(of, "jumps_small")
        found = made - total(of, "jumps_sure_missed") - total(of, "jumps_small_missed")
        measured += f", {found} of {made} found"
        is_met = is_met and found == made
    is_met = is_met and invented == 0
    return Line(what, must_text, f"{aim:g} ms", measured, is_met, is_met and p95 <= aim)


def _music(rows: Sequence[Row]) -> Line:
    of = [row for row in rows if row.kind == "music"]
    errors = [row.numbers.get("map_worst_ms", np.inf) for row in of]
    good = sum(error <= MUSIC_MS for error in errors)
    finite = [error for error in errors if np.isfinite(error)]
    sure = sum(row.status == "aligned" for row in of)
    worst = f", worst {max(finite):.2f} ms of the published" if finite else ""
    return Line(
        "music alone, reported end good to 1 s: the nearest candidate",
        "all, within 5 ms",
        "",
        f"{good} of {len(of)}{worst}; {sure} called sure",
        good == len(of) if of else None,
        None,
    )


def _odd(rows: Sequence[Row]) -> Line:
    of = [row for row in rows if row.kind == "odd"]
    bad = sum(row.status == "aligned" and row.numbers.get("map_p95_ms", 0.0) > ODD_MS for row in of)
    counts = sorted({row.status for row in of})
    shown = ", ".join(f"{sum(row.status == s for row in of)} {s}" for s in counts)
    return Line(
        "bad input (2 s, one turn, one side, one voice): sure and wrong",
        "0",
        "0",
        f"{bad} of {len(of)} ({shown})" if of else "no case",
        bad == 0 if of else None,
        bad == 0,
    )


def _bounds(rows: Sequence[Row]) -> Line:
    of = [row for row in rows if "bound_holds" in row.numbers]
    held = total(of, "bound_holds")
    by_source = []
    for source in sorted({row.published for row in of}):
        own = [row for row in of if row.published == source]
        by_source.append(f"{source} {total(own, 'bound_holds')} of {len(own)}")
    return Line(
        "the stated bound holds (p95 of the error in speech)",
        "95 %",
        "",
        f"{held / max(len(of), 1):.1%} of {len(of)}: {', '.join(by_source)}" if of else "no case",
        held >= BOUND_HOLDS * len(of) if of else None,
        None,
    )


def _probability(rows: Sequence[Row]) -> list[Line]:
    score = calibration.brier(rows)
    right, wrong, share = calibration.sure(rows)
    return [
        Line(
            "probability of belonging, Brier score",
            "in the docs",
            "",
            "no case" if score is None else f"{score:.4f}",
            None if score is None else True,
            None,
        ),
        Line(
            "of those called 99 % or more, right",
            "98 to 100 %",
            "",
            f"{share:.2%} at even odds ({right} right, {wrong} wrong)" if right + wrong else "no case",
            share >= 0.98 if right + wrong else None,
            None,
        ),
    ]


def missed(row: Row) -> list[str]:
    """Misses of what is published of one case."""
    numbers = row.numbers
    out = []
    if not row.matches and row.family != NOT_ASKED:
        least = _speech_s(row)
        if is_published(row):
            out.append(f"a wrong pair is published by {row.would}, with {least:.0f} s of speech in both")
        elif row.published == HELD and row.answer != "no" and least >= ENOUGH_SPEECH_S:
            out.append(f"held, not refused, with {least:.0f} s of speech in both")
    turns = numbers.get("true_turns", 0.0)
    if row.matches and row.published in NOT_PUBLISHED and turns >= ENOUGH_TURNS:
        out.append(f"a right pair is {row.published}, with {turns:.0f} turns")
    if numbers.get("bound_holds") == 0.0:
        out.append(f"stated to {numbers['bound_ms']:.3f} ms, and {numbers['map_p95_ms']:.3f} ms off (p95)")
    return out


def lines(rows: Sequence[Row], ratio: float | None = None) -> list[Line]:
    """All rows of the table. `ratio`: CPU of `measure` by that of another version, None if it wasn't compared."""
    return [
        *_wrong(rows),
        _right(rows),
        _parts(rows),
        *(_map(rows, kind) for kind in MAPS),
        _music(rows),
        _odd(rows),
        _bounds(rows),
        *_probability(rows),
        Line(
            "CPU of `measure`, by that of the version before",
            "1.3",
            "1.0",
            "not compared" if ratio is None else f"{ratio:.2f}",
            None if ratio is None else ratio <= 1.3,
            ratio is not None and ratio <= 1.0,
        ),
    ]
