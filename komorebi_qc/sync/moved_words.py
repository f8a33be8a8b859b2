"""A word between two opposite jumps: a clock that jumps in a pause and jumps back in the next one.

One window on such a word can't pay for two jumps of a chain, so it is left out. A window without agreement is searched
here once more, alone. If its peak is as sharp as that of an undisturbed word, short windows show where the word begins
and ends: they replace the window. The voice must agree at one lag before and after the word, and the other voice must
be silent meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE
from komorebi_qc.sync.evidence.candidates import CLEAR_Z
from komorebi_qc.sync.fit.combine import LEAST_PAIR_S
from komorebi_qc.sync.lags.gcc_phat import PEAKS, lag_peaks
from komorebi_qc.sync.lags.lag_path import DRIFT
from komorebi_qc.sync.lags.windows import JUMP_S, LEAST_RUN, SLACK_S, SURE_Z, Chain
from komorebi_qc.sync.vad import share

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Flags, Ints, Track
    from komorebi_qc.sync.vad import Activity

LEAST_AGREEING = 0.7
"""Share of a voice's windows that agree, if its clock is known well enough to notice a word that is off."""
MOST_SEARCHED = 16
LEAST_SHARE = 0.7
"""Share of the short windows of a word that must prefer its lag."""
_SEARCHED, _NARROW = 65536, 16384
"""Samples of the recording: the longest jump to either side of a window, and those around a lag."""
_AROUND = 8192
"""Samples to either side of a window's middle that may hold its word."""
_SHORT, _HOP, _SHORT_REACH = 4096, 1024, 2048
_HALF_S = _SHORT / RATE / 2
_LEAST_BUSY = 0.4


@dataclass(frozen=True, slots=True)
class _Word:
    """A word's short windows, and how far it is from the lag of the words around it."""

    moved_s: float
    start_s: Doubles
    lag_s: Doubles
    z: Doubles
    weight_s: Doubles

    @property
    def centre_s(self) -> Doubles:
        return self.start_s + _HALF_S


def with_moved_words(
    call: Track,
    activities: tuple[Activity, Activity],
    recording: Track,
    chains: tuple[Chain, Chain],
    is_present: list[bool],
) -> tuple[Chain, Chain]:
    """Return the chains with the words between two opposite jumps."""
    out = list(chains)
    for channel in (0, 1):
        if not is_present[channel]:
            continue
        for word in _words(call, activities[channel], recording, out[channel]):
            voices = [_outside(chain, word) for chain, ok in zip(out, is_present, strict=True) if ok]
            if not _is_in_order(word, np.concatenate(voices)):
                continue
            if not is_present[1 - channel] or not _speaks(out[1 - channel], word):
                out[channel] = _with(out[channel], word)
    return out[0], out[1]


def _speaks(other: Chain, word: _Word) -> bool:
    """Return whether the other voice agrees during a word."""
    time_s, near_s = other.windows.centre_s, other.windows.size_s / 4
    return bool(np.any(other.on & (time_s > word.centre_s[0] - near_s) & (time_s < word.centre_s[-1] + near_s)))


def _outside(chain: Chain, word: _Word) -> Doubles:
    """Return the moments at which a voice agrees, without those on a word."""
    time_s = chain.windows.centre_s[chain.on]
    on_it: Doubles = time_s[(time_s < word.centre_s[0] - _HALF_S) | (time_s > word.centre_s[-1] + _HALF_S)]
    return on_it


def _is_in_order(word: _Word, time_s: Doubles) -> bool:
    """Return whether a word stays between the words before and after it: a recording runs in the call's order."""
    before, after = time_s[time_s < word.centre_s[0]], time_s[time_s > word.centre_s[-1]]
    first_s, last_s = word.centre_s[0] + word.moved_s, word.centre_s[-1] + word.moved_s
    return bool(np.all(before < first_s + _HALF_S) and np.all(after > last_s - _HALF_S))


def _words(call: Track, activity: Activity, recording: Track, chain: Chain) -> list[_Word]:
    """Return the moved words of one voice."""
    w = chain.windows
    steady = chain.on & ~_is_alone(chain)
    at = np.flatnonzero(steady)
    usable = w.audible | chain.on
    if len(at) < 2 * LEAST_RUN or len(at) < LEAST_AGREEING * np.count_nonzero(usable):
        return []
    # A window on a moved word may also hold a part of its neighbours.
    is_sharper = w.z.max(axis=1) > np.maximum(CLEAR_Z, chain.z)
    rows = np.flatnonzero(usable & (~steady | is_sharper))
    rows = rows[(rows > at[0]) & (rows < at[-1])]
    left, right = at[np.searchsorted(at, rows) - 1], at[np.searchsorted(at, rows, side="right")]
    apart = np.abs(chain.lag_s[right] - chain.lag_s[left])
    rows = rows[apart <= SLACK_S + DRIFT * (w.centre_s[right] - w.centre_s[left])][:MOST_SEARCHED]
    if len(rows) == 0:
        return []
    usual_s = np.interp(w.centre_s, w.centre_s[at], chain.lag_s[at])
    size = round(w.size_s * RATE)
    starts, centres = (np.rint(t * RATE).astype(np.intp) for t in (w.start_s[rows], usual_s[rows]))
    wide = lag_peaks(call, w.channel, recording, starts, centres, size, (_SEARCHED - size) // 2)
    # A wide search has more noise than a narrow one, by which a peak's height is judged.
    centres = np.rint(wide.lag_s[:, 0] * RATE).astype(np.intp)
    found = lag_peaks(call, w.channel, recording, starts, centres, size, (_NARROW - size) // 2)
    out: list[_Word] = []
    for k, row in enumerate(rows):
        lag_s, moved_s = float(found.lag_s[k, 0]), abs(float(found.lag_s[k, 0]) - float(usual_s[row]))
        if found.z[k, 0] < CLEAR_Z or not LEAST_PAIR_S <= moved_s <= JUMP_S:
            continue
        if out and out[-1].centre_s[-1] >= w.centre_s[row] - w.size_s / 2:
            continue  # the next window on the same word
        word = _word(call, activity, recording, w.channel, float(w.centre_s[row]), lag_s, float(usual_s[row]))
        if word is not None:
            out.append(word)
    return out


def _is_alone(chain: Chain) -> Flags:
    """Return the agreeing windows, one or two in a row, at another lag than those around them."""
    at = np.flatnonzero(chain.on)
    out = np.zeros(len(chain.on), bool)
    lags = np.pad(chain.lag_s[at], LEAST_RUN - 1, mode="edge")
    near = np.lib.stride_tricks.sliding_window_view(lags, 2 * LEAST_RUN - 1)
    out[at] = np.abs(chain.lag_s[at] - np.median(near, axis=1)) >= LEAST_PAIR_S
    return out


def _word(
    call: Track, activity: Activity, recording: Track, channel: int, at_s: float, lag_s: float, usual_s: float
) -> _Word | None:
    """Return the short windows around a moment that agree at a lag; None if they don't hold a word."""
    starts = np.arange(round(at_s * RATE) - _AROUND, round(at_s * RATE) + _AROUND - _SHORT + 1, _HOP)
    starts = starts[starts >= 0].astype(np.intp)
    busy = share(activity.active, starts / RATE, _SHORT / RATE)
    starts, busy = starts[busy >= _LEAST_BUSY], busy[busy >= _LEAST_BUSY]
    if len(starts) < LEAST_RUN:
        return None
    lags, sharp = _near(call, channel, recording, starts, lag_s)
    _, usual = _near(call, channel, recording, starts, usual_s)
    is_moved, is_usual = (sharp >= SURE_Z) & (sharp > usual), (usual >= SURE_Z) & (usual >= sharp)
    rows = np.flatnonzero(is_moved)
    if len(rows) < LEAST_RUN or is_usual[rows[0] : rows[-1]].any():
        return None
    if len(rows) < LEAST_SHARE * (rows[-1] - rows[0] + 1):
        return None
    return _Word(lag_s - usual_s, starts[rows] / RATE, lags[rows], sharp[rows], busy[rows] * _HOP / RATE)


def _near(call: Track, channel: int, recording: Track, starts: Ints, lag_s: float) -> tuple[Doubles, Doubles]:
    """Return (lag, z) of the highest peak at a lag, for each short window; z is 0 if there is no peak."""
    centres = np.full(len(starts), round(lag_s * RATE), np.intp)
    found = lag_peaks(call, channel, recording, starts, centres, _SHORT, _SHORT_REACH)
    z = np.where(np.abs(found.lag_s - lag_s) <= SLACK_S, found.z, 0.0)
    best = np.argmax(z, axis=1)
    rows = np.arange(len(starts))
    return found.lag_s[rows, best], z[rows, best]


def _with(chain: Chain, word: _Word) -> Chain:
    """Return the chain with a word's short windows, instead of the windows on it."""
    w = chain.windows
    keep = (w.centre_s < word.centre_s[0] - _HALF_S) | (w.centre_s > word.centre_s[-1] + _HALF_S)
    count = len(word.start_s)
    lag, z = np.zeros((count, 2 * PEAKS)), np.zeros((count, 2 * PEAKS))
    lag[:, 0], z[:, 0] = word.lag_s, word.z
    # A window is known by its start; all windows of a channel have one size.
    start_s = np.concatenate([w.start_s[keep], word.centre_s - w.size_s / 2])
    order = np.argsort(start_s, kind="stable")
    joined = replace(
        w,
        start_s=start_s[order],
        weight_s=np.concatenate([w.weight_s[keep], word.weight_s])[order],
        lag_s=np.concatenate([w.lag_s[keep], lag])[order],
        z=np.concatenate([w.z[keep], z])[order],
        audible=np.concatenate([w.audible[keep], np.ones(count, bool)])[order],
    )
    on = np.concatenate([chain.on[keep], np.ones(count, bool)])[order]
    choice = np.concatenate([chain.choice[keep], np.zeros(count, np.intp)])[order]
    return Chain(joined, on, choice)
