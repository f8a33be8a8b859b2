"""Findings about levels: loudness, clipping, dropouts, noise and bandwidth of each track and channel. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At, counted
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import Span, clock_text
from komorebi_qc.measure.levels import DEAD_DBFS, FLOOR_DBFS
from komorebi_qc.measure.levels.meter import SILENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.measure.levels import ChannelLevels


def level_findings(
    label: str,
    levels: Sequence[ChannelLevels],
    limits: Limits = DEFAULT,
    *,
    sides: Sequence[str] = (),
    loudness_lufs: float | None = None,
    private: Sequence[Span] = (),
) -> tuple[Finding, ...]:
    """All findings about a track, the passing ones too.

    Args:
        label: the track's name, the first part of each finding's name: ``call``, ``recording``.
        levels: one for each channel.
        limits: the limits to check against.
        sides: the channels' names (``customer``, ``agent``); without names they are numbered.
        loudness_lufs: the loudness of all channels together; None to leave it out.
        private: spans of the track that were not to be recorded: their silence is no dead air.
    """
    found = [*_track(label, levels, limits, loudness_lufs, private)]
    for number, measured in enumerate(levels):
        side = sides[number] if number < len(sides) else f"channel_{number + 1}"
        name = label if len(levels) == 1 and not sides else f"{label}_{side}"
        found += _channel(name, measured, limits)
    return tuple(found)


def _track(
    label: str,
    levels: Sequence[ChannelLevels],
    limits: Limits,
    loudness_lufs: float | None,
    private: Sequence[Span],
) -> Iterator[Finding]:
    silent_s = min((c.digital_silence_s for c in levels), default=0.0)
    length_s = max((c.length_s for c in levels), default=0.0)
    silence = (
        limits.of(f"{label}_digital_silence")
        .all_but(length_s)
        .finding(
            f"{label}_digital_silence",
            silent_s,
            f"All of the {label}'s audio is digital silence.",
            good=f"The {label}'s audio isn't digital silence.",
            advice="nothing was recorded. Check that its source was not muted or disconnected.",
            digits=3,
        )
    )
    yield silence
    if silence.status != "pass":
        return
    silences = _less(_common([c.silences for c in levels]), private)
    dead = max(silences, key=lambda span: span.length_s, default=Span(0.0, 0.0))
    yield limits.finding(
        f"{label}_dead_air",
        dead.length_s,
        f"No one speaks in the {label} for {dead.length_s:.1f} s from {clock_text(dead.start_s)} on."
        if dead.length_s
        else f"The {label} has no silence of 2 s or more.",
        advice="listen whether the call was on hold there.",
        digits=3,
        at=_at(label, dead.start_s) if dead.length_s else None,
    )
    if loudness_lufs is not None:
        limit = limits.of(f"{label}_loudness")
        ((broadcast, _),) = limit.marks
        yield limit.finding(
            f"{label}_loudness",
            loudness_lufs,
            f"The loudness of the {label} is {loudness_lufs:.1f} LUFS; {broadcast.low - loudness_lufs:+.1f} dB would "
            "make it as loud as a broadcast.",
            digits=2,
        )


def _channel(name: str, c: ChannelLevels, limits: Limits) -> Iterator[Finding]:
    channel = name.replace("_", " ")
    dead = limits.of(f"{name}_sound").warn
    sound = limits.finding(
        f"{name}_sound",
        _sounding_dbfs(c),
        f"{_sentence(channel)} is dead: nothing in it is louder than {dead.low:g} dBFS. If somebody should speak "
        "there, check the microphone, the mute button, and which channels are recorded.",
        good=f"{_sentence(channel)} has audio.",
        digits=2,
    )
    yield sound
    if sound.status != "pass":
        return
    yield from _loudness(name, channel, c, limits)
    yield from _damage(name, channel, c, limits)
    yield from _quality(name, channel, c, limits)


def _sounding_dbfs(c: ChannelLevels) -> float:
    """The level of a channel's audio; a few words in a long pause count at their own level."""
    mean_dbfs = FLOOR_DBFS if c.rms_dbfs is None else c.rms_dbfs
    return mean_dbfs if c.is_dead else max(mean_dbfs, DEAD_DBFS, FLOOR_DBFS if c.speech_dbfs is None else c.speech_dbfs)


def _loudness(name: str, channel: str, c: ChannelLevels, limits: Limits) -> Iterator[Finding]:
    if c.speech_dbfs is not None:
        limit = limits.of(f"{name}_speech_level")
        off_db = c.speech_dbfs - (limit.warn.high if c.speech_dbfs > limit.warn.high else limit.warn.low)
        yield limit.finding(
            f"{name}_speech_level",
            c.speech_dbfs,
            f"Speech in {channel} is at {c.speech_dbfs:.1f} dBFS.",
            advice=f"{abs(off_db):.1f} dB too {'loud' if off_db > 0 else 'quiet'}. Turn the gain "
            f"{'down' if off_db > 0 else 'up'} where it is recorded.",
            digits=2,
        )
    if c.true_peak_dbtp is not None:
        yield limits.finding(
            f"{name}_true_peak",
            c.true_peak_dbtp,
            f"{_sentence(channel)} peaks at {c.true_peak_dbtp:.1f} dBTP.",
            advice="a codec may clip it. Turn the gain down where it is recorded.",
            digits=2,
        )


def _damage(name: str, channel: str, c: ChannelLevels, limits: Limits) -> Iterator[Finding]:
    yield limits.finding(
        f"{name}_clipping",
        100 * c.clipped_samples / max(c.samples, 1),
        f"{counted(c.clipped_samples, 'sample')} of {channel} {'is' if c.clipped_samples == 1 else 'are'} clipped, in "
        f"{counted(c.clipped_runs, 'place')}."
        if c.clipped_samples
        else f"{_sentence(channel)} isn't clipped.",
        advice="it sounds harsh, and can't be repaired. Turn the gain down where it is recorded.",
        digits=4,
    )
    yield limits.finding(
        f"{name}_dc_offset",
        100 * c.dc_offset,
        f"{_sentence(channel)} has a DC offset of {abs(100 * c.dc_offset):.2f} % of full scale.",
        advice="it clicks where it starts and stops. Check the sound card.",
        digits=3,
    )
    yield limits.finding(
        f"{name}_dropouts",
        60 * c.dropout_count / max(60.0, c.length_s),
        f"{_sentence(channel)} drops out {counted(c.dropout_count, 'time')}, "
        f"first at {clock_text(c.dropouts[0].start_s)}."
        if c.dropouts
        else f"{_sentence(channel)} has no dropouts.",
        advice="packets were lost. Check the network of the person who speaks there.",
        digits=3,
        at=_at(name, c.dropouts[0].start_s) if c.dropouts else None,
    )


def _quality(name: str, channel: str, c: ChannelLevels, limits: Limits) -> Iterator[Finding]:
    if c.snr_db is not None:
        yield limits.finding(
            f"{name}_snr",
            c.snr_db,
            f"Speech in {channel} is about {c.snr_db:.0f} dB above its noise.",
            advice="it is hard to listen to. Check the microphone and the room.",
            digits=1,
        )
    if c.bandwidth_hz is not None:
        yield limits.finding(
            f"{name}_bandwidth",
            c.bandwidth_hz,
            f"{_sentence(channel)} reaches up to about {c.bandwidth_hz:.0f} Hz.",
            advice="it sounds muffled. Check its codec and the microphone.",
            digits=0,
        )
    music_s = sum((m.span.length_s for m in c.hold_music), 0.0)
    likely = max((m.confidence for m in c.hold_music), default=0.0)
    yield limits.finding(
        f"{name}_hold_music",
        music_s,
        f"{music_s:.0f} s of {channel} {'are' if likely > 0.8 else 'may be'} music on hold, from "
        f"{clock_text(c.hold_music[0].span.start_s)} on. Music that repeats itself can't be used for the alignment."
        if c.hold_music
        else f"{_sentence(channel)} has no music on hold.",
        digits=1,
        at=_at(name, c.hold_music[0].span.start_s) if c.hold_music else None,
    )


def _sentence(name: str) -> str:
    """A channel's name at the beginning of a sentence."""
    return name[:1].upper() + name[1:]


def _at(name: str, seconds: float) -> At:
    """A moment on the clock of a track, which is the first part of a channel's name."""
    return At("call" if name.startswith("call") else "recording", seconds)


def _less(silences: Sequence[Span], private: Sequence[Span]) -> list[Span]:
    """The silences without private time; less than `SILENCE_S` that is left of one is a pause."""
    left = list(silences)
    for span in private:
        before = [(s.start_s, min(s.end_s, span.start_s)) for s in left]
        after = [(max(s.start_s, span.end_s), s.end_s) for s in left]
        left = [Span(start_s, end_s) for start_s, end_s in (*before, *after) if end_s - start_s >= SILENCE_S]
    return left


def _common(channels: Sequence[tuple[Span, ...]]) -> tuple[Span, ...]:
    """The spans in which all channels are silent."""
    if not channels:
        return ()
    held = channels[0]
    for spans in channels[1:]:
        held = tuple(
            Span(max(a.start_s, b.start_s), min(a.end_s, b.end_s)) for a in held for b in spans if a.overlap_s(b) > 0
        )
    return held
