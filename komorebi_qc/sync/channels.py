"""Both channels of the call followed through the recording, and segments with too little support removed."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import length
from komorebi_qc.sync.fit.combine import EARLIEST_CUSTOMER_S, LATEST_CUSTOMER_S
from komorebi_qc.sync.fit.model import AGENT, CUSTOMER
from komorebi_qc.sync.lags import windows
from komorebi_qc.sync.lags.windows import Chain

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Flags, Track
    from komorebi_qc.sync.fit.model import Fit, Points
    from komorebi_qc.sync.lags.coarse import Course
    from komorebi_qc.sync.vad import Activity

LEAST_SEGMENT = 0.4
"""Share of a segment's windows that must agree."""
LEAST_WINDOWS = 3
"""A segment with fewer agreeing windows needs sharper peaks."""
SHARP_Z = 9.0
LEAST_SHARE, LEAST_SHARE_NEAR = 0.08, 0.3
"""Share of a voice's windows that agree sharply, if it is in the recording: in the call, and near the other voice."""
NEAR_S = 8.0
"""A turn before the other voice's first word, or after its last one, is still near it."""


def follow_channels(
    call: Track, activities: tuple[Activity, Activity], recording: Track, course: Course, size: int, reach: int
) -> tuple[Chain, Chain]:
    """Follow both channels along a course.

    The stronger channel leads. The other one is accepted only at lags that fit the leading one's.
    """
    measured = []
    for channel in (CUSTOMER, AGENT):
        starts, weight = windows.plan(activities[channel], length(call), size)
        measured.append(windows.measure(call, channel, recording, course, starts, weight, size, reach))
    chains = [Chain(w, *windows.follow(w)) for w in measured]
    for channel in (CUSTOMER, AGENT):
        searched = windows.look_again(
            call, recording, chains[channel].windows, chains[channel].on, chains[channel].lag_s
        )
        if searched is not None:
            measured[channel] = searched
            chains[channel] = Chain(searched, *windows.follow(searched))
    return follow_other((chains[CUSTOMER], chains[AGENT]))


def follow_other(chains: tuple[Chain, Chain]) -> tuple[Chain, Chain]:
    """Follow the weaker channel at the lags that fit the leading one's."""
    lead = AGENT if chains[AGENT].score >= 0.3 * chains[CUSTOMER].score else CUSTOMER
    other = 1 - lead
    if not np.count_nonzero(chains[lead].on):
        return chains
    lead_points, own = chains[lead].points(), chains[other].windows
    gate = _gate(
        own.centre_s,
        lead_points,
        earlier=EARLIEST_CUSTOMER_S,
        later=LATEST_CUSTOMER_S,
        customer=other == CUSTOMER,
    )
    gate = windows.widen_gate(gate, chains[other], lead_points.time_s)
    followed = Chain(own, *windows.follow(own, gate))
    return (followed, chains[AGENT]) if other == CUSTOMER else (chains[CUSTOMER], followed)


def presence(chains: tuple[Chain, Chain]) -> list[bool]:
    """Return which voices are in the recording: of the customer and the agent.

    In a call of which the agent is part for a short time, a voice agrees with little of the whole. So a voice is also
    looked for where the other one agrees.
    """
    found = [is_present(chain) for chain in chains]
    if sum(found) == 1:
        lead, other = (chains[CUSTOMER], chains[AGENT]) if found[CUSTOMER] else (chains[AGENT], chains[CUSTOMER])
        time_s, at_s = other.windows.centre_s, lead.windows.centre_s[lead.on]
        near = (time_s >= at_s[0] - NEAR_S) & (time_s <= at_s[-1] + NEAR_S)
        # Within the agent's short part of the call, the agent may say but a word or two.
        between = (time_s >= at_s[0]) & (time_s <= at_s[-1])
        sharp = any(_agrees_sharply(other, here, LEAST_SHARE_NEAR) for here in (near, between))
        if sharp and not np.any(other.on & ~near):
            found = [True, True]
    return found


def is_present(chain: Chain) -> bool:
    """Return whether the channel's voice is in the recording.

    A window agrees by chance now and then. A voice gives many agreeing windows, with sharp peaks.
    """
    return _agrees_sharply(chain, np.ones(len(chain.on), bool), LEAST_SHARE)


def _agrees_sharply(chain: Chain, where: Flags, least_share: float) -> bool:
    """Return whether enough windows agree sharply, in a part of the call."""
    count = int(np.count_nonzero(chain.on & where & (chain.z >= SHARP_Z)))
    usable = max(int(np.count_nonzero(chain.windows.audible & where)), 1)
    return (count >= LEAST_WINDOWS and count >= least_share * usable) or (count >= 2 and usable <= 4)


def _gate(time_s: Doubles, lead: Points, *, earlier: float, later: float, customer: bool) -> Doubles:
    """Return the least and largest lag that the other channel may have, shape ``(windows, 2)``.

    Between two windows of the leading channel the range spans both of their lags. Before its first and after its last
    window the range is wider: a jump there shows in the other channel only.
    """
    low, high = (-earlier, later) if customer else (-later, earlier)
    at = np.searchsorted(lead.time_s, time_s)
    left = lead.lag_s[np.maximum(at - 1, 0)]
    right = lead.lag_s[np.minimum(at, len(lead.lag_s) - 1)]
    beyond = np.where((at == 0) | (at == len(lead.lag_s)), windows.JUMP_S, 0.0)
    gate: Doubles = np.stack([np.minimum(left, right) + low - beyond, np.maximum(left, right) + high + beyond], axis=1)
    return gate


def without_weakest_segment(
    chains: tuple[Chain, Chain], is_present: list[bool], result: Fit
) -> tuple[Chain, Chain] | None:
    """Return the chains without the segment that has the least support; None if every segment holds.

    A shared prompt at its own lag must not pass for a jump. Between two jumps, and up to the neighbouring segment, most
    windows have to agree. A first or last segment has to hold to the end of the call.
    """
    edges = [-np.inf, *((s.after_s + s.before_s) / 2 for s in result.steps), np.inf]
    recording_activity = [c for c, ok in zip(chains, is_present, strict=True) if ok]
    time_s = np.concatenate([c.windows.centre_s for c in recording_activity])
    on = np.concatenate([c.on for c in recording_activity])
    z = np.concatenate([c.z for c in recording_activity])
    usable = np.concatenate([c.windows.audible for c in recording_activity]) | on
    # A failed window in the gap between two segments counts against the smaller one.
    agreeing, share = [], []
    for k, (a, b) in enumerate(pairwise(edges)):
        mine = time_s[on & (time_s > a) & (time_s <= b)]
        if len(mine) == 0:
            return None
        low = a if k == 0 else result.steps[k - 1].after_s
        high = b if k == len(result.steps) else result.steps[k].before_s
        inside = usable & (time_s > low) & (time_s < high + 1e-6)
        agreeing.append(len(mine))
        # Two windows hold one sound only. A word said twice fits too, but less sharply than the rest.
        clear = np.median(z[on & (time_s > a) & (time_s <= b)]) >= 0.5 * np.median(z[on])
        solid = len(mine) >= LEAST_WINDOWS or (len(mine) == 2 and bool(clear))
        share.append(len(mine) / max(int(np.count_nonzero(inside)), 1) if solid else 0.0)
    weakest = int(np.argmin(share))
    if share[weakest] >= LEAST_SEGMENT or agreeing[weakest] == max(agreeing):
        return None
    a, b = edges[weakest], edges[weakest + 1]
    out = [Chain(c.windows, c.on & ~((c.windows.centre_s > a) & (c.windows.centre_s <= b)), c.choice) for c in chains]
    return out[CUSTOMER], out[AGENT]
