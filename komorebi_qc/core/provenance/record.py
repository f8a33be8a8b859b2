"""The record of a run: its inputs, its outputs, and the software and settings that made one of the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.provenance.parts import FileDigest

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of a run.

    Attributes:
        location: ``s3://bucket/key``, or a path relative to the folder of ``qc.json``.
        digest: of its content.
        etag: of the object; empty for a file on disk.
        version_id: of the object in a bucket with versions; empty without one.
    """

    location: str
    digest: FileDigest
    etag: str = ""
    version_id: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The record for JSON."""
        return {
            "location": self.location,
            **self.digest.to_dict(),
            "etag": self.etag or None,
            "version_id": self.version_id or None,
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> FileRecord:
        """Read what `to_dict` wrote.

        Raises:
            ValueError: a value is missing or of another kind.
        """
        texts = [found.get("location"), found.get("etag") or "", found.get("version_id") or ""]
        location, etag, version_id = (text if isinstance(text, str) else "" for text in texts)
        if not location:
            raise ValueError("a file has no location")
        return cls(location, FileDigest.from_dict(found), etag, version_id)


@dataclass(frozen=True, slots=True)
class DraftRecord:
    """A written video, and its future place.

    Attributes:
        folder: the place of ``qc.json``: ``s3://bucket/prefix``, or a folder's path; empty if nothing is published.
        video: the video's name, relative to it.
        thumbnail: the thumbnail's name, relative to it; empty if no thumbnail can be published.
        digest: of the video.
        captions: the captions' name, relative to it; empty if no captions can be published.
    """

    folder: str
    video: str
    thumbnail: str
    digest: FileDigest
    captions: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The record of a run.

    Attributes:
        call_audio: the call audio.
        agent_recording: the agent recording; of several files that were joined, the earliest.
        video: the unified recording.
        thumbnail: the thumbnail; None without one.
        analyses: Contact Lens' analyses of the call, whose redactions are masked.
        software: names and versions.
        settings: the settings that the output depends on.
        run_id: the run, which the objects and the item name as well; empty for an earlier version.
        transcript: the transcript, if it was a file of its own; None otherwise.
        captions: its words as WebVTT; None without a transcript that is used.
        further_recordings: the other files of the agent recording, in order of their places.
    """

    call_audio: FileRecord
    agent_recording: FileRecord
    video: FileRecord
    thumbnail: FileRecord | None = None
    analyses: tuple[FileRecord, ...] = ()
    software: Mapping[str, str | None] = field(default_factory=dict)
    settings: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    run_id: str = ""
    transcript: FileRecord | None = None
    captions: FileRecord | None = None
    further_recordings: tuple[FileRecord, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The key ``provenance`` of ``qc.json``."""
        return {
            "run_id": self.run_id or None,
            "software": dict(self.software),
            "settings": dict(self.settings),
            "inputs": {
                "call_audio": self.call_audio.to_dict(),
                "agent_recording": self.agent_recording.to_dict(),
                "further_recordings": [one.to_dict() for one in self.further_recordings],
                "analyses": [one.to_dict() for one in self.analyses],
                "transcript": None if self.transcript is None else self.transcript.to_dict(),
            },
            "outputs": {
                "video": self.video.to_dict(),
                "thumbnail": None if self.thumbnail is None else self.thumbnail.to_dict(),
                "captions": None if self.captions is None else self.captions.to_dict(),
            },
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Provenance:
        """Read what `to_dict` wrote.

        Raises:
            ValueError: a value is missing or of another kind.
        """
        try:
            inputs, outputs = found["inputs"], found["outputs"]
            thumbnail = outputs["thumbnail"]
            # An earlier version has neither of these two, and no further recordings.
            transcript, captions = inputs.get("transcript"), outputs.get("captions")
            return cls(
                FileRecord.from_dict(inputs["call_audio"]),
                FileRecord.from_dict(inputs["agent_recording"]),
                FileRecord.from_dict(outputs["video"]),
                None if thumbnail is None else FileRecord.from_dict(thumbnail),
                tuple(map(FileRecord.from_dict, inputs["analyses"])),
                found["software"],
                found["settings"],
                found.get("run_id") or "",
                None if transcript is None else FileRecord.from_dict(transcript),
                None if captions is None else FileRecord.from_dict(captions),
                tuple(map(FileRecord.from_dict, inputs.get("further_recordings", ()))),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the provenance is incomplete: {error}") from None
