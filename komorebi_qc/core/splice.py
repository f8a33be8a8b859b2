"""The splice: what plays when in the unified recording. Pure; times are seconds on the clock their name carries.

The rule: before the call begins, the agent recording's own audio; from there to the call's end, Connect's audio,
placed through the alignment; after it, the agent recording's own audio at its own time. Where a jump opens a gap
in the call, the recording's own audio fills it; where a jump folds the call onto itself, what the recording
has lost is left out, and counted. The picture is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.timebase import Alignment, CallEnd, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

SourceName = Literal["call", "recording", "silence"]
SHORTEST_S = 1e-6
"""A piece below a microsecond is a rounding error, far under a sample."""
FADE_S = 0.010
"""Long enough to hide a step in level, shorter than a phone's shortest sound (about 20 ms)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the output that plays one source.

    Attributes:
        source: whose audio.
        output: from where to where it plays alone, on the output clock.
        fade_in: where it rises; zero-length where nothing comes before it.
        fade_out: where it falls.
        source_start_s: the source's own time at ``output.start_s``.
        rate: output seconds that one second of the source takes.
    """

    source: SourceName
    output: Span
    fade_in: Span
    fade_out: Span
    source_start_s: float
    rate: float = 1.0

    def source_s(self, output_s: float) -> float:
        """The source's own time that plays at ``output_s``."""
        return self.source_start_s + (output_s - self.output.start_s) / self.rate

    def output_s(self, source_s: float) -> float:
        """When the source's own time ``source_s`` plays."""
        return self.output.start_s + (source_s - self.source_start_s) * self.rate


@dataclass(frozen=True, slots=True)
class Splice:
    """What plays when.

    Attributes:
        alignment: by which the call was placed.
        pieces: side by side from 0 to ``output_end_s``, none empty.
        call: the call's place on the output clock.
        output_end_s: where the audio ends.
        left_out_s: call audio that has no place, since the recording lost the time it would take.
    """

    alignment: Alignment
    pieces: tuple[Piece, ...]
    call: Span
    output_end_s: float
    left_out_s: float

    @property
    def seams_s(self) -> tuple[float, ...]:
        """The output times at which one piece hands over to the next."""
        return tuple(piece.output.start_s for piece in self.pieces[1:])


def align_as_told(call_end: CallEnd, call_s: float) -> Alignment:
    """The alignment that the told call end asks for: the call's last sample lies there."""
    return Alignment(offset_s=call_end.recording_s - call_s)


def after_call_audio(alignment: Alignment, *, call_s: float, recording_audio: Span | None) -> Span:
    """What the recording's own audio track holds from the call's end on, on the recording's clock; may be empty."""
    ends_s = alignment.to_recording(call_s)
    return Span(ends_s, max(ends_s, recording_audio.end_s if recording_audio is not None else ends_s))


def splice(alignment: Alignment, *, call_s: float, recording_audio: Span | None, fade_s: float = FADE_S) -> Splice:
    """Lay out the output.

    Args:
        alignment: where the call lies on the recording's clock.
        call_s: the call's length on its own clock.
        recording_audio: what the agent recording's audio track spans on the recording's clock; None without one.
        fade_s: the length of each crossfade, where the pieces are long enough for it.

    Raises:
        InputError: where the alignment's jumps leave no place for any of the call.
    """
    shift = alignment.output_shift_s
    calls, left_out_s = _call_pieces(alignment, call_s, fade_s)
    if not calls:
        raise InputError(f"the alignment leaves no place for the call ({call_s:.3f} s from {alignment.offset_s:.3f} s)")
    call = Span(calls[0].output.start_s, calls[-1].output.end_s)
    end = max(call.end_s, recording_audio.end_s + shift if recording_audio is not None else 0.0)
    filler: SourceName = "silence" if recording_audio is None else "recording"
    laid: list[Piece] = []
    now = 0.0
    for piece in calls:
        if piece.output.start_s - now >= SHORTEST_S:
            laid.append(_piece(filler, now, piece.output.start_s, now - shift))
        laid.append(piece)
        now = piece.output.end_s
    if end - now >= SHORTEST_S:
        laid.append(_piece(filler, now, end, now - shift))
    return Splice(alignment, tuple(_with_fades(laid, fade_s)), call, end, left_out_s)


def _piece(source: SourceName, start_s: float, end_s: float, source_start_s: float, rate: float = 1.0) -> Piece:
    at_start, at_end = Span(start_s, start_s), Span(end_s, end_s)
    return Piece(source, Span(start_s, end_s), at_start, at_end, source_start_s, rate)


def _call_pieces(alignment: Alignment, call_s: float, fade_s: float) -> tuple[list[Piece], float]:
    """The call, cut at its jumps, on the output clock in order and without overlap; and what found no place."""
    rate = alignment.rate
    jumps = [j for j in alignment.jumps if 0.0 < j.call_s < call_s]
    edges = [0.0, *(j.call_s for j in jumps), call_s]
    laid: list[Piece] = []
    left_out_s = 0.0
    for from_s, to_s in pairwise(edges):
        start = alignment.to_output(from_s)
        before_zero_s = max(0.0, -start) / rate
        if before_zero_s >= to_s - from_s:
            left_out_s += to_s - from_s
            continue
        left_out_s += before_zero_s
        from_s, start = from_s + before_zero_s, max(start, 0.0)  # noqa: PLW2901  the piece that has a place
        piece = _piece("call", start, start + (to_s - from_s) * rate, from_s, rate)
        if piece.output.length_s < SHORTEST_S:
            continue
        while laid and laid[-1].output.end_s > start:
            last = laid.pop()
            kept_to = max(last.output.start_s, start)
            left_out_s += (last.output.end_s - kept_to) / rate
            if kept_to - last.output.start_s >= SHORTEST_S:
                laid.append(_piece("call", last.output.start_s, kept_to, last.source_start_s, rate))
        if laid and 0.0 < start - laid[-1].output.end_s < 2 * fade_s:
            # Too short for the recording's own audio to fade in and out: the two sides meet in the middle.
            last = laid.pop()
            middle = (last.output.end_s + start) / 2
            laid.append(_piece("call", last.output.start_s, middle, last.source_start_s, rate))
            piece = _piece("call", middle, piece.output.end_s, from_s - (start - middle) / rate, rate)
        laid.append(piece)
    return laid, left_out_s


def _with_fades(pieces: Sequence[Piece], fade_s: float) -> list[Piece]:
    """Give each pair of neighbours one crossfade, at most half of either.

    It lies inside the call, where both sources hold the same sound: the call's first and last sample would
    otherwise be faded against what isn't the call.
    """
    fades = [Span(0.0, 0.0)]
    for before, after in pairwise(pieces):
        seam = after.output.start_s
        length = min(fade_s, before.output.length_s / 2, after.output.length_s / 2)
        if before.source == after.source:
            fades.append(Span(seam - length / 2, seam + length / 2))
        elif after.source == "call":
            fades.append(Span(seam, seam + length))
        else:
            fades.append(Span(seam - length, seam))
    end = pieces[-1].output.end_s
    fades.append(Span(end, end))
    return [Piece(p.source, p.output, fades[i], fades[i + 1], p.source_start_s, p.rate) for i, p in enumerate(pieces)]
