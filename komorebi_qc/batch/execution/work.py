"""The work for one recording, inside a worker process, by the same code as the single commands.

The answer is always a row. Only the supervisor can report that the process itself ended.
"""

from __future__ import annotations

import io
import json
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.batch.execution.media_tags import read_tags
from komorebi_qc.batch.execution.ranged_files import read_by_ranges
from komorebi_qc.batch.execution.rows import failed, failure_of, measured, row_of
from komorebi_qc.core.contact.record import ContactRecord
from komorebi_qc.core.errors import InputError, KomorebiError
from komorebi_qc.core.interrupt import stoppable
from komorebi_qc.core.progress import SILENT
from komorebi_qc.isolation.resource_limits import peak_memory_mb
from komorebi_qc.storage.atomic_file import make_folder
from komorebi_qc.storage.aws_errors import aws_errors
from komorebi_qc.storage.contact.records import KnownRecords
from komorebi_qc.storage.input_file import MAX_WORDS_BYTES, opened_file, read_analysis_file, read_small_file
from komorebi_qc.storage.object_store import open_store, split_s3
from komorebi_qc.storage.temporary_folder import temporary_folder
from komorebi_qc.wiring import VARIABLES, Settings, aws_client, given_contact_records, read_local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.batch.execution.rows import Row
    from komorebi_qc.batch.execution.tasks import Task
    from komorebi_qc.core.contact.choice import FoundContact
    from komorebi_qc.core.source import Source
    from komorebi_qc.pipeline.diagnose import Diagnosis
    from komorebi_qc.pipeline.examine import Examined
    from komorebi_qc.pipeline.outcome import Outcome
    from komorebi_qc.pipeline.quick.diagnosis import QuickDiagnosis
    from komorebi_qc.storage.contact.records import ContactRecords

_HEAD_BYTES = 1 << 20
"""Read from a recording on S3 for its tags."""
_MAX_NAME_BYTES = 200
"""A key may be longer, a file name has 255 bytes at most, and a download needs some of them."""


@dataclass(frozen=True, slots=True)
class _ListedFiles:
    """The inputs of a recording that was listed as files, on this machine.

    Attributes:
        connect: the call audio.
        recording: the agent recording.
        analysis: Contact Lens' analysis of the call; None without one.
        transcript: a transcript of the call; None without one.
    """

    connect: Path
    recording: Path
    analysis: Path | None
    transcript: Path | None = None

    def by_name(self) -> dict[str, str]:
        """The paths as texts, without a missing one."""
        named = {
            "connect": self.connect,
            "recording": self.recording,
            "analysis": self.analysis,
            "transcript": self.transcript,
        }
        return {name: str(path) for name, path in named.items() if path is not None}


def carry_out(task: Task) -> Row:
    """Do a task, and return its row."""
    began = time.monotonic()
    with _settings_of(task), given_contact_records(_known_records(task)):
        try:
            outcome = ACTIONS[task.request.action](task)
        except KomorebiError as error:
            outcome = failure_of(error)
            if task.request.action == "audit" and _has_report(task):
                outcome["report"] = task.report
        except MemoryError:  # the limit, which the process's main loop reports
            raise
        except Exception as error:  # noqa: BLE001  an error of one recording is only its row's
            retry = isinstance(error, OSError)  # a disk, a network
            outcome = failed("Unforeseen", f"{type(error).__name__}: {error}", is_worth_a_retry=retry)
    outcome["took_s"] = round(time.monotonic() - began, 3)
    peak_mb = peak_memory_mb()
    outcome["peak_memory_mb"] = None if peak_mb is None else round(peak_mb, 1)
    return row_of(task, outcome)


def _known_records(task: Task) -> ContactRecords | None:
    """The record that the batch has read; None if records aren't used."""
    if not task.contact:
        return None
    source, content = task.contact
    record = ContactRecord.from_dict(json.loads(content)) if content else None
    return KnownRecords(source, {} if record is None else {task.item.recording_id: record})


def _diagnose(task: Task) -> Row:
    from komorebi_qc.core.timebase import parse_call_end  # noqa: PLC0415
    from komorebi_qc.pipeline.captions.call_words import read_words  # noqa: PLC0415  decoders only load if they are used
    from komorebi_qc.pipeline.diagnose import diagnose  # noqa: PLC0415
    from komorebi_qc.pipeline.options import Options  # noqa: PLC0415

    limits = task.request.changed_limits()
    with _opened(task) as (call, own, analyses, named, contact):
        tags, choice = read_tags(own.file), Options(**read_local(os.environ)).transcript
        words = read_words(named, analyses, choice, call.name)
        end = parse_call_end(task.item.call_end)
        diagnosis = diagnose(call, own, end, limits, analyses=analyses, words=words, contact=contact)
        return {
            **measured(diagnosis.to_dict()),
            **_media(diagnosis),
            **tags,
            "call_bytes": call.size,
            "recording_bytes": own.size,
        }


def _triage(task: Task) -> Row:
    from komorebi_qc.core.timebase import parse_call_end  # noqa: PLC0415
    from komorebi_qc.pipeline.quick.diagnosis import quick_diagnose  # noqa: PLC0415  decoders only load if they are used

    with read_by_ranges(task.call, task.recording) if task.item.named_by == "files" else _pair(task) as (call, own):
        found = quick_diagnose(call, own, parse_call_end(task.item.call_end), task.request.changed_limits())
        return {
            **measured(found.to_dict()),
            **_media(found),
            **read_tags(own.file),
            "call_bytes": call.size,
            "recording_bytes": own.size,
        }


def _media(found: Diagnosis | QuickDiagnosis) -> Row:
    """Durations and codecs of both files."""
    call, audio, video = found.call.audio, found.recording.audio, found.recording.video
    return {
        "duration_s": round(found.recording.end_s, 6),
        "call_s": round(found.call.end_s, 6),
        "call_codec": call.codec if call is not None else None,
        "video_codec": video.codec if video is not None else None,
        "audio_codec": audio.codec if audio is not None else None,
    }


def _process(task: Task) -> Row:
    from komorebi_qc import jobs  # noqa: PLC0415
    from komorebi_qc.storage.local import LocalFiles  # noqa: PLC0415

    request = jobs.ProcessRequest(
        task.item.call_end,
        offset_s=None,
        drift_ppm=0.0,
        container="auto",
        limits=task.request.limits,
        unconfirmed=task.request.unconfirmed,
        whole_call=task.request.whole_call,
    )
    with _files(task) as files, stoppable(SILENT) as progress:
        if files is None:
            outcome = jobs.process_by_id(task.item.recording_id, request, os.environ, progress)
        else:
            folder = Path(task.out)
            try:
                make_folder(folder)
            except OSError as error:
                raise InputError(f"{folder} can't be created ({error.strerror}): name another --results") from None
            local = LocalFiles(
                *(files.connect, files.recording, folder / "recording", folder / "thumbnail.png"),
                files.analysis,
                files.transcript,
            )
            outcome = jobs.process_files(local, request, os.environ, progress)
        return {
            **measured(outcome.document),
            **_tags(task, files),
            **_sizes(outcome),
            "output": outcome.published.video,
            "publication": "confirmed" if outcome.placement.is_confirmed else "unconfirmed",
        }


def _sizes(outcome: Outcome) -> Row:
    """Sizes of both files."""
    sizes = {step.name: step.bytes for step in outcome.steps}
    return {
        "call_bytes": sizes.get("fetch call audio"),
        "recording_bytes": sizes.get("fetch agent recording"),
    }


def _audit(task: Task) -> Row:
    from komorebi_qc.desk.audit import AuditJob, audit  # noqa: PLC0415  an extra
    from komorebi_qc.desk.session import AuditRequest  # noqa: PLC0415

    found: Row = {}
    with _files(task) as files, stoppable(SILENT) as progress:
        item = task.item
        named: dict[str, Any] = {"recording_id": item.recording_id} if files is None else files.by_name()
        request, limits = AuditRequest(call_end=item.call_end, **named), task.request.changed_limits()
        job = AuditJob(request, task.out, limits=limits, keeps_report=_has_report(task))
        status = audit(job, progress, lambda examined: found.update(examined_columns(examined)))
        found = {**found, **_tags(task, files), "report": task.report}
        if files is not None:
            found |= {"call_bytes": files.connect.stat().st_size, "recording_bytes": files.recording.stat().st_size}
    if status.state != "done":
        died = any(one.kernel_died for one in status.notebooks)
        why = failed(status.error_kind or "NotebookError", status.error or status.state, is_worth_a_retry=died)
        found = {**found, **why, "verdict": None}
    return found


def examined_columns(found: Examined) -> Row:
    """The columns of an audit: those of processing, and the diagnosis's levels and other findings."""
    diagnosis, document = found.diagnosis.to_dict(), found.document
    known = {finding["name"] for finding in document["findings"]}
    findings = [*document["findings"], *(finding for finding in diagnosis["findings"] if finding["name"] not in known)]
    return {
        **measured({**document, "findings": findings, "levels": diagnosis["levels"]}),
        **_media(found.diagnosis),
        **(_sizes(found.outcome) if found.outcome is not None else {}),
    }


ACTIONS = {"diagnose": _diagnose, "process": _process, "audit": _audit, "triage": _triage}


@contextmanager
def _settings_of(task: Task) -> Iterator[None]:
    """The settings of the caller instead of this machine's."""
    before = {variable.name: os.environ.pop(variable.name, None) for variable in VARIABLES}
    os.environ.update(task.request.environ)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _opened(task: Task) -> Iterator[tuple[Source, Source, tuple[Source, ...], Source | None, FoundContact | None]]:
    """Open the call audio and the recording, and read the call's analyses, its transcript and its contact's record."""
    from komorebi_qc.pipeline.joining.recording import open_recording  # noqa: PLC0415  decoders only where they are used

    with _files(task) as files:
        if files is not None:
            analyses = () if files.analysis is None else (read_analysis_file(files.analysis),)
            words = None if files.transcript is None else read_small_file(files.transcript, MAX_WORDS_BYTES)
            with opened_file(files.connect) as call, opened_file(files.recording) as own:
                yield call, own, analyses, words, None
            return
        wired = Settings.from_environment(os.environ).pipeline()
        item = wired.table.get(task.item.recording_id)
        with (
            wired.media.call_audio(item) as call,
            open_recording(wired.media, item, call, monitors=wired.options.monitors) as own,
        ):
            yield call, own, wired.media.analyses(item), None, wired.media.contact(item)


@contextmanager
def _pair(task: Task) -> Iterator[tuple[Source, Source]]:
    """Open the call audio and the recording of an item of the table."""
    from komorebi_qc.pipeline.joining.recording import open_recording  # noqa: PLC0415  decoders only where they are used

    wired = Settings.from_environment(os.environ).pipeline()
    item = wired.table.get(task.item.recording_id)
    with (
        wired.media.call_audio(item) as call,
        open_recording(wired.media, item, call, monitors=wired.options.monitors) as own,
    ):
        yield call, own


@contextmanager
def _files(task: Task) -> Iterator[_ListedFiles | None]:
    """The inputs as local files; None for a recording of the table, whose store fetches them."""
    if task.item.named_by == "id":
        yield None
        return
    item = task.item
    listed = {
        "connect": task.call,
        "recording": task.recording,
        "analysis": item.analysis,
        "transcript": item.transcript,
    }
    with temporary_folder("inputs") as folder:
        paths = {
            name: _fetched(location, folder / name) if location.startswith("s3://") else Path(location)
            for name, location in listed.items()
            if location
        }
        yield _ListedFiles(paths["connect"], paths["recording"], paths.get("analysis"), paths.get("transcript"))


def _fetched(location: str, folder: Path) -> Path:
    bucket, key = split_s3(location)
    folder.mkdir(mode=0o700)
    name = Path(key).name
    path = folder / (
        name if name != ".." and len(name.encode()) <= _MAX_NAME_BYTES else f"media{Path(key).suffix[:10]}"
    )
    with aws_errors(location):
        aws_client("s3").download_file(bucket, key, str(path))
    return path


def _tags(task: Task, files: _ListedFiles | None) -> Row:
    if files is not None:
        with opened_file(files.recording) as own:
            return read_tags(own.file)
    bucket, key = split_s3(task.recording)
    with aws_errors(task.recording):
        answer = aws_client("s3").get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{_HEAD_BYTES - 1}")
        return read_tags(io.BytesIO(answer["Body"].read()))


def _has_report(task: Task) -> bool:
    """Whether the report exists; a failed audit leaves a page with the reason, unless it didn't begin."""
    with suppress(KomorebiError):
        return open_store(task.out, lambda: aws_client("s3")).has("report.html")
    return False
