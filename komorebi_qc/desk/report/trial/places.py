"""The places of the call to try: the present one, the measurement's candidates, the reported end, the record's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from komorebi_qc import __version__
from komorebi_qc.core.analyst.correction import SCHEMA, alignment_dict
from komorebi_qc.core.contact.call_end import call_end_by_record
from komorebi_qc.core.splice import align_to_call_end
from komorebi_qc.desk.words.next_step import correction_command
from komorebi_qc.desk.words.placement import is_used, shown_candidates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.core.timebase import Alignment
    from komorebi_qc.pipeline.examine import Examined

_SAME_S = 0.0005
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class TrialPlace:
    """One place.

    Attributes:
        label: its name, with its probability if one is known.
        alignment: the call's position.
    """

    label: str
    alignment: Alignment


@dataclass(frozen=True, slots=True)
class Trial:
    """All that the page needs to try another place.

    Attributes:
        places: the present one first.
        call_s: the call's length on its own clock.
        shift_s: shift of the output clock against the recording clock.
        pieces: the call audio in the page's waveforms: output time from and to, call time, rate.
        masked: the masks on the call clock.
        file: the empty correction, to be filled in by the page.
        command: the command that applies a saved correction.
        is_unsure: whether the present place wasn't measured.
    """

    places: Sequence[TrialPlace]
    call_s: float
    shift_s: float
    pieces: Sequence[tuple[float, float, float, float]]
    masked: Sequence[tuple[float, float]]
    file: dict[str, Any]
    command: str
    is_unsure: bool = False

    def to_dict(self, address: str) -> dict[str, Any]:
        """The trial for the page's script.

        Args:
            address: of the audio, from `komorebi_qc.desk.report.trial.tracks.write_trial_tracks`.
        """
        return {
            "audio": address,
            "places": [{"label": one.label, "alignment": alignment_dict(one.alignment)} for one in self.places],
            "call_s": self.call_s,
            "shift_s": self.shift_s,
            "pieces": [list(piece) for piece in self.pieces],
            "masked": [list(span) for span in self.masked],
            "file": self.file,
            "command": self.command,
        }


def trial_of(examined: Examined) -> Trial:
    """The trial of an examination."""
    masks = examined.masks
    return Trial(
        places=tuple(_places(examined)),
        call_s=examined.call_s,
        shift_s=examined.alignment.output_shift_s,
        pieces=tuple(
            (piece.output.start_s, piece.output.end_s, piece.source_start_s, piece.rate)
            for piece in examined.timeline.pieces
            if piece.source == "call"
        ),
        masked=tuple((mask.start_s, mask.end_s) for mask in masks.call),
        file={
            "schema": SCHEMA,
            "recording_id": examined.recording_id,
            "inputs": {"call_sha256": examined.call_sha256, "recording_sha256": examined.recording_sha256},
            "alignment": {},
            "why": "",
            "by": "",
            "made_at": "",
            "software": f"komorebi-qc {__version__}",
            "seen_correction": str((examined.document.get("correction") or {}).get("at") or ""),
        },
        command=correction_command(examined),
        is_unsure=examined.placement.source in ("candidate", "call_end"),
    )


def _places(examined: Examined) -> Iterator[TrialPlace]:
    present, result = examined.alignment, examined.placement.measured
    candidates = () if result is None else shown_candidates(result)

    def place(name: str, alignment: Alignment, odds: str = "") -> TrialPlace:
        span = f"{alignment.offset_s:.3f} s to {alignment.end_s(examined.call_s):.3f} s"
        return TrialPlace(f"{name}: {span.replace('-', MINUS)}{odds}", alignment)

    used = [one for one in candidates if is_used(one, present)]
    yield place("Present place", present, f", {used[0].probability * 100:.1f} %" if used else "")
    for one in candidates:
        if one not in used:
            yield place("Candidate", replace(present, offset_s=one.offset_s), f", {one.probability * 100:.1f} %")
    measured = examined.diagnosis.sync.alignment
    if examined.placement.source == "manual" and measured is not None:
        yield place("Measured place", measured)
    if result is not None and not candidates:
        for other in result.alternative_offsets:
            odds = f", fits {other.score:.0%} of the evidence"
            yield place("Alternative", replace(present, offset_s=other.offset_s), odds)
    for name, alignment in _by_ends(examined):
        if abs(alignment.offset_s - present.offset_s) > _SAME_S:
            yield place(name, alignment)


def _by_ends(examined: Examined) -> Iterator[tuple[str, Alignment]]:
    """The places by the reported end, and by that of the contact's record if it has the recording's start."""
    diagnosis = examined.diagnosis
    end = diagnosis.call_end
    record = None if diagnosis.contact is None else diagnosis.contact.record
    if end.source == "reported":
        yield "Reported end", align_to_call_end(end, examined.call_s)
    by_record = end if end.source == "record" else call_end_by_record(record, diagnosis.recording.name)
    if by_record is not None:
        name = f"End by the contact's record, known within {by_record.resolution_s:g} s"
        yield name, align_to_call_end(by_record, examined.call_s)
