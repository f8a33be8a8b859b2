"""A chain in the configured AWS: records of Amazon Connect, items of the table, media in the buckets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from komorebi_qc.chain.sources import ReadyRecording, call_end_text
from komorebi_qc.core.errors import InputError, MessageError, SettingsError, StorageError, UnknownRecordingError
from komorebi_qc.core.recording import CALL_END_ATTRIBUTE, KEY_ATTRIBUTE, check_recording_id
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.pipeline.options import Order
from komorebi_qc.storage.contact.records import KnownRecords
from komorebi_qc.storage.object_store import open_store
from komorebi_qc.wiring import Settings, aws_client, chain_records, given_contact_records

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from komorebi_qc.core.contact.chains.model import Chain, ChainMember
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.storage.contact.chains import ChainRecords

_MAX_DOCUMENT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class AwsSource:
    """The configured AWS.

    Attributes:
        settings: the table, the buckets and the source of records.
        records: the records of chains.
    """

    settings: Settings
    records: ChainRecords
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> AwsSource:
        """The AWS that the settings name.

        Raises:
            SettingsError: they aren't complete, or name no source of records.
        """
        settings = Settings.from_environment(environ)
        records = chain_records(settings.contact_record, settings.connect_instance)
        if records is None:
            raise SettingsError(
                "KOMOREBI_CONTACT_RECORD is off, and a chain is found by contact records: set it to api or to the "
                "s3:// prefix of exported records, or name a folder by --from"
            )
        return cls(settings, records)

    @property
    def name(self) -> str:
        """See `ChainSource.name`."""
        return self.records.source

    def read(self, named: str, day: date | None, progress: Progress) -> Chain:
        """See `ChainSource.read`."""
        item = self._item(check_recording_id(named))
        return self.records.read(named, item.created.date() if day is None and item else day, progress.check)

    def agent(self, contact_id: str) -> str | None:
        """See `ChainSource.agent`."""
        item = self._item(contact_id)
        return None if item is None else item.agent_id

    def done(self, member: ChainMember) -> ReadyRecording | None:
        """See `ChainSource.done`."""
        with given_contact_records(self._record(member)):
            is_done = self.settings.pipeline().is_done(self._order(member))
        item = self.settings.table().get(member.contact_id)
        return self._ready(item, self._document(item)) if is_done else None

    def check(self, member: ChainMember) -> None:
        """See `ChainSource.check`."""
        with given_contact_records(self._record(member)):
            wired = self.settings.pipeline()
            wired.media.input_versions(wired.table.get(member.contact_id))

    def process(self, member: ChainMember, progress: Progress) -> ReadyRecording:
        """See `ChainSource.process`."""
        with given_contact_records(self._record(member)):
            outcome = self.settings.pipeline().process(self._order(member), progress=progress)
        published = outcome.published
        return ReadyRecording(outcome.document, published.video, published.qc or "")

    def report_inputs(self, member: ChainMember, ready: ReadyRecording) -> Mapping[str, str]:
        """See `ChainSource.report_inputs`."""
        end = self.settings.table().text(member.contact_id, CALL_END_ATTRIBUTE)
        return {"recording_id": member.contact_id, "call_end": call_end_text(end, ready.document)}

    def _item(self, contact_id: str) -> Recording | None:
        """The contact's item; None if the table has none of it, or can't have one by this ID.

        Raises:
            UnknownRecordingError: there is an item, and it can't be used.
        """
        table = self.settings.table()
        try:
            return table.get(contact_id)
        except MessageError:
            return None
        except UnknownRecordingError:
            if table.text(contact_id, KEY_ATTRIBUTE):
                raise
            return None

    def _record(self, member: ChainMember) -> KnownRecords | None:
        """The record that was read already, so that it isn't asked for again; None without one."""
        record = member.record
        return None if record is None else KnownRecords(self.name, {member.contact_id: record})

    def _order(self, member: ChainMember) -> Order:
        text = self.settings.table().text(member.contact_id, CALL_END_ATTRIBUTE)
        return Order(member.contact_id, parse_call_end(text) if text else None)

    def _document(self, item: Recording) -> dict[str, Any]:
        folder, _, name = item.qc_key.rpartition("/")
        store = open_store(f"s3://{self.settings.output_bucket}/{folder}", partial(aws_client, "s3"))
        found = store.read(name, max_bytes=_MAX_DOCUMENT_BYTES)
        if found is None:
            raise StorageError(f"{store.address_of(name)} was removed meanwhile: run the command again")
        try:
            document: dict[str, Any] = json.loads(found.content)
        except ValueError:
            raise InputError(f"{store.address_of(name)} isn't JSON: process {item.recording_id} with --force") from None
        return document

    def _ready(self, item: Recording, document: Mapping[str, Any]) -> ReadyRecording:
        base = f"s3://{self.settings.output_bucket}/"
        return ReadyRecording(document, base + item.video_key(item.container), base + item.qc_key)
