"""Clocks and spans.

There are three clocks. An ambiguous field carries its clock in its name:

* ``call_s``: seconds from the first sample of Connect's audio;
* ``recording_s``: presentation time (PTS) in the agent recording, never a count of decoded samples;
* ``output_s``: presentation time in the unified recording, ``recording_s + output_shift_s``: nothing starts before 0.

`Alignment` maps the first to the second. `parse_call_end` reads the time at which a call ended.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

CALL_END_FORMS = "HH:MM:SS, MM:SS or seconds, each with an optional fraction (01:02:03.5, 62:03.5, 3723.5)"
_CALL_END = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,4}):)?(\d{1,7})(?:[.,](\d{1,9}))?", re.ASCII)
MAX_DRIFT_PPM = 10_000.0
"""Far beyond any crystal (+-100 ppm): a larger value is a slip of the unit."""
MAX_CALL_END_S = 48 * 3600.0
"""Twice the length of the longest shift: a later call end is a slip of the unit (milliseconds?)."""


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start_s`` (included) to ``end_s`` (excluded), both on one clock.

    Raises:
        ValueError: the span runs backwards or isn't finite.
    """

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s <= self.end_s):
            raise ValueError(f"a span runs forwards, this one from {self.start_s} s to {self.end_s} s")

    @property
    def length_s(self) -> float:
        """Its length in seconds."""
        return self.end_s - self.start_s

    def overlap_s(self, other: Span) -> float:
        """Return the seconds that both spans share."""
        return max(0.0, min(self.end_s, other.end_s) - max(self.start_s, other.start_s))


def merged(spans: Iterable[Span], within_s: float = 0.0) -> list[Span]:
    """Return the spans in order; spans that overlap, or are within `within_s` of each other, become one."""
    out: list[Span] = []
    for span in sorted(spans, key=lambda s: s.start_s):
        if out and span.start_s <= out[-1].end_s + within_s:
            out[-1] = Span(out[-1].start_s, max(out[-1].end_s, span.end_s))
        else:
            out.append(span)
    return out


@dataclass(frozen=True, slots=True)
class CallEnd:
    """The reported end of a call, on the recording clock.

    Attributes:
        recording_s: the moment.
        resolution_s: the unit of the report. A whole-second time may be early by up to this much.
        source: ``reported`` by the backend or by a person, or by the contact's ``record``.
    """

    recording_s: float
    resolution_s: float
    source: Literal["reported", "record"] = "reported"

    @property
    def used_s(self) -> float:
        """The moment at which a call is placed by it: of a record's end the middle, which may be off either way."""
        return self.recording_s + (self.resolution_s / 2 if self.source == "record" else 0.0)

    @property
    def bound_s(self) -> float:
        """How far off that moment can be by the unit alone."""
        return self.resolution_s / 2 if self.source == "record" else self.resolution_s

    @property
    def name(self) -> str:
        """Its name in a sentence."""
        return "reported call end" if self.source == "reported" else "call end by the contact's record"


@dataclass(frozen=True, slots=True)
class Jump:
    """A jump of the recording clock against the call clock.

    Attributes:
        call_s: the first moment of the call after the jump.
        size_s: shift of everything that follows, later on the recording clock; negative if the recording lost
            audio.
    """

    call_s: float
    size_s: float


@dataclass(frozen=True, slots=True)
class Knot:
    """A moment at which the rate of the recording clock changes.

    Attributes:
        call_s: the moment.
        deviation_s: how far the map is from its straight line there, later on the recording clock.
    """

    call_s: float
    deviation_s: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A straight part of the map.

    Attributes:
        call: its span on the call clock.
        recording_s: recording time of its first moment.
        rate: recording seconds per call second.
        continues: whether it begins at a knot, where the part before it ends without a jump.
    """

    call: Span
    recording_s: float
    rate: float
    continues: bool

    def to_recording(self, call_s: float) -> float:
        """Return the recording time of a moment by this part alone, also if the moment is outside of it."""
        return self.recording_s + (call_s - self.call.start_s) * self.rate


@dataclass(frozen=True, slots=True)
class Alignment:
    """The map from the call clock to the recording clock.

    ``recording_s = offset_s + call_s * (1 + drift_ppm * 1e-6) + sum(size_s of the jumps at or before call_s)
    + deviation_s``

    The deviation is straight between two knots. It is that of the first knot before it, and of the last knot after it.

    Attributes:
        offset_s: recording time of the call's first sample; negative if the call began first.
        drift_ppm: parts per million by which the recording clock runs faster than the call clock, on average.
        jumps: in order of ``call_s``.
        knots: in order of ``call_s``; empty if the rate is constant.
        part: the agent's part of the call, on the call clock, if the agent left early or came later; None for a call
            that is the agent's from its start to its end. The output has the call audio in this part alone.

    Raises:
        InputError: a number isn't finite, or is far beyond the error of two clocks.
    """

    offset_s: float
    drift_ppm: float = 0.0
    jumps: tuple[Jump, ...] = ()
    knots: tuple[Knot, ...] = ()
    part: Span | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.offset_s):
            raise InputError(f"the offset is {self.offset_s}: give a number of seconds")
        if abs(self.offset_s) > MAX_CALL_END_S:
            raise InputError(f"an offset of {self.offset_s:g} s is over two days: did you give milliseconds?")
        if not math.isfinite(self.drift_ppm):
            raise InputError(f"the drift is {self.drift_ppm}: give a number of parts per million")
        if abs(self.drift_ppm) > MAX_DRIFT_PPM:
            raise InputError(
                f"a drift of {self.drift_ppm:g} ppm is beyond the error of clocks (100 ppm): did you give another unit?"
            )
        if list(self.jumps) != sorted(self.jumps, key=lambda j: j.call_s):
            raise InputError("the jumps aren't in the order of the call")
        if list(self.knots) != sorted(self.knots, key=lambda k: k.call_s):
            raise InputError("the knots aren't in the order of the call")

    @property
    def rate(self) -> float:
        """Recording seconds per call second, on average."""
        return 1.0 + self.drift_ppm * 1e-6

    @property
    def output_shift_s(self) -> float:
        """Shift of the output clock against the recording clock, so that nothing starts before 0."""
        if self.part is not None and self.part.start_s > 0.0:
            return max(0.0, -self.to_recording(self.part.start_s))
        return max(0.0, -self.offset_s)

    def to_recording(self, call_s: float) -> float:
        """Return the recording time of the call's moment ``call_s``."""
        jumps_s = sum(j.size_s for j in self.jumps if j.call_s <= call_s)
        return self.offset_s + call_s * self.rate + jumps_s + self._deviation_s(call_s)

    def _deviation_s(self, call_s: float) -> float:
        """Return the deviation from the straight line at a moment."""
        if not self.knots:
            return 0.0
        if call_s <= self.knots[0].call_s:
            return self.knots[0].deviation_s
        for before, after in pairwise(self.knots):
            if call_s <= after.call_s:
                part = (call_s - before.call_s) / max(after.call_s - before.call_s, 1e-12)
                return before.deviation_s + part * (after.deviation_s - before.deviation_s)
        return self.knots[-1].deviation_s

    def points(self, call_s: float) -> tuple[tuple[float, float], ...]:
        """Return the map as (call time, recording time), straight in between; at a jump a call time comes twice."""
        out = []
        for segment in self.segments(call_s):
            if not segment.continues:
                out.append((segment.call.start_s, segment.recording_s))
            out.append((segment.call.end_s, segment.to_recording(segment.call.end_s)))
        return tuple(out)

    def to_call(self, recording_s: float, call_s: float) -> float:
        """Return the moment of a call of ``call_s`` seconds at a recording time; the call's clock goes on beyond it.

        In the time that a jump inserted, it is the moment of the jump. In the time that was lost, it is the later one.
        """
        segments = self.segments(call_s)
        for segment in reversed(segments):
            if recording_s >= segment.recording_s or segment is segments[0]:
                found = segment.call.start_s + (recording_s - segment.recording_s) / segment.rate
                return found if segment is segments[-1] else min(found, segment.call.end_s)
        return recording_s - self.offset_s

    def end_s(self, call_s: float) -> float:
        """Return the recording time at which the call, or the agent's part of it, ends."""
        return self.to_recording(call_s if self.part is None else min(call_s, self.part.end_s))

    def segments(self, call_s: float) -> tuple[Segment, ...]:
        """Return the straight parts of the map over a call of ``call_s`` seconds, in order, without empty ones."""
        jumps = sorted({j.call_s for j in self.jumps if 0.0 < j.call_s < call_s})
        edges = sorted({0.0, *jumps, *(k.call_s for k in self.knots if 0.0 < k.call_s < call_s), call_s})
        out = []
        for from_s, to_s in pairwise(edges):
            moved_s = sum(j.size_s for j in self.jumps if j.call_s <= from_s)
            start_s = self.offset_s + from_s * self.rate + moved_s + self._deviation_s(from_s)
            bend = (self._deviation_s(to_s) - self._deviation_s(from_s)) / (to_s - from_s)
            out.append(Segment(Span(from_s, to_s), start_s, self.rate + bend, from_s > 0.0 and from_s not in jumps))
        return tuple(out)

    def to_output(self, call_s: float) -> float:
        """Return the output time of the call's moment ``call_s``."""
        return self.to_recording(call_s) + self.output_shift_s


def parse_call_end(text: str) -> CallEnd:
    """Read a call end: ``HH:MM:SS``, ``MM:SS`` or seconds, each with an optional fraction.

    Raises:
        InputError: the text is something else. The message lists the forms.
    """
    found = text.strip()
    if re.fullmatch(r"-[\d:.,]+", found):
        raise InputError(f"the call end {found!r} is negative: it counts from the recording's start")
    match = _CALL_END.fullmatch(found)
    if match is None:
        shown = found if len(found) <= 40 else found[:40] + "..."
        raise InputError(f"the call end {shown!r} isn't a time: write it as {CALL_END_FORMS}")
    hours, minutes, seconds, fraction = match.groups()
    if minutes is not None and int(seconds) > 59:
        raise InputError(f"the call end {found!r} has {seconds} seconds in its minute: write it as {CALL_END_FORMS}")
    if hours is not None and int(minutes) > 59:
        raise InputError(f"the call end {found!r} has {minutes} minutes in its hour: write it as {CALL_END_FORMS}")
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds)
    if whole > MAX_CALL_END_S:
        raise InputError(f"the call end {found!r} is over two days into the recording: did you give milliseconds?")
    return CallEnd(whole + float("0." + (fraction or "0")), 10.0 ** -len(fraction or ""))


def clock_text(seconds: float) -> str:
    """Format a time as ``HH:MM:SS.mmm``; negative times keep their sign."""
    ms = round(abs(seconds) * 1000)
    sign = "-" if seconds < 0 and ms else ""
    return f"{sign}{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
