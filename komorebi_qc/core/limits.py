"""The one table of limits: what every number is judged by, who says so, and how a setting changes it. Pure.

A limit is written ``NAME=WARN`` or ``NAME=WARN:FAIL``, each part a number or a range ``LOW..HIGH``, in the limit's own
unit; ``off`` for WARN switches the finding off, for FAIL it never fails.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.finding import At, Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Direction = Literal["above", "below", "two-sided", "told only"]
UNDETERMINED = "undetermined"
"""The value of what can't be measured, since there is nothing to measure it on."""


@dataclass(frozen=True, slots=True)
class Range:
    """What lies within is right.

    Attributes:
        low: the least that is; minus infinity where small never is wrong.
        high: the most that is; infinity where large never is wrong.
    """

    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: float) -> bool:
        """Whether a value lies within, its ends included."""
        return self.low <= value <= self.high

    def contains(self, other: Range) -> bool:
        """Whether all of another range lies within."""
        return self.low <= other.low and other.high <= self.high

    def widened(self, low_by: float, high_by: float) -> Range:
        """The range with its ends moved outwards."""
        return Range(self.low - low_by, self.high + high_by)

    def to_list(self) -> list[float | None] | None:
        """For JSON: low and high, null for no end; null where it holds everything."""
        ends = [None if math.isinf(end) else end for end in (self.low, self.high)]
        return None if ends == [None, None] else ends

    def __str__(self) -> str:
        if self.to_list() is None:
            return "off"
        if math.isinf(self.low):
            return f"above {self.high:g}"
        if math.isinf(self.high):
            return f"below {self.low:g}"
        if self.low == self.high:
            return f"other than {self.low:g}"
        return f"beyond +-{self.high:g}" if self.low == -self.high else f"outside {self.low:g}..{self.high:g}"


EVERYTHING = Range()


def above(value: float) -> Range:
    """What is larger is wrong."""
    return Range(high=value)


def below(value: float) -> Range:
    """What is smaller is wrong."""
    return Range(low=value)


def beyond(value: float) -> Range:
    """What is farther from 0, on either side, is wrong."""
    return Range(-value, value)


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of the table.

    Attributes:
        name: the finding's, or the end of it where `scopes` are given.
        warn: within it a number passes.
        fail: within it a number is only warned of; `EVERYTHING` where it never fails.
        unit: of both, and of the finding's value.
        source: who says so; "own" is this project's choice.
        meaning: what is measured, for a person.
        scopes: what may stand before the name, to change it there alone: ``call``, ``call_agent``.
        marks: other ranges that somebody names, told in the finding's sentence and not judged by.
        is_off: whether it was switched off: then all passes.
    """

    name: str
    warn: Range
    fail: Range
    unit: str
    source: str
    meaning: str
    scopes: tuple[str, ...] = ()
    marks: tuple[tuple[Range, str], ...] = ()
    is_off: bool = False

    @property
    def direction(self) -> Direction:
        """On which side numbers are wrong."""
        if self.warn == EVERYTHING:
            return "told only"
        return "above" if math.isinf(self.warn.low) else "below" if math.isinf(self.warn.high) else "two-sided"

    def judges(self) -> str:
        """For a person: ``warns above 1 s, fails above 600 s``."""
        if self.is_off:
            return "off"
        if self.direction == "told only":
            return f"told, in {self.unit}"
        if self.warn == self.fail:
            return f"fails {self.warn} {self.unit}"
        fails = f", fails {self.fail} {self.unit}" if self.fail != EVERYTHING else ""
        return f"warns {self.warn} {self.unit}{fails}"

    def status(self, value: float) -> Status:
        """How a number is judged."""
        if self.is_off or self.warn.holds(value):
            return "pass"
        return "warn" if self.fail.holds(value) else "fail"

    def bound(self, value: float) -> float | None:
        """Up to where a number on that side passes, or its size where both sides are alike; None where all passes."""
        low, high = self.warn.low, self.warn.high
        if self.is_off or self.direction == "told only":
            return None
        if self.direction == "two-sided" and low != -high:
            is_high = value >= 0 if low <= 0 <= high else value > (low + high) / 2
        else:
            is_high = self.direction != "below"
        return round(high if is_high else low, 6)

    def finding(
        self,
        name: str,
        value: float,
        text: str,
        *,
        good: str = "",
        advice: str = "",
        digits: int = 6,
        at: At | None = None,
    ) -> Finding:
        """A number against the limit.

        Args:
            name: the finding's.
            value: what was measured, in the limit's unit; what is told is judged, after rounding.
            text: the sentence.
            good: the sentence where it passes, if it is another one.
            advice: what the sentence ends in where it doesn't pass: why it matters and what to do.
            digits: how many of the value's decimals are told.
            at: where to look.
        """
        told = round(value, digits) if digits else round(value)
        passes = self.warn.holds(told)
        says = good if passes and good else text
        if advice and not passes:
            says = f"{says.removesuffix('.')}: {advice}"
        if self.is_off:
            says += " Not judged: its limit is switched off."
        return Finding(name, told, self.unit, self.status(told), says, self.bound(told), self.name, at)

    def unknown(self, name: str, text: str) -> Finding:
        """A finding without a number, since there was nothing to measure it on; it passes."""
        return Finding(name, UNDETERMINED, self.unit, "pass", text, self.bound(0.0), self.name)

    def widened(self, low_by: float, high_by: float) -> Limit:
        """The limit with its ends moved outwards by what is known of the measurement."""
        return replace(self, warn=self.warn.widened(low_by, high_by), fail=self.fail.widened(low_by, high_by))

    def all_but(self, whole: float) -> Limit:
        """The limit for what is left of a whole, where the row limits the other part."""
        warn, fail = (Range(whole - part.high, whole - part.low) for part in (self.warn, self.fail))
        return replace(self, warn=warn, fail=fail)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; what has no end is null."""
        return {
            "warn": None if self.is_off else self.warn.to_list(),
            "fail": None if self.is_off else self.fail.to_list(),
            "unit": self.unit,
            "direction": self.direction,
            "source": self.source,
        }


_BT1359 = "ITU-R BT.1359-1: sound is noticed to be early from 45 ms on"
_PLC = "ITU-T G.711 Appendix I: concealment fades to silence in 60 ms"
_SKEW = Range(-0.045, 0.125)
_SKEW_SOURCE = "ITU-R BT.1359-1, detectability; own: tracks that begin or end apart are in sync by their time stamps"
_SKEW_MARKS = (
    (Range(-0.040, 0.060), "EBU R37-2007, at the chain's output"),
    (Range(-0.045, 0.125), "ITU-R BT.1359-1, detectability"),
    (Range(-0.090, 0.185), "ITU-R BT.1359-1, acceptability"),
)
_TRACKS = ("call", "recording")
_CHANNELS = ("call", "call_customer", "call_agent", "recording")
_PARTS = ("call", "own_audio")
_WHOLE = "own: nothing may be missing"

# fmt: off
LIMITS = (
    # Where the call lies
    Limit("call_end_error", Range(0.0, 0.050), beyond(60.0), "s",
          "own: a backend stamps the end when it hears of it; a minute off is another event",
          "the told call end less the measured one; as much earlier as it is told coarsely passes too"),
    Limit("alignment_resolution", above(0.045), EVERYTHING, "s", _BT1359,
          "how coarsely the call is placed by the told call end"),
    Limit("offset_uncertainty", above(0.045), EVERYTHING, "s", _BT1359, "half the offset's 95 % interval"),
    Limit("drift", beyond(100.0), EVERYTHING, "ppm",
          "ITU-T G.711, 2: a sampling rate is within 50 ppm; two clocks stray by up to 100",
          "how much faster the recording's clock runs than the call's"),
    Limit("jumps", beyond(0.045), EVERYTHING, "s", _BT1359, "the largest jump of the recording against the call"),
    Limit("customer_leg_delay", beyond(0.150), beyond(0.400), "s",
          "ITU-T G.114 (05/2003): under 150 ms is not noticed, over 400 ms no network is planned for",
          "how much later the customer is heard in the recording than in the call, against the agent"),
    Limit("customer_leg_steps", beyond(0.150), EVERYTHING, "s",
          "own: a change is noticed where a delay would be, by ITU-T G.114 (05/2003) from 150 ms on",
          "the largest change of the customer leg's delay during the call"),
    Limit("coverage", below(0.75), EVERYTHING, "share",
          "own: right pairs of the accuracy bench have 0.93 and more, wrong ones little",
          "how much of the speech agrees with the recording"),
    # The splice and its inputs
    Limit("call_before_recording", above(1.0), above(600.0), "s",
          "own: a recorder starts within a second; ten minutes are another call",
          "how long before the recording the call began"),
    Limit("call_audio_left_out", above(0.0), EVERYTHING, "s", _WHOLE, "how much of the call has no place"),
    Limit("call_end_past_recording", above(0.0), above(1.0), "s",
          "own: a whole-second stamp and a recorder's last buffer are off by less than 1 s",
          "how long after the recording's end the call ends"),
    Limit("after_call_audio", below(0.001), EVERYTHING, "s", "own: some follows every call",
          "how much of the recording's own audio follows the call"),
    Limit("call_channels", Range(2, 2), EVERYTHING, "channels", "Amazon Connect: customer left, agent right",
          "the channels of the call's audio"),
    Limit("call_audio_missing", above(0.01), above(0.01), "s", "own: less is a header's rounding",
          "how much more the call's header promises"),
    Limit("recording_missing", above(0), above(0), "bytes", _WHOLE, "what the recording lacks by its structure"),
    Limit("recording_length_missing", above(0.5), above(0.5), "s", "own: headers round, and players pad",
          "how much more the recording's header promises"),
    Limit("recording_audio_channels", below(1), EVERYTHING, "channels", "own: a silent recording is a slip",
          "the channels of the recording's audio"),
    Limit("recording_audio_damage", above(0), above(0), "packets", _WHOLE, "packets of audio that can't be decoded"),
    Limit("recording_first_time_stamp", above(1.0), EVERYTHING, "s", "own: browsers begin near 0",
          "the recording's first time stamp"),
    Limit("video_reencoded", above(0), EVERYTHING, "frames", "own: a copy is never worse",
          "frames that were encoded again"),
    Limit("video_frames_lost", above(0), above(0), "frames", _WHOLE, "frames that aren't in the output"),
    Limit("video_time_stamps_disordered", above(0), EVERYTHING, "packets", "own: time stamps rise",
          "packets of the picture whose decoding time runs backwards"),
    # The recording's time stamps
    Limit("audio_gaps", above(0.0), EVERYTHING, "s", _WHOLE,
          "lost buffers of over 5 ms of the recording's audio, together", marks=((above(0.060), _PLC),)),
    Limit("audio_gap_share", above(0.05), above(0.05), "share", "own: one second in twenty",
          "how much of the recording's audio is lost"),
    Limit("audio_overlaps", above(0.0), EVERYTHING, "s", "own: whole-millisecond stamps stray by less than 5 ms",
          "doubled audio of over 5 ms in the recording, together"),
    Limit("audio_start_skew", _SKEW, EVERYTHING, "s", _SKEW_SOURCE,
          "how long after the picture the sound begins", marks=_SKEW_MARKS),
    Limit("audio_end_skew", _SKEW, EVERYTHING, "s", _SKEW_SOURCE,
          "how long after the picture the sound ends; widened by a frame", marks=_SKEW_MARKS),
    Limit("picture_frozen", above(10.0), EVERYTHING, "s",
          "own: Chromium repeats a still screen's frame about once a second", "the longest time without a new frame"),
    # Levels of each track and channel
    Limit("digital_silence", below(0.2), EVERYTHING, "s", "own: silence is told in steps of 0.1 s",
          "how much of a track has to be more than digital silence", _TRACKS),
    Limit("dead_air", above(60.0), EVERYTHING, "s", "own: nobody is heard for a minute",
          "the longest time in which nobody is heard", _TRACKS),
    Limit("loudness", EVERYTHING, EVERYTHING, "LUFS", "told for comparison: calls aren't broadcast",
          "the loudness of a track", _TRACKS, ((Range(-23.0, -23.0), "EBU R 128"),)),
    Limit("sound", below(-60.0), EVERYTHING, "dBFS", "own: 38 dB under the speech level of RFC 7874",
          "the level of what sounds in a channel", _CHANNELS),
    Limit("speech_level", Range(-28.0, -16.0), EVERYTHING, "dBFS",
          "RFC 7874, 4: -19 dBm0, an RMS of 2600 of 32767, give or take the 6 dB left to automatic gain",
          "the level of speech", _CHANNELS),
    Limit("true_peak", above(-1.0), EVERYTHING, "dBTP", "EBU R 128: the most that is permitted in production",
          "the highest peak, between the samples as well", _CHANNELS),
    Limit("clipping", above(0.01), EVERYTHING, "%",
          "own: one sample of 10,000; a shout that clips once stays under it", "clipped samples", _CHANNELS),
    Limit("dc_offset", beyond(0.5), EVERYTHING, "%", "own: -46 dBFS, 24 dB under speech",
          "the mean, of full scale", _CHANNELS),
    Limit("dropouts", above(1.0), EVERYTHING, "1/min", "own: a lost packet a minute goes unnoticed",
          "holes of 5 to 200 ms", _CHANNELS),
    Limit("snr", below(20.0), EVERYTHING, "dB", "own: below it the noise is plainly heard in every pause",
          "speech above noise", _CHANNELS),
    Limit("bandwidth", below(3000.0), EVERYTHING, "Hz",
          "own: telephone speech reaches 3400 Hz (ITU-T G.712), less what a voice leaves out",
          "up to where speech reaches", _CHANNELS),
    Limit("hold_music", EVERYTHING, EVERYTHING, "s", "told only: a caller on hold is no fault", "music on hold",
          _CHANNELS),
    # The result, measured again
    Limit("seam_gap", beyond(0.005), beyond(0.060), "s", _PLC, "what is missing, doubled or silent at a seam"),
    Limit("seam_level_step", beyond(12.0), EVERYTHING, "dB",
          "RFC 7874, 4: speech within 6 dB of its level, on either side", "the step in speech level at a seam"),
    Limit("seam_level_added", beyond(1.0), beyond(6.0), "dB",
          "own: a step of 1 dB is just noticed; 6 dB halve the amplitude", "the step that joining has added"),
    Limit("seam_click", above(6.0), EVERYTHING, "dB", "own: clean seams stay under 0 dB",
          "how much sharper the wave bends at a seam than round it"),
    Limit("seam_bandwidth", below(2800.0), EVERYTHING, "Hz",
          "own: 300 to 3400 Hz of ITU-T G.712, less what a voice leaves out",
          "up to where speech reaches on a seam's narrower side"),
    Limit("residual", above(0.001), above(0.020), "s",
          "own: a fortieth and half of the 40 ms of EBU R37-2007",
          "how far 95 % of the sound lies from its place at the most", _PARTS),
    Limit("missing", above(0.25), above(0.5), "share", "own: two speakers at once and noise hide a few windows",
          "active sound that isn't found near its place", _PARTS),
    Limit("output_audio_steps", beyond(0.005), beyond(0.060), "s", _PLC + ", as at a seam",
          "the largest gap or overlap of the output's audio time stamps"),
)
# fmt: on
"""Every row, in the order in which an analyst asks."""
_ROWS = {limit.name: limit for limit in LIMITS}
_SCOPED = {f"{scope}_{limit.name}": limit.name for limit in LIMITS for scope in limit.scopes}

_EXAMPLE = "NAME=WARN or NAME=WARN:FAIL, such as drift=50:200"
_NUMBER = r"[+-]?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})", re.ASCII)
_SCALES = {("ms", "s"): 1000.0, ("%", "share"): 100.0, ("kHz", "Hz"): 0.001, ("min", "s"): 1 / 60}
_WITH_UNIT = re.compile(rf"({_NUMBER})\s*([A-Za-z%/]{{1,8}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limits:
    """The table as it stands.

    Attributes:
        changes: the rows that a setting has put in place of the table's, a later one before an earlier one's.
    """

    changes: tuple[Limit, ...] = ()

    def of(self, name: str) -> Limit:
        """The row that judges a finding: what was set for the narrowest scope, else the table's.

        Args:
            name: the finding's: a row's, or one with a track or channel before it (``call_customer_snr``).

        Raises:
            KeyError: where there is no such row.
        """
        row = name
        while row not in _ROWS:
            row = row.partition("_")[2]
            if not row:
                raise KeyError(name)
        scope = name.removesuffix(row).removesuffix("_")
        changed = {limit.name: limit for limit in self.changes}
        while scope:
            if f"{scope}_{row}" in changed:
                return changed[f"{scope}_{row}"]
            scope = scope.rpartition("_")[0]
        return changed.get(row, _ROWS[row])

    def finding(
        self,
        name: str,
        value: float,
        text: str,
        *,
        good: str = "",
        advice: str = "",
        digits: int = 6,
        at: At | None = None,
    ) -> Finding:
        """A number against the limit of that name; see `Limit.finding`."""
        return self.of(name).finding(name, value, text, good=good, advice=advice, digits=digits, at=at)

    def changed_by(self, *texts: str) -> Limits:
        """The table with more changes, each text one or several ``NAME=WARN[:FAIL]`` with commas between them.

        Raises:
            InputError: where a name is none, or a number can't be one.
        """
        limits = self
        for part in (part.strip() for text in texts for part in text.split(",")):
            if part:
                row = _changed(limits, part)
                limits = Limits((*(kept for kept in limits.changes if kept.name != row.name), row))
        return limits

    def rows(self) -> Iterator[tuple[Limit, Limit]]:
        """Every row as it stands and as the table has it; what is set for one scope comes behind its row."""
        for row in LIMITS:
            yield self.of(row.name), row
            for scope in row.scopes:
                for changed in self.changes:
                    if changed.name == f"{scope}_{row.name}":
                        yield changed, replace(row, name=changed.name)

    def to_dict(self, findings: Iterable[Finding] | None = None) -> dict[str, Any]:
        """For JSON, by name: the rows that findings were judged by, and those that were changed; or all of them.

        A row that was changed says so, and what it was.
        """
        names = {limit.name for limit in self.changes}
        wanted = None if findings is None else {*names, *(finding.judged_by for finding in findings)}
        told: dict[str, Any] = {}
        for row, was in self.rows():
            if wanted is None or row.name in wanted:
                told[row.name] = {**row.to_dict(), "changed": row.name in names}
                if row.name in names:
                    told[row.name]["default"] = {"warn": was.warn.to_list(), "fail": was.fail.to_list()}
        return told


DEFAULT = Limits()
"""Nothing changed."""


def _changed(limits: Limits, text: str) -> Limit:
    """The row that one ``NAME=WARN[:FAIL]`` makes."""
    name, is_set, numbers = (part.strip() for part in text.partition("="))
    if not is_set or not name or not numbers:
        guess = ": numbers take a decimal point, and a comma parts limits" if re.fullmatch(r"[\d.:]+", text) else ""
        raise InputError(f"the limit {_short(text)} isn't {_EXAMPLE}{guess}")
    row = _row(limits, name)
    warn_text, has_fail, fail_text = (part.strip() for part in numbers.partition(":"))
    if warn_text == "off":
        if has_fail:
            raise InputError(f"the limit {_short(text)} is off and has a number to fail by: leave one of them out")
        return replace(row, is_off=True)
    warn = _range(row, warn_text)
    if has_fail:
        fail = EVERYTHING if fail_text == "off" else _range(row, fail_text)
        if not fail.contains(warn):
            raise InputError(
                f"the limit {_short(text)} would fail before it warns: WARN comes first, and FAIL lies beyond it"
            )
    elif row.fail == row.warn != EVERYTHING:
        fail = warn  # what fails at once goes on to
    else:
        fail = Range(min(row.fail.low, warn.low), max(row.fail.high, warn.high))
    return replace(row, warn=warn, fail=fail, is_off=False)


def _row(limits: Limits, name: str) -> Limit:
    if name in _ROWS:
        return limits.of(name)
    if name in _SCOPED:
        return replace(limits.of(name), name=name)
    near = difflib.get_close_matches(name.lower().replace("-", "_"), [*_ROWS, *_SCOPED], 1, 0.6)
    guess = f"did you mean {near[0]}?" if near else "`komorebi-qc limits` lists them"
    raise InputError(f"there is no limit {_short(name)}: {guess}")


def _range(row: Limit, text: str) -> Range:
    """A number as the row's direction takes it, or LOW..HIGH."""
    pair = _RANGE.fullmatch(text)
    if pair is not None:
        low, high = float(pair[1]), float(pair[2])
        if low > high:
            raise InputError(f"{row.name} can't be {_short(text)}: the smaller number comes first")
        return Range(low, high)
    value = _number(row, text)
    default = _ROWS[_SCOPED.get(row.name, row.name)]
    if default.direction == "above":
        return above(value)
    if default.direction == "below":
        return below(value)
    if default.direction == "two-sided" and default.warn.low == -default.warn.high:
        return beyond(value)
    raise InputError(
        f"{row.name} takes a range in {row.unit}, such as {_example(default)}, and not {_short(text)} alone"
    )


def _example(row: Limit) -> str:
    if row.direction == "told only":
        return f"{row.name}=-30..-16" if row.unit == "LUFS" else f"{row.name}=0..60"
    return f"{row.name}={row.warn.low:g}..{row.warn.high:g}"


def _number(row: Limit, text: str) -> float:
    if re.fullmatch(_NUMBER, text, re.ASCII) is None:
        with_unit = _WITH_UNIT.fullmatch(text)
        guess = ""
        if with_unit is not None:
            scale = _SCALES.get((with_unit[2], row.unit), 1.0)
            guess = f", such as {float(with_unit[1]) / scale:g}"
        raise InputError(f"{row.name} takes a number, in {row.unit}{guess}, and not {_short(text)}")
    value = float(text)
    if value < 0 and row.unit not in ("dB", "dBFS", "dBTP", "LUFS"):
        raise InputError(f"{row.name} can't be {_short(text)}: give its size, in {row.unit}")
    if value > 1 and row.unit == "share":
        raise InputError(f"{row.name} can't be {_short(text)}: it is a share, from 0 to 1")
    return value


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
