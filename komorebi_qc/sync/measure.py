"""Sync, the one entry point: `measure` finds the place of a call in a recording.

The stages: blocks by coarse features, windows by phase correlation, one chain of windows a channel, a piecewise-linear
fit, jumps located, alternative offsets, and a status from all the evidence.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.privacy.suspensions import SUSPENDED_MIN_S, suspended_spans
from komorebi_qc.core.samples import RATE, Track, length
from komorebi_qc.core.timebase import Alignment, Jump, Span
from komorebi_qc.sync.channels import follow_channels, follow_other, presence, without_weakest_segment
from komorebi_qc.sync.distant_segments import extend
from komorebi_qc.sync.evidence.agreement import ends_as_reported, unbroken, unmatched
from komorebi_qc.sync.evidence.alternative_offsets import find_alternative_offsets
from komorebi_qc.sync.evidence.belonging import belonging
from komorebi_qc.sync.evidence.candidates import (
    FEW_SCOUTS,
    SAME_S,
    Place,
    best_candidate,
    find_candidates,
    follow_at,
    follow_near,
)
from komorebi_qc.sync.evidence.classify import LEAST_SPEECH_S, Channel, Evidence, classify
from komorebi_qc.sync.evidence.doubts import against, at_place, with_doubts
from komorebi_qc.sync.evidence.gather import gather
from komorebi_qc.sync.evidence.spans import (
    agent_part,
    call_spans,
    other_speech_s,
    overlap_s,
    recording_spans,
    speech_s,
    without_absence,
)
from komorebi_qc.sync.fit.model import AGENT, CUSTOMER, Points
from komorebi_qc.sync.fit.piecewise import fit, mean_drift
from komorebi_qc.sync.jumps import agent_shift, customer_step, in_order, interval, locate_jump
from komorebi_qc.sync.lags import coarse, windows
from komorebi_qc.sync.moved_words import with_moved_words
from komorebi_qc.sync.result import SyncResult, Window
from komorebi_qc.sync.stretched import put_back, stretched
from komorebi_qc.sync.suspended import with_private_time
from komorebi_qc.sync.vad import FRAME_S, Activity, of_call, of_recording

if TYPE_CHECKING:
    from komorebi_qc.sync.evidence.alternative_offsets import AlternativeOffset
    from komorebi_qc.sync.evidence.candidates import Candidate, Followed
    from komorebi_qc.sync.fit.model import Fit
    from komorebi_qc.sync.lags.windows import Chain

LEAST_CALL_S = 0.5
DEAD_DB = -85.0
"""A track below this level holds no sound, not even crosstalk. 16-bit audio ends at -96 dB."""
OTHER_LAG_S = 0.05
"""Windows that a fit dropped at this distance from the others' lag agreed by chance."""
MOST_OF_IT = 0.6
"""Share of a few words that must agree at the reported call end. A word agrees by chance."""
BEND_S = 1.5e-4
"""Sigma of a map with knots, straight between them where a quartz bends."""
LEAST_RECORDED_S = 1.0
"""A recording with this much speech has a microphone that works."""
LEAST_OVERLAP_S = 3.0
"""A shorter overlap of call and recording, by the reported call end, can't show agreement."""


def measure(
    call: Track,
    recording: Track,
    reported_call_end_s: float | None = None,
    resolution_s: float = 1.0,
    *,
    suspended_min_s: float = SUSPENDED_MIN_S,
) -> SyncResult:
    """Align the call with the recording.

    Args:
        call: Connect's audio at 8 kHz, shape ``(n, 2)``: customer left, agent right.
        recording: the recording's audio at 8 kHz, mono, shape ``(m,)``. Sample ``i`` is at ``recording_s = i / 8000``;
            missing audio is digital silence.
        reported_call_end_s: the call's end on the recording's clock as the backend reported it.
        resolution_s: its unit; a time in whole seconds may be early by up to 1 s.
        suspended_min_s: the shortest suspension.
    """
    found = _measured(call, recording, reported_call_end_s, resolution_s, may_stretch=True)
    return with_private_time(found, call, recording, min_s=suspended_min_s)


def _measured(
    call: Track, recording: Track, reported_call_end_s: float | None, resolution_s: float, *, may_stretch: bool
) -> SyncResult:
    call_s, recording_s = length(call) / RATE, length(recording) / RATE
    if call_s < LEAST_CALL_S or recording_s < LEAST_CALL_S:
        reason = f"call {call_s:.1f} s, recording {recording_s:.1f} s: too short to align"
        return without_offset(
            "insufficient", reason if recording_s > 0 else "the recording has no audio", reported_call_end_s
        )
    activities, recording_activity = of_call(call), of_recording(recording)
    if sum(a.active_s for a in activities) < LEAST_SPEECH_S:
        found = _without_agreement(call, activities, recording, recording_activity, reported_call_end_s, resolution_s)
        return replace(found, status="insufficient", reason="the call is silent, or nearly so")
    if np.count_nonzero(recording_activity.level_db > DEAD_DB) * FRAME_S < LEAST_SPEECH_S:
        return without_offset(
            "insufficient",
            "the recording's audio is silent, or nearly so: a muted microphone or an empty track",
            reported_call_end_s,
        )
    size, reach = windows.window_size(call_s)
    hits = coarse.search(call, activities, recording)
    drift = coarse.large_drift(hits) if may_stretch else 0.0
    if drift:
        # Several jumps may look like drift at this stage. Then the stretched copy doesn't agree without them.
        far_off = _stretched(call, recording, reported_call_end_s, resolution_s, drift)
        if far_off.status == "aligned" and abs(far_off.drift_ppm or 0.0) > coarse.STEEPEST * 1e6:
            return far_off
    courses = coarse.courses(hits)
    if not courses:
        return _without_agreement(call, activities, recording, recording_activity, reported_call_end_s, resolution_s)
    course = windows.best_course(call, activities, recording, courses, size, reach)
    voices = (activities, recording_activity)
    return measure_along(course, hits, call, recording, voices, reported_call_end_s, resolution_s, may_stretch)


def measure_along(
    course: coarse.Course,
    hits: coarse.Hits,
    call: Track,
    recording: Track,
    voices: tuple[tuple[Activity, Activity], Activity],
    reported_call_end_s: float | None,
    resolution_s: float,
    may_stretch: bool,
) -> SyncResult:
    """Align the call along a course, by the windows in which the call is active; `hits` are tried as other places."""
    activities, recording_activity = voices
    call_s = length(call) / RATE
    size, reach = windows.window_size(call_s)
    chains, present, result, course = _followed(call, activities, recording, course, size, reach)
    if result is None:
        return _without_agreement(call, activities, recording, recording_activity, reported_call_end_s, resolution_s)
    if may_stretch and abs(result.drift_ppm) > coarse.STEEPEST * 1e6:
        return _stretched(call, recording, reported_call_end_s, resolution_s, result.drift_ppm * 1e-6)
    half_s = size / RATE / 2
    repeated, elsewhere = find_alternative_offsets(
        call, recording, chains, present, hits, course, result.offset_s, size
    )
    jumps = in_order(
        [locate_jump(call, recording, step, result, present, chains, k) for k, step in enumerate(result.steps)]
    )
    drift_ppm, knots = mean_drift(result, call_s)
    alignment = Alignment(result.offset_s, drift_ppm, tuple(Jump(j.call_s, j.size_s) for j in jumps), knots)
    stretches = call_spans(chains, present, recording_activity, alignment, call_s)
    measured_call_end_s = alignment.to_recording(call_s)
    reported_call_s = None if reported_call_end_s is None else alignment.to_call(reported_call_end_s, call_s)
    part_s = unbroken(chains, present, half_s, call_s)
    evidence = replace(
        gather(call_s, activities, recording_activity, chains, present, result, repeated, len(elsewhere)),
        unbroken_s=part_s,
        call_s=call_s,
        ends_as_reported=ends_as_reported(chains, part_s, reported_call_s, resolution_s),
        **against(stretches),
    )
    classification = classify(evidence)
    is_aligned = classification.status == "aligned"
    candidates: tuple[Candidate, ...] = ()
    of_place = evidence
    if not is_aligned:
        best = Place(result.offset_s, drift_ppm, evidence.customer.agreed_s + evidence.agent.agreed_s)
        candidates, chosen, used = _places(
            call, activities, recording, best, elsewhere, reported_call_end_s, resolution_s, classification.status
        )
        if used is not None and any(used.is_present):
            alignment, present_there = Alignment(used.place.offset_s, used.place.drift_ppm), used.is_present
            stretches = call_spans(used.chains, used.is_present, recording_activity, alignment, call_s)
        else:
            present_there = present
        overlaps_s = overlap_s(activities, recording_activity, alignment.offset_s)
        other_s = other_speech_s(activities, recording_activity, alignment.offset_s, _private(call))
        evidence = with_doubts(evidence, stretches, None if present_there[AGENT] else overlaps_s[AGENT], other_s)
        if chosen is None and speech_s(recording_activity) >= LEAST_RECORDED_S:
            # The agreement is chance, so the recording has none of the call's words.
            evidence = replace(evidence, against_s=max(evidence.against_s, sum(a.active_s for a in activities)))
        again = classify(evidence)
        classification = classification if again.status == "aligned" else again
        of_place = at_place(evidence, activities, used, result.offset_s)
        stretches = without_absence(stretches)
    return SyncResult(
        status=classification.status,
        reason=classification.reason,
        offset_s=result.offset_s,
        offset_ci_s=interval(result.offset_s, float(np.hypot(result.offset_sigma_s, BEND_S if knots else 0.0))),
        drift_ppm=drift_ppm,
        drift_ci_ppm=interval(drift_ppm, result.drift_sigma_ppm),
        jumps=jumps,
        sides=("none", "customer", "agent", "both")[present[CUSTOMER] + 2 * present[AGENT]],
        lag_agent_s=result.lag_s[AGENT],
        lag_customer_s=result.lag_s[CUSTOMER],
        customer_steps=tuple(customer_step(step) for step in result.private),
        coverage=evidence.coverage,
        alternative_offsets=elsewhere,
        windows=_plot_windows(chains, present),
        evidence=evidence,
        measured_call_end_s=measured_call_end_s,
        reported_call_end_s=reported_call_end_s,
        agent_shift_s=agent_shift(jumps, chains[AGENT]),
        unmatched=unmatched(chains, present, half_s, call_s),
        knots=knots,
        belongs=belonging(classification.status, of_place),
        spans=stretches,
        spans_alignment=alignment,
        recording_spans=recording_spans(activities, recording_activity, alignment, call_s, stretches),
        agent_part=agent_part(stretches, call_s, reported_call_s) if is_aligned else None,
        candidates=candidates,
    )


def _stretched(
    call: Track, recording: Track, reported_call_end_s: float | None, resolution_s: float, drift: float
) -> SyncResult:
    """Measure a recording whose clock is far off, by its stretched copy."""
    reported_s = None if reported_call_end_s is None else reported_call_end_s / (1.0 + drift)
    result = _measured(call, stretched(recording, drift), reported_s, resolution_s, may_stretch=False)
    return put_back(result, drift, reported_call_end_s)


def _places(
    call: Track,
    activities: tuple[Activity, Activity],
    recording: Track,
    best: Place,
    elsewhere: tuple[AlternativeOffset, ...],
    reported_call_end_s: float | None,
    resolution_s: float,
    status: str,
) -> tuple[tuple[Candidate, ...], Candidate | None, Followed | None]:
    """Return the candidates of a pair that isn't aligned, the one to use, and both channels followed there.

    The evidence against the pair counts at the place that would be used: a loop may be at another beat. Any other wrong
    pair isn't placed.
    """
    is_other = status == "wrong_pair" and not elsewhere
    near = None if is_other else follow_near(call, activities, recording, reported_call_end_s, resolution_s)
    candidates = find_candidates(length(call) / RATE, best, elsewhere, near, reported_call_end_s, resolution_s)
    chosen = best_candidate(candidates, reported_call_end_s, resolution_s)
    if chosen is None or is_other or _is_at(near, chosen):
        return candidates, chosen, near
    return candidates, chosen, follow_at(call, activities, recording, chosen.offset_s, SAME_S)


def _is_at(near: Followed | None, chosen: Candidate) -> bool:
    return near is not None and abs(near.place.offset_s - chosen.offset_s) <= SAME_S


def _followed(
    call: Track, activities: tuple[Activity, Activity], recording: Track, course: coarse.Course, size: int, reach: int
) -> tuple[tuple[Chain, Chain], list[bool], Fit | None, coarse.Course]:
    """Follow both channels along a course, with their distant segments, and fit them."""
    chains = follow_channels(call, activities, recording, course, size, reach)
    present = presence(chains)
    chains, course = extend(call, activities, recording, course, chains, present, reach)
    chains = with_moved_words(call, activities, recording, chains, present)
    fitted, present, result = _fitted(chains, present, size)
    if _agreeing(fitted) < _agreeing(chains):
        # Windows that agreed by chance shut out the other voice, and hid a stretch from the distant segments' search.
        again = follow_other(_without_dropped(chains, fitted))
        fitted = (_joined(again[CUSTOMER], fitted[CUSTOMER]), _joined(again[AGENT], fitted[AGENT]))
        present = presence(fitted)
        fitted, course = extend(call, activities, recording, course, fitted, present, reach)
        fitted = with_moved_words(call, activities, recording, fitted, present)
        fitted, present, result = _fitted(fitted, present, size)
    return fitted, present, result, course


def _without_dropped(before: tuple[Chain, Chain], after: tuple[Chain, Chain]) -> tuple[Chain, Chain]:
    """Return the chains `after`, without the candidates of the windows that were on `before`, at another lag."""
    out = []
    for old, new in zip(before, after, strict=True):
        dropped = old.on & ~new.on
        if new.on.any():
            usual_s = np.interp(new.windows.centre_s, new.windows.centre_s[new.on], new.lag_s[new.on])
            dropped &= np.abs(old.lag_s - usual_s) > OTHER_LAG_S
        z = np.where(dropped[:, None], 0.0, new.windows.z)
        out.append(replace(new, windows=replace(new.windows, z=z)))
    return out[CUSTOMER], out[AGENT]


def _joined(chain: Chain, fitted: Chain) -> Chain:
    """Return a chain with the windows and peaks of a fit: a distant segment can't be followed, and stays."""
    on, choice = chain.on | fitted.on, np.where(fitted.on, fitted.choice, chain.choice)
    return replace(chain, windows=replace(chain.windows, z=fitted.windows.z), on=on, choice=choice)


def _agreeing(chains: tuple[Chain, Chain]) -> int:
    return sum(int(np.count_nonzero(chain.on)) for chain in chains)


def _fitted(
    chains: tuple[Chain, Chain], present: list[bool], size: int
) -> tuple[tuple[Chain, Chain], list[bool], Fit | None]:
    """Fit the chains, and fit them again without each segment that has too little support."""
    empty = Points(np.zeros(0), np.zeros(0), np.zeros(0), size / RATE / 2)
    while True:
        result = fit(*(c.points() if ok else empty for c, ok in zip(chains, present, strict=True)))
        if result is None or not result.steps:
            return chains, present, result
        pruned = without_weakest_segment(chains, present, result)
        if pruned is None:
            return chains, present, result
        chains, present = pruned, presence(pruned)


def _without_agreement(
    call: Track,
    activities: tuple[Activity, Activity],
    recording: Track,
    recording_activity: Activity,
    reported_s: float | None,
    resolution_s: float,
) -> SyncResult:
    """Return the result for a pair in which nothing agrees: a wrong pair, or too little evidence."""
    call_s = length(call) / RATE
    silent = [Channel(a.active_s, 0.0, 0.0, len(a.turns), 0, 0, 0.0, False) for a in activities]
    evidence = Evidence(silent[CUSTOMER], silent[AGENT], recording_activity.active_s, 0.0, 0.0, 0)
    if reported_s is None:
        classification = classify(evidence)
        return without_offset(classification.status, classification.reason, reported_s, evidence)
    near = follow_near(call, activities, recording, reported_s, resolution_s, FEW_SCOUTS)
    candidates = find_candidates(call_s, None, (), near, reported_s, resolution_s)
    is_most = near is not None and near.place.agreed_s >= MOST_OF_IT * sum(a.active_s for a in activities)
    if near is not None and is_most and best_candidate(candidates, reported_s, resolution_s) is not None:
        # A few words agree where the reported end places them: little, but nearly all that there is.
        stretches = call_spans(near.chains, near.is_present, recording_activity, Alignment(near.place.offset_s), call_s)
        found = without_offset(
            "insufficient",
            f"{near.place.agreed_s:.1f} s of speech agree at the reported call end: too little to be sure",
            reported_s,
            replace(evidence, **against(stretches, is_part=False)),
        )
        return replace(found, candidates=candidates)
    if reported_s <= LEAST_OVERLAP_S:
        # The call is placed by the reported end, where hardly any of it is in the recording. So a wrong reported end
        # can't make a wrong pair pass.
        ends = "before the recording begins" if reported_s <= 0 else f"{reported_s:.1f} s into the recording"
        outside_s = sum(a.active_s for a in activities) if speech_s(recording_activity) >= LEAST_RECORDED_S else 0.0
        return without_offset(
            "insufficient",
            f"nothing agrees, and by the reported call end the call ends {ends}: the recording holds only what "
            "followed the call, so nothing shows whether the two belong together",
            reported_s,
            replace(evidence, against_s=outside_s, against_turns=1),
        )
    offset_s = reported_s + resolution_s / 2 - call_s
    customer_s, agent_s = overlap_s(activities, recording_activity, offset_s)
    # A muted microphone records nothing. Speech that the call doesn't have is another conversation's, unless recording
    # was suspended in Connect.
    against_s = customer_s + agent_s + other_speech_s(activities, recording_activity, offset_s, _private(call))
    if speech_s(recording_activity) >= LEAST_RECORDED_S:
        # The microphone works, and the recording has none of the call's words.
        against_s = max(against_s, sum(a.active_s for a in activities))
    evidence = replace(evidence, against_s=against_s, against_turns=1, agent_against_s=agent_s)
    classification = classify(evidence)
    return without_offset(classification.status, classification.reason, reported_s, evidence)


def _private(call: Track) -> list[Span]:
    """Return the spans in which recording was suspended, by the call alone."""
    return [p.call for p in suspended_spans(call)]


def without_offset(status: str, reason: str, reported: float | None, evidence: Evidence | None = None) -> SyncResult:
    """Return the result of a pair that isn't placed."""
    result = SyncResult(
        status, reason, None, None, None, None, (), "none", None, None, (), 0.0, (), (), evidence, None, reported
    )
    return result if evidence is None else replace(result, belongs=belonging(status, evidence))


def _plot_windows(chains: tuple[Chain, Chain], is_present: list[bool]) -> tuple[Window, ...]:
    out = []
    for chain, name, ok in zip(chains, ("customer", "agent"), is_present, strict=True):
        for t, lag, z, on in zip(chain.windows.centre_s, chain.lag_s, chain.z, chain.on, strict=True):
            out.append(Window(float(t), float(lag), name, float(z), bool(on) and ok))
    out.sort(key=lambda w: w.call_s)
    return tuple(out)
