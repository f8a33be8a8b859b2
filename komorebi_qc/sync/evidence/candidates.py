"""The places of a call that isn't sure: which ones the evidence allows, and how probable each is.

A loop fits at each of its periods, a repeated prompt wherever it is repeated. The evidence can't decide between them,
but the reported call end can: it excludes all but one, or a few.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, length
from komorebi_qc.sync.channels import is_present
from komorebi_qc.sync.fit.combine import EARLIEST_CUSTOMER_S, LATEST_CUSTOMER_S
from komorebi_qc.sync.fit.model import AGENT, CUSTOMER, Points
from komorebi_qc.sync.fit.piecewise import fit
from komorebi_qc.sync.lags import windows
from komorebi_qc.sync.lags.coarse import Course
from komorebi_qc.sync.lags.windows import Chain

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Track
    from komorebi_qc.sync.evidence.alternative_offsets import AlternativeOffset
    from komorebi_qc.sync.lags.windows import Windows
    from komorebi_qc.sync.vad import Activity

MOST = 8
MOST_WINDOWS = 120
"""Of each channel: a place that is known by a second or two needs no more."""
SCOUTS, LEAST_GAIN = 20, 8.0
"""A wide search begins with a few windows. It ends there if they agree less than three sharp windows would."""
FEW_SCOUTS = 8
"""Enough if most of the call would have to agree."""
SAME_S = 0.02
"""Candidates nearer to each other are one."""
SEARCH_S = 2.5
"""Reach of the search around the reported call end, on either side."""
LATE_S = 0.3
"""A backend may note the call's end this much too late or too early, beyond its resolution."""
LEAST_SCORE = 0.5
"""A candidate with less of the evidence than this share of the best one isn't used."""
LEAST_AGREED_S = 2.5
"""A candidate far from the reported call end needs this much agreeing speech. A word agrees by chance."""
CLEAR_Z = 55.0
"""Least peak of a word that is the same word. A hum agrees with another hum at up to 53, an undisturbed word at 80."""
_FAR_S = 20.0
"""Scale on which a reported call end gets less probable with its distance."""
_LEAST_PRIOR = 1e-6
_LEAD = 0.3
"""The agent's voice sets the place if it agrees this much as the customer's."""
_WIDTH, _REACH, _NEAR_REACH = 8192, 20480, 4096


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that the evidence allows.

    Attributes:
        offset_s: recording time of the call's first sample.
        call_end_s: recording time of its last one.
        score: share of the agreeing speech that agrees at this place, 0..1.
        agreed_s: agreeing speech, about.
        probability: of this place among all candidates, 0..1, given that the pair belongs together.
        drift_ppm: of the recording clock against the call clock.
    """

    offset_s: float
    call_end_s: float
    score: float
    agreed_s: float
    probability: float
    drift_ppm: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the call.

    Attributes:
        offset_s: recording time of the call's first sample.
        drift_ppm: of the recording clock against the call clock.
        agreed_s: agreeing speech.
    """

    offset_s: float
    drift_ppm: float
    agreed_s: float


@dataclass(frozen=True, slots=True)
class Followed:
    """Both channels, followed at one offset.

    Attributes:
        place: the place at which they agree.
        chains: of the customer and the agent.
        is_present: whether each voice is in the recording.
    """

    place: Place
    chains: tuple[Chain, Chain]
    is_present: list[bool]

    @property
    def is_clear(self) -> bool:
        """Whether the agreement is more than chance: long enough, or as sharp as an undisturbed word."""
        sharp = np.concatenate([c.z[c.on] for c, ok in zip(self.chains, self.is_present, strict=True) if ok])
        return self.place.agreed_s >= LEAST_AGREED_S or float(np.median(sharp)) >= CLEAR_Z


def find_candidates(
    call_s: float,
    best: Place | None,
    elsewhere: tuple[AlternativeOffset, ...],
    near: Followed | None,
    reported_call_end_s: float | None,
    resolution_s: float,
) -> tuple[Candidate, ...]:
    """Return the candidates, the most probable one first.

    Args:
        call_s: the call's length.
        best: the best place; None if nothing agrees.
        elsewhere: other places at which much of it agrees, too.
        near: the place near the reported call end, if something agrees there.
        reported_call_end_s: on the recording clock; None if it isn't known.
        resolution_s: unit of the reported call end, which may be early by that much.
    """
    found: list[tuple[float, float, float]] = []
    most_s = best.agreed_s if best is not None else near.place.agreed_s if near is not None else 0.0
    if best is not None:
        found.append((best.offset_s, 1.0, best.drift_ppm))
        found += [(other.offset_s, other.score, best.drift_ppm) for other in elsewhere]
    if near is not None:
        place = near.place
        found.append((place.offset_s, min(place.agreed_s / max(most_s, 1e-9), 1.0), place.drift_ppm))
    apart: list[tuple[float, float, float]] = []
    for place_found in found:
        if all(abs(place_found[0] - other) > SAME_S for other, *_ in apart):
            apart.append(place_found)
    ends_s = [offset_s + call_s * (1.0 + ppm * 1e-6) for offset_s, _, ppm in apart]
    weights = [
        score * _prior(end_s, reported_call_end_s, resolution_s)
        for end_s, (_, score, _) in zip(ends_s, apart, strict=True)
    ]
    total = sum(weights) or 1.0
    out = [
        Candidate(offset_s, end_s, score, score * most_s, weight / total, ppm)
        for (offset_s, score, ppm), end_s, weight in zip(apart, ends_s, weights, strict=True)
    ]
    return tuple(sorted(out, key=lambda c: -c.probability)[:MOST])


def best_candidate(
    candidates: tuple[Candidate, ...], reported_s: float | None, resolution_s: float
) -> Candidate | None:
    """Return the candidate to use: the one that fits the reported call end best; None if all of them may be chance.

    Args:
        candidates: as `find_candidates` returns them.
        reported_s: the reported call end on the recording clock; None if it isn't known.
        resolution_s: its unit.
    """
    if reported_s is None:
        return candidates[0] if candidates else None
    best = max((c.score for c in candidates), default=0.0)

    def distance(c: Candidate) -> float:
        return distance_s(c.call_end_s, reported_s, resolution_s)

    enough = [
        c
        for c in candidates
        if c.score >= LEAST_SCORE * best and (c.agreed_s >= LEAST_AGREED_S or distance(c) <= LATE_S)
    ]
    return min(enough, key=lambda c: (distance(c), -c.score), default=None)


def distance_s(call_end_s: float, reported_s: float, resolution_s: float) -> float:
    """Return how far a call end is from all that a reported time allows, in seconds; 0 within its resolution."""
    return max(0.0, reported_s - call_end_s, call_end_s - reported_s - resolution_s)


def _prior(call_end_s: float, reported_s: float | None, resolution_s: float) -> float:
    """Return the weight of a call end, given the reported one."""
    if reported_s is None:
        return 1.0
    beyond_s = max(0.0, distance_s(call_end_s, reported_s, resolution_s) - LATE_S)
    return 1.0 if beyond_s == 0.0 else max(0.02 * math.exp(-beyond_s / _FAR_S), _LEAST_PRIOR)


def follow_at(
    call: Track,
    activities: tuple[Activity, Activity],
    recording: Track,
    offset_s: float,
    search_s: float = SEARCH_S,
    scouts: int = SCOUTS,
) -> Followed | None:
    """Follow both channels at the best offset of a range; None if nothing agrees there.

    Args:
        call: at 8 kHz, shape ``(n, 2)``.
        activities: of the customer and the agent.
        recording: at 8 kHz, shape ``(m,)``.
        offset_s: the middle of the range.
        search_s: its reach to either side.
        scouts: the few windows of each voice with which a wide search begins.
    """
    channels = (CUSTOMER, AGENT)
    measured = [_measured(call, activities, recording, k, offset_s, scouts, _REACH) for k in channels]
    best = [_most_credible(w, offset_s, search_s) for w in measured]
    are_few = max(len(w.start_s) for w in measured) < scouts
    least_gain = LEAST_GAIN * scouts / SCOUTS
    if not are_few and search_s == SEARCH_S and max(gain for _, gain in best) < least_gain:
        return None
    lead = AGENT if best[AGENT][1] >= _LEAD * best[CUSTOMER][1] else CUSTOMER
    if best[lead][1] <= 0.0:
        return None
    # A loop's beats agree at many lags. Only one of them is followed, and the other voice near it.
    lead_s = best[lead][0]
    low_s, high_s = (
        (-EARLIEST_CUSTOMER_S, LATEST_CUSTOMER_S) if lead == AGENT else (-LATEST_CUSTOMER_S, EARLIEST_CUSTOMER_S)
    )
    middle_s = lead_s + (low_s + high_s) / 2
    other_s, gain = _most_credible(measured[1 - lead], middle_s, (high_s - low_s) / 2)
    other_s = other_s if gain > 0.0 else lead_s
    places_s = (other_s, lead_s) if lead == AGENT else (lead_s, other_s)
    # A wide search around a single word is mostly silence: any peak stands out of it. Nearby, the peak has rivals.
    measured = [_measured(call, activities, recording, k, places_s[k], MOST_WINDOWS, _NEAR_REACH) for k in channels]
    followed = [
        Chain(w, *windows.follow(w))
        for w in (_within(w, place_s, windows.SAME_PLACE_S) for w, place_s in zip(measured, places_s, strict=True))
    ]
    chains = (followed[CUSTOMER], followed[AGENT])
    present = [is_present(chain) for chain in chains]
    empty = Points(np.zeros(0), np.zeros(0), np.zeros(0), _WIDTH / RATE / 2)
    result = fit(*(chain.points() if ok else empty for chain, ok in zip(chains, present, strict=True)))
    if result is None:
        return None
    agreed_s = sum(float(c.windows.weight_s[c.on].sum()) for c, ok in zip(chains, present, strict=True) if ok)
    return Followed(Place(result.offset_s, result.drift_ppm, agreed_s), chains, present)


def follow_near(
    call: Track,
    activities: tuple[Activity, Activity],
    recording: Track,
    reported_call_end_s: float | None,
    resolution_s: float,
    scouts: int = SCOUTS,
) -> Followed | None:
    """Follow the call where its reported end places it."""
    if reported_call_end_s is None:
        return None
    offset_s = reported_call_end_s + resolution_s / 2 - length(call) / RATE
    near = follow_at(call, activities, recording, offset_s, scouts=scouts)
    return near if near is not None and near.is_clear else None


def _measured(
    call: Track,
    activities: tuple[Activity, Activity],
    recording: Track,
    channel: int,
    offset_s: float,
    most: int,
    reach: int,
) -> Windows:
    """Return a channel's windows around an offset: `most` of them at most, with `reach` samples to either side."""
    course = Course(np.zeros(1), np.array([offset_s]), 0.0)
    starts, weight = windows.plan(activities[channel], length(call), _WIDTH, most)
    return windows.measure(call, channel, recording, course, starts, weight, _WIDTH, reach)


def _within(found: Windows, lag_s: float, reach_s: float) -> Windows:
    """Return the windows without the candidates that are further than `reach_s` from a lag."""
    return replace(found, z=np.where(np.abs(found.lag_s - lag_s) <= reach_s, found.z, 0.0))


def _most_credible(found: Windows, lag_s: float, reach_s: float) -> tuple[float, float]:
    """Return the lag around which most of the windows agree, within `reach_s` of a lag, and their gain."""
    return windows.most_credible(found.lag_s, _within(found, lag_s, reach_s).z)
