"""What the check of the produced file means, as findings: seams, residuals and time stamps against their limits.

What can't be told, since there is silence, says `UNDETERMINED` and passes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.seam import SHIFT_S, SeamCheck
from komorebi_qc.timebase import clock_text
from komorebi_qc.timing import Step
from komorebi_qc.verdict import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from komorebi_qc.residual import Residual
    from komorebi_qc.result_check import ResultCheck

UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class SeamLimit:
    """Up to where a measurement passes, up to where it is only warned of, and who says so."""

    warn_above: float
    fail_above: float
    source: str


LIMITS = {
    "seam_gap": SeamLimit(0.005, 0.060, "ITU-T G.711 Appendix I: concealment fades to silence in 60 ms"),
    "seam_level_step": SeamLimit(12.0, math.inf, "RFC 7874, 4: speech within 6 dB of its level, on either side"),
    "seam_level_added": SeamLimit(1.0, 6.0, "own: a step of 1 dB is just noticed; 6 dB halve the amplitude"),
    "seam_click": SeamLimit(6.0, math.inf, "own: clean seams stay under 0 dB"),
    "seam_bandwidth": SeamLimit(
        2800.0, 0.0, "own, below: 300 to 3,400 Hz of ITU-T G.712, less what a voice leaves out"
    ),
    "residual": SeamLimit(0.001, 0.020, "own: a twentieth of EBU R37's 40 ms is far below notice; 20 ms is half of it"),
    "residual_missing": SeamLimit(0.25, 0.5, "own: two speakers at once and noise hide a few windows"),
    "output_gap": SeamLimit(0.005, 0.060, "ITU-T G.711 Appendix I, as at a seam"),
}
"""Seconds, dB, Hz (there: passes above), shares."""


def seam_findings(check: ResultCheck) -> tuple[Finding, ...]:
    """Every finding, those that pass as well; of several seams the worst one speaks."""
    found: list[Finding] = []
    if check.seams:
        found += [_gap(check.seams), _level(check.seams), _added(check.seams)]
        found += [_click(check.seams), _bandwidth(check.seams)]
    found += _residual("call", "Connect's audio", check.call)
    found += _residual("own_audio", "The recording's own audio", check.own)
    return (*found, _stamps(check.stamps))


def _status(value: float, limit: SeamLimit) -> Status:
    return "pass" if value <= limit.warn_above else "warn" if value <= limit.fail_above else "fail"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _unknown(name: str, unit: str, text: str, limit: float) -> Finding:
    return Finding(name, UNDETERMINED, unit, "pass", text, limit)


def _worst(
    seams: Sequence[SeamCheck], measure: Callable[[SeamCheck], float | None]
) -> tuple[SeamCheck, float, str] | None:
    """The seam with the largest size of a measurement, that, and of how many seams it speaks."""
    known = [(seam, value) for seam in seams if (value := measure(seam)) is not None]
    if not known:
        return None
    seam, value = max(known, key=lambda pair: abs(pair[1]))
    return seam, value, f"{len(known)} of {len(seams)} seams could be measured."


def _gap(seams: Sequence[SeamCheck]) -> Finding:
    limit = LIMITS["seam_gap"]
    worst = _worst(seams, lambda seam: seam.gap_s)
    if worst is None:
        text = "Whether the seams have a gap can't be told: there is silence round them."
        return _unknown("seam_gap", "s", text, limit.warn_above)
    seam, gap_s, known = worst
    moved = seam.shift_s is not None and abs(seam.shift_s) > SHIFT_S
    what = (
        f"{_ms(abs(gap_s))} {'were put in' if gap_s > 0 else 'are missing or doubled'}"
        if moved
        else f"{_ms(gap_s)} are silent"
    )
    status = _status(abs(gap_s), limit)
    return Finding(
        "seam_gap",
        round(gap_s, 6),
        "s",
        status,
        f"At the seam at {clock_text(seam.output_s)} {what}. {known}"
        if status != "pass"
        else f"Nothing is missing or doubled at the seams. {known}",
        limit.warn_above,
    )


def _level(seams: Sequence[SeamCheck]) -> Finding:
    limit = LIMITS["seam_level_step"]
    worst = _worst(seams, lambda seam: seam.level_step_db)
    if worst is None:
        text = "The step in level can't be told: there is no speech on both sides of a seam."
        return _unknown("seam_level_step", "dB", text, limit.warn_above)
    seam, step_db, known = worst
    own = seam.source_step_db
    text = (
        f"At the seam at {clock_text(seam.output_s)} speech gets {abs(step_db):.1f} dB "
        f"{'louder' if step_db > 0 else 'quieter'}"
        + (f" ({own:+.1f} dB between the sources themselves)" if own is not None else "")
        + f". {known}"
    )
    return Finding("seam_level_step", round(step_db, 2), "dB", _status(abs(step_db), limit), text, limit.warn_above)


def _added(seams: Sequence[SeamCheck]) -> Finding:
    limit = LIMITS["seam_level_added"]
    worst = _worst(seams, lambda seam: seam.added_step_db)
    if worst is None:
        text = "Whether joining changed a level can't be told: there is no speech on both sides of a seam."
        return _unknown("seam_level_added", "dB", text, limit.warn_above)
    seam, added_db, known = worst
    text = f"At the seam at {clock_text(seam.output_s)} joining added a step of {added_db:+.1f} dB. {known}"
    return Finding("seam_level_added", round(added_db, 2), "dB", _status(abs(added_db), limit), text, limit.warn_above)


def _click(seams: Sequence[SeamCheck]) -> Finding:
    limit = LIMITS["seam_click"]
    seam = max(seams, key=lambda s: s.click_db)
    status = _status(seam.click_db, limit)
    text = (
        "No seam clicks."
        if status == "pass"
        else f"The seam at {clock_text(seam.output_s)} clicks: its wave bends {seam.click_db:.1f} dB sharper "
        "than round it."
    )
    return Finding("seam_click", round(seam.click_db, 2), "dB", status, text, limit.warn_above)


def _bandwidth(seams: Sequence[SeamCheck]) -> Finding:
    limit = LIMITS["seam_bandwidth"]
    both = [(s, s.before.edge_hz, s.after.edge_hz) for s in seams]
    known = [(s, before, after) for s, before, after in both if before is not None and after is not None]
    if not known:
        text = "The step in bandwidth can't be told: there is no speech on both sides of a seam."
        return _unknown("seam_bandwidth", "Hz", text, limit.warn_above)
    seam, before, after = min(known, key=lambda row: min(row[1], row[2]))
    narrow = min(before, after)
    # A step up to the recording's full bandwidth is what two such sources have: only a muffled side is a fault.
    return Finding(
        "seam_bandwidth",
        round(after - before),
        "Hz",
        "pass" if narrow >= limit.warn_above else "warn",
        f"At the seam at {clock_text(seam.output_s)} the sound reaches {before:.0f} Hz before and {after:.0f} Hz after"
        + ("." if narrow >= limit.warn_above else ": the narrower side is muffled even for a telephone."),
        limit.warn_above,
    )


def _residual(name: str, whose: str, residual: Residual) -> Iterator[Finding]:
    limit, missing = LIMITS["residual"], LIMITS["residual_missing"]
    p95_s, median_s = residual.p95_s, residual.median_s
    count = len(residual.windows)
    if p95_s is None or median_s is None:
        why = "it is silent" if not count else "none of its active windows is found near its place"
        yield _unknown(
            f"{name}_residual",
            "s",
            f"How well {whose[0].lower() if whose[0] == 'T' else whose[0]}{whose[1:]} lies "
            f"in the output can't be told: {why}.",
            limit.warn_above,
        )
    else:
        yield Finding(
            f"{name}_residual",
            round(p95_s, 6),
            "s",
            _status(p95_s, limit),
            f"{whose} lies {_ms(p95_s)} or less from its planned place in the output (95 % of {len(residual.found)} "
            f"windows; median {_ms(median_s)}).",
            limit.warn_above,
        )
    # One or two windows say too little: what they lack may be a moment of two voices.
    status: Status = _status(residual.missing, missing) if count >= 3 else "pass"
    yield Finding(
        f"{name}_missing",
        round(residual.missing, 4) if count >= 3 else UNDETERMINED,
        "share",
        status,
        f"{whose} is heard near its place in {len(residual.found)} of {count} active windows of the output.",
        missing.warn_above,
    )


def _stamps(stamps: Sequence[Step]) -> Finding:
    limit = LIMITS["output_gap"]
    worst = max(stamps, key=lambda step: abs(step.size_s), default=Step(0.0, 0.0))
    return Finding(
        "output_audio_steps",
        round(worst.size_s, 6),
        "s",
        _status(abs(worst.size_s), limit),
        f"The output's audio time stamps have {len(stamps)} gaps or overlaps; the largest, {_ms(worst.size_s)}, at "
        f"{clock_text(worst.at_s)}."
        if stamps
        else "The output's audio time stamps follow on each other.",
        limit.warn_above,
    )
