"""What a track's levels mean, as findings: each number against its limit, and what to do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from komorebi_qc.levels import FLOOR_DBFS
from komorebi_qc.timebase import Span, clock_text
from komorebi_qc.verdict import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from komorebi_qc.levels import ChannelLevels

_WHOLE_S = 0.2
"""Digital silence is told in steps of 100 ms: what is so near to the whole track is all of it."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Where a level stops being right.

    Attributes:
        value: the limit.
        unit: its unit.
        source: who says so.
    """

    value: float
    unit: str
    source: str


_OWN = "our own choice: "
LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "dead": Limit(-60.0, "dBFS", _OWN + "38 dB under the speech level of RFC 7874"),
        "speech_level": Limit(-22.0, "dBFS", "RFC 7874, section 4: -19 dBm0, which is an RMS of 2600 of 32767"),
        "speech_level_tolerance": Limit(6.0, "dB", "RFC 7874, section 4: what automatic gain has to keep to"),
        "loudness": Limit(-23.0, "LUFS", "EBU R 128; told for comparison, since calls aren't broadcast"),
        "true_peak": Limit(-1.0, "dBTP", "EBU R 128: the highest permitted in production"),
        "clipping": Limit(0.01, "%", _OWN + "one sample of 10,000; a shout that clips once stays under it"),
        "dc_offset": Limit(0.5, "%", _OWN + "-46 dBFS, 24 dB under speech"),
        "dropouts": Limit(1.0, "1/min", _OWN + "a lost packet a minute goes unnoticed"),
        "snr": Limit(20.0, "dB", _OWN + "below it the noise is plainly heard in every pause"),
        "bandwidth": Limit(3000.0, "Hz", _OWN + "telephone speech reaches 3400 Hz (ITU-T G.712)"),
        "dead_air": Limit(60.0, "s", _OWN + "nobody is heard for a minute"),
    }
)
"""Every limit that `level_findings` judges by."""


def level_findings(
    label: str,
    levels: Sequence[ChannelLevels],
    limits: Mapping[str, Limit] = LIMITS,
    *,
    sides: Sequence[str] = (),
    loudness_lufs: float | None = None,
) -> tuple[Finding, ...]:
    """Every finding about a track, those that pass as well; none of them fails.

    Args:
        label: the track's name, which begins each finding's: ``call``, ``recording``.
        levels: its channels'.
        limits: what to judge by, all of `LIMITS`' names.
        sides: the channels' names (``customer``, ``agent``); numbers where there are none.
        loudness_lufs: of all channels together.
    """
    found = [*_track(label, levels, limits, loudness_lufs)]
    for number, channel in enumerate(levels):
        side = sides[number] if number < len(sides) else f"channel_{number + 1}"
        name = label if len(levels) == 1 and not sides else f"{label}_{side}"
        found += _channel(name, channel, limits)
    return tuple(found)


def _status(*, passes: bool) -> Status:
    return "pass" if passes else "warn"


def _track(
    label: str, levels: Sequence[ChannelLevels], limits: Mapping[str, Limit], loudness_lufs: float | None
) -> Iterator[Finding]:
    silent_s = min((c.digital_silence_s for c in levels), default=0.0)
    length_s = max((c.length_s for c in levels), default=0.0)
    is_silent = silent_s >= length_s - _WHOLE_S
    yield Finding(
        f"{label}_digital_silence",
        round(silent_s, 3),
        "s",
        _status(passes=not is_silent),
        f"All of the {label}'s audio is digital silence: nothing was recorded. Check that its source was not muted or "
        "disconnected."
        if is_silent
        else f"The {label}'s audio isn't digital silence.",
    )
    if is_silent:
        return
    dead = max(_common([c.silences for c in levels]), key=lambda span: span.length_s, default=Span(0.0, 0.0))
    limit = limits["dead_air"]
    yield Finding(
        f"{label}_dead_air",
        round(dead.length_s, 3),
        limit.unit,
        _status(passes=dead.length_s <= limit.value),
        f"Nobody is heard in the {label} for {dead.length_s:.1f} s from {clock_text(dead.start_s)} on"
        + (": listen whether the call was on hold there." if dead.length_s > limit.value else ".")
        if dead.length_s
        else f"Nowhere is the {label} silent for as long as 2 s.",
        limit.value,
    )
    if loudness_lufs is not None:
        limit = limits["loudness"]
        more_db = limit.value - loudness_lufs
        yield Finding(
            f"{label}_loudness",
            round(loudness_lufs, 2),
            limit.unit,
            "pass",
            f"The {label} has {loudness_lufs:.1f} LUFS; {more_db:+.1f} dB would make it as loud as a broadcast.",
            limit.value,
        )


def _channel(name: str, c: ChannelLevels, limits: Mapping[str, Limit]) -> Iterator[Finding]:
    what = name.replace("_", " ")
    limit = limits["dead"]
    yield Finding(
        f"{name}_sound",
        round(FLOOR_DBFS if c.rms_dbfs is None else c.rms_dbfs, 2),
        limit.unit,
        _status(passes=not c.is_dead),
        f"{what} is dead: nothing in it is louder than {limit.value:g} dBFS. If somebody should be heard there, check "
        "the microphone, the mute, and which channels are recorded."
        if c.is_dead
        else f"{what} holds sound.",
        limit.value,
    )
    if c.is_dead:
        return
    yield from _loudness(name, what, c, limits)
    yield from _damage(name, what, c, limits)
    yield from _quality(name, what, c, limits)


def _loudness(name: str, what: str, c: ChannelLevels, limits: Mapping[str, Limit]) -> Iterator[Finding]:
    limit, tolerance = limits["speech_level"], limits["speech_level_tolerance"]
    if c.speech_dbfs is not None:
        off_db = c.speech_dbfs - limit.value
        passes = abs(off_db) <= tolerance.value
        yield Finding(
            f"{name}_speech_level",
            round(c.speech_dbfs, 2),
            limit.unit,
            _status(passes=passes),
            f"Speech in {what} is at {c.speech_dbfs:.1f} dBFS, {abs(off_db):.1f} dB "
            f"{'above' if off_db > 0 else 'below'} the {limit.value:g} dBFS of WebRTC"
            + ("." if passes else f": turn the gain {'down' if off_db > 0 else 'up'} where it is recorded."),
            limit.value,
        )
    limit = limits["true_peak"]
    if c.true_peak_dbtp is not None:
        passes = c.true_peak_dbtp <= limit.value
        yield Finding(
            f"{name}_true_peak",
            round(c.true_peak_dbtp, 2),
            limit.unit,
            _status(passes=passes),
            f"{what} peaks at {c.true_peak_dbtp:.1f} dBTP"
            + ("." if passes else ": a codec may clip it. Turn the gain down where it is recorded."),
            limit.value,
        )


def _damage(name: str, what: str, c: ChannelLevels, limits: Mapping[str, Limit]) -> Iterator[Finding]:
    limit = limits["clipping"]
    percent = 100 * c.clipped_samples / max(c.samples, 1)
    passes = percent <= limit.value
    yield Finding(
        f"{name}_clipping",
        round(percent, 4),
        limit.unit,
        _status(passes=passes),
        f"{c.clipped_samples} samples of {what} are clipped, in {c.clipped_runs} places"
        + ("." if passes else ": it sounds harsh, and can't be mended. Turn the gain down where it is recorded.")
        if c.clipped_samples
        else f"Nothing of {what} is clipped.",
        limit.value,
    )
    limit = limits["dc_offset"]
    offset = 100 * c.dc_offset
    passes = abs(offset) <= limit.value
    yield Finding(
        f"{name}_dc_offset",
        round(offset, 3),
        limit.unit,
        _status(passes=passes),
        f"{what} has an offset of {offset:.2f} % of full scale"
        + ("." if passes else ": it clicks where it starts and stops. Check the sound card."),
        limit.value,
    )
    limit = limits["dropouts"]
    a_minute = 60 * c.dropout_count / max(60.0, c.length_s)
    passes = a_minute <= limit.value
    yield Finding(
        f"{name}_dropouts",
        round(a_minute, 3),
        limit.unit,
        _status(passes=passes),
        f"{what} drops out {c.dropout_count} time{'s' if c.dropout_count != 1 else ''}, first at "
        f"{clock_text(c.dropouts[0].start_s)}"
        + ("." if passes else ": packets were lost. Check the network of whoever speaks there.")
        if c.dropouts
        else f"{what} has no dropouts.",
        limit.value,
    )


def _quality(name: str, what: str, c: ChannelLevels, limits: Mapping[str, Limit]) -> Iterator[Finding]:
    limit = limits["snr"]
    if c.snr_db is not None:
        passes = c.snr_db >= limit.value
        yield Finding(
            f"{name}_snr",
            round(c.snr_db, 1),
            limit.unit,
            _status(passes=passes),
            f"Speech in {what} is about {c.snr_db:.0f} dB above its noise"
            + ("." if passes else ": it is hard to listen to. Check the microphone and the room."),
            limit.value,
        )
    limit = limits["bandwidth"]
    if c.bandwidth_hz is not None:
        passes = c.bandwidth_hz >= limit.value
        yield Finding(
            f"{name}_bandwidth",
            round(c.bandwidth_hz),
            limit.unit,
            _status(passes=passes),
            f"{what} reaches up to about {c.bandwidth_hz:.0f} Hz"
            + ("." if passes else ": it sounds muffled. Check its codec and the microphone."),
            limit.value,
        )
    music_s = sum(m.span.length_s for m in c.hold_music)
    likely = max((m.confidence for m in c.hold_music), default=0.0)
    yield Finding(
        f"{name}_hold_music",
        round(music_s, 1),
        "s",
        "pass",
        f"{music_s:.0f} s of {what} {'are' if likely > 0.8 else 'may be'} music on hold, from "
        f"{clock_text(c.hold_music[0].span.start_s)} on: an alignment can't rest on what repeats itself."
        if c.hold_music
        else f"Nothing in {what} sounds like music on hold.",
    )


def _common(channels: Sequence[tuple[Span, ...]]) -> tuple[Span, ...]:
    """Where all channels are silent."""
    if not channels:
        return ()
    held = channels[0]
    for spans in channels[1:]:
        held = tuple(
            Span(max(a.start_s, b.start_s), min(a.end_s, b.end_s)) for a in held for b in spans if a.overlap_s(b) > 0
        )
    return held
