"""The call and the recording, stretch by stretch: agreement, and sound that only one of them has.

Both directions count. A stretch of the call that the recording doesn't have may be a muted microphone, an agent who
isn't part of the call at that time, or another call. Speech of the recording that the call audio doesn't have may be
another call, or a conversation that Connect didn't record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from komorebi_qc.core.timebase import Span, merged
from komorebi_qc.sync.evidence.agreement import MergedWindows, gaps, merged_windows
from komorebi_qc.sync.lags.windows import SURE_Z
from komorebi_qc.sync.vad import FRAME_S, Activity, close_gaps, spans, threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Doubles, Flags, Floats
    from komorebi_qc.core.timebase import Alignment
    from komorebi_qc.sync.lags.windows import Chain

CallState = Literal["agrees", "silent", "absent", "contradicts", "suspended"]
RecordingPart = Literal["before", "during", "after"]
LEAST_STRETCH_S = 2.0
"""Least speech of a stretch that doesn't agree. Less is an overlap of voices, a noise, or a word."""
LEAST_ABSENT_S = 8.0
"""Least speech before the agent's first words, or after the last ones, of an agent who isn't part of the call then."""
LEAST_ABSENT_TURNS = 3
MOST_AGREEING = 0.1
"""Largest share of windows that agree, by chance, while the agent isn't part of the call."""
LEAST_SHARP, SHARP_SHARE = 3, 0.3
"""Windows with a sharp peak at one lag, and their share, of a voice that is there: its microphone isn't the other's."""
_SAME_LAG_S = 0.25
OTHER_SPEECH = 0.3
"""Share of the stretch's speech with speech in the recording: less is background noise."""
DEAD_DB = -85.0
LEAST_UNEXPLAINED_S = 1.0
_REACH_S = 0.6
"""Speech of the recording this near to speech of the call is the same speech: delays of the customer, echoes, rooms."""
_SPEECH_DB = 15.0
_LEAST_RANGE_DB = 10.0
"""Least difference of loud and quiet frames of a track with speech; noise stays within a few dB."""
_NEAR_S = 0.5
_APART_S = 1.5


@dataclass(frozen=True, slots=True)
class CallSpan:
    """A stretch of the call, on the call clock.

    Attributes:
        from_s: its start.
        to_s: its end.
        state: ``agrees``: the recording has the same sound; also a pause between two such places. ``silent``: the call
            has speech, and the recording none. ``absent``: the agent isn't part of the call. ``contradicts``: the
            recording has other speech. ``suspended``: recording was suspended in Connect.
        speech_s: speech of the call in it that doesn't agree; of ``agrees`` the speech that does.
        has_other_speech: whether the recording has other speech there.
    """

    from_s: float
    to_s: float
    state: CallState
    speech_s: float
    has_other_speech: bool = False


@dataclass(frozen=True, slots=True)
class RecordingSpan:
    """Speech of the recording that the call audio doesn't have, on the recording clock.

    Attributes:
        from_s: its start.
        to_s: its end.
        part: ``before``, ``during`` or ``after`` the call.
        speech_s: speech in it.
    """

    from_s: float
    to_s: float
    part: RecordingPart
    speech_s: float


def call_spans(
    chains: tuple[Chain, Chain],
    is_present: list[bool],
    recording: Activity,
    alignment: Alignment,
    call_s: float,
) -> tuple[CallSpan, ...]:
    """Return the stretches of the call, from its start to its end."""
    m = merged_windows(chains, is_present)
    half_s = max(c.windows.size_s for c in chains) / 2
    speaking = speech_frames(recording.level_db)
    found: list[CallSpan] = []
    now_s = 0.0
    for a, b in gaps(m):
        failed = ~m.on[a:b]
        speech_s = float(m.weight_s[a:b][failed].sum())
        if speech_s < LEAST_STRETCH_S:
            continue
        is_first, is_last = a == 0, b == len(m.on)
        from_s = 0.0 if is_first else float(m.time_s[a - 1]) + half_s
        to_s = call_s if is_last else float(m.time_s[b]) - half_s
        from_s, to_s = max(from_s, now_s), max(to_s, from_s, now_s)
        state: CallState = "silent"
        if not _is_lost(alignment, Span(from_s, to_s)):
            state = _state(m, (a, b), speaking, alignment, half_s)
        has_other_speech = state == "contradicts"
        is_edge = is_first != is_last and not _has_a_voice(chains, m, (a, b))
        if is_edge and _is_absent(m, (a, b), recording.level_db, alignment):
            state = "absent"
        if from_s > now_s:
            found.append(CallSpan(now_s, from_s, "agrees", 0.0))
        found.append(CallSpan(from_s, to_s, state, speech_s, has_other_speech))
        now_s = to_s
    if now_s < call_s or not found:
        found.append(CallSpan(now_s, call_s, "agrees", 0.0))
    return tuple(
        CallSpan(s.from_s, s.to_s, s.state, _agreed_s(m, s)) if s.state == "agrees" else s
        for s in found
        if s.to_s > s.from_s
    )


def without_absence(stretches: tuple[CallSpan, ...]) -> tuple[CallSpan, ...]:
    """Return the stretches of a pair that isn't sure: an absent agent and another call look alike."""
    return tuple(
        replace(s, state="contradicts" if s.has_other_speech else "silent") if s.state == "absent" else s
        for s in stretches
    )


def _agreed_s(m: MergedWindows, span: CallSpan) -> float:
    return float(m.weight_s[m.on & (m.time_s >= span.from_s) & (m.time_s <= span.to_s)].sum())


def _places(m: MergedWindows, gap: tuple[int, int], alignment: Alignment) -> Doubles:
    """Return the recording time of each window of a gap that doesn't agree."""
    a, b = gap
    times = m.time_s[a:b][~m.on[a:b]]
    return np.array([alignment.to_recording(float(t)) for t in times])


def _is_alive(level_db: Floats, at_s: float) -> bool:
    """Return whether the recording has any sound around a moment."""
    first, last = int((at_s - _NEAR_S) / FRAME_S), int((at_s + _NEAR_S) / FRAME_S) + 1
    return bool(np.any(level_db[max(first, 0) : max(last, 0)] > DEAD_DB))


def _state(
    m: MergedWindows,
    gap: tuple[int, int],
    speaking: Flags,
    alignment: Alignment,
    half_s: float,
) -> CallState:
    """Return the state of a stretch without agreement: is there other speech in the recording?"""
    busy = 0
    places = _places(m, gap, alignment)
    for at_s in places:
        first, last = int((at_s - half_s) / FRAME_S), int((at_s + half_s) / FRAME_S) + 1
        # A window across the recording's start or end can't agree, so it shows nothing.
        is_inside = first >= 0 and last <= len(speaking)
        busy += is_inside and float(np.mean(speaking[first:last])) >= OTHER_SPEECH
    return "contradicts" if busy >= OTHER_SPEECH * max(len(places), 1) else "silent"


def _is_lost(alignment: Alignment, stretch: Span) -> bool:
    """Return whether the recording lost most of the stretch: the time before a jump backwards."""
    lost = [Span(j.call_s + j.size_s, j.call_s) for j in alignment.jumps if j.size_s < 0]
    return sum(stretch.overlap_s(span) for span in lost) >= stretch.length_s / 2


def _has_a_voice(chains: tuple[Chain, Chain], m: MergedWindows, gap: tuple[int, int]) -> bool:
    """Return whether one voice's windows have sharp peaks around one lag, on the map or not: it is in the recording."""
    a, b = gap
    for channel in (0, 1):
        rows = m.row[a:b][m.channel[a:b] == channel]
        if len(rows) < LEAST_SHARP:
            continue
        windows = chains[channel].windows
        best = np.argmax(windows.z[rows], axis=1)
        sharp = windows.z[rows, best] >= SURE_Z
        lags = windows.lag_s[rows, best][sharp]
        near = np.count_nonzero(np.abs(lags - np.median(lags)) <= _SAME_LAG_S) if len(lags) else 0
        if near >= max(LEAST_SHARP, SHARP_SHARE * len(rows)):
            return True
    return False


def _is_absent(m: MergedWindows, gap: tuple[int, int], level_db: Floats, alignment: Alignment) -> bool:
    """Return whether the agent isn't part of the call in a stretch at its start or its end.

    Enough speech of the call must be missing where the recording has sound: a recorder that stopped, or a track that
    died, says nothing about the agent.
    """
    a, b = gap
    failed = ~m.on[a:b]
    if np.count_nonzero(m.on[a:b]) > MOST_AGREEING * (b - a):
        return False
    times, weights = m.time_s[a:b][failed], m.weight_s[a:b][failed]
    alive = np.array([_is_alive(level_db, at_s) for at_s in _places(m, gap, alignment)], bool)
    turns = 1 + int(np.count_nonzero(np.diff(times[alive]) > _APART_S)) if alive.any() else 0
    return float(weights[alive].sum()) >= LEAST_ABSENT_S and turns >= LEAST_ABSENT_TURNS


def agent_part(stretches: tuple[CallSpan, ...], call_s: float, reported_call_s: float | None) -> Span | None:
    """Return the agent's part of the call; None if it is the whole call.

    Args:
        stretches: of the call, as `call_spans` returns them.
        call_s: the call's length.
        reported_call_s: the reported call end on the call clock. If it is between the last agreeing word and the first
            word that the recording doesn't have, the part ends there.
    """
    if not stretches:
        return None
    from_s = stretches[0].to_s if stretches[0].state == "absent" else 0.0
    to_s = stretches[-1].from_s if stretches[-1].state == "absent" else call_s
    if to_s <= from_s or (from_s == 0.0 and to_s == call_s):
        return None
    if to_s < call_s and reported_call_s is not None and to_s < reported_call_s < to_s + 3.0:
        to_s = reported_call_s
    return Span(from_s, to_s)


def speech_frames(level_db: Floats) -> Flags:
    """Return the frames with speech or music, not just noise; none of a track whose level hardly changes."""
    sounding = level_db[level_db > DEAD_DB]
    if len(sounding) == 0 or float(np.ptp(np.percentile(sounding, (8, 98)))) < _LEAST_RANGE_DB:
        return np.zeros(len(level_db), bool)
    return close_gaps(level_db > threshold(level_db, _SPEECH_DB), 3)


def speech_s(recording: Activity) -> float:
    """Return the seconds of a recording with speech or music."""
    return float(np.count_nonzero(speech_frames(recording.level_db))) * FRAME_S


def overlap_s(activities: tuple[Activity, Activity], recording: Activity, offset_s: float) -> tuple[float, float]:
    """Return the speech of customer and agent alone, in seconds, while the recording has speech, by an offset alone."""
    speaking = speech_frames(recording.level_db)
    out = []
    for activity, other in (activities, activities[::-1]):
        n = min(len(activity.active), len(other.active))
        at = np.flatnonzero(activity.active[:n] & ~other.active[:n]) + round(offset_s / FRAME_S)
        at = at[(at >= 0) & (at < len(speaking))]
        out.append(float(np.count_nonzero(speaking[at])) * FRAME_S)
    return out[0], out[1]


def other_speech_s(
    activities: tuple[Activity, Activity], recording: Activity, offset_s: float, suspended: Sequence[Span] = ()
) -> float:
    """Return the recording's speech, in seconds, while the call is on and nobody speaks in it, by an offset alone.

    Speech during a suspension doesn't count.
    """
    speaking = speech_frames(recording.level_db)
    n = min(len(a.active) for a in activities)
    excused = activities[0].active[:n] | activities[1].active[:n]
    for span in suspended:
        excused[int(span.start_s / FRAME_S) : int(np.ceil(span.end_s / FRAME_S))] = True
    silent = np.flatnonzero(~_dilated(excused, int(_REACH_S / FRAME_S)))
    at = silent + round(offset_s / FRAME_S)
    at = at[(at >= 0) & (at < len(speaking))]
    return float(np.count_nonzero(speaking[at])) * FRAME_S


def recording_spans(
    activities: tuple[Activity, Activity],
    recording: Activity,
    alignment: Alignment,
    call_s: float,
    stretches: tuple[CallSpan, ...],
) -> tuple[RecordingSpan, ...]:
    """Return the recording's speech that the call audio doesn't have, in order."""
    speaking = speech_frames(recording.level_db)
    n = len(speaking)
    explained = np.zeros(n, bool)
    reach = int(_REACH_S / FRAME_S)
    for segment in alignment.segments(call_s):
        first = int(segment.call.start_s / FRAME_S)
        for activity in activities:
            last = min(int(np.ceil(segment.call.end_s / FRAME_S)), len(activity.active))
            frames = first + np.flatnonzero(activity.active[first:last])
            at = np.rint(segment.to_recording(0.0) / FRAME_S + frames * segment.rate).astype(int)
            at = at[(at >= 0) & (at < n)]
            explained[at] = True
    explained = _dilated(explained, reach)
    for stretch in stretches:
        if stretch.state in ("absent", "contradicts"):
            first, last = (int(alignment.to_recording(t) / FRAME_S) for t in (stretch.from_s, stretch.to_s))
            explained[max(first, 0) : max(last, 0)] = False
    begins_s, ends_s = alignment.to_recording(0.0), alignment.to_recording(call_s)
    parts: tuple[tuple[RecordingPart, float, float], ...] = (
        ("before", 0.0, begins_s),
        ("during", begins_s, ends_s),
        ("after", ends_s, n * FRAME_S),
    )
    out = []
    left = speaking & ~explained
    for span in merged([Span(a * FRAME_S, b * FRAME_S) for a, b in spans(left)], 2.0):
        for part, low, high in parts:
            from_s, to_s = max(span.start_s, low), min(span.end_s, high)
            if to_s <= from_s:
                continue
            speech_s = float(np.count_nonzero(left[int(from_s / FRAME_S) : int(to_s / FRAME_S)])) * FRAME_S
            if speech_s >= LEAST_UNEXPLAINED_S:
                out.append(RecordingSpan(from_s, to_s, part, speech_s))
    return tuple(out)


def _dilated(flags: Flags, frames: int) -> Flags:
    total = np.concatenate([[0], np.cumsum(flags)])
    at = np.arange(len(flags))
    low, high = np.maximum(at - frames, 0), np.minimum(at + frames + 1, len(flags))
    out: Flags = total[high] > total[low]
    return out
