"""The content of a report page, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray


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
        colour: ``accent``, ``head``, ``mark`` or ``ink``.
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
        kind: ``silence``, ``hold``, ``dropout`` or ``clipping``; each has its own shape.
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


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """The content of a report page.

    Attributes:
        title: the recording's name.
        document: the content of ``qc.json``; the page shows its numbers unchanged.
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
    """

    title: str
    document: Mapping[str, Any]
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
