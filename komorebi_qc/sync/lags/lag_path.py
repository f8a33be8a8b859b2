"""The most credible path of a lag over time, from several candidates a window.

A beam of hypotheses, each a path of accepted candidates. A candidate within possible drift continues a path for free. A
jump has a price that one good window can't pay. Windows may be left out at no cost, so absent stretches don't matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Ints

DRIFT = 250e-6
"""Crystals are within +-100 ppm, so two of them differ by 200 at most. More is a jump."""
_BEAM = 48


@dataclass(frozen=True, slots=True)
class LagPath:
    """Indices of its windows, the candidate chosen in each, and its score."""

    windows: Ints
    choices: Ints
    score: float


def beam_search(
    time_s: Doubles,
    lag_s: Doubles,
    gain: Doubles,
    *,
    slack_s: float,
    jump_price: float,
    jump_s: float,
    best: int = 1,
    apart_s: float = 0.5,
) -> list[LagPath]:
    """Return the `best` paths that end more than `apart_s` from one another, best first.

    Args:
        time_s: of the windows, ascending, shape ``(n,)``.
        lag_s: of the candidates, shape ``(n, k)``.
        gain: of the candidates, shape ``(n, k)``; 0 or less is no candidate.
        slack_s: lag difference of two neighbours that costs little.
        jump_price: score that a jump costs.
        jump_s: largest jump.
        best: number of paths.
        apart_s: least distance of the paths' last lags.
    """
    n, k = lag_s.shape
    back: list[tuple[int, int, int]] = []  # (window, candidate, previous entry)
    ends = np.zeros(0, np.intp)
    last_lag, last_time, score = np.zeros(0), np.zeros(0), np.zeros(0)
    for i in range(n):
        fresh: list[tuple[float, float, float, int]] = []
        gone: set[int] = set()
        for j in range(k):
            g = float(gain[i, j])
            if g <= 0.0:
                continue
            lag, best_score, from_entry = float(lag_s[i, j]), g, -1
            if len(ends):
                gap = np.abs(lag - last_lag)
                drift = slack_s + DRIFT * (time_s[i] - last_time)
                price = np.where(
                    gap <= drift,
                    0.3 * gap / drift,
                    np.where(gap <= jump_s + drift, jump_price * (1.0 + 0.1 * gap / jump_s), np.inf),
                )
                reach = score + g - price
                at = int(np.argmax(reach))
                if reach[at] > best_score:
                    best_score, from_entry = float(reach[at]), int(ends[at])
                # A continued path replaces its shorter self once no jump could make the shorter one worth more.
                near = np.flatnonzero((gap <= drift) & (score <= best_score - jump_price))
                gone.update(int(e) for e in near)
            back.append((i, j, from_entry))
            fresh.append((lag, float(time_s[i]), best_score, len(back) - 1))
        if fresh:
            keep = np.array([e not in gone for e in range(len(ends))], bool)
            ends = np.concatenate([ends[keep], [f[3] for f in fresh]]).astype(np.intp)
            last_lag = np.concatenate([last_lag[keep], [f[0] for f in fresh]])
            last_time = np.concatenate([last_time[keep], [f[1] for f in fresh]])
            score = np.concatenate([score[keep], [f[2] for f in fresh]])
            if len(ends) > _BEAM:
                top = np.argsort(-score)[:_BEAM]
                ends, last_lag, last_time, score = ends[top], last_lag[top], last_time[top], score[top]
    out: list[LagPath] = []
    taken: list[float] = []
    for e in np.argsort(-score):
        if any(abs(last_lag[e] - t) < apart_s for t in taken):
            continue
        taken.append(float(last_lag[e]))
        windows, choices, entry = [], [], int(ends[e])
        while entry >= 0:
            i, j, entry = back[entry]
            windows.append(i)
            choices.append(j)
        out.append(LagPath(np.array(windows[::-1], np.intp), np.array(choices[::-1], np.intp), float(score[e])))
        if len(out) == best:
            break
    return out
