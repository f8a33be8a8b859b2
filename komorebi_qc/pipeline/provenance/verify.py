"""Reads all files of a run again, and compares them with the record in its qc.json."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, Protocol

from komorebi_qc.core.errors import InputError, PermanentError
from komorebi_qc.core.provenance.record import Provenance
from komorebi_qc.core.provenance.seal import Sealed, opened_seal
from komorebi_qc.storage.recorded_files import RecordedFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from komorebi_qc.core.provenance.record import FileRecord
    from komorebi_qc.core.provenance.seal import Signature
    from komorebi_qc.storage.dynamodb import DynamoTable
    from komorebi_qc.storage.s3.media import S3Media

State = Literal["unchanged", "changed", "missing", "unknown"]
MAX_DOCUMENT_BYTES = 64 << 20


class Key(Protocol):
    """A key that checks signatures."""

    def verify(self, message: bytes, signature: Signature) -> bool:
        """Return whether this key made the signature of the message.

        Raises:
            KomorebiError: the key can't be used, or its service doesn't answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Checked:
    """One file of a run, read again.

    Attributes:
        role: such as ``video``, or ``signature`` for the signature of ``qc.json``.
        address: its path or ``s3://`` address.
        state: ``unknown`` if there is nothing to compare it with.
        detail: the difference, in a few words; empty for an unchanged file.
        version_id: the version that was read; empty without versions.
    """

    role: str
    address: str
    state: State
    detail: str = ""
    version_id: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """The files of one run.

    Attributes:
        recording_id: the recording's ID; empty if ``qc.json`` can't be read.
        version: of the software that made the output; empty likewise.
        files: ``qc.json`` and its signature first.
    """

    recording_id: str
    version: str
    files: tuple[Checked, ...]

    @property
    def state(self) -> State:
        """The worst state of all files."""
        return worst_state(one.state for one in self.files)

    def to_dict(self) -> dict[str, Any]:
        """The verification for JSON."""
        return {
            "recording_id": self.recording_id or None,
            "version": self.version or None,
            "state": self.state,
            "files": [{name: value or None for name, value in asdict(one).items()} for one in self.files],
        }


def worst_state(states: Iterable[State]) -> State:
    """Return the worst of several states: changed, then missing, then unknown."""
    found = set(states)
    return next((state for state in ("changed", "missing", "unknown") if state in found), "unchanged")


def verify_run(
    files: RecordedFiles,
    name: str,
    *,
    keys: Sequence[Key] = (),
    document_sha256: str = "",
    recording_id: str = "",
    with_inputs: bool = True,
) -> Verification:
    """Read the files of one run again, and compare them with its ``qc.json``.

    Args:
        files: opens them.
        name: of ``qc.json`` in its folder.
        keys: check the signature; it has to be of one of them.
        document_sha256: SHA-256 of ``qc.json`` from another place, the recording's item; empty if it isn't known.
        recording_id: the recording that ``qc.json`` has to be of; empty for any.
        with_inputs: whether the inputs are read as well.

    Raises:
        InputError: ``qc.json`` can't be read.
        StorageError: a bucket doesn't answer.
        AccessDeniedError: it refuses access or doesn't exist.
    """
    address = files.address_of(name)
    with files.opened(name) as source:
        if source is None:
            return Verification("", "", (Checked("qc.json", address, "missing"),))
        if source.size > MAX_DOCUMENT_BYTES:
            raise InputError(f"{address} has {source.size} bytes: it isn't a qc.json")
        content, version_id = source.file.read(), source.version_id
    try:
        found = opened_seal(content)
    except ValueError:  # UnicodeDecodeError and JSONDecodeError as well
        return Verification("", "", (Checked("qc.json", address, "changed", "it isn't JSON", version_id),))
    document = found.document
    record, problem = _record_of(document)
    state, detail = _document_state(found, record is not None, content, document_sha256)
    if other := _other_owner(document, record, name, recording_id):
        state, detail = "changed", other
    checked = [Checked("qc.json", address, state, detail, version_id)]
    checked += _signature(found, address, keys)
    if record is None:
        if problem and state == "unchanged":
            checked[0] = Checked("qc.json", address, "unknown", problem, version_id)
    else:
        is_remote = files.folder.startswith("s3://")
        checked += [
            _file(files, role, one)
            for role, one in _files_of(record, with_inputs=with_inputs)
            # A transcript that an analyst named for a recording in AWS stays on the analyst's disk.
            if role != "transcript" or one.location.startswith("s3://") or not is_remote
        ]
    return Verification(_text(document, "recording_id"), _text(document, "version"), tuple(checked))


def verify_recording(
    recording_id: str, table: DynamoTable, media: S3Media, *, keys: Sequence[Key] = (), with_inputs: bool = True
) -> Verification:
    """Verify the run of a recording in AWS. Its item has the SHA-256 of ``qc.json``.

    Args:
        recording_id: the recording's ID.
        table: the table of recordings.
        media: the buckets.
        keys: as for `verify_run`.
        with_inputs: as for `verify_run`.

    Raises:
        PermanentError: the recording isn't processed.
        UnknownRecordingError: there is no item.
        KomorebiError: as for `verify_run`.
    """
    recording = table.get(recording_id)
    if not recording.is_processed:
        raise PermanentError(f"recording {recording_id} isn't processed yet: there is nothing to verify")
    sha256 = str(table.own_attributes(recording_id).get("qcDocumentSha256", ""))
    folder, _, name = recording.qc_key.rpartition("/")
    files = RecordedFiles(f"s3://{media.output_bucket}/{folder}", lambda: media.client, media.check_cancelled)
    return verify_run(
        files, name, keys=keys, document_sha256=sha256, recording_id=recording_id, with_inputs=with_inputs
    )


def _record_of(document: Mapping[str, Any]) -> tuple[Provenance | None, str]:
    """The record in a document; None with the reason why there is no usable one."""
    found = document.get("provenance")
    if found is None:
        return None, "it has no record of the run: a version before this schema made it, or nothing was published"
    try:
        return Provenance.from_dict(found), ""
    except ValueError as error:
        return None, str(error)


def _document_state(found: Sealed, has_record: bool, content: bytes, document_sha256: str) -> tuple[State, str]:  # noqa: FBT001
    if document_sha256 and hashlib.sha256(content).hexdigest() != document_sha256:
        return "changed", "its SHA-256 isn't the one in the recording's item"
    if found.is_intact:
        return "unchanged", ""
    if found.has_seal or has_record:
        return "changed", "its seal doesn't match"
    return ("unchanged", "") if document_sha256 else ("unknown", "it has no seal: an earlier version made it")


def _other_owner(document: Mapping[str, Any], record: Provenance | None, name: str, recording_id: str) -> str:
    """Whose ``qc.json`` was put in this place, in a few words; empty if it is in its own."""
    stated = _text(document, "recording_id")
    if recording_id and stated and stated != recording_id:
        return f"it is of another recording: {stated}"
    own = name.removesuffix(".qc.json")
    if own == name or record is None:
        return ""
    video = PurePosixPath(record.video.location).name
    return "" if PurePosixPath(video).stem == own else f"it is of another video: {video}"


def _signature(found: Sealed, address: str, keys: Sequence[Key]) -> Iterator[Checked]:
    signature = found.signature
    if signature is None:
        if keys:
            yield Checked("signature", address, "missing", "qc.json isn't signed")
        return
    if not signature.value:
        yield Checked("signature", address, "changed", "it can't be read")
    elif not keys:
        yield Checked("signature", address, "unknown", f"not checked: name the key ({signature.key}) with --key")
    elif any(key.verify(found.message, signature) for key in keys):
        yield Checked("signature", address, "unchanged", f"by {signature.key}")
    else:
        yield Checked("signature", address, "changed", f"it isn't of the given key; it names {signature.key}")


def _files_of(record: Provenance, *, with_inputs: bool) -> Iterator[tuple[str, FileRecord]]:
    yield "video", record.video
    if record.thumbnail is not None:
        yield "thumbnail", record.thumbnail
    if record.captions is not None:
        yield "captions", record.captions
    if with_inputs:
        yield "call_audio", record.call_audio
        yield "agent_recording", record.agent_recording
        for further in record.further_recordings:
            yield "agent_recording", further
        for analysis in record.analyses:
            yield "analysis", analysis
        if record.transcript is not None:
            yield "transcript", record.transcript


def _file(files: RecordedFiles, role: str, record: FileRecord) -> Checked:
    address = files.address_of(record.location)
    try:
        return _compared(files, role, record, address)
    except InputError as error:
        path = Path(address)
        if path.exists() and not path.is_file():
            return Checked(role, address, "changed", "it isn't a regular file", record.version_id)
        return Checked(role, address, "unknown", str(error), record.version_id)


def _compared(files: RecordedFiles, role: str, record: FileRecord, address: str) -> Checked:
    with files.opened(record.location, record.version_id) as source:
        if source is None:
            return Checked(role, address, "missing", "", record.version_id)
        version_id, expected = source.version_id, record.digest.size
        if source.size != expected:
            return Checked(role, address, "changed", f"{source.size} bytes instead of {expected}", version_id)
        if not record.digest.is_of(source.file, files.check_cancelled):
            return Checked(role, address, "changed", "its SHA-256 differs", version_id)
        return Checked(role, address, "unchanged", "", version_id)


def _text(document: Mapping[str, Any], name: str) -> str:
    found = document.get(name)
    return found if isinstance(found, str) else ""
