"""From a listed recording to its task: the places of its media, their current versions, and the keys of the work.

Nothing is decoded or downloaded. For a recording in AWS, the table's item is read, and the ETags of its media.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.batch.execution.tasks import READS_ONLY, REPORTS, UNIFIED, Action, BatchRequest, Task
from komorebi_qc.batch.execution.work_keys import inputs_key, work_key
from komorebi_qc.batch.manifest.locations import file_day
from komorebi_qc.batch.manifest.table_query import attribute_text
from komorebi_qc.core.contact.record import ContactRecord, ContactRecording
from komorebi_qc.core.errors import InputError, MissingMediaError, SettingsError, missing_extra
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.pipeline.correction.corrected_order import correction_in_item
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code
from komorebi_qc.storage.contact.records import KnownRecords
from komorebi_qc.storage.object_store import ObjectStore, open_store, split_s3
from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from komorebi_qc.batch.manifest.items import Item
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.wiring import WiredPipeline

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)
_LAST_WRITTEN: Mapping[Action, str] = {"audit": "report.html", "process": "recording.qc.json"}
"""The result that is written last: if it exists, the others do."""


class Resolver:
    """Makes tasks; several threads may use it at once."""

    def __init__(self, request: BatchRequest) -> None:
        self._request = request
        self._limits = request.changed_limits()

    def prepare(self, items: Iterable[Item]) -> None:
        """Check before any work that everything these items need is installed and configured.

        Among listed files, an item of the table whose settings are missing fails alone, in `task`.

        Raises:
            InputError: Something is missing; the message names it.
        """
        request = self._request
        if request.action == "audit" and find_spec("papermill") is None:
            raise missing_extra("desk", "papermill", needed_by="an audit")
        named = {item.named_by for item in items}
        if named == {"id"}:
            _ = self._wired, self._settings
        if request.action not in READS_ONLY:
            _ = self._results
        folder = request.results or request.dataset
        if request.action == "process" and "files" in named and folder.startswith("s3://"):
            raise InputError(
                f"unified recordings of listed files can't go to {folder}: name a folder of this machine by --results"
            )

    @property
    def asks_api(self) -> bool:
        """Whether contact records come from Amazon Connect's API, two a second, and nothing goes before them."""
        contacts = self._wired.media.contacts if self._request.record_settings() else None
        return contacts is not None and contacts.source == "api" and self._wired.media.redacted == "ignore"

    def task(self, item: Item, known_call: str = "") -> Task:
        """The task for an item.

        Args:
            item: the listed recording.
            known_call: the call audio that the contact's record named before. Then the record isn't read again, and
                the task is only good to see whether the work is done.

        Raises:
            KomorebiError: Its media are missing, or its call end isn't known.
        """
        found = self._found(item) if item.named_by == "id" else None
        call, call_etag, recording, recording_etag, agent, day, call_end, *analyses = (
            self._by_files(item) if found is None else self._by_id(item, found, known_call)
        )
        corrected = None if found is None else correction_in_item(found)
        if not call_end:
            raise InputError(self._missing_call_end(item))
        parse_call_end(call_end)
        request, folder = self._request, self._folder(item)
        out = f"{request.results or request.dataset}/{folder}" if folder else ""
        report = f"{out if request.results else folder}/report.html" if request.action == "audit" else ""
        inputs = inputs_key(call, call_etag, recording, recording_etag, call_end, *analyses)
        output_settings = request.output_settings()

        # A correction changes the result of the same inputs. Without one, the key is as it was before there were any.
        corrections = () if corrected is None else (json.dumps(corrected.to_dict(), sort_keys=True),)

        settings = (*request.word_settings(), *request.record_settings())

        def key(action: Action, *others: str) -> str:
            return work_key(inputs, action, self._limits, agent, day, *others, *corrections, *settings)

        mask_settings = request.mask_settings()
        others = {"process": output_settings, "audit": mask_settings}.get(request.action, [])
        own = key(request.action, *others)
        # An audit measures everything that a diagnosis does. Processing measures all but the levels, and a row keeps
        # the levels of an earlier diagnosis. All of them show more than a triage.
        also: tuple[str, ...] = ()
        if request.action in READS_ONLY:
            also = (key("audit", *mask_settings), key("process", *output_settings))
        if request.action == "triage":
            also = (*also, key("diagnose"))
        filled = replace(item, call_end=call_end)
        has_results = not folder or self._results.has(f"{folder}/{_LAST_WRITTEN[request.action]}")
        return Task(
            *(filled, request, call, call_etag, recording, recording_etag, agent, day, out, report, inputs, own, also),
            has_results=has_results,
            correction=() if corrected is None else (corrected.by, corrected.made_at, corrected.why),
            contact=() if found is None or known_call else self._contact(found),
        )

    def _found(self, item: Item) -> Recording:
        try:
            table = self._wired.table
        except SettingsError as error:
            raise SettingsError(f"its row names no files, and the table can't be asked: {error}") from None
        return table.get(item.recording_id)

    def _contact(self, item: Recording) -> tuple[str, str] | tuple[()]:
        """The contact's record, read once for all workers: they share one rate of requests."""
        records = self._wired.media.contacts
        if records is None:
            return ()
        record = records.get(item, lambda: None)
        return records.source, "" if record is None else json.dumps(record.to_dict())

    def _missing_call_end(self, item: Item) -> str:
        attribute = self._request.call_end_attribute
        where = f", and its item has no attribute {attribute}" if attribute and item.named_by == "id" else ""
        return (
            f"no call end is listed for {item.recording_id}{where}: add a call_end column to the manifest, or name a "
            "list with recording_id and call_end by --call-ends"
        )

    def _folder(self, item: Item) -> str:
        """The folder of the item's results under the root of all results; empty if it has no results there."""
        request = self._request
        if request.action in READS_ONLY or (request.action == "process" and item.named_by == "id"):
            return ""
        above = "" if request.results else f"{REPORTS if request.action == 'audit' else UNIFIED}/"
        return f"{above}{folder_of(item.recording_id)}"

    def _by_id(self, item: Item, found: Recording, known_call: str) -> tuple[str, ...]:
        settings, media = self._settings, self._wired.media
        if known_call:
            named = ContactRecord(item.recording_id, recordings=(ContactRecording(known_call),))
            media = replace(media, contacts=KnownRecords("api", {item.recording_id: named}))
        call_key, call_etag, key, etag, *analyses = media.input_versions(found)
        call_end = item.call_end or self._call_end_in_table(item.recording_id)
        return (
            f"s3://{settings.connect_bucket}/{call_key}",
            call_etag.strip('"'),
            f"s3://{settings.input_bucket}/{key}",
            etag.strip('"'),
            item.agent or found.agent_id,
            item.day or f"{found.created:%Y-%m-%d}",
            call_end,
            *analyses,
        )

    def _by_files(self, item: Item) -> tuple[str, ...]:
        call_etag, _ = self._version(item.connect)
        etag, day = self._version(item.recording)
        others = [part for one in (item.analysis, item.transcript) if one for part in (one, self._version(one)[0])]
        return item.connect, call_etag, item.recording, etag, item.agent, item.day or day, item.call_end, *others

    def _version(self, location: str) -> tuple[str, str]:
        """The version of a file's content, and the UTC day on which it was written."""
        if not location.startswith("s3://"):
            path = Path(location)
            try:
                found = path.stat()
                return f"{found.st_size}-{found.st_mtime_ns}", file_day(location)
            except OSError as error:
                raise InputError(f"{location} can't be read ({error.strerror}): check the path") from None
        bucket, key = split_s3(location)
        with aws_errors(location):
            try:
                answer = self._s3.head_object(Bucket=bucket, Key=key)
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    raise MissingMediaError(f"{location} doesn't exist: check the manifest") from None
                raise
        return str(answer["ETag"]).strip('"'), f"{answer['LastModified']:%Y-%m-%d}"

    def _call_end_in_table(self, recording_id: str) -> str:
        name = self._request.call_end_attribute
        if not name:
            return ""
        with aws_errors(f"table {self._settings.table_name}"):
            answer = self._dynamodb.get_item(
                TableName=self._settings.table_name,
                Key={"videoID": {"S": recording_id}},
                ProjectionExpression="#end",
                ExpressionAttributeNames={"#end": name},
            )
        return attribute_text(answer.get("Item", {}).get(name, {"S": ""}))

    @cached_property
    def _results(self) -> ObjectStore:
        return open_store(self._request.results or self._request.dataset, lambda: self._s3)

    @cached_property
    def _settings(self) -> Settings:
        return Settings.from_environment(self._request.environ)

    @cached_property
    def _wired(self) -> WiredPipeline:
        return self._settings.pipeline()

    @cached_property
    def _s3(self) -> Any:
        return aws_client("s3")

    @cached_property
    def _dynamodb(self) -> Any:
        return aws_client("dynamodb")


def folder_of(recording_id: str) -> str:
    """A folder's name for a recording: its ID, or the end of its path and a hash."""
    if _PLAIN.fullmatch(recording_id):
        return recording_id
    end = re.sub(r"[^A-Za-z0-9_-]+", "-", recording_id, flags=re.ASCII).strip("-")[-60:].strip("-")
    return f"{end or 'recording'}-{hashlib.sha256(recording_id.encode()).hexdigest()[:16]}"
