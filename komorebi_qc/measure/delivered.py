"""A delivered file, as somebody else made it, against the call and the recording it was made from. Pure.

The call is located in the delivered sound as in a recording. The delivered file's clock is placed against the
recording's by the recording's own sound in it, or by the start of both videos. The difference to the alignment in use
is the delivered file's error. Each second is compared with both sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from komorebi_qc.core.samples import RATE, as_float, length, piece
from komorebi_qc.sync import measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Floats, Track
    from komorebi_qc.core.timebase import Alignment, Jump

Origin = Literal["call", "recording", "silence", "other"]
ClockBasis = Literal["own_sound", "start"]
_SILENT_DB = -66.0
"""Below this level, a second has nothing to compare."""
_LEAST = 0.35
"""A second whose sound correlates less than this with both sources is neither's. Lossy coding keeps 0.8 and more."""
_SURE = 0.7
"""A quarter of a second has to correlate this much: fewer samples agree more often by chance."""
_NEAR_S, _FAR_S = 0.3, 3.0
"""How far a source is searched around its place: a measured one, or one that was only expected."""
_MARGIN_S = 0.5
"""How far a moment is at least from a jump that both maps have."""
_OWN_SOUND_S = 3.0
"""The least time with the recording's own sound that places the delivered clock."""


@dataclass(frozen=True, slots=True)
class OriginSpan:
    """A stretch of the delivered file with the sound of one source.

    Attributes:
        from_s: its start, on the delivered file's clock.
        to_s: its end.
        origin: ``call``, ``recording``, ``silence``, or ``other``: neither's sound.
    """

    from_s: float
    to_s: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class DeliveredMeasurement:
    """The measurement of a delivered file.

    Attributes:
        alignment: the call's position on the delivered file's clock; None if the audio isn't sure of it.
        status: of that measurement: ``aligned``, ``ambiguous``, ``wrong_pair`` or ``insufficient``.
        reason: the evidence for the status, in words.
        shift_s: the delivered file's clock minus the recording's.
        shift_from: ``own_sound``: measured by the recording's own sound; ``start``: by the start of both videos.
        errors: seconds of the call, and by how much the delivered file has them too late there; without those at a jump
            that it follows. Empty if not aligned.
        jumps: of the call in the delivered file.
        missing_jumps: jumps of the recording's clock that the delivered file doesn't follow.
        spans: whose sound each second holds, in order.
    """

    alignment: Alignment | None
    status: str
    reason: str
    shift_s: float
    shift_from: ClockBasis
    errors: tuple[tuple[float, float], ...]
    jumps: tuple[Jump, ...]
    missing_jumps: tuple[Jump, ...]
    spans: tuple[OriginSpan, ...]

    @property
    def worst(self) -> tuple[float, float] | None:
        """The second of the call with the largest error, and the error."""
        return max(self.errors, key=lambda error: abs(error[1]), default=None)

    @property
    def offset_error_s(self) -> float | None:
        """The error at the call's start."""
        return self.errors[0][1] if self.errors else None

    @property
    def drift_error_ppm(self) -> float | None:
        """The slope of the error over the call; None for a call of less than ten seconds."""
        if len(self.errors) < 10:
            return None
        at_s, error_s = np.array(self.errors).T
        return float(np.polyfit(at_s, error_s, 1)[0] * 1e6)

    def seconds_of(self, origin: Origin) -> float:
        """How long the delivered file has the sound of this source."""
        return sum(span.to_s - span.from_s for span in self.spans if span.origin == origin)


def measure_delivered(
    call: Track, recording: NDArray[np.int16], delivered: NDArray[np.int16], alignment: Alignment, start_s: float
) -> DeliveredMeasurement:
    """Measure a delivered file.

    Args:
        call: the call audio at 8 kHz, ``(n, 2)``.
        recording: the recording's own audio at 8 kHz, ``(m,)``.
        delivered: the delivered file's audio at 8 kHz, both channels mixed, ``(k,)``.
        alignment: the call's position on the recording clock, as it should be.
        start_s: start of the delivered video minus the start of the recording's video.
    """
    call_s = length(call) / RATE
    found = measure(call, delivered, alignment.end_s(call_s) + start_s, 60.0)
    place = found.alignment
    shift_s, basis = _shift_s(recording, delivered, alignment, call_s, start_s)
    errors: tuple[tuple[float, float], ...] = ()
    if place is not None:
        errors = tuple(
            (float(t), float(place.to_recording(t) - alignment.to_recording(t) - shift_s))
            for t in np.arange(0.5, max(call_s, 1.0), 1.0)
            if not _is_at_a_jump(t, alignment.jumps, place.jumps)
        )
    followed = () if place is None else place.jumps
    missing = tuple(
        jump for jump in alignment.jumps if not any(abs(other.call_s - jump.call_s) < _FAR_S for other in followed)
    )
    spans = _origins(call, recording, delivered, place or alignment, shift_s, is_measured=place is not None)
    reason, jumps = found.reason, () if place is None else place.jumps
    return DeliveredMeasurement(
        *(place, found.status, reason, shift_s, basis, errors, jumps, missing if place is not None else (), spans)
    )


def _is_at_a_jump(at_s: float, ours: tuple[Jump, ...], theirs: tuple[Jump, ...]) -> bool:
    """Whether a moment is between the two places of one jump: in a pause, nobody can say where it is."""
    pairs = ((one.call_s, other.call_s) for one in ours for other in theirs if abs(one.call_s - other.call_s) < _FAR_S)
    return any(min(pair) - _MARGIN_S <= at_s <= max(pair) + _MARGIN_S for pair in pairs)


def _shift_s(
    recording: NDArray[np.int16],
    delivered: NDArray[np.int16],
    alignment: Alignment,
    call_s: float,
    start_s: float,
) -> tuple[float, ClockBasis]:
    """The delivered clock minus the recording's, by the recording's own sound after the call, or before it."""
    end_s, total_s = alignment.end_s(call_s), len(recording) / RATE
    for from_s, to_s in ((max(end_s, 0.0) + 0.5, total_s), (0.0, alignment.to_recording(0.0) - 0.5)):
        if to_s - from_s < _OWN_SOUND_S:
            continue
        first, last = round(from_s * RATE), round(min(to_s, from_s + 60.0) * RATE)
        lag_s, peak = _peak(recording[first:last], delivered, from_s + start_s, _FAR_S)
        if peak >= 2 * _LEAST:
            return start_s + lag_s, "own_sound"
    return start_s, "start"


def _origins(
    call: Track,
    recording: NDArray[np.int16],
    delivered: NDArray[np.int16],
    place: Alignment,
    shift_s: float,
    *,
    is_measured: bool,
) -> tuple[OriginSpan, ...]:
    call_s, reach_s = length(call) / RATE, _NEAR_S if is_measured else _FAR_S
    spans: list[OriginSpan] = []

    def origin_of(part: NDArray[np.int16], from_s: float, least: float) -> Origin:
        t_s = place.to_call(from_s if is_measured else from_s - shift_s, call_s)
        ours = _of_call(call, part, t_s, reach_s)
        own = _peak(part, recording, from_s - shift_s, _NEAR_S)[1]
        return "other" if max(ours, own) < least else "call" if ours >= own else "recording"

    for first in range(0, len(delivered), RATE):
        block, at_s = delivered[first : first + RATE], first / RATE
        origin: Origin = "silence" if _level_db(block) < _SILENT_DB else origin_of(block, at_s, _LEAST)
        if origin == "other":  # a second with a seam has the sound of both: one of its quarters has one source's
            quarter = RATE // 4
            parts = [(block[k : k + quarter], at_s + k / RATE) for k in range(0, len(block) - quarter + 1, quarter)]
            known = [origin_of(part, from_s, _SURE) for part, from_s in parts if _level_db(part) >= _SILENT_DB]
            origin = next((name for name in known if name != "other"), "other")
        to_s = at_s + len(block) / RATE
        if spans and spans[-1].origin == origin:
            spans[-1] = OriginSpan(spans[-1].from_s, to_s, origin)
        else:
            spans.append(OriginSpan(at_s, to_s, origin))
    return tuple(spans)


def _of_call(call: Track, block: NDArray[np.int16], at_s: float, reach_s: float) -> float:
    """The best correlation of a block with the call around a moment."""
    first = round((at_s - reach_s) * RATE)
    last = first + len(block) + round(2 * reach_s * RATE)
    customer, agent = (piece(call, first, last, channel) for channel in (0, 1))
    return max(_best(as_float(block), side)[1] for side in (np.float32(0.5) * (customer + agent), customer, agent))


def _peak(block: NDArray[np.int16], among: NDArray[np.int16], expected_s: float, reach_s: float) -> tuple[float, float]:
    """Find a block in a longer track: the lag after its expected start, and the correlation there."""
    first = round((expected_s - reach_s) * RATE)
    last = first + len(block) + round(2 * reach_s * RATE)
    lag, peak = _best(as_float(block), piece(among, first, last))
    return (first + lag) / RATE - expected_s, peak


def _best(small: Floats, large: Floats) -> tuple[int, float]:
    """The shift in samples at which a block correlates most with a track, and the normalised correlation, 0 to 1."""
    energy = float(np.dot(small, small))
    squares = np.concatenate([[0.0], np.cumsum(large.astype(np.float64) ** 2)])
    around = squares[len(small) :] - squares[: len(squares) - len(small)]
    if energy <= 0.0 or around.max() <= 0.0:
        return 0, 0.0
    from scipy.signal import correlate  # noqa: PLC0415  an analyst's extra has it; the function never measures this

    raw = correlate(large, small, mode="valid", method="fft")
    normal = np.abs(raw) / np.sqrt(energy * np.maximum(around, 1e-3 * around.max()))
    at = int(np.argmax(normal))
    return at, float(normal[at])


def _level_db(block: NDArray[np.int16]) -> float:
    power = float(np.mean(np.square(as_float(block)))) if len(block) else 0.0
    return 10.0 * np.log10(power) if power > 0.0 else -200.0
