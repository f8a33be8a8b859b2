"""Clocks and spans.

There are three clocks. An ambiguous field carries its clock in its name:

* ``call_s``: seconds from the first sample of Connect's audio;
* ``recording_s``: presentation time (PTS) in the agent recording, never a count of decoded samples;
* ``output_s``: presentation time in the unified recording, ``recording_s + max(0, -offset_s)``.

`Alignment` maps the first to the second. `parse_call_end` reads the time at which a call ended.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """

    recording_s: float
    resolution_s: float


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
class Alignment:
    """The map from the call clock to the recording clock.

    ``recording_s = offset_s + call_s * (1 + drift_ppm * 1e-6) + sum(size_s of the jumps at or before call_s)``

    Attributes:
        offset_s: recording time of the call's first sample; negative if the call began first.
        drift_ppm: parts per million by which the recording clock runs faster than the call clock.
        jumps: in order of ``call_s``.

    Raises:
        InputError: a number isn't finite, or is far beyond the error of two clocks.
    """

    offset_s: float
    drift_ppm: float = 0.0
    jumps: tuple[Jump, ...] = ()

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

    @property
    def rate(self) -> float:
        """Recording seconds per call second."""
        return 1.0 + self.drift_ppm * 1e-6

    @property
    def output_shift_s(self) -> float:
        """Shift of the output clock against the recording clock, so that nothing starts before 0."""
        return max(0.0, -self.offset_s)

    def to_recording(self, call_s: float) -> float:
        """Return the recording time of the call's moment ``call_s``."""
        jumps_s = sum(j.size_s for j in self.jumps if j.call_s <= call_s)
        return self.offset_s + call_s * self.rate + jumps_s

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
