"""A trial of an order: it is processed as in production, and the results go into a folder instead of the bucket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from komorebi_qc.pipeline.process import process
from komorebi_qc.storage.local import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from komorebi_qc.core.contact.choice import FoundContact
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.core.source import Source
    from komorebi_qc.pipeline.options import Options, Order
    from komorebi_qc.pipeline.outcome import Outcome
    from komorebi_qc.storage.local import LocalDraft
    from komorebi_qc.storage.protocols import MediaStore, RecordingsTable


def try_order(
    order: Order, folder: Path, *, table: RecordingsTable, media: MediaStore, options: Options, progress: Progress
) -> Outcome:
    """Process a recording into a folder. Nothing is published, and no item changes.

    Args:
        order: the recording, with its correction.
        folder: an empty folder, which needs room for the video.
        table: the table of recordings.
        media: the stores of the inputs.
        options: of the run.
        progress: receives the pipeline's own steps.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.process.process`.
    """
    return process(
        order, table=_UnchangedTable(table), media=_OutputsIn(folder, media), options=options, progress=progress
    )


class _Outputs(LocalFiles):
    """Outputs in files; the inputs are elsewhere."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Path("call"), Path("recording"), folder / "recording", folder / "thumbnail.png")

    def check(self) -> None:
        self.check_outputs()


class _UnchangedTable:
    """A table that is only read."""

    def __init__(self, table: RecordingsTable) -> None:
        self._table = table

    def get(self, recording_id: str) -> Recording:
        return self._table.get(recording_id)

    def mark_processed(
        self,
        recording: Recording,  # noqa: ARG002  nothing is marked
        attributes: Mapping[str, str | int | float | bool | None],  # noqa: ARG002
        *,
        replaces: str | None = None,  # noqa: ARG002
    ) -> bool:
        return True


class _OutputsIn:
    """The inputs of a store, and outputs in a folder."""

    def __init__(self, folder: Path, media: MediaStore) -> None:
        self._media, self._outputs = media, _Outputs(folder)

    def input_versions(self, recording: Recording) -> tuple[str, ...]:
        return self._media.input_versions(recording)

    def has_results(self, recording: Recording, container: str, run_id: str) -> bool:
        return self._outputs.has_results(recording, container, run_id)

    def findings_version(self, recording: Recording) -> str:
        return self._outputs.findings_version(recording)

    def call_audio(self, recording: Recording) -> AbstractContextManager[Source]:
        return self._media.call_audio(recording)

    def analyses(self, recording: Recording) -> tuple[Source, ...]:
        return self._media.analyses(recording)

    def contact(self, recording: Recording) -> FoundContact | None:
        return self._media.contact(recording)

    def transcript(self, recording: Recording) -> Source | None:
        return self._media.transcript(recording)

    def agent_recording(self, recording: Recording) -> AbstractContextManager[Source]:
        return self._media.agent_recording(recording)

    def further_recordings(self, recording: Recording) -> AbstractContextManager[tuple[Source, ...]]:
        return self._media.further_recordings(recording)

    def draft(
        self, recording: Recording, container: str, run_id: str = "", replaces: str | None = None
    ) -> AbstractContextManager[LocalDraft]:
        return self._outputs.draft(recording, container, run_id, replaces)
