"""From what is listed to what is to be done: where the media lie, what they hold now, and so what the work depends on.

Nothing is decoded and nothing is fetched; of recordings on AWS the item is read and the inputs' ETags are asked for.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc import __version__
from komorebi_qc.batch.execution.work_keys import inputs_key, work_key
from komorebi_qc.batch.manifest.manifest_file import attribute_text, file_day, split_s3
from komorebi_qc.batch.places import ObjectStore, place_of
from komorebi_qc.core.errors import InputError, MissingMediaError, missing_extra
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code
from komorebi_qc.wiring import VARIABLES, Settings, aws_client, present_limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from komorebi_qc.batch.manifest.manifest_file import Item
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.wiring import WiredPipeline

Do = Literal["diagnose", "process", "audit"]
REPORTS, UNIFIED = "_reports", "_unified"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)
_SHAPING = ("AUDIO_FREQUENCY", "KOMOREBI_AUDIO_BIT_RATE", "KOMOREBI_CONTAINER")
"""Settings that a unified recording depends on."""
_LAST_WRITTEN: Mapping[Do, str] = {"audit": "report.html", "process": "recording.qc.json"}
"""Of the files that are left: what tells that the others are there."""


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """What is asked for, of all recordings alike.

    Attributes:
        do: the kind of work.
        dataset: its root: an absolute path, or ``s3://bucket/prefix``.
        environ: the settings, by their names in the environment; others' are left out.
        limits: ``NAME=WARN[:FAIL]``, on top of the environment's.
        results: where audits, and unified recordings of listed files, go; empty for the dataset's own folders.
        call_end_attribute: of the table's item, where nobody else tells the call end; empty where none does.
    """

    do: Do
    dataset: str
    environ: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    results: str = ""
    call_end_attribute: str = ""

    def judged_by(self) -> Limits:
        """The limits.

        Raises:
            InputError: where one can't be set so.
        """
        return present_limits(self.environ).changed_by(*self.limits)


def own_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """What this package reads of the environment, and nothing else of it."""
    return {variable.name: environ[variable.name] for variable in VARIABLES if variable.name in environ}


@dataclass(frozen=True, slots=True)
class Task:
    """One recording's work, with all that a process elsewhere needs to do it.

    Attributes:
        item: as it was listed, its call end filled in.
        ask: what is asked for.
        call: Connect's audio: an absolute path, or ``s3://bucket/key``.
        call_etag: its ETag, or size and mtime.
        recording: the agent recording.
        recording_etag: its ETag, or size and mtime.
        agent: who recorded it.
        day: ``YYYY-MM-DD``.
        out: the folder for what the work leaves; empty where that has its own place.
        report: where the audit's report is, as the row tells it.
        is_there: whether what the work leaves in `out` lies there already; true where it leaves nothing there.
        inputs_key: see `komorebi_qc.batch.execution.work_keys`.
        work_key: likewise.
        keys_that_do: those of rows by which this work is done as well.
        version: of the software that asks.
    """

    item: Item
    ask: BatchRequest
    call: str
    call_etag: str
    recording: str
    recording_etag: str
    agent: str
    day: str
    out: str
    report: str
    inputs_key: str
    work_key: str
    keys_that_do: tuple[str, ...] = ()
    is_there: bool = True
    version: str = __version__


class Resolver:
    """Makes tasks; its clients may be used by several threads at once."""

    def __init__(self, ask: BatchRequest) -> None:
        self._ask = ask
        self._limits = ask.judged_by()

    def prepare(self, items: Iterable[Item]) -> None:
        """Find out before any work whether what these items need is configured.

        Raises:
            InputError: where it isn't.
        """
        if self._ask.do == "audit" and find_spec("papermill") is None:
            raise missing_extra("desk", "papermill", needed_by="an audit")
        named = {item.named_by for item in items}
        if "id" in named:
            _ = self._wired, self._settings
        if self._ask.do != "diagnose":
            _ = self._results
        folder = self._ask.results or self._ask.dataset
        if self._ask.do == "process" and "files" in named and folder.startswith("s3://"):
            raise InputError(
                f"unified recordings of listed files can't go to {folder}: name a folder of this machine by --results"
            )

    def task(self, item: Item) -> Task:
        """What is to be done for an item.

        Raises:
            KomorebiError: where its media can't be found, or nothing tells its call end.
        """
        call, call_etag, recording, recording_etag, agent, day, call_end = (
            self._by_id(item) if item.named_by == "id" else self._by_files(item)
        )
        if not call_end:
            raise InputError(
                f"nothing tells the call end of {item.recording_id}: list it in a manifest and name that by --call-ends"
            )
        parse_call_end(call_end)
        ask, folder = self._ask, self._folder(item)
        out = f"{ask.results or ask.dataset}/{folder}" if folder else ""
        report = f"{out if ask.results else folder}/report.html" if ask.do == "audit" else ""
        inputs = inputs_key(call, call_etag, recording, recording_etag, call_end)
        shaping = [ask.environ.get(name, "") for name in _SHAPING]

        def key(do: Do, *others: str) -> str:
            return work_key(inputs, do, self._limits, agent, day, *others)

        own = key(ask.do, *(shaping if ask.do == "process" else ()))
        # Who audits measures what a diagnosis does; who processes all but the levels, which it keeps from one.
        also = (key("audit"), key("process", *shaping)) if ask.do == "diagnose" else ()
        filled = replace(item, call_end=call_end)
        is_there = not folder or self._results.has(f"{folder}/{_LAST_WRITTEN[ask.do]}")
        return Task(
            *(filled, ask, call, call_etag, recording, recording_etag, agent, day, out, report, inputs, own, also),
            is_there=is_there,
        )

    def _folder(self, item: Item) -> str:
        """Of what the work leaves, from the root of all results on; empty where it leaves nothing there."""
        ask = self._ask
        if ask.do == "diagnose" or (ask.do == "process" and item.named_by == "id"):
            return ""
        above = "" if ask.results else f"{REPORTS if ask.do == 'audit' else UNIFIED}/"
        return f"{above}{_slug(item.recording_id)}"

    def _by_id(self, item: Item) -> tuple[str, ...]:
        wired, settings = self._wired, self._settings
        found = wired.table.get(item.recording_id)
        call_key, call_etag, key, etag = wired.media.input_versions(found)
        call_end = item.call_end or self._looked_up(item.recording_id)
        return (
            f"s3://{settings.connect_bucket}/{call_key}",
            call_etag.strip('"'),
            f"s3://{settings.input_bucket}/{key}",
            etag.strip('"'),
            item.agent or found.agent_id,
            item.day or f"{found.created:%Y-%m-%d}",
            call_end,
        )

    def _by_files(self, item: Item) -> tuple[str, ...]:
        call_etag, _ = self._version(item.connect)
        etag, day = self._version(item.recording)
        return item.connect, call_etag, item.recording, etag, item.agent, item.day or day, item.call_end

    def _version(self, location: str) -> tuple[str, str]:
        """What names its content, and the UTC day on which it was written."""
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
                told = self._s3.head_object(Bucket=bucket, Key=key)
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    raise MissingMediaError(f"{location} isn't there: check the manifest") from None
                raise
        return str(told["ETag"]).strip('"'), f"{told['LastModified']:%Y-%m-%d}"

    def _looked_up(self, recording_id: str) -> str:
        name = self._ask.call_end_attribute
        if not name:
            return ""
        where = f"table {self._settings.table_name}"
        with aws_errors(where):
            answer = self._dynamodb.get_item(
                TableName=self._settings.table_name,
                Key={"videoID": {"S": recording_id}},
                ProjectionExpression="#end",
                ExpressionAttributeNames={"#end": name},
            )
        return attribute_text(answer.get("Item", {}).get(name, {"S": ""}))

    @cached_property
    def _results(self) -> ObjectStore:
        return place_of(self._ask.results or self._ask.dataset)

    @cached_property
    def _settings(self) -> Settings:
        return Settings.from_environment(self._ask.environ)

    @cached_property
    def _wired(self) -> WiredPipeline:
        return self._settings.pipeline()

    @cached_property
    def _s3(self) -> Any:
        return aws_client("s3")

    @cached_property
    def _dynamodb(self) -> Any:
        return aws_client("dynamodb")


def _slug(recording_id: str) -> str:
    """A folder's name for a recording: its ID, or of a path its end and a hash."""
    if _PLAIN.fullmatch(recording_id):
        return recording_id
    end = re.sub(r"[^A-Za-z0-9_-]+", "-", recording_id, flags=re.ASCII).strip("-")[-60:].strip("-")
    return f"{end or 'recording'}-{hashlib.sha256(recording_id.encode()).hexdigest()[:16]}"
