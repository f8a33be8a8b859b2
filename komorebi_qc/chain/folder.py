"""A chain in a folder: exported records as JSON, and a list that names each contact's two files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc import jobs
from komorebi_qc.batch.manifest.manifest_file import read_manifest
from komorebi_qc.chain.sources import ReadyRecording
from komorebi_qc.core.contact.chains.build import build_chain
from komorebi_qc.core.contact.parse import contacts_in
from komorebi_qc.core.errors import InputError
from komorebi_qc.core.provenance.record import Provenance
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.pipeline.provenance.verify import verify_run
from komorebi_qc.storage.atomic_file import make_folder
from komorebi_qc.storage.input_file import check_input, read_small_file
from komorebi_qc.storage.local import LocalFiles
from komorebi_qc.storage.recorded_files import RecordedFiles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from komorebi_qc.batch.manifest.items import Item
    from komorebi_qc.core.contact.chains.model import Chain, ChainMember
    from komorebi_qc.core.contact.record import ContactRecord
    from komorebi_qc.core.progress import Progress

RECORDS, LIST = "records.jsonl", "list.csv"
_MOST_BYTES = 256 << 20
_QC = "recording.qc.json"


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder with `RECORDS` and `LIST`.

    Attributes:
        records: the contact records.
        items: the listed recordings, by contact.
        out: the folder of the results.
        environ: the settings of a run on local files.
        notes: rows of the list that can't be used, and files that several rows name.
    """

    records: tuple[ContactRecord, ...]
    items: Mapping[str, Item]
    out: Path
    environ: Mapping[str, str]
    notes: tuple[str, ...] = ()
    name: str = "folder"

    @classmethod
    def of(cls, folder: Path, out: str, environ: Mapping[str, str]) -> FolderSource:
        """Read the records and the list.

        Raises:
            InputError: one of them can't be read, or the results can't be written there.
        """
        if out.startswith("s3://"):
            raise InputError(f"--out is {out}, and with --from the results are files: name a folder")
        content = read_small_file(folder / RECORDS, _MOST_BYTES).file.read()
        try:
            records = tuple(contacts_in(content.decode()))
        except (InputError, UnicodeDecodeError) as error:
            raise InputError(f"{folder / RECORDS} has no contact records: {error}") from None
        listing = read_manifest(folder / LIST)
        items = {item.recording_id: item for item in listing.items if item.named_by == "files"}
        notes = [f"{row.listed_in}: {row.reason}" for row in listing.rejected]
        notes += [
            f"{item.listed_in}: {item.recording_id} has no files: name connect and recording"
            for item in listing.items
            if item.named_by != "files"
        ]
        return cls(records, items, Path(out), environ, (*notes, *_shared(items)))

    def read(self, named: str, day: date | None, progress: Progress) -> Chain:  # noqa: ARG002  the records have no more days
        """See `ChainSource.read`."""
        progress.check()
        return build_chain(self.records, named)

    def agent(self, contact_id: str) -> str | None:
        """See `ChainSource.agent`."""
        item = self.items.get(contact_id)
        return None if item is None else item.agent

    def done(self, member: ChainMember) -> ReadyRecording | None:
        """See `ChainSource.done`. All files are read again, and compared with the record of that run."""
        folder = self._folder(member)
        if not (folder / _QC).is_file():
            return None
        item = self.items[member.contact_id]
        try:
            document = json.loads((folder / _QC).read_bytes())
            record = Provenance.from_dict(document["provenance"])
            is_same = self._inputs(folder, record) == (Path(item.connect), Path(item.recording))
            is_same &= document["call_end"]["reported_s"] == parse_call_end(item.call_end).recording_s
        except (ValueError, KeyError, TypeError):
            return None
        if not is_same:
            return None
        found = verify_run(RecordedFiles(str(folder), _no_client), _QC)
        if any(one.state in ("changed", "missing") for one in found.files):
            return None
        return self._ready(member, document, folder / record.video.location)

    def check(self, member: ChainMember) -> None:
        """See `ChainSource.check`."""
        item = self.items[member.contact_id]
        for text in (item.connect, item.recording):
            check_input(Path(text))

    def process(self, member: ChainMember, progress: Progress) -> ReadyRecording:
        """See `ChainSource.process`."""
        item, folder = self.items[member.contact_id], self._folder(member)
        try:
            make_folder(folder)
        except OSError as error:
            raise InputError(f"{folder} can't be created ({error.strerror}): name another folder by --out") from None
        analysis, transcript = (Path(text) if text else None for text in (item.analysis, item.transcript))
        inputs = (Path(item.connect), Path(item.recording))
        files = LocalFiles(*inputs, folder / "recording", folder / "thumbnail.png", analysis, transcript)
        request = jobs.ProcessRequest(item.call_end, offset_s=None, drift_ppm=0.0, container="auto")
        outcome = jobs.process_files(files, request, self.environ, progress)
        return self._ready(member, outcome.document, Path(outcome.published.video))

    def report_inputs(self, member: ChainMember, ready: ReadyRecording) -> Mapping[str, str]:  # noqa: ARG002  the list has it
        """See `ChainSource.report_inputs`."""
        item = self.items[member.contact_id]
        named = ("connect", "recording", "call_end", "analysis", "transcript")
        return {name: getattr(item, name) for name in named}

    def _folder(self, member: ChainMember) -> Path:
        return self.out / member.contact_id

    def _inputs(self, folder: Path, record: Provenance) -> tuple[Path, Path]:
        call, own = ((folder / one.location).resolve() for one in (record.call_audio, record.agent_recording))
        return call, own

    def _ready(self, member: ChainMember, document: Mapping[str, Any], video: Path) -> ReadyRecording:
        address = f"{member.contact_id}/{video.name}"
        return ReadyRecording(document, str(video), str(self._folder(member) / _QC), address)


def _shared(items: Mapping[str, Item]) -> list[str]:
    """A sentence for each file that several contacts name: one of them would get another agent's audio or screen."""
    named: dict[tuple[str, Path], list[str]] = {}
    for contact, item in items.items():
        for kind, file in (("call audio", item.connect), ("agent recording", item.recording)):
            named.setdefault((kind, Path(file).resolve()), []).append(contact)
    return [
        f"{LIST} names the same {kind} for several contacts ({', '.join(contacts)}): check which of them it belongs to."
        for (kind, _), contacts in named.items()
        if len(contacts) > 1
    ]


def _no_client() -> Any:
    raise InputError("a local result has its inputs on S3, and no client is used here")
