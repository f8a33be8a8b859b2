"""One case compared with its truth, by the product's own limits."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING

import numpy as np
from bench.sync.judge.marks import Marks, Row
from bench.sync.judge.published import publish
from bench.sync.kept import kept

from komorebi_qc.sync import SyncResult, measure

if TYPE_CHECKING:
    from bench.sync.spec import Case, Spec, TrueJump

OFFSET_MS, JUMP_MS, LAG_MS, END_MS = 0.5, 1.0, 1.0, 5.0
PLACE_S = 0.5
MAP_MS, MUSIC_MS = 1.0, 5.0
MAP_LIMITS_MS = {"rates": (1.0, 3.0), "drift": (0.5, 0.5)}
"""p95 and worst, in speech, of a kind of its own."""
SURE_JUMP_S = 0.02
"""Jumps must be found from here up; smaller ones count for the aim alone."""
PERIOD_SHARE = 0.002
CRASH = "CRASH"


def drift_limit_ppm(call_s: float) -> float:
    """The limit of the drift's error."""
    return max(0.3, 60 / call_s)


def _customer_leads(spec: Spec) -> bool:
    """Only the customer can be heard, so that the whole alignment is the customer's, leg included."""
    return spec.sides in {"customer", "leak_only"}


def is_observable(spec: Spec, jump: TrueJump) -> bool:
    """Whether a jump shows: a jump before the recording begins is part of the offset."""
    return spec.offset_s + jump.from_s >= 0


def _offset(case: Case, r: SyncResult, marks: Marks) -> None:
    s = case.spec
    if r.offset_s is None or r.offset_ci_s is None or r.drift_ppm is None or r.drift_ci_ppm is None:
        marks.failures.append("aligned, and yet no offset or drift")
        return
    truth = s.offset_s + sum(j.size_s for j in case.jumps if not is_observable(s, j)) + s.leg_s * _customer_leads(s)
    error_ms = (r.offset_s - truth) * 1e3
    marks.numbers["offset_ms"] = abs(error_ms)
    marks.numbers["offset_in_ci"] = float(r.offset_ci_s[0] <= truth <= r.offset_ci_s[1])
    if abs(error_ms) > OFFSET_MS:
        marks.failures.append(f"offset off by {error_ms:+.3f} ms")
    error_ppm, limit = r.drift_ppm - s.drift_ppm, drift_limit_ppm(s.call_s)
    marks.numbers["drift_of_limit"] = abs(error_ppm) / limit
    marks.numbers["drift_in_ci"] = float(r.drift_ci_ppm[0] <= s.drift_ppm <= r.drift_ci_ppm[1])
    if abs(error_ppm) > limit:
        marks.failures.append(f"drift off by {error_ppm:+.2f} ppm (limit {limit:.2f})")


def jumps(case: Case, r: SyncResult, marks: Marks) -> None:
    """Compare the jumps with those that were made."""
    left = [j for j in r.jumps if not j.agent_only] if case.spec.kind else list(r.jumps)
    for true in case.jumps:
        if not is_observable(case.spec, true):
            continue
        sure = abs(true.size_s) >= SURE_JUMP_S
        marks.count("jumps_sure" if sure else "jumps_small")
        near = [j for j in left if true.from_s - PLACE_S <= j.call_s <= true.to_s + PLACE_S]
        if not near:
            marks.count("jumps_sure_missed" if sure else "jumps_small_missed")
            marks.failures.append(f"jump of {true.size_s * 1e3:+.0f} ms at {true.at_s:.1f} s missed")
            continue
        found = min(near, key=lambda j: abs(j.size_s - true.size_s))
        left.remove(found)
        error_ms = (found.size_s - true.size_s) * 1e3
        marks.worst("jump_size_ms", abs(error_ms))
        marks.worst("jump_place_s", max(true.from_s - found.call_s, found.call_s - true.to_s, 0.0))
        if abs(error_ms) > JUMP_MS:
            marks.failures.append(f"jump size off by {error_ms:+.2f} ms")
    marks.count("jumps_invented", len(left))
    marks.failures += [f"jump of {j.size_s * 1e3:+.1f} ms invented at {j.call_s:.1f} s" for j in left]


def _lags(case: Case, r: SyncResult, marks: Marks) -> None:
    s = case.spec
    if s.check_sides and s.sides in {"both", "agent", "customer"} and r.sides != s.sides:
        marks.failures.append(f"sides {r.sides}, not {s.sides}")
    if not s.leg_s or s.leg_steps or s.leg_stretches or s.sides != "both":
        return
    if r.lag_customer_s is None:
        marks.failures.append("customer's lag missing")
        return
    hidden = sum(j.size_s for j in case.jumps if not is_observable(s, j))
    error_ms = (r.lag_customer_s - s.offset_s - hidden - s.leg_s) * 1e3
    marks.numbers["customer_lag_ms"] = abs(error_ms)
    if abs(error_ms) > LAG_MS:
        marks.failures.append(f"customer's lag off by {error_ms:+.2f} ms")


def _call_end(case: Case, r: SyncResult, marks: Marks) -> None:
    s = case.spec
    if r.measured_call_end_s is None or s.recording_stop_s:
        return
    error_ms = (r.measured_call_end_s - case.call_end_s - s.leg_s * _customer_leads(s)) * 1e3
    if not s.transfer_at_s:
        marks.numbers["call_end_ms"] = abs(error_ms)
    if abs(error_ms) > END_MS:
        marks.failures.append(f"call end off by {error_ms:+.1f} ms")


def judge_map(case: Case, r: SyncResult, marks: Marks) -> None:
    """A map, by its error in speech and its jumps; an unsure case by the place that would be published."""
    s, numbers = case.spec, marks.numbers
    is_sure = r.status == "aligned"
    if s.kind == "music" and numbers.get("map_worst_ms", np.inf) > MUSIC_MS:
        marks.failures.append(f"placed {numbers.get('map_worst_ms', np.nan):.1f} ms off")
    if is_sure and s.kind == "odd" and numbers.get("map_p95_ms", 0.0) > MAP_MS:
        marks.failures.append(f"sure, and {numbers['map_p95_ms']:.1f} ms off")
    if not is_sure or s.kind in {"music", "odd"}:
        return
    p95, worst = numbers.get("map_p95_ms", np.nan), numbers.get("map_worst_ms", np.nan)
    most_p95, most_worst = MAP_LIMITS_MS.get(s.kind, (MAP_MS, np.inf))
    if not (p95 <= most_p95 and worst <= most_worst):
        marks.failures.append(f"map off by {p95:.2f} ms (p95), {worst:.2f} ms at worst")
    jumps(case, r, marks)


def _judge(case: Case, r: SyncResult, marks: Marks) -> None:
    s = case.spec
    if r.status not in s.expected:
        marks.failures.append(f"status {r.status}: {r.reason}")
    elif s.kind:
        judge_map(case, r, marks)
    elif s.hold_only:
        loops = [v.period_s / s.loop_s for v in r.alternative_offsets]
        if min((abs(n - round(n)) for n in loops), default=1.0) >= PERIOD_SHARE:
            marks.failures.append("no rival with the loop's period")
    elif r.status == "aligned":
        for look in (_offset, jumps, _lags, _call_end):
            look(case, r, marks)


def _evidence(r: SyncResult) -> str:
    e = r.evidence
    if e is None:
        return ""
    sides = " ".join(
        f"{name} {c.agreed_s:.0f} of {c.active_s:.0f} s agree ({c.distinct_s:.0f} s fit nowhere else), "
        f"{c.agreed_turns} of {c.turns} turns;"
        for name, c in (("customer", e.customer), ("agent", e.agent))
    )
    return f"{sides} {e.explained:.2f} of the recording explained, {e.alternative_offsets} other offsets"


def run(spec: Spec) -> Row:
    """Make a case, measure it and compare it; a crash counts as a failure, and the bench continues."""
    try:
        case = kept(spec)
        began = time.process_time()
        r = measure(case.call, case.recording, case.reported_s, case.resolution_s)
        took = time.process_time() - began
        marks = Marks()
        outcome = publish(case, r, marks)
        _judge(case, r, marks)
    except Exception:  # noqa: BLE001  whatever it is, it is this case's result
        text = traceback.format_exc()
        reason = text.splitlines()[-1]
        return Row(spec.family, spec.seed, spec.matches, CRASH, reason, [text[-400:]], kind=spec.kind)
    marks.numbers["cpu_s"] = took
    return Row(
        spec.family,
        spec.seed,
        spec.matches,
        r.status,
        r.reason,
        marks.failures,
        marks.numbers,
        _evidence(r),
        outcome.how,
        outcome.words,
        "" if r.belongs is None else r.belongs.answer,
        spec.kind,
    )
