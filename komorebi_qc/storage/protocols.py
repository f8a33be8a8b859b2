"""Where items and media live, as two small protocols; `pipeline.process` knows nothing else of them.

`komorebi_qc.storage.dynamodb` and `komorebi_qc.storage.s3_media` keep them on AWS, `komorebi_qc.storage.local` in
memory and in files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from komorebi_qc.core.recording import Recording
    from komorebi_qc.core.source import Source

CONTENT_TYPES = {"mp4": "video/mp4", "webm": "video/webm", "png": "image/png", "json": "application/json"}


class RecordingsTable(Protocol):
    """The table ``Recording``."""

    def get(self, recording_id: str) -> Recording:
        """Read one item.

        Raises:
            UnknownRecordingError: where there is none, or it lacks what the keys are made of.
            StorageError: where the table doesn't answer.
        """
        ...

    def mark_processed(self, recording: Recording, attributes: Mapping[str, str | int | float | bool]) -> None:
        """Set ``isProcessed`` and the given attributes, and nothing else, if the item is still there.

        Raises:
            UnknownRecordingError: where the item has been deleted meanwhile.
            StorageError: where the table doesn't answer.
        """
        ...


class MediaStore(Protocol):
    """Connect's bucket, the input bucket and the output bucket."""

    def input_versions(self, recording: Recording) -> tuple[str, ...]:
        """What names each input as it is now, content included: the call's, then the recording's; empty for nothing.

        Raises:
            NotThereYetError: where one may still come.
            MissingMediaError: where it won't.
            StorageError: where the store doesn't answer.
        """
        ...

    def has_video(self, recording: Recording, container: str) -> bool:
        """Whether the unified recording lies in its place.

        Raises:
            StorageError: where the store doesn't answer.
        """
        ...

    def call_audio(self, recording: Recording) -> AbstractContextManager[Source]:
        """Connect's audio of the call: of two recordings of one contact, the agent's.

        Raises:
            NotThereYetError: where it may still come.
            MissingMediaError: where it won't.
            StorageError: where the store doesn't answer.
        """
        ...

    def agent_recording(self, recording: Recording) -> AbstractContextManager[Source]:
        """The browser's recording.

        Raises:
            NotThereYetError: where it may still come.
            MissingMediaError: where it won't.
            StorageError: where the store doesn't answer.
        """
        ...

    def draft(self, recording: Recording, container: str, expected_bytes: int) -> AbstractContextManager[Draft]:
        """Begin the unified recording, about `expected_bytes` large; unpublished, it is gone with the context.

        Raises:
            StorageError: where the store takes nothing.
        """
        ...


class Draft(Protocol):
    """A video that is being made, where nobody sees it."""

    def begin(self, head_bytes: int) -> BinaryIO:
        """An empty file to write it into, from the start on; what an earlier one held is gone.

        Its first `head_bytes` may be written again at the end: an index has its place there.
        """
        ...

    def written(self) -> Source | None:
        """What has been written, to be read; None where it has gone its way."""
        ...

    def front(self) -> bytes:
        """Its first megabytes as they stand: the index is among them where the container has it there."""
        ...

    def publish(self, *, thumbnail: bytes | None, qc: bytes | None) -> Published:
        """Put the video, the thumbnail and the findings (JSON) in their places: all complete, or none.

        Raises:
            StorageError: where the store doesn't take them; nothing is left half done.
        """
        ...


@dataclass(frozen=True, slots=True)
class Published:
    """Where the results are: paths or ``s3://`` names."""

    video: str
    thumbnail: str | None
    qc: str | None
    video_bytes: int
    thumbnail_bytes: int
