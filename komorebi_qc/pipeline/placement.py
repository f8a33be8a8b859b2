"""The alignment of a call: manual, measured, one of several candidates, or by the reported call end. Pure.

A pair of different calls is refused. A pair that the audio doesn't confirm is published or held, as the operator chose.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import NOTHING_PUBLISHED, HeldError, InputError, NotThereYetError, WrongPairError
from komorebi_qc.core.splice import align_to_call_end
from komorebi_qc.core.timebase import Alignment, clock_text
from komorebi_qc.findings.evidence import Placement
from komorebi_qc.sync.evidence.candidates import LATE_S, LEAST_SCORE, best_candidate, distance_s

if TYPE_CHECKING:
    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.pipeline.options import Unconfirmed
    from komorebi_qc.sync import Candidate, SyncResult

FAR_AWAY_S = 3600.0
SURE = 0.95
"""A place of its own, with this probability of belonging, needs no reported call end."""
LEG_S = 0.15
"""If only the customer agrees, the place includes the unknown delay of that voice to the agent.

ITU-T G.114 (05/2003): most networks stay below this one-way delay.
"""
FAR_OFF_S = 3.0
"""A place that isn't sure, this far away from the reported call end, speaks against the pair."""
CANDIDATE_BOUND_S = 0.005
"""How far a candidate is off, if it is the right one: no jump was looked for."""


def place(
    call_end: CallEnd | None,
    call_s: float,
    *,
    manual: Alignment | None,
    measured: SyncResult | None,
    force: bool,
    unconfirmed: Unconfirmed = "publish",
    whole_call: bool = False,
) -> Placement:
    """Choose the alignment: a manual one, a measured one, a candidate, or the reported call end, in this order.

    Args:
        call_end: the reported call end; None if it isn't known. Then only a manual or a measured place will do.
        call_s: the call's length.
        manual: the caller's alignment.
        measured: the sync measurement; None if sync wasn't measured.
        force: place a pair of different calls anyway.
        unconfirmed: what happens to a pair that the audio doesn't confirm.
        whole_call: use the whole call, not just the agent's part of it.

    Raises:
        NotThereYetError: no call end is known, and the audio alone isn't certain. It may be reported later.
        WrongPairError: the audio belongs to two different calls, and `force` isn't set.
        HeldError: the audio doesn't confirm the pair, `unconfirmed` doesn't allow it, and `force` isn't set.
    """
    # By the call's end, a recording may hold only what followed the call. So an end decides about different calls.
    may_refuse = not force and (call_end is not None or manual is not None)
    if measured is not None and measured.status == "wrong_pair" and may_refuse:
        raise WrongPairError(
            f"the call audio and the recording belong to different calls ({measured.reason}){NOTHING_PUBLISHED}. "
            "Check that both files belong to the same call, or join them anyway with --force"
        )
    if manual is not None:
        return Placement(manual, "manual", measured)
    if measured is not None and measured.alignment is not None:
        low, high = measured.offset_ci_s or (0.0, 0.0)
        used = replace(measured.alignment, part=None) if whole_call else measured.alignment
        return Placement(used, "measured", measured, (high - low) / 2)
    if call_end is None:
        raise without_call_end("it isn't measured" if measured is None else measured.reason)
    candidate = None
    if measured is not None and measured.status != "wrong_pair":
        candidate = best_candidate(measured.candidates, call_end.recording_s, call_end.resolution_s)
    if measured is not None and not force:
        _hold(measured, unconfirmed, candidate, call_end)
    if candidate is not None and measured is not None:
        bound_s = _bound_s(candidate, measured, call_end)
        return Placement(
            Alignment(candidate.offset_s, candidate.drift_ppm), "candidate", measured, bound_s, is_confirmed=False
        )
    bound_s = call_end.bound_s + LATE_S
    return Placement(
        align_to_call_end(call_end, call_s),
        "call_end",
        measured,
        bound_s,
        is_confirmed=measured is None,
        is_by_record=call_end.source == "record",
    )


def _hold(measured: SyncResult, unconfirmed: Unconfirmed, candidate: Candidate | None, call_end: CallEnd) -> None:
    """Raise HeldError if the pair must wait for an operator.

    `candidate`: the place that the audio allows; None if it allows no place.
    """
    belongs, reason = measured.belongs, measured.reason
    speaks_against = belongs is not None and belongs.speaks_against
    if candidate is not None:
        away_s, places = _distance_s(candidate, call_end), len(_likely(measured))
        is_sure = belongs is not None and belongs.probability >= SURE
        if away_s > LATE_S and places > 1:
            # However much agrees at each of them: only one can be the call's.
            speaks_against = True
            reason += f", at {places} places, and the reported call end fits none of them"
        elif away_s > FAR_OFF_S and not is_sure:
            speaks_against = True
            reason += f", {away_s:.0f} s away from the reported call end"
    if unconfirmed == "publish" or (unconfirmed == "auto" and not speaks_against):
        return
    known = tuple((round(c.offset_s, 4), round(c.probability, 4)) for c in measured.candidates)
    raise HeldError(
        f"the audio doesn't confirm that the call audio and the recording belong together ({reason})"
        f"{NOTHING_PUBLISHED}. Listen to both; then publish it with --unconfirmed publish, or with --offset SECONDS if "
        "the place is known",
        reason,
        known,
    )


def _distance_s(candidate: Candidate, call_end: CallEnd) -> float:
    """Return how far a candidate's call end is from all that the reported one allows; 0 within its resolution."""
    return distance_s(candidate.call_end_s, call_end.recording_s, call_end.resolution_s)


def _likely(measured: SyncResult) -> list[Candidate]:
    """Return the candidates that enough of the evidence allows."""
    return [c for c in measured.candidates if c.score >= LEAST_SCORE]


def _bound_s(chosen: Candidate, measured: SyncResult, call_end: CallEnd) -> float:
    """Return how far off the chosen candidate can be: the distance to its rivals near the reported end."""
    distance_s = _distance_s(chosen, call_end)
    likely = _likely(measured)
    is_sure = measured.belongs is not None and measured.belongs.probability >= SURE
    if distance_s > LATE_S and not (is_sure and likely == [chosen]):
        # The reported call end contradicts every candidate, so it decides nothing between them.
        return max((abs(c.offset_s - chosen.offset_s) for c in likely), default=0.0) + distance_s
    rivals = [c for c in measured.candidates if _distance_s(c, call_end) <= LATE_S]
    leg_s = LEG_S if measured.sides == "customer" else 0.0
    return max((abs(c.offset_s - chosen.offset_s) for c in rivals), default=0.0) + CANDIDATE_BOUND_S + leg_s


def without_call_end(reason: str) -> NotThereYetError:
    """The error of a recording whose call end nobody knows yet.

    Args:
        reason: why the audio alone doesn't place the call.
    """
    return NotThereYetError(
        f"the call's place isn't certain without its end ({reason}), and neither the item nor the contact's record has "
        "that on the recording's clock yet: the backend writes callEndingTimestamp, or sends a message with it"
    )


def refuse_far_away(alignment: Alignment, call_s: float, info: MediaInfo) -> None:
    """Check that a call is near its recording: a typing error in a time must not cost hours of silence.

    Args:
        alignment: the call's position.
        call_s: the call's length.
        info: the recording.

    Raises:
        InputError: the call begins or ends over an hour away from the recording.
    """
    from_s, to_s = alignment.to_recording(0.0), alignment.to_recording(call_s)
    if from_s > info.end_s + FAR_AWAY_S or to_s < -FAR_AWAY_S:
        raise InputError(
            f"the call would be from {clock_text(from_s)} to {clock_text(to_s)}, over an hour away from the recording "
            f"{info.name} (which ends at {clock_text(info.end_s)}): check the call end, or the offset"
        )
