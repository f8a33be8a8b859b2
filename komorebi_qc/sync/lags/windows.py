"""The fine stage: windows on one channel's active speech, their lags along a course, and their chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, Doubles, Flags, Ints, Track, length
from komorebi_qc.sync.fit.model import Points
from komorebi_qc.sync.lags.gcc_phat import PEAKS, lag_peaks
from komorebi_qc.sync.lags.lag_path import DRIFT, beam_search
from komorebi_qc.sync.vad import Activity, share

if TYPE_CHECKING:
    from komorebi_qc.sync.lags.coarse import Course

LEAST_Z = 6.5
SURE_Z = 11.0
MOST = 450
MOST_AGAIN = 48
SLACK_S = 0.0012
JUMP_S = 2.6
JUMP_PRICE = 4.5
"""Two jumps cost less than two of the sharpest windows are worth: a word between opposite jumps."""
SAME_PLACE_S = 0.06
"""Windows whose lags are this near to each other agree at one place."""
RIVAL = 0.25
"""A course with a smaller share of the best one's score isn't probed."""
LEAST_PROBED = 3.0
"""Less is chance: one sharp window is worth as much."""
LEAST_RUN = 3
LEAST_RUN_S = 2.0
"""Least length of a segment that only one channel shows: longer than a word, and several windows."""


@dataclass(frozen=True, slots=True)
class Windows:
    """One channel's windows in time order; arrays of (windows,) or (windows, candidates)."""

    channel: int
    size_s: float
    start_s: Doubles
    weight_s: Doubles
    """Seconds of activity that each window represents."""
    lag_s: Doubles
    z: Doubles
    audible: Flags
    """The recording has audio there, not just a tone."""

    @property
    def centre_s(self) -> Doubles:
        """Call clock."""
        return self.start_s + self.size_s / 2


def window_size(call_s: float) -> tuple[int, int]:
    """Return (width, reach) in samples: 1.5 s, or 1 s for a short call with few windows.

    ``width + 2 * reach`` is a power of two.
    """
    if call_s < 4:
        return 4096, 2048
    return (12288, 2048) if call_s > 150 else (8192, 4096)


def plan(activity: Activity, call_samples: int, size: int, most: int = MOST) -> tuple[Ints, Doubles]:
    """Return (start samples, seconds of activity) of the windows with enough activity."""
    hop = size // 2
    starts = np.arange(0, max(call_samples - size // 2, 1), hop)
    size_s = size / RATE
    busy = share(activity.active, starts / RATE, size_s)
    which = np.flatnonzero(busy >= 0.4)
    if len(which) > most:
        # Every n-th window; pairs would waste half, because neighbours share half of their samples.
        which = which[np.unique(np.rint(np.linspace(0, len(which) - 1, most)).astype(int))]
    starts, busy = starts[which], busy[which]
    total = activity.active_s
    weight = busy / max(float(busy.sum()), 1e-9) * total
    return starts.astype(np.intp), weight


def measure(
    call: Track, channel: int, recording: Track, course: Course, starts: Ints, weight: Doubles, size: int, reach: int
) -> Windows:
    """Return the candidates of every window along the course; two searches at a jump of the course."""
    size_s = size / RATE
    which, lags = course.around(starts / RATE + size_s / 2)
    centre = np.rint(lags * RATE).astype(np.intp)
    found = lag_peaks(call, channel, recording, starts[which], centre, size, reach)
    count = len(starts)
    lag, z = np.zeros((count, 2 * PEAKS)), np.zeros((count, 2 * PEAKS))
    audible = np.zeros(count)
    blunt = np.ones(count, bool)
    again = np.zeros(len(which), bool)
    again[1:] = which[1:] == which[:-1]
    for a, rows in ((0, np.flatnonzero(~again)), (PEAKS, np.flatnonzero(again))):
        at = which[rows]
        lag[at, a : a + PEAKS], z[at, a : a + PEAKS] = found.lag_s[rows], found.z[rows]
        audible[at] = np.maximum(audible[at], found.audible[rows])
        blunt[at] &= found.blunt[rows]
    return Windows(channel, size_s, starts / RATE, weight, lag, z, (audible > 0.6) & ~blunt)


def gains(z: Doubles) -> Doubles:
    """Return the score of each candidate."""
    # Mostly "it agrees". The logarithm prefers a sharp peak to its echo one pitch period away.
    worth: Doubles = np.clip((z - LEAST_Z) / 6.0, 0.0, 3.0) + np.clip(np.log(np.maximum(z, 1.0) / 25.0), 0.0, 2.0)
    return worth


def follow(windows: Windows, gate: Doubles | None = None) -> tuple[Flags, Ints]:
    """Return (the windows on the most credible chain, the candidate of each window).

    `gate` (windows, 2): the least and the largest allowed lag, from another channel.
    """
    gain = gains(windows.z)
    if gate is not None:
        gain = np.where((windows.lag_s >= gate[:, :1]) & (windows.lag_s <= gate[:, 1:]), gain, 0.0)
    on, choice = np.zeros(len(gain), bool), np.zeros(len(gain), np.intp)
    best = beam_search(windows.centre_s, windows.lag_s, gain, slack_s=SLACK_S, jump_price=JUMP_PRICE, jump_s=JUMP_S)
    if best:
        on[best[0].windows] = True
        choice[best[0].windows] = best[0].choices
    return on, choice


def most_credible(candidates_s: Doubles, z: Doubles) -> tuple[float, float]:
    """Return the lag around which most of the windows agree, and their gain; the gain is 0 if none agrees."""
    lag_s, gain = candidates_s.ravel(), gains(z).ravel()
    lag_s, gain = lag_s[gain > 0], gain[gain > 0]
    if len(lag_s) == 0:
        return 0.0, 0.0
    order = np.argsort(lag_s)
    lag_s, total = lag_s[order], np.concatenate([[0.0], np.cumsum(gain[order])])
    low = np.searchsorted(lag_s, lag_s - SAME_PLACE_S / 2, side="left")
    high = np.searchsorted(lag_s, lag_s + SAME_PLACE_S / 2, side="right")
    best = int(np.argmax(total[high] - total[low]))
    return float(lag_s[best]), float(total[high[best]] - total[low[best]])


def look_again(call: Track, recording: Track, windows: Windows, on: Flags, lag_s: Doubles) -> Windows | None:
    """Search widely for windows without agreement next to windows that agree: a jump that the course missed.

    None if there is nothing to search for, or nothing agrees.
    """
    usable = windows.audible
    if np.count_nonzero(on) < max(4, 0.25 * np.count_nonzero(usable)):
        return None
    failed = usable & ~on
    # Single failures are overlaps and noise. In a missed segment, neighbours fail together.
    together = failed & (np.roll(failed, 1) | np.roll(failed, -1))
    which = np.flatnonzero(together)
    if len(which) == 0:
        return None
    if len(which) > MOST_AGAIN:
        which = which[np.unique(np.rint(np.linspace(0, len(which) - 1, MOST_AGAIN)).astype(int))]
    at = np.flatnonzero(on)
    lag, z = windows.lag_s.copy(), windows.z.copy()
    previous = np.zeros(0, np.intp)
    for side in ("left", "right"):
        near = np.clip(np.searchsorted(at, which, side="left") - (side == "left"), 0, len(at) - 1)
        centre = np.rint(lag_s[at[near]] * RATE).astype(np.intp)
        if side == "right":
            differ = np.abs(centre - previous) > RATE
            which, centre = which[differ], centre[differ]
            if len(which) == 0:
                break
        previous = centre
        starts = np.rint(windows.start_s[which] * RATE).astype(np.intp)
        found = lag_peaks(call, windows.channel, recording, starts, centre, 8192, 20480)
        better = found.z[:, 0] > z[which].max(axis=1)
        rows = which[better]
        lag[rows, :PEAKS], z[rows, :PEAKS] = found.lag_s[better], found.z[better]
    return Windows(windows.channel, windows.size_s, windows.start_s, windows.weight_s, lag, z, windows.audible)


@dataclass(frozen=True, slots=True)
class Chain:
    """A channel's windows, with the chosen candidates."""

    windows: Windows
    on: Flags
    choice: Ints

    @property
    def lag_s(self) -> Doubles:
        """Lags of the chosen candidates; the best candidate of the other windows."""
        rows = np.arange(len(self.on))
        lags: Doubles = self.windows.lag_s[rows, self.choice] if len(rows) else np.zeros(0)
        return lags

    @property
    def z(self) -> Doubles:
        """Peak heights of the chosen candidates."""
        rows = np.arange(len(self.on))
        z: Doubles = self.windows.z[rows, self.choice] if len(rows) else np.zeros(0)
        return z

    @property
    def score(self) -> float:
        """The total score."""
        return float(gains(self.z)[self.on].sum()) if len(self.on) else 0.0

    def points(self) -> Points:
        """Return the accepted windows for the fit. A sharper peak has a smaller sigma."""
        w = self.windows
        sigma = 2e-5 + 1.5e-3 / np.maximum(self.z[self.on], 1.0)
        return Points(w.centre_s[self.on], self.lag_s[self.on], sigma, w.size_s / 2)


def widen_gate(gate: Doubles, own: Chain, lead_time_s: Doubles) -> Doubles:
    """Widen the gate for agreement of this channel while the leading one is silent.

    Two jumps may hide in one silence of the leading channel, which shows nothing of the segment between them. `own` was
    followed without a gate. A run of its windows passes if it isn't chance: several in a row at one lag, as sharp as
    the rest, almost no disagreement between them, and no window of the leading channel among them.
    """
    w, lag_s = own.windows, own.lag_s
    on = np.flatnonzero(own.on)
    if len(on) == 0:
        return gate
    time_s, clear = w.centre_s, 0.5 * float(np.median(own.z[on]))
    out = own.on & ((lag_s < gate[:, 0]) | (lag_s > gate[:, 1]))
    # Beyond the leading channel's first and last window the gate is already wide.
    out &= (time_s > lead_time_s[0]) & (time_s < lead_time_s[-1])
    steady = np.abs(np.diff(lag_s[on])) <= SLACK_S + DRIFT * np.diff(time_s[on])
    silent = np.diff(np.searchsorted(lead_time_s, time_s[on])) == 0
    together = steady & silent & out[on][1:] & out[on][:-1]
    wide = gate.copy()
    for run in np.split(on, np.flatnonzero(~together) + 1):
        first, last = run[0], run[-1]
        if len(run) < LEAST_RUN or time_s[last] - time_s[first] + w.size_s < LEAST_RUN_S or not out[first]:
            continue
        usable = np.count_nonzero(w.audible[first : last + 1])
        if len(run) >= 0.7 * usable and np.median(own.z[run]) >= clear:
            wide[run] = np.stack([lag_s[run] - SLACK_S, lag_s[run] + SLACK_S], axis=1)
    return wide


def best_course(
    call: Track,
    activities: tuple[Activity, Activity],
    recording: Track,
    courses: list[Course],
    size: int,
    reach: int,
) -> Course:
    """Return the course that fits best: by the blocks alone if they are clear, or else by a few windows, too.

    `courses`: one at least, the most credible first.
    """
    rivals = [course for course in courses if course.score >= RIVAL * courses[0].score]
    if len(rivals) == 1:
        return rivals[0]
    probed = [probe(call, activities, recording, course, size, reach) for course in rivals]
    best = int(np.argmax(probed))
    # A few windows may miss the agent's short part of a long call. The blocks don't.
    return rivals[best] if probed[best] >= LEAST_PROBED else rivals[0]


def probe(
    call: Track,
    activities: tuple[Activity, Activity],
    recording: Track,
    course: Course,
    size: int,
    reach: int,
    count: int = 14,
) -> float:
    """Return how well a hypothesis fits a few windows: the score of its best chains."""
    total = 0.0
    for channel, activity in enumerate(activities):
        starts, weight = plan(activity, length(call), size, count)
        if len(starts) == 0:
            continue
        w = measure(call, channel, recording, course, starts, weight, size, reach)
        on, choice = follow(w)
        total += float(gains(w.z)[np.flatnonzero(on), choice[on]].sum()) if np.count_nonzero(on) > 1 else 0.0
    return total
