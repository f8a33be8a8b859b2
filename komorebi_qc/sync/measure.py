"""Where a call lies on the recording's clock: the engine's one entry point, `measure`.

coarse (blocks by features) -> fine (windows by phase) -> chain -> piecewise fit -> jumps placed -> rivals -> judged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, Doubles, Track, length
from komorebi_qc.core.timebase import Alignment, Jump
from komorebi_qc.sync import classify as judge
from komorebi_qc.sync import coarse
from komorebi_qc.sync import distant_segments as far
from komorebi_qc.sync import fit as fitting
from komorebi_qc.sync import jump_location as place
from komorebi_qc.sync import windows as fine
from komorebi_qc.sync.alternative_offsets import Rival, find_rivals
from komorebi_qc.sync.evidence import gather
from komorebi_qc.sync.vad import FRAME_S, Activity, of_call, of_recording
from komorebi_qc.sync.windows import Chain

if TYPE_CHECKING:
    from collections.abc import Sequence

CUSTOMER, AGENT = 0, 1
LEAST_CALL_S = 0.5
DEAD_DB = -85.0
"""A track below this holds nothing, not even a leak: 16 bit end at -96 dB."""
LEAST_OVERLAP_S = 3.0
"""Less of the call in the recording, by the told end, holds nothing that could agree."""
LEAST_SEGMENT = 0.4
LEAST_WINDOWS = 3


@dataclass(frozen=True, slots=True)
class FoundJump:
    """A jump with its uncertainty."""

    call_s: float
    size_s: float
    size_ci_s: tuple[float, float]
    between_s: tuple[float, float]
    """Call clock: it lies in here (a pause, or silence, tells no more)."""
    agent_only: bool = False
    """The customer's channel runs on across it: the agent's voice moved in Connect's audio, the clocks did not."""
    customer_alone_tells: bool = False
    """The agent speaks on one side of it only: the clock or the customer's leg, nothing heard tells which."""


@dataclass(frozen=True, slots=True)
class Window:
    """One measured window, for plots."""

    call_s: float
    lag_s: float
    channel: str
    weight: float
    accepted: bool
    """It lies on the course of its channel, and its channel is heard."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What was measured. Offsets and lags in seconds; `None` means undetermined, never NaN."""

    status: str
    reason: str
    offset_s: float | None
    offset_ci_s: tuple[float, float] | None
    drift_ppm: float | None
    drift_ci_ppm: tuple[float, float] | None
    jumps: tuple[FoundJump, ...]
    sides: str
    lag_agent_s: float | None
    """The offset as the agent's channel alone tells it."""
    lag_customer_s: float | None
    """And the customer's; minus `lag_agent_s`, the customer leg's extra delay."""
    customer_steps: tuple[FoundJump, ...]
    """Changes of the customer leg's delay alone: no jumps of the recording's clock."""
    coverage: float
    """Share of the speech that agrees, 0..1: of the channels that are heard, where the recording has audio."""
    rivals: tuple[Rival, ...]
    windows: tuple[Window, ...]
    evidence: judge.Evidence | None
    measured_call_end_s: float | None
    """Recording clock; by the agent's channel where it is heard, with the jumps of that channel alone."""
    told_call_end_s: float | None
    agent_shift_s: float = 0.0
    """How much later than at `offset_s` the agent's channel lies for most of its speech, by jumps of its own alone."""
    unmatched: tuple[far.Stretch, ...] = ()
    """Stretches of the call in which nothing agrees, although there is speech and the recording has audio."""

    @property
    def alignment(self) -> Alignment | None:
        """The map to splice by; None where the status does not allow it.

        A jump of the agent's channel alone (a jitter buffer on the way to Connect, a microphone that lost samples) is
        none of the clocks': to follow it would cut the customer's voice. The map keeps to the lag that most of the
        agent's speech has.
        """
        if self.status != "aligned" or self.offset_s is None:
            return None
        return Alignment(
            self.offset_s + self.agent_shift_s,
            self.drift_ppm or 0.0,
            tuple(Jump(j.call_s, j.size_s) for j in self.jumps if not j.agent_only),
        )

    @property
    def coverage_of_all(self) -> float:
        """Share of all the call's speech that agrees, 0..1: near 0.5 where only one of two voices is recorded."""
        e = self.evidence
        spoken = e.customer.active_s + e.agent.active_s if e is not None else 0.0
        if e is None or spoken <= 0:
            return 0.0
        return min(sum(c.agreed_s for c in (e.customer, e.agent) if c.heard) / spoken, 1.0)


def _nothing(status: str, reason: str, told: float | None, evidence: judge.Evidence | None = None) -> SyncResult:
    return SyncResult(
        status, reason, None, None, None, None, (), "none", None, None, (), 0.0, (), (), evidence, None, told
    )


def _track(
    call: Track, activities: tuple[Activity, Activity], recording: Track, course: coarse.Course, size: int, reach: int
) -> tuple[Chain, Chain]:
    """Both channels' chains; the weaker one is only believed where it fits the stronger one."""
    measured = []
    for channel in (CUSTOMER, AGENT):
        starts, weight = fine.plan(activities[channel], length(call), size)
        measured.append(fine.measure(call, channel, recording, course, starts, weight, size, reach))
    chains = [Chain(w, *fine.follow(w)) for w in measured]
    for channel in (CUSTOMER, AGENT):
        searched = fine.look_again(call, recording, chains[channel].windows, chains[channel].on, chains[channel].lag_s)
        if searched is not None:
            measured[channel] = searched
            chains[channel] = Chain(searched, *fine.follow(searched))
    lead = AGENT if chains[AGENT].score >= 0.3 * chains[CUSTOMER].score else CUSTOMER
    other = 1 - lead
    if np.count_nonzero(chains[lead].on):
        p = chains[lead].points()
        gate = _gate(
            measured[other].centre_s,
            p,
            earlier=fitting.EARLIEST_CUSTOMER_S,
            later=fitting.LATEST_CUSTOMER_S,
            customer=other == CUSTOMER,
        )
        gate = fine.open_container(gate, chains[other], p.time_s)
        chains[other] = Chain(measured[other], *fine.follow(measured[other], gate))
    return chains[CUSTOMER], chains[AGENT]


def _is_heard(chain: Chain) -> bool:
    """Chance puts a window on a chain now and then; a voice puts many, with sharp peaks."""
    sure = chain.on & (chain.z >= 9.0)
    usable = max(int(np.count_nonzero(chain.windows.audible)), 1)
    count = int(np.count_nonzero(sure))
    return (count >= 3 and count >= 0.08 * usable) or (count >= 2 and usable <= 4)


def measure(
    call: Track, recording: Track, told_call_end_s: float | None = None, missing: Sequence[tuple[float, float]] = ()
) -> SyncResult:
    """Align the call with the recording.

    `call`: (n, 2) at 8 kHz, left the customer, right the agent. `recording`: (m,) mono at 8 kHz, sample i at
    recording_s = i / 8000, silence where audio is missing. `missing`: spans (recording_s) known to hold no audio.
    """
    del missing  # digital silence is recognised as such
    call_s, recording_s = length(call) / RATE, length(recording) / RATE
    if call_s < LEAST_CALL_S or recording_s < LEAST_CALL_S:
        return _nothing(
            "insufficient", f"call {call_s:.1f} s, recording {recording_s:.1f} s: too short to align", told_call_end_s
        )
    activities = of_call(call)
    heard = of_recording(recording)
    if sum(a.active_s for a in activities) < judge.LEAST_SPEECH_S:
        return _nothing("insufficient", "the call is silent, or nearly so", told_call_end_s)
    if np.count_nonzero(heard.level_db > DEAD_DB) * FRAME_S < judge.LEAST_SPEECH_S:
        return _nothing(
            "insufficient",
            "the recording's audio is silent, or nearly so: a muted microphone or an empty track",
            told_call_end_s,
        )
    size, reach = fine.window_size(call_s)
    hits = coarse.search(call, activities, recording)
    options = coarse.courses(hits)
    if not options:
        return _unmatched(activities, heard, told_call_end_s)
    course = (
        max(options, key=lambda o: fine.probe(call, activities, recording, o, size, reach))
        if len(options) > 1
        else options[0]
    )
    chains = _track(call, activities, recording, course, size, reach)
    is_heard = [_is_heard(c) for c in chains]
    chains, course = far.extend(call, activities, recording, course, chains, is_heard, reach)
    empty = fitting.Points(np.zeros(0), np.zeros(0), np.zeros(0), size / RATE / 2)
    result = fitting.fit(*(c.points() if h else empty for c, h in zip(chains, is_heard, strict=True)))
    while result is not None and result.steps:
        pruned = _without_weakest(chains, is_heard, result)
        if pruned is None:
            break
        chains = pruned
        is_heard = [_is_heard(c) for c in chains]
        result = fitting.fit(*(c.points() if h else empty for c, h in zip(chains, is_heard, strict=True)))
    if result is None:
        return _unmatched(activities, heard, told_call_end_s)
    repeated, rivals = find_rivals(call, recording, chains, is_heard, hits, course, result.offset_s, size)
    evidence = gather(call_s, activities, heard, chains, is_heard, result, repeated, len(rivals))
    half_s = size / RATE / 2
    evidence = replace(evidence, unbroken_s=far.unbroken(chains, is_heard, half_s, call_s), call_s=call_s)
    verdict = judge.judge(evidence)
    jumps = _in_order([_place(call, recording, s, result, is_heard, chains, k) for k, s in enumerate(result.steps)])
    private = tuple(
        FoundJump(
            (s.after_s + s.before_s) / 2,
            s.size_s,
            _interval(s.size_s, s.sigma_s),
            (s.after_s, s.before_s),
            customer_alone_tells=s.customer_alone_tells,
        )
        for s in result.private
    )
    alignment = Alignment(result.offset_s, result.drift_ppm, tuple(Jump(j.call_s, j.size_s) for j in jumps))
    sides = ("none", "customer", "agent", "both")[is_heard[CUSTOMER] + 2 * is_heard[AGENT]]
    agreed = sum(c.agreed_s for c in (evidence.customer, evidence.agent) if c.heard)
    active = sum(c.active_s for c in (evidence.customer, evidence.agent) if c.heard)
    return SyncResult(
        verdict.status,
        verdict.reason,
        result.offset_s,
        _interval(result.offset_s, result.offset_sigma_s),
        result.drift_ppm,
        _interval(result.drift_ppm, result.drift_sigma_ppm),
        jumps,
        sides,
        result.lag_s[AGENT],
        result.lag_s[CUSTOMER],
        private,
        min(agreed / active, 1.0) if active > 0 else 0.0,
        rivals,
        _plot_windows(chains, is_heard),
        evidence,
        alignment.to_recording(call_s),
        told_call_end_s,
        _agent_shift(jumps, chains[AGENT]),
        far.unmatched(chains, is_heard, half_s, call_s),
    )


def _gate(time_s: Doubles, lead: fitting.Points, *, earlier: float, later: float, customer: bool) -> Doubles:
    """(windows, 2) least and largest lag the other channel may have, given the leading one's.

    Between two windows of the lead the range spans both; before its first and after its last one a jump may have come
    that only the other channel tells of.
    """
    low, high = (-earlier, later) if customer else (-later, earlier)
    at = np.searchsorted(lead.time_s, time_s)
    left = lead.lag_s[np.maximum(at - 1, 0)]
    right = lead.lag_s[np.minimum(at, len(lead.lag_s) - 1)]
    beyond = np.where((at == 0) | (at == len(lead.lag_s)), fine.JUMP_S, 0.0)
    gate: Doubles = np.stack([np.minimum(left, right) + low - beyond, np.maximum(left, right) + high + beyond], axis=1)
    return gate


def _without_weakest(
    chains: tuple[Chain, Chain], is_heard: list[bool], result: fitting.Fit
) -> tuple[Chain, Chain] | None:
    """The chains without a segment that too little supports; None where every segment holds.

    One shared prompt under its own lag must not pass for a jump: between two jumps, and up to the neighbouring
    segment, most windows have to agree; a first or last segment has to hold to the end.
    """
    edges = [-np.inf, *((s.after_s + s.before_s) / 2 for s in result.steps), np.inf]
    heard = [c for c, ok in zip(chains, is_heard, strict=True) if ok]
    time_s = np.concatenate([c.windows.centre_s for c in heard])
    on = np.concatenate([c.on for c in heard])
    z = np.concatenate([c.z for c in heard])
    usable = np.concatenate([c.windows.audible for c in heard]) | on
    # how far each segment's own windows reach, and the gaps to its neighbours: what fails in a gap speaks against the
    # smaller one
    agreeing, share = [], []
    for k, (a, b) in enumerate(pairwise(edges)):
        mine = time_s[on & (time_s > a) & (time_s <= b)]
        if len(mine) == 0:
            return None
        low = a if k == 0 else result.steps[k - 1].after_s
        high = b if k == len(result.steps) else result.steps[k].before_s
        inside = usable & (time_s > low) & (time_s < high + 1e-6)
        agreeing.append(len(mine))
        # two windows are one sound: a word said twice fits so well, though not as sharply as the rest
        clear = np.median(z[on & (time_s > a) & (time_s <= b)]) >= 0.5 * np.median(z[on])
        solid = len(mine) >= LEAST_WINDOWS or (len(mine) == 2 and bool(clear))
        share.append(len(mine) / max(int(np.count_nonzero(inside)), 1) if solid else 0.0)
    weakest = int(np.argmin(share))
    if share[weakest] >= LEAST_SEGMENT or agreeing[weakest] == max(agreeing):
        return None
    a, b = edges[weakest], edges[weakest + 1]
    out = [Chain(c.windows, c.on & ~((c.windows.centre_s > a) & (c.windows.centre_s <= b)), c.choice) for c in chains]
    return out[CUSTOMER], out[AGENT]


def _interval(value: float, sigma: float) -> tuple[float, float]:
    return value - 1.96 * sigma, value + 1.96 * sigma


def _unmatched(activities: tuple[Activity, Activity], heard: Activity, told: float | None) -> SyncResult:
    """Nothing agrees anywhere: a wrong pair, or no evidence about it."""
    silent = [judge.Channel(a.active_s, 0.0, 0.0, len(a.turns), 0, 0, 0.0, False) for a in activities]
    evidence = judge.Evidence(silent[CUSTOMER], silent[AGENT], heard.active_s, 0.0, 0.0, 0)
    if told is not None and told <= LEAST_OVERLAP_S:
        # a wrong told end can make no wrong pair right: the call is placed as told, where hardly any of it is heard
        ends = "before the recording begins" if told <= 0 else f"{told:.1f} s into the recording"
        return _nothing(
            "insufficient",
            f"nothing agrees, and by the told call end the call ends {ends}: what is recorded is what followed the "
            "call, and that tells nothing of whether the two belong together",
            told,
            evidence,
        )
    verdict = judge.judge(evidence)
    return _nothing(verdict.status, verdict.reason, told, evidence)


def _place(
    call: Track,
    recording: Track,
    step: fitting.Step,
    result: fitting.Fit,
    is_heard: list[bool],
    chains: tuple[Chain, Chain],
    index: int,
) -> FoundJump:
    """The jump in its interval. Lost audio (negative) ends where the new lag begins."""
    half = max(c.windows.size_s for c in chains) / 2
    middle = (step.after_s + step.before_s) / 2
    voices = []
    for channel in (CUSTOMER, AGENT):
        own = result.lag_s[channel]
        if is_heard[channel] and own is not None and not (step.agent_only and channel == CUSTOMER):
            before = own + sum(s.size_s for s in result.steps[:index] if channel == AGENT or not s.agent_only)
            later = 0.0
            if channel == CUSTOMER:
                before += sum(p.size_s for p in result.private if p.before_s <= middle)
                agent = result.lag_s[AGENT]
                if agent is not None:
                    later = before - agent - sum(s.size_s for s in result.steps[:index])
            voices.append(place.Voice(channel, before, before + step.size_s, later))
    late = [v.later_s for v in voices]
    low = max(step.after_s - half + min(0.0, *late), 0.0) if late else step.after_s
    high = step.before_s + half + max(0.0, *late) if late else step.before_s
    at, first, last = place.change(call, recording, voices, result.drift_ppm * 1e-6, step.size_s, low, high)
    return FoundJump(
        at, step.size_s, _interval(step.size_s, step.sigma_s), (first, last), step.agent_only, step.customer_alone_tells
    )


def _in_order(jumps: list[FoundJump]) -> tuple[FoundJump, ...]:
    """The jumps one after the other, where two of them share a pause: each was placed as if it were alone."""
    out: list[FoundJump] = []
    for jump in jumps:
        least = out[-1].call_s if out else jump.call_s
        first, last = jump.between_s
        moved = max(jump.call_s, least)
        out.append(replace(jump, call_s=moved, between_s=(min(first, moved), max(last, moved))))
    return tuple(out)


def _agent_shift(jumps: tuple[FoundJump, ...], agent: Chain) -> float:
    """What the jumps of the agent's channel alone add up to where most of its agreeing speech lies, in seconds."""
    alone = [j for j in jumps if j.agent_only]
    if not alone:
        return 0.0
    weight, time_s = agent.windows.weight_s[agent.on], agent.windows.centre_s[agent.on]
    level = np.searchsorted([j.call_s for j in alone], time_s)
    most = int(np.argmax(np.bincount(level, weight, len(alone) + 1)))
    return float(sum(j.size_s for j in alone[:most]))


def _plot_windows(chains: tuple[Chain, Chain], is_heard: list[bool]) -> tuple[Window, ...]:
    out = []
    for chain, name, ok in zip(chains, ("customer", "agent"), is_heard, strict=True):
        for t, lag, z, on in zip(chain.windows.centre_s, chain.lag_s, chain.z, chain.on, strict=True):
            out.append(Window(float(t), float(lag), name, float(z), bool(on) and ok))
    out.sort(key=lambda w: w.call_s)
    return tuple(out)
