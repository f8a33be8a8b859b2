"""Suspensions: stretches in which Connect was asked to stop recording, found as digital silence on both channels.

A suspension silences both channels at the same sample, and both come back at the same sample. Other digital silence
comes and goes on each channel by itself: a muted microphone, music on hold, discontinuous transmission (a telephone
that sends nothing between two words), lost packets, a dead channel. If the edges say nothing, the recording is the
witness: a conversation goes on in it while the call is digitally silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.privacy.digital_silence import SilentRun, frame_ranges, joint_runs, silent_runs
from komorebi_qc.core.privacy.masks import PrivateSpan
from komorebi_qc.core.privacy.suspension_evidence import EXACT_S, LOSSY_S, Question, Recorded, Witness
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Span, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from komorebi_qc.core.privacy.digital_silence import FrameRanges
    from komorebi_qc.core.samples import Track

__all__ = ["SUSPENDED_MIN_S", "Witness", "suspended_spans"]

SUSPENDED_MIN_S = 2.0
"""Shorter digital silence on both channels isn't called a suspension."""
EXACT, LOSSY, RINGING = 0, 4, (16, 12, 8)
"""Spreads of digital silence in 16-bit steps: exact; after a resampler or a lossy codec; at its edges."""
_RINGING_S = 0.35
"""A lossy codec's longest ringing at an edge."""
_SHARP = 4
"""Samples by which an edge may differ within a wider spread, if it passed no codec."""
_SMEARED_S = 0.05
"""An edge that differs by this much passed a codec that rings."""


def suspended_spans(
    call: Track,
    *,
    witness: Callable[[], Witness | None] | None = None,
    min_s: float = SUSPENDED_MIN_S,
) -> tuple[PrivateSpan, ...]:
    """Return the stretches of a call in which recording was suspended in Connect, in order.

    Args:
        call: the call audio at 8 kHz, shape ``(n, 2)``: customer, agent.
        witness: returns the recording's speech; called at most once, and only if the edges don't decide.
            Without a witness, only the edges decide.
        min_s: the shortest suspension.
    """
    if len(call.shape) < 2 or call.shape[1] < 2:
        return ()
    ranges = frame_ranges(call)
    recorded = Recorded(witness)
    questions: list[Question] = []
    for spread, tolerance_s in ((EXACT, EXACT_S), (LOSSY, LOSSY_S)):
        runs = (silent_runs(call, ranges, 0, spread), silent_runs(call, ranges, 1, spread))
        for joint in joint_runs(runs[0], runs[1], min_s):
            # An edge that is as sharp within a wider spread passed no codec: it is judged as an exact one.
            if not any(_is_same(joint.shared, known.joint.shared) for known in questions):
                questions.append(Question(joint, runs, call, tolerance_s, recorded))
    found: list[SilentRun] = []
    exact = [q.joint.shared for q in questions if q.is_exact]
    # Edges first, of exact runs first; then the recording, about the longest runs first: a known suspension isn't a
    # habit of the channel.
    by_length = sorted(questions, key=lambda q: (q.joint.shared.start - q.joint.shared.stop, q.is_exact))
    for is_first_look, question in (*((True, q) for q in questions), *((False, q) for q in by_length)):
        if any(question.joint.shared.overlap(known) for known in found):
            continue
        if question.is_cut() if is_first_look else question.is_confirmed(found):
            found.append(_sharpened(call, ranges, _less_smeared(question, questions), exact))
    spans = merged(Span(run.start / RATE, run.stop / RATE) for run in found)
    return tuple(PrivateSpan(span, "suspended") for span in spans)


def _less_smeared(question: Question, questions: Sequence[Question]) -> Question:
    """Return the same silence within a wider spread if both channels agree at its edges only there: after a codec."""
    if question.is_exact and not question.is_cut_at_both():
        shared = question.joint.shared
        for wider in questions:
            near = wider.joint.shared
            is_around = near.start <= shared.start and shared.stop <= near.stop
            if is_around and not wider.is_exact and wider.is_cut_at_both():
                return wider
    return question


def _sharpened(call: Track, ranges: FrameRanges, question: Question, exact: Sequence[SilentRun]) -> SilentRun:
    """Return a suspension's run, without the ringing that a codec left at its edges."""
    shared = question.joint.shared
    smear = round(_SMEARED_S * RATE)
    if question.is_exact or any(_is_same(shared, run, smear) for run in exact):
        return shared
    start, stop, near = shared.start, shared.stop, round(_RINGING_S * RATE)
    for spread in RINGING:
        sides = [silent_runs(call, ranges, channel, spread) for channel in (0, 1)]
        for joint in joint_runs(sides[0], sides[1], 0.0):
            wide = joint.shared
            if wide.overlap(shared) >= 0.5 * (shared.stop - shared.start):
                # Within the widest spreads a quiet channel's own noise may look silent as well.
                if start == shared.start and start - near <= wide.start:
                    start = min(start, wide.start)
                if stop == shared.stop and wide.stop <= stop + near:
                    stop = max(stop, wide.stop)
    return SilentRun(start, stop)


def _is_same(one: SilentRun, other: SilentRun, within: int = _SHARP) -> bool:
    return max(abs(one.start - other.start), abs(one.stop - other.stop)) <= within
