"""A recording in AWS: its objects in the buckets, its dead letters, and the attributes of its item."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from komorebi_qc.core.privacy.analysis_keys import (
    ANALYSIS_PREFIX,
    analysis_prefixes,
    choose_analyses,
    choose_redacted_audio,
)
from komorebi_qc.core.recording import choose_call_audio
from komorebi_qc.erasure.file_tree import versions_as_artefacts
from komorebi_qc.erasure.known_files import kind_in_results
from komorebi_qc.erasure.plan import NOT_OURS, Artefact
from komorebi_qc.queue.operate import discard, read_dead_letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from komorebi_qc.core.recording import Recording
    from komorebi_qc.erasure.name_match import NameMatch
    from komorebi_qc.erasure.plan import Kind
    from komorebi_qc.queue.dead_letter import DeadLetter
    from komorebi_qc.queue.sqs import Queue
    from komorebi_qc.storage.dynamodb import DynamoTable
    from komorebi_qc.storage.s3.object_versions import StoredVersion, VersionedBucket

_DAY_AND_AGENT = re.compile(r"^\d{4}/\d{2}/\d{2}/[^/]+/", re.ASCII)


@dataclass(frozen=True, slots=True)
class PublishedObjects:
    """The recording's folder of the output bucket: its objects in all versions, and uploads that were never completed.

    Attributes:
        bucket: the output bucket.
        names: finds the recording's ID.
        folder: the recording's folder, with a slash at its end; empty to search every key of the bucket for a folder
            of the recording's name.
    """

    bucket: VersionedBucket
    names: NameMatch
    folder: str
    keys: dict[str, str] = field(default_factory=dict)

    def find(self) -> Iterator[Artefact]:
        """Yield uploads, then objects.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        for key, upload_id in self.bucket.uploads(self.folder):
            if self._name_in_folder(key) is not None:
                address = self.bucket.address_of(key)
                self.keys[address] = key
                yield Artefact("unfinished upload", address, versions=(upload_id,))
        for key, versions in self.bucket.versions(self.folder):
            name = self._name_in_folder(key)
            if name is None:
                continue
            address = self.bucket.address_of(key)
            self.keys[address] = key
            kind = kind_in_results(name)
            for one in versions_as_artefacts(self.bucket, address, kind or "other file", versions):
                yield one if kind is not None else _not_ours(one)

    def remove(self, artefact: Artefact) -> None:
        """Remove versions of an object, or an upload.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access.
        """
        key = self.keys[artefact.address]
        if artefact.kind == "unfinished upload":
            for upload_id in artefact.versions:
                self.bucket.abort(key, upload_id)
        else:
            self.bucket.remove(key, artefact.versions)

    def _name_in_folder(self, key: str) -> str | None:
        """The name of an object in the recording's folder; None for an object elsewhere."""
        if self.folder:
            return key.removeprefix(self.folder)
        # A day, or an agent, may have the recording's name.
        below = _DAY_AND_AGENT.sub("", key)
        match = re.search(rf"(?:^|/){re.escape(self.names.recording_id)}/(.+)", below)
        return match[1] if match else None


def _not_ours(one: Artefact) -> Artefact:
    return Artefact(one.kind, one.address, one.count, one.versions, kept_because=one.kept_because or NOT_OURS)


@dataclass(frozen=True, slots=True)
class InputObjects:
    """The call audio, Contact Lens' files of the call, and the agent recording, in all versions.

    Attributes:
        connect: Connect's bucket.
        connect_prefix: before ``CallRecordings/``.
        analysis_prefix: before the days of Contact Lens' files; None if they aren't read, for the usual one.
        inputs: the bucket of the agent recordings.
        recording: the item.
    """

    connect: VersionedBucket
    connect_prefix: str
    analysis_prefix: str | None
    inputs: VersionedBucket
    recording: Recording
    places: dict[str, tuple[VersionedBucket, str]] = field(default_factory=dict)

    def find(self) -> Iterator[Artefact]:
        """Yield the objects.

        Raises:
            StorageError: a bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        recording_id, own = self.recording.recording_id, self.recording.agent_recording_key
        for key, versions in _under(self.connect, self.recording.call_audio_prefixes(self.connect_prefix)):
            if choose_call_audio(recording_id, [key]) is not None:
                yield from self._artefacts(self.connect, key, versions, "call audio")
        prefix = ANALYSIS_PREFIX if self.analysis_prefix is None else self.analysis_prefix
        for key, versions in _under(self.connect, analysis_prefixes(self.recording, prefix)):
            # The ID of another recording may begin with this one's and an underscore.
            if choose_analyses(recording_id, [key]) or choose_redacted_audio(recording_id, [key]):
                yield from self._artefacts(self.connect, key, versions, "Contact Lens file")
        for key in (own, *self.recording.further_recording_keys):
            if versions := self.inputs.versions_of(key):
                yield from self._artefacts(self.inputs, key, versions, "agent recording")

    def remove(self, artefact: Artefact) -> None:
        """Remove versions of an object.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access.
        """
        bucket, key = self.places[artefact.address]
        bucket.remove(key, artefact.versions)

    def _artefacts(
        self, bucket: VersionedBucket, key: str, versions: list[StoredVersion], kind: Kind
    ) -> Iterator[Artefact]:
        address = bucket.address_of(key)
        self.places[address] = (bucket, key)
        yield from versions_as_artefacts(bucket, address, kind, versions, is_input=True)


def _under(bucket: VersionedBucket, prefixes: Iterable[str]) -> Iterator[tuple[str, list[StoredVersion]]]:
    for prefix in prefixes:
        yield from bucket.versions(prefix)


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The recording's messages in the dead-letter queue.

    Attributes:
        dead: the queue.
        names: finds the recording's ID.
    """

    dead: Queue
    names: NameMatch

    def find(self) -> Iterator[Artefact]:
        """Yield them as one artefact; and those that another process reads, because any of them may be the recording's.

        Raises:
            StorageError: the queue doesn't respond.
            AccessDeniedError: it denies access or doesn't exist.
        """
        hidden = self.dead.counts().hidden
        letters = [one for one in read_dead_letters(self.dead, most=None).letters if self._is_theirs(one)]
        if letters:
            ids = tuple(sorted(one.message_id for one in letters))
            yield Artefact("dead letter", f"queue {self.dead.url}", len(letters), ids)
        if hidden:
            reason = "another process reads these messages now: search again when it is done"
            yield Artefact("dead letter", f"queue {self.dead.url}, invisible", hidden, kept_because=reason)

    def remove(self, artefact: Artefact) -> None:  # noqa: ARG002  all at once
        """Delete them.

        Raises:
            StorageError: the queue doesn't respond.
            AccessDeniedError: it denies access.
        """
        discard(self.dead, self._is_theirs)

    def _is_theirs(self, letter: DeadLetter) -> bool:
        if letter.recording_id:
            return self.names.is_id(letter.recording_id)
        return self.names.is_distinctive and self.names.in_text(letter.body)


@dataclass(frozen=True, slots=True)
class ItemAttributes:
    """The attributes that this software wrote into the recording's item. The item itself is the backend's.

    Attributes:
        table: the table of recordings.
        recording_id: the recording.
    """

    table: DynamoTable
    recording_id: str

    def find(self) -> Iterator[Artefact]:
        """Yield them as one artefact.

        Raises:
            StorageError: the table doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        own = self.table.own_attributes(self.recording_id)
        if found := [name for name, value in own.items() if name != "isProcessed" or value]:
            names = ", ".join(found)
            yield Artefact("item attribute", f"table {self.table.name}, item {self.recording_id}: {names}", len(found))

    def remove(self, artefact: Artefact) -> None:  # noqa: ARG002  all at once
        """Remove them, and set ``isProcessed`` back to false.

        Raises:
            StorageError: the table doesn't answer.
            AccessDeniedError: it refuses access.
        """
        self.table.clear_results(self.recording_id)
