"""Made screen recordings, processed with the record of their contact."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from native_screens import make

from komorebi_qc.core.contact.choice import FoundContact
from komorebi_qc.core.contact.record import ContactRecord, ContactRecording
from komorebi_qc.core.contact.screen import ScreenRecording
from komorebi_qc.pipeline.local import LOCAL_ID, local_item
from komorebi_qc.pipeline.options import Options, Order
from komorebi_qc.pipeline.process import process
from komorebi_qc.storage.local import LocalFiles, LocalTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from native_screens import Made, NativeCase

    from komorebi_qc.core.joining.monitors import MonitorsChoice
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.core.source import Source

MOST_MS = 1.0
"""By how much a recording with the agent's sound may be off."""
SILENT = {
    *("sync_status", "belonging", "alignment_resolution", "after_call_audio", "recording_audio_channels"),
    *("call_before_recording", "call_end_past_recording"),
}
"""Findings of a recording without sound: nothing was measured, and nothing plays after the call."""


class RecordedFiles(LocalFiles):
    """Two files, with the record of a contact that names the second one."""

    def __init__(self, made: Made, out: Path, record: ContactRecord) -> None:
        super().__init__(made.call, made.recording, out)
        self.record = record

    def contact(self, recording: Recording) -> FoundContact:
        """The record, as the store of AWS has it."""
        assert recording.recording_id == LOCAL_ID
        return FoundContact("api", self.record, (), "record", "the record names one recording of an agent")

    @contextmanager
    def agent_recording(self, recording: Recording) -> Iterator[Source]:
        """The screen recording, as the store of AWS opens it."""
        with super().agent_recording(recording) as source:
            yield replace(source, screen=ScreenRecording("record", "the record names one screen recording", "only"))


@dataclass(frozen=True, slots=True)
class NativeRow:
    """A case's result.

    Attributes:
        case: the case.
        status: of the sync measurement.
        placed_by: ``measured`` or ``call_end``.
        end_by: the source of the call end.
        error_ms: how far off the call is at its start or its end, whichever is more.
        bound_s: how far off it may be, as the result states it.
        verdict: of the result.
        unexpected: findings that don't pass, and that the case doesn't explain.
        others: findings that don't pass, and that it explains.
        frames: in the output, of how many in the used track.
        freeze: status of the finding about a freeze.
    """

    case: NativeCase
    status: str
    placed_by: str
    end_by: str
    error_ms: float
    bound_s: float
    verdict: str
    unexpected: tuple[str, ...]
    others: tuple[str, ...]
    frames: tuple[int, int]
    freeze: str

    @property
    def is_good(self) -> bool:
        """Whether the result is as the case demands."""
        has_all = self.frames[0] == self.frames[1] and not self.unexpected
        if self.case.sound != "none":
            return has_all and self.status == self.placed_by_audio and self.error_ms < MOST_MS
        is_honest = (self.status, self.placed_by, self.end_by) == ("insufficient", "call_end", "record")
        return has_all and is_honest and self.verdict != "pass" and self.error_ms / 1000 <= self.bound_s

    @property
    def placed_by_audio(self) -> str:
        """The status of a call that is placed by its audio; empty if it isn't."""
        return "aligned" if self.placed_by == "measured" else ""


def run(folder: Path, case: NativeCase, *, track: int = 0, monitors: MonitorsChoice = "first") -> NativeRow:
    """Make a case, process it, and compare the result with its truth."""
    made = make(folder, case)
    files = RecordedFiles(made, folder / "unified.mp4", record_of(made))
    order = Order(LOCAL_ID, None)
    options = Options(video_track=track, monitors=monitors, thumbnail=False)
    outcome = process(order, table=LocalTable(local_item(LOCAL_ID)), media=files, options=options)
    return row_of(made, outcome.document)


def record_of(made: Made) -> ContactRecord:
    """The contact's record: its times are whole seconds, cut off, and the screen recording began at some fraction."""
    fraction_s = float(np.random.default_rng((made.case.seed, 99)).uniform(0.0, 1.0))
    began = datetime(2026, 11, 24, 12, tzinfo=UTC) + timedelta(seconds=fraction_s)

    def after(seconds: float) -> datetime:
        return (began + timedelta(seconds=seconds)).replace(microsecond=0)

    screen = ContactRecording(
        str(made.recording), "S3", "VIDEO", "AGENT", after(0.0), after(made.recording_s), "AVAILABLE"
    )
    return ContactRecord(
        LOCAL_ID,
        channel="VOICE",
        connected_at=after(made.case.offset_s),
        after_work_at=after(made.call_end_s),
        disconnected_at=after(made.call_end_s),
        recordings=(screen,),
    )


def row_of(made: Made, document: dict[str, Any]) -> NativeRow:
    """The result of a run, against the case's truth."""
    case, alignment = made.case, document["alignment"]
    placed = [point["recording_s"] for point in alignment["segments"]]
    error_s = max(abs(placed[0] - case.offset_s), abs(placed[-1] - made.call_end_s))
    failing = {f["name"]: f for f in document["findings"] if f["status"] != "pass"}
    explained = {"video_tracks_left_out"} if len(case.sizes) > 1 else set()
    explained |= SILENT if case.sound == "none" else set()
    explained |= {"call_before_recording"} if case.offset_s < -1.0 else set()
    explained |= {"video_freeze"} if case.frozen_s else set()
    freeze = next(f["status"] for f in document["findings"] if f["name"] == "video_freeze")
    lost = next(f["value"] for f in document["findings"] if f["name"] == "video_frames_lost")
    frames = round(made.recording_s * case.fps)
    return NativeRow(
        case,
        document["sync"]["status"],
        alignment["source"],
        str(document["call_end"]["source"]),
        error_s * 1000,
        alignment["bound_s"] or 0.0,
        document["verdict"],
        tuple(sorted(set(failing) - explained)),
        tuple(sorted(set(failing) & explained)),
        (frames - int(lost), frames),
        freeze,
    )
