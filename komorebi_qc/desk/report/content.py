"""The content of a report page, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from komorebi_qc.core.notes import Notes
    from komorebi_qc.core.output import Chapter
    from komorebi_qc.desk.report.first_screen.delivered import DeliveredPart
    from komorebi_qc.desk.report.first_screen.sources import SourceSpan
    from komorebi_qc.desk.report.first_screen.summary import Summary
    from komorebi_qc.desk.report.trial.places import Trial
    from komorebi_qc.transcript.placed import PlacedTurn


@dataclass(frozen=True, slots=True, eq=False)
class PageTrack:
    """One waveform of the page: ``customer``, ``agent``, ``recording`` or ``output``.

    Attributes:
        name: one of the four; it chooses the colour.
        label: the name for people.
        samples: ``(n,)`` at 8 kHz, on the output clock.
    """

    name: str
    label: str
    samples: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Mark:
    """A line on the time axis.

    Attributes:
        at_s: output clock.
        label: one or two words.
        colour: ``accent``, ``head``, ``mark``, ``suspended`` or ``ink``.
        dash: dash pattern in pixels, on and off; lines of different colours also differ in shape.
        rank: priority of the label if there isn't room for all; the lowest goes first.
    """

    at_s: float
    label: str
    colour: str = "mark"
    dash: tuple[int, ...] = ()
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A marked span of one track, or of all tracks.

    Attributes:
        from_s: output clock.
        to_s: output clock.
        kind: ``silence``, ``hold``, ``dropout``, ``clipping``, ``masked``, ``suspended`` or ``redacted``; each has its
            own shape.
        track: a track's name; None for all.
    """

    from_s: float
    to_s: float
    kind: str
    track: str | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A target of the previous and next buttons.

    Attributes:
        at_s: output clock.
        text: the marks and findings at this moment.
        rows: numbers of these findings, in the document's order.
    """

    at_s: float
    text: str
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of the band under the waveforms.

    Attributes:
        from_s: output clock.
        to_s: output clock.
        row: ``call`` for the stretches of the call, ``recording`` for speech that only the recording has.
        kind: ``agrees``, ``silent``, ``absent``, ``contradicts``, ``suspended``, ``other`` or ``only``; each has its
            own pattern.
    """

    from_s: float
    to_s: float
    row: str
    kind: str


@dataclass(frozen=True, slots=True)
class StretchRow:
    """A row of the table of stretches.

    Attributes:
        span: its start and end, with the clock.
        meaning: in words.
        speech: seconds of speech.
        at_s: its start on the output clock; None if it has no place there.
        without_place: a note if it has no place.
    """

    span: str
    meaning: str
    speech: str
    at_s: float | None = None
    without_place: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A span of the call that isn't in the video.

    Attributes:
        label: its name, with its times on the call clock.
        audio: address of its audio, relative to the page, or a data URI; empty if the page has no room for it.
    """

    label: str
    audio: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The call against the recording.

    Attributes:
        belonging: status and sentence: whether both files belong to the same call, with the evidence.
        summary: the totals of the stretches, in a sentence.
        rows: the stretches.
        bands: the same for the band under the waveforms; empty if nothing was compared at the place in use.
        legend: the band's kinds with their meaning.
        candidates: the places that the evidence allows, under `komorebi_qc.desk.words.placement.CANDIDATE_HEAD`.
        candidates_caption: about them.
        left_out: the spans of the call that aren't in the video.
    """

    belonging: tuple[str, str]
    summary: str
    rows: Sequence[StretchRow] = ()
    bands: Sequence[Band] = ()
    legend: Sequence[tuple[str, str]] = ()
    candidates: Sequence[Sequence[str]] = ()
    candidates_caption: str = ""
    left_out: Sequence[LeftOut] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """The content of a report page.

    Attributes:
        title: the recording's name.
        document: the content of ``qc.json``; the page shows its numbers unchanged.
        status: ``pass``, ``warn`` or ``fail``: the verdict, which is ``fail`` if no unified recording was written.
        verdict: the same in words.
        headline: the answer to the first question, whether both are in sync, in a sentence.
        facts: a few names and values for the top.
        tracks: waveforms from top to bottom.
        length_s: length of the output.
        video: address of the video, relative to the page, or a data URI.
        video_start_s: output time of the video's own time 0.
        video_length_s: length of an embedded video.
        figure: the diagnosis figure, an image file.
        figure_type: its media type.
        figure_alt: its description for people who can't see it.
        audio: addresses of audio tracks that can replace the video's own audio, by the names of `AUDIO_LABELS`.
        audio_start_s: output time of the audio tracks' own time 0.
        marks: lines on the time axis.
        stretches: marked spans.
        moments: targets of the previous and next buttons, in time's order.
        places: output time of each finding that has one, by its number.
        comparison: of the call and the recording; None on a page without it.
        is_masked: whether video and audio have masks.
        summary: the parts of the headline that the findings don't give; None on a page without them.
        sources: the source of each second's sound, and the audio that was left out.
        trial: the places of the call to try; None on a page without them.
        trial_audio: address of their audio; empty on a page that doesn't have it.
        turns: the transcript on the output clock; empty without one.
        language: the transcript's, as a language tag; empty if it isn't known.
        chapters: of the output.
        notes: of analysts; None without a file of notes.
        recording_id: the recording that notes are about.
        delivered: the delivered file's part; None without one.
        audio_levels: level of each audio source, as a share of full scale; sources without sound are missing.
    """

    title: str
    document: Mapping[str, Any]
    status: str
    verdict: str
    headline: str
    facts: Sequence[tuple[str, str]]
    tracks: Sequence[PageTrack]
    length_s: float
    video: str
    figure: bytes
    figure_type: str
    figure_alt: str
    video_start_s: float = 0.0
    video_length_s: float = 0.0
    audio: Mapping[str, str] = field(default_factory=dict)
    audio_start_s: float = 0.0
    marks: Sequence[Mark] = ()
    stretches: Sequence[Stretch] = ()
    moments: Sequence[Moment] = ()
    places: Mapping[int, float] = field(default_factory=dict)
    comparison: Comparison | None = None
    is_masked: bool = False
    summary: Summary | None = None
    sources: Sequence[SourceSpan] = ()
    trial: Trial | None = None
    trial_audio: str = ""
    turns: Sequence[PlacedTurn] = ()
    language: str = ""
    chapters: Sequence[Chapter] = ()
    notes: Notes | None = None
    recording_id: str = "local"
    audio_levels: Mapping[str, float] = field(default_factory=dict)
    delivered: DeliveredPart | None = None

    @property
    def findings(self) -> Sequence[Mapping[str, Any]]:
        """The document's findings."""
        found: Sequence[Mapping[str, Any]] = self.document["findings"]
        return found

    @property
    def is_embedded(self) -> bool:
        """Whether the page holds its video itself."""
        return self.video.startswith("data:")

    @property
    def has_output(self) -> bool:
        """Whether there is a unified recording."""
        return any(track.name == "output" for track in self.tracks)
