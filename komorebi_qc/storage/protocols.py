"""Two small protocols for items and media: all that the pipeline knows about storage.

`komorebi_qc.storage.dynamodb` and `komorebi_qc.storage.s3.media` implement them on AWS, `komorebi_qc.storage.local` in
memory and in files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from komorebi_qc.core.contact.choice import FoundContact
    from komorebi_qc.core.provenance.record import DraftRecord
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.core.source import Source

CONTENT_TYPES = {
    "mp4": "video/mp4",
    "webm": "video/webm",
    "png": "image/png",
    "json": "application/json",
    "vtt": "text/vtt",
}


class RecordingsTable(Protocol):
    """The table ``Recording``."""

    def get(self, recording_id: str) -> Recording:
        """Read one item.

        Raises:
            UnknownRecordingError: there is no item, or it lacks an attribute that the keys need.
            StorageError: the table doesn't answer.
        """
        ...

    def mark_processed(
        self,
        recording: Recording,
        attributes: Mapping[str, str | int | float | bool | None],
        *,
        replaces: str | None = None,
    ) -> bool:
        """Set ``isProcessed`` and the given attributes, and nothing else, if the item is still there.

        Args:
            recording: the item, as the run read it.
            attributes: with the run's own ``qcRunId``. One that is None is removed.
            replaces: the run ID that the item has to have, empty for an item without one; None: any.

        Returns:
            False if the item has another run ID, or was corrected since it was read. It isn't changed then.

        Raises:
            UnknownRecordingError: the item was deleted meanwhile.
            StorageError: the table doesn't answer.
        """
        ...


class MediaStore(Protocol):
    """Connect's bucket, the input bucket and the output bucket."""

    def input_versions(self, recording: Recording) -> tuple[str, ...]:
        """Return what identifies the current content of call, recording and analyses, in this order.

        It is empty for a store without versions.

        Raises:
            NotThereYetError: an input may still arrive.
            MissingMediaError: an input won't arrive.
            StorageError: the store doesn't answer.
        """
        ...

    def has_results(self, recording: Recording, container: str, run_id: str) -> bool:
        """Return whether the unified recording, its thumbnail and its findings exist, all of this run.

        Without a run ID, for results of an earlier version, the unified recording has to exist, and no result may be of
        a run with an ID.

        Raises:
            StorageError: the store doesn't answer.
        """
        ...

    def call_audio(self, recording: Recording) -> AbstractContextManager[Source]:
        """Open the call audio: of two recordings of one contact, the agent's part.

        Raises:
            NotThereYetError: it may still arrive.
            MissingMediaError: it won't arrive.
            StorageError: the store doesn't answer.
        """
        ...

    def analyses(self, recording: Recording) -> tuple[Source, ...]:
        """Read Contact Lens' analyses of the call, which hold its redactions; empty if there aren't any.

        Raises:
            InputError: one can't be an analysis.
            NotThereYetError: one is needed and may still arrive.
            MissingMediaError: one is needed and won't arrive.
            StorageError: the store doesn't answer.
        """
        ...

    def contact(self, recording: Recording) -> FoundContact | None:
        """Return the contact's record, and the way in which the call audio was found; None if records aren't used.

        Raises:
            NotThereYetError: the call audio may still arrive.
            MissingMediaError: it won't arrive.
            StorageError: a store doesn't answer.
        """
        ...

    def transcript(self, recording: Recording) -> Source | None:
        """Read the transcript that a person named; None without one.

        Raises:
            InputError: it can't be read, or is too large for a transcript.
        """
        ...

    def agent_recording(self, recording: Recording) -> AbstractContextManager[Source]:
        """Open the agent recording.

        Raises:
            NotThereYetError: it may still arrive.
            MissingMediaError: it won't arrive.
            StorageError: the store doesn't answer.
        """
        ...

    def further_recordings(self, recording: Recording) -> AbstractContextManager[tuple[Source, ...]]:
        """Open the other files of the same agent recording, if its recorder was restarted; usually there aren't any.

        Raises:
            NotThereYetError: one may still arrive.
            MissingMediaError: one won't arrive.
            StorageError: the store doesn't answer.
        """
        ...

    def findings_version(self, recording: Recording) -> str:
        """Return what identifies the published findings, for `draft`; empty without any.

        Raises:
            StorageError: the store doesn't answer.
        """
        ...

    def draft(
        self, recording: Recording, container: str, run_id: str = "", replaces: str | None = None
    ) -> AbstractContextManager[Draft]:
        """Begin the unified recording. Unless it is published, it is deleted with the context.

        Args:
            recording: the recording.
            container: of the video.
            run_id: the run, which all its results name.
            replaces: the answer of `findings_version` when the run began. It publishes only if that is still so. None:
                in any case.

        Raises:
            StorageError: the store accepts no data.
        """
        ...


class Draft(Protocol):
    """A video in progress, not visible yet."""

    def begin(self, head_bytes: int) -> BinaryIO:
        """Return an empty file for the video. The content of an earlier one is dropped.

        Its first `head_bytes` can be written again at the end, for the index.
        """
        ...

    def front(self) -> bytes:
        """Return its first megabytes, with the index if the container has it at the front."""
        ...

    def record(self) -> DraftRecord:
        """Return the written video's digest, and the names of the results. Nothing can be written to it any more.

        Raises:
            StorageError: the store doesn't accept the rest of the video.
        """
        ...

    def publish(
        self, *, thumbnail: bytes | None, qc: bytes | None, captions: bytes | None = None, replaces_all: bool = False
    ) -> Published:
        """Publish the video, the thumbnail, the captions and the findings (JSON): all complete, or none.

        Args:
            thumbnail: PNG; None for no thumbnail.
            qc: the findings; None for no findings.
            captions: WebVTT; None for no captions. Those of an earlier run are removed then: they fit its video.
            replaces_all: whether what an earlier run left beside these results is removed as well: its video in another
                container, and its thumbnail if this run has no thumbnail. An earlier result may lack masks.

        Raises:
            ConcurrentRunError: another run of the same recording published since this one began.
            StorageError: the store doesn't accept them. Nothing is left half done.
        """
        ...


@dataclass(frozen=True, slots=True)
class Published:
    """The published results: paths or ``s3://`` names.

    Attributes:
        video: the unified recording.
        thumbnail: the thumbnail; None without one.
        qc: the findings; None without them.
        video_bytes: size of the video.
        thumbnail_bytes: size of the thumbnail.
        video_etag: ETag of the video's object; empty for a file, or if it isn't known.
        video_version_id: version of the video's object in a bucket with versions; empty otherwise.
        captions: the captions; None without them.
    """

    video: str
    thumbnail: str | None
    qc: str | None
    video_bytes: int
    thumbnail_bytes: int
    video_etag: str = ""
    video_version_id: str = ""
    captions: str | None = None
