"""The transcript of a call: from a file that was named, from Contact Lens' own analyses, or by a local recogniser.

`process` and `diagnose` share these functions, so that both compare the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.privacy.redactions import is_of_call_audio, read_analysis
from komorebi_qc.findings.words.transcript import ComparedTranscript, is_believed
from komorebi_qc.measure.transcript_timing import compare_with_speech
from komorebi_qc.pipeline.captions.transcribe import transcribe
from komorebi_qc.transcript.placed import place_transcript
from komorebi_qc.transcript.read import has_words, read_transcript, transcript_in
from komorebi_qc.transcript.turns import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.privacy.masks import PrivateSpan
    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.core.timebase import Span
    from komorebi_qc.findings.evidence import PairLevels
    from komorebi_qc.measure.levels.channel_levels import HoldMusic
    from komorebi_qc.pipeline.options import TranscriptChoice
    from komorebi_qc.transcript.placed import PlacedTranscript
    from komorebi_qc.transcript.recogniser import Recogniser


def read_words(
    given: Source | None, analyses: Sequence[Source], choice: TranscriptChoice, call_name: str
) -> Transcript | None:
    """Read the transcript of a call; None without one.

    Args:
        given: the file that was named; None without one.
        analyses: Contact Lens' analyses of the contact.
        choice: whether their turns are a transcript.
        call_name: the name of the call audio. Analyses of other call audio don't count.

    Raises:
        InputError: the file isn't a transcript, or an analysis can't be used.
    """
    if given is not None:
        return transcript_in(given)
    if choice == "off":
        return None
    found = []
    for source in analyses:
        content = source.content()
        # The analysis of a call in which nobody spoke has no turns.
        if is_of_call_audio(call_name, source.name, read_analysis(content, source.name).audio_name) and has_words(
            content
        ):
            found.append(read_transcript(content, source.name))
    if len(found) < 2:
        return found[0] if found else None
    turns = sorted((turn for one in found for turn in one.turns), key=lambda turn: (turn.from_s, turn.to_s))
    return Transcript(tuple(turns), found[0].language, found[0].source, found[0].name)


def compare_words(
    words: Transcript | Recogniser | None,
    call_8khz: Track | None,
    levels: PairLevels | None,
    private: Iterable[PrivateSpan] = (),
    check_cancelled: Callable[[], None] = lambda: None,
) -> ComparedTranscript | None:
    """Compare a transcript with the call's speech; None without either.

    Args:
        words: a transcript of the call, or the recogniser that makes it.
        call_8khz: the call audio at 8 kHz, shape ``(n, 2)``.
        levels: of both sides, which hold music on hold; None if they weren't measured.
        private: the spans that were not to be recorded, on the call clock. A recogniser gets nothing of them.
        check_cancelled: called between two parts of a recogniser's work; its exception ends it.

    Raises:
        InputError: the recogniser fails.
    """
    if words is None or call_8khz is None:
        return None
    music = ((), ()) if levels is None else (_music(levels.customer.hold_music), _music(levels.agent.hold_music))
    if isinstance(words, Transcript):
        return ComparedTranscript(words, compare_with_speech(words, call_8khz, music=music))
    unheard = tuple(one.call for one in private)
    made = transcribe(words, call_8khz, private=unheard, music=music, check_cancelled=check_cancelled)
    wordless = ((*music[0], *unheard), (*music[1], *unheard))
    return ComparedTranscript(made, compare_with_speech(made, call_8khz, music=wordless))


def caption(
    compared: ComparedTranscript | None, timeline: Splice, private: Iterable[PrivateSpan], limits: Limits
) -> PlacedTranscript | None:
    """Put a transcript on the output clock; None without one, or if it isn't believed.

    Args:
        compared: the transcript, and its comparison with the call's speech.
        timeline: which source plays when.
        private: the spans that were not to be recorded, on the call clock.
        limits: the limits to check against.
    """
    if compared is None or not is_believed(compared, limits):
        return None
    return place_transcript(compared.transcript, timeline, private)


def holds_of(levels: PairLevels | None) -> tuple[Span, ...]:
    """Music on hold on either channel of the call, on the call clock."""
    if levels is None:
        return ()
    return (*_music(levels.customer.hold_music), *_music(levels.agent.hold_music))


def _music(found: Iterable[HoldMusic]) -> tuple[Span, ...]:
    return tuple(one.span for one in found)
