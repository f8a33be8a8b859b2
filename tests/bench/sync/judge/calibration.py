"""The probability of belonging against the truth: Brier score and reliability diagram, at even odds.

The bench has more wrong pairs than right ones. The product's probability starts from even odds, so right and wrong
pairs count as much as each other here, whatever their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.sync.judge.marks import Row

EDGES = (0.0, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99, 1.0)
SURE = 0.99
NOT_ASKED = "w_acw_only"
"""Both files are of one call, but share none of it."""
BAR = 40


@dataclass(frozen=True, slots=True)
class Bin:
    """The cases whose probability is between two edges.

    Attributes:
        low: the lower edge.
        high: the upper edge.
        right: how many of them are right pairs.
        wrong: how many are wrong ones.
        predicted: their mean probability, at even odds.
        observed: the share of right pairs, at even odds.
    """

    low: float
    high: float
    right: int
    wrong: int
    predicted: float
    observed: float


def asked(rows: Sequence[Row]) -> list[tuple[float, float, float]]:
    """(probability, truth, weight) of every case that has a probability; each class weighs one half."""
    found = [row for row in rows if "probability" in row.numbers and row.family != NOT_ASKED]
    right = sum(row.matches for row in found)
    wrong = len(found) - right
    weights = {True: 0.5 / max(right, 1), False: 0.5 / max(wrong, 1)}
    return [(row.numbers["probability"], float(row.matches), weights[row.matches]) for row in found]


def brier(rows: Sequence[Row]) -> float | None:
    """The mean squared error of the probability; None without cases. Always saying 0.5 gives 0.25."""
    found = asked(rows)
    total = sum(w for _, _, w in found)
    return sum(w * (p - truth) ** 2 for p, truth, w in found) / total if found else None


def bins(rows: Sequence[Row]) -> list[Bin]:
    """The reliability diagram's bins that hold cases."""
    found = asked(rows)
    out = []
    for k, (low, high) in enumerate(pairwise(EDGES)):
        inside = [v for v in found if low <= v[0] < high or (k == len(EDGES) - 2 and v[0] == high)]
        if inside:
            total = sum(w for _, _, w in inside)
            right = sum(truth == 1.0 for _, truth, _ in inside)
            predicted = sum(p * w for p, _, w in inside) / total
            observed = sum(truth * w for _, truth, w in inside) / total
            out.append(Bin(low, high, right, len(inside) - right, predicted, observed))
    return out


def sure(rows: Sequence[Row]) -> tuple[int, int, float]:
    """Right pairs, wrong pairs and the share of right ones, at even odds, of all that are called 99 % or more."""
    inside = [v for v in asked(rows) if v[0] >= SURE]
    right = sum(truth == 1.0 for _, truth, _ in inside)
    total = sum(w for _, _, w in inside)
    return right, len(inside) - right, sum(truth * w for _, truth, w in inside) / total if inside else 0.0


def diagram(rows: Sequence[Row]) -> str:
    """The bins as a table, with a bar for the observed share."""
    out = ["| probability | right pairs | wrong pairs | mean probability | observed share | |"]
    out.append("| --- | --- | --- | --- | --- | --- |")
    for b in bins(rows):
        bar = "█" * round(b.observed * BAR)
        out.append(
            f"| {b.low:.0%} to {b.high:.0%} | {b.right} | {b.wrong} | {b.predicted:.1%} | {b.observed:.1%} | {bar} |"
        )
    left = sum("probability" not in row.numbers for row in rows)
    out += ["", f"{left} of {len(rows)} cases hold too little to ask: they have no probability."]
    return "\n".join(out)
