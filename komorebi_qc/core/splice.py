"""The splice: the sources of the unified recording's audio over time. Times are on the clock in their name.

The rule: during the call, the call audio, placed by the alignment; outside of it, the source that `OutsideCall` names.
If a jump folds the call onto itself, the part that the recording lost is left out, and counted. In masks there is
silence: no sample of either source plays in them, because crossfades are outside of them.

The call begins and ends where its audio does: at the first and last moment that plays of it. So the time before a late
agent's part of the call counts as before the call, because it may be another conversation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.timebase import Alignment, CallEnd, Span, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

SourceName = Literal["call", "recording", "silence"]
OutsideCall = Literal["own", "after", "silence"]
"""Whose sound plays where the call audio doesn't.

* ``own``: the recording's own everywhere.
* ``after``: silence before the call, because nobody agreed to be recorded yet; the recording's own after it, and in the
  gaps that jumps open in it.
* ``silence``: silence everywhere.
"""
OUTSIDE_CALL: tuple[OutsideCall, ...] = ("own", "after", "silence")
SHORTEST_S = 1e-6
"""A piece below a microsecond is a rounding error, far shorter than a sample."""
FADE_S = 0.010
"""Long enough to hide a step in level, shorter than the shortest speech sound (about 20 ms)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the output that plays one source.

    Attributes:
        source: of the audio.
        output: the span in which it plays alone, on the output clock.
        fade_in: its fade-in; zero-length for the first piece.
        fade_out: its fade-out.
        source_start_s: the source's own time at ``output.start_s``.
        rate: output seconds per second of the source.
        continues: whether it goes on where the piece before it ends, at another rate. There is no seam between the
            two: their crossfade only hides the resampler's change of rate.
    """

    source: SourceName
    output: Span
    fade_in: Span
    fade_out: Span
    source_start_s: float
    rate: float = 1.0
    continues: bool = False

    def source_s(self, output_s: float) -> float:
        """Return the source time that plays at ``output_s``."""
        return self.source_start_s + (output_s - self.output.start_s) / self.rate

    def output_s(self, source_s: float) -> float:
        """Return the output time of the source time ``source_s``."""
        return self.output.start_s + (source_s - self.source_start_s) * self.rate


@dataclass(frozen=True, slots=True)
class Splice:
    """The sources of the output's audio over time.

    Attributes:
        alignment: of the call.
        pieces: adjacent, from 0 to ``output_end_s``; no piece is empty.
        call: the call's place on the output clock.
        output_end_s: end of the audio.
        left_out: call audio without a place, because the recording lost that time; on the call clock, in order.
        masked: the masks of the sound, in which the output is silent; in order and without overlap.
        outside_call: whose sound plays outside of the call audio.
    """

    alignment: Alignment
    pieces: tuple[Piece, ...]
    call: Span
    output_end_s: float
    left_out: tuple[Span, ...] = ()
    masked: tuple[Span, ...] = ()
    outside_call: OutsideCall = "own"

    @property
    def left_out_s(self) -> float:
        """Seconds of call audio without a place."""
        return sum(span.length_s for span in self.left_out)

    @property
    def seams_s(self) -> tuple[float, ...]:
        """The output times at which the source or its place changes; the edges of masks aren't among them."""
        return tuple(after.output.start_s for _, after in self.seams)

    @property
    def seams(self) -> tuple[tuple[Piece, Piece], ...]:
        """The pieces before and after each seam."""
        return tuple((before, after) for before, after in self.edges if not self._is_at_mask(after.output.start_s))

    @property
    def edges(self) -> tuple[tuple[Piece, Piece], ...]:
        """The pieces before and after each seam and each edge of a mask."""
        return tuple((before, after) for before, after in pairwise(self.pieces) if not after.continues)

    def _is_at_mask(self, output_s: float) -> bool:
        near_s = 2 * SHORTEST_S
        return any(mask.start_s - near_s <= output_s <= mask.end_s + near_s for mask in self.masked)


def align_to_call_end(call_end: CallEnd, call_s: float) -> Alignment:
    """Return the alignment that puts the call's last sample at the reported call end."""
    return Alignment(offset_s=call_end.used_s - call_s)


def after_call_audio(alignment: Alignment, *, call_s: float, recording_audio: Span | None) -> Span:
    """Return the span of the recording's own audio after the call, on the recording clock; may be empty."""
    ends_s = alignment.end_s(call_s)
    return Span(ends_s, max(ends_s, recording_audio.end_s if recording_audio is not None else ends_s))


def splice(
    alignment: Alignment,
    *,
    call_s: float,
    recording_audio: Span | None,
    fade_s: float = FADE_S,
    outside_call: OutsideCall = "own",
    masked: Sequence[Span] = (),
) -> Splice:
    """Plan the output's audio.

    Args:
        alignment: of the call.
        call_s: the call's length on its own clock.
        recording_audio: the span of the agent recording's audio track, on the recording clock; None without one.
        fade_s: length of each crossfade, if the pieces are long enough.
        outside_call: whose sound plays outside of the call audio.
        masked: the masks of the sound, on the output clock.

    Raises:
        InputError: the alignment's jumps leave no place for the call.
    """
    shift = alignment.output_shift_s
    calls, left_out = _call_pieces(alignment, call_s, fade_s)
    if not calls:
        raise InputError(f"the alignment leaves no place for the call ({call_s:.3f} s from {alignment.offset_s:.3f} s)")
    call = Span(calls[0].output.start_s, calls[-1].output.end_s)
    end = max(call.end_s, recording_audio.end_s + shift if recording_audio is not None else 0.0)
    filler: SourceName = "silence" if recording_audio is None or outside_call != "own" else "recording"
    timeline: list[Piece] = []
    now = 0.0
    for piece in calls:
        if piece.output.start_s - now >= SHORTEST_S:
            timeline.append(_piece(filler, now, piece.output.start_s, now - shift))
        timeline.append(piece)
        now = piece.output.end_s
        filler = "silence" if recording_audio is None or outside_call == "silence" else "recording"
    if end - now >= SHORTEST_S:
        timeline.append(_piece(filler, now, end, now - shift))
    masks = tuple(Span(m.start_s, min(m.end_s, end)) for m in merged(masked) if m.start_s < end)
    pieces = tuple(_with_fades(_less_masks(timeline, masks), fade_s))
    return Splice(alignment, pieces, call, end, tuple(merged(left_out, SHORTEST_S)), masks, outside_call)


def own_sound(end_s: float, *, has_audio: bool, masked: Sequence[Span] = ()) -> Splice:
    """Plan the audio of a recording without a call: its own sound from 0 to its end, less the masks.

    Args:
        end_s: the recording's end.
        has_audio: whether it has an audio track; without one it is silent.
        masked: the masks of the sound, on the recording clock.
    """
    masks = tuple(Span(m.start_s, min(m.end_s, end_s)) for m in merged(masked) if m.start_s < end_s)
    whole = _piece("recording" if has_audio else "silence", 0.0, end_s, 0.0)
    pieces = tuple(_with_fades(_less_masks([whole], masks), FADE_S))
    return Splice(Alignment(0.0), pieces, Span(0.0, 0.0), end_s, (), masks)


def _less_masks(timeline: Sequence[Piece], masks: Sequence[Span]) -> list[Piece]:
    """Cut the masks out of the pieces. Silence plays in them; silences side by side become one."""
    out: list[Piece] = []

    def silence(start_s: float, end_s: float) -> None:
        out.append(_piece("silence", out.pop().output.start_s if _ends_silent(out) else start_s, end_s, 0.0))

    for piece in timeline:
        now, end_s = piece.output.start_s, piece.output.end_s
        if piece.source == "silence":
            silence(now, end_s)
            continue
        for mask in masks:
            from_s, to_s = max(mask.start_s, now), min(mask.end_s, end_s)
            if from_s >= to_s:
                continue
            if from_s - now >= SHORTEST_S:
                out.append(_part(piece, now, from_s, out))
            else:
                from_s = now
            now = to_s if end_s - to_s >= SHORTEST_S else end_s
            silence(from_s, now)
        if now < end_s:
            out.append(_part(piece, now, end_s, out))
    return out


def _ends_silent(pieces: Sequence[Piece]) -> bool:
    return bool(pieces) and pieces[-1].source == "silence"


def _part(piece: Piece, start_s: float, end_s: float, before: Sequence[Piece]) -> Piece:
    """Return a part of a piece, which continues if the piece does and nothing was cut out in between."""
    continues = piece.continues and start_s == piece.output.start_s and not _ends_silent(before)
    return _piece(piece.source, start_s, end_s, piece.source_s(start_s), piece.rate, continues=continues)


def _piece(
    source: SourceName,
    start_s: float,
    end_s: float,
    source_start_s: float,
    rate: float = 1.0,
    *,
    continues: bool = False,
) -> Piece:
    at_start, at_end = Span(start_s, start_s), Span(end_s, end_s)
    return Piece(source, Span(start_s, end_s), at_start, at_end, source_start_s, rate, continues)


def _call_pieces(alignment: Alignment, call_s: float, fade_s: float) -> tuple[list[Piece], list[Span]]:
    """Return the call's straight pieces, in order and without overlap, and the spans without a place."""
    timeline: list[Piece] = []
    left_out: list[Span] = []
    for segment in alignment.segments(call_s):
        from_s, to_s, rate = segment.call.start_s, segment.call.end_s, segment.rate
        start = segment.recording_s + alignment.output_shift_s
        if alignment.part is not None:
            cut_s = max(0.0, alignment.part.start_s - from_s)
            from_s, to_s = from_s + cut_s, min(to_s, alignment.part.end_s)
            start += cut_s * rate
            if to_s <= from_s:
                continue
        before_zero_s = max(0.0, -start) / rate
        if before_zero_s >= to_s - from_s:
            left_out.append(Span(from_s, to_s))
            continue
        if before_zero_s > 0.0:
            left_out.append(Span(from_s, from_s + before_zero_s))
        from_s, start = from_s + before_zero_s, max(start, 0.0)
        piece = _piece("call", start, start + (to_s - from_s) * rate, from_s, rate)
        if piece.output.length_s < SHORTEST_S:
            continue
        if segment.continues and timeline and abs(start - timeline[-1].output.end_s) < SHORTEST_S:
            end_s = timeline[-1].output.end_s
            timeline.append(_piece("call", end_s, piece.output.end_s, from_s, rate, continues=True))
            continue
        left_out += _make_room(timeline, start)
        if timeline and 0.0 < start - timeline[-1].output.end_s < 2 * fade_s:
            # Too short for the recording's own audio to fade in and out: join the two sides in the middle.
            last = timeline.pop()
            middle = (last.output.end_s + start) / 2
            timeline.append(_until(last, middle))
            piece = _piece("call", middle, piece.output.end_s, from_s - (start - middle) / rate, rate)
        timeline.append(piece)
    return timeline, left_out


def _make_room(timeline: list[Piece], start_s: float) -> list[Span]:
    """Shorten the timeline to end at `start_s`; return the call audio that loses its place."""
    lost = []
    while timeline and timeline[-1].output.end_s > start_s:
        last = timeline.pop()
        kept_to = max(last.output.start_s, start_s)
        lost.append(Span(last.source_s(kept_to), last.source_s(last.output.end_s)))
        if kept_to - last.output.start_s >= SHORTEST_S:
            timeline.append(_until(last, kept_to))
    return lost


def _until(piece: Piece, end_s: float) -> Piece:
    """Return the piece with another end."""
    start_s = piece.output.start_s
    return _piece(piece.source, start_s, end_s, piece.source_start_s, piece.rate, continues=piece.continues)


def _with_fades(pieces: Sequence[Piece], fade_s: float) -> list[Piece]:
    """Give each pair of neighbours one crossfade, at most half of either.

    The crossfade is inside the call: both sources have the same sound there. Outside, the call's first and last samples
    would be faded against other sound. Beside silence it is outside of the silence, which may be masked.
    """
    fades = [Span(0.0, 0.0)]
    for before, after in pairwise(pieces):
        seam = after.output.start_s
        length = min(fade_s, before.output.length_s / 2, after.output.length_s / 2)
        if after.source == "silence":
            fades.append(Span(seam - length, seam))
        elif before.source == "silence":
            fades.append(Span(seam, seam + length))
        elif before.source == after.source:
            fades.append(Span(seam - length / 2, seam + length / 2))
        elif after.source == "call":
            fades.append(Span(seam, seam + length))
        else:
            fades.append(Span(seam - length, seam))
    end = pieces[-1].output.end_s
    fades.append(Span(end, end))
    return [replace(p, fade_in=fades[i], fade_out=fades[i + 1]) for i, p in enumerate(pieces)]
