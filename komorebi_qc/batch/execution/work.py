"""The work itself, for one recording, inside a process of its own: the code that the single commands use.

What comes back is a row, whatever happened; only what ends the process itself is told by its supervisor.
"""

from __future__ import annotations

import io
import os
import resource
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from komorebi_qc.batch.execution.media_tags import read_tags
from komorebi_qc.batch.execution.rows import failed, failure_of, measured, row_of
from komorebi_qc.batch.manifest.manifest_file import split_s3
from komorebi_qc.batch.places import place_of
from komorebi_qc.core.errors import InputError, KomorebiError
from komorebi_qc.core.interrupt import stoppable
from komorebi_qc.core.progress import SILENT
from komorebi_qc.storage.aws_errors import aws_errors
from komorebi_qc.storage.local import opened_file
from komorebi_qc.wiring import VARIABLES, Settings, aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.batch.execution.rows import Row
    from komorebi_qc.batch.execution.tasks import Task
    from komorebi_qc.core.source import Source
    from komorebi_qc.pipeline.diagnose import Diagnosis
    from komorebi_qc.pipeline.examine import Examined
    from komorebi_qc.pipeline.outcome import Outcome

_HEAD_BYTES = 1 << 20
"""What is fetched of a recording on S3 for its tags, where nothing else of it is at hand."""
_LONGEST_NAME = 200
"""Bytes; a key may have more, a file name no more than 255, of which a download takes some."""


def carry_out(task: Task) -> Row:
    """Do it; the row says how it went."""
    began = time.monotonic()
    with _settings_of(task):
        try:
            found = _WORKS[task.ask.do](task)
        except KomorebiError as error:
            found = failure_of(error)
            if task.ask.do == "audit" and _has_report(task):
                found["report"] = task.report
        except MemoryError:  # the supervisor's limit, which it tells
            raise
        except Exception as error:  # noqa: BLE001  one recording's trouble is its own row's
            retry = isinstance(error, OSError)  # a disk, a network
            found = failed("Unforeseen", f"{type(error).__name__}: {error}", is_worth_a_retry=retry)
    found["took_s"] = round(time.monotonic() - began, 3)
    found["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1)
    return row_of(task, found)


def _diagnose(task: Task) -> Row:
    from komorebi_qc.core.timebase import parse_call_end  # noqa: PLC0415
    from komorebi_qc.pipeline.diagnose import diagnose  # noqa: PLC0415  decoders only where they are used

    limits = task.ask.judged_by()
    with _opened(task) as (call, own):
        tags = read_tags(own.file)
        found = diagnose(call, own, parse_call_end(task.item.call_end), limits)
        return {
            **measured(found.to_dict()),
            **_media(found),
            **tags,
            "call_bytes": call.size,
            "recording_bytes": own.size,
        }


def _media(found: Diagnosis) -> Row:
    """What both files are."""
    audio, sound, picture = found.call.audio, found.recording.audio, found.recording.video
    return {
        "duration_s": round(found.recording.end_s, 6),
        "call_s": round(found.call.end_s, 6),
        "call_codec": audio.codec if audio is not None else None,
        "video_codec": picture.codec if picture is not None else None,
        "audio_codec": sound.codec if sound is not None else None,
    }


def _process(task: Task) -> Row:
    from komorebi_qc import jobs  # noqa: PLC0415
    from komorebi_qc.storage.local import LocalFiles  # noqa: PLC0415

    wanted = jobs.ProcessRequest(
        task.item.call_end, offset_s=None, drift_ppm=0.0, container="auto", limits=task.ask.limits
    )
    with _files(task) as files, stoppable(SILENT) as progress:
        if files is None:
            outcome = jobs.process_by_id(task.item.recording_id, wanted, os.environ, progress)
        else:
            folder = Path(task.out)
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"{folder} can't be made ({error.strerror}): name another --results") from None
            local = LocalFiles(*files, folder / "recording", folder / "thumbnail.png")
            outcome = jobs.process_files(local, wanted, os.environ, progress)
        return {
            **measured(outcome.document),
            **_tags(task, files),
            **_sizes(outcome),
            "output": outcome.published.video,
        }


def _sizes(outcome: Outcome) -> Row:
    """Of both files."""
    sizes = {step.name: step.bytes for step in outcome.steps}
    return {
        "call_bytes": sizes.get("fetch the call's audio"),
        "recording_bytes": sizes.get("fetch the agent recording"),
    }


def _audit(task: Task) -> Row:
    from komorebi_qc.desk.audit import AuditJob, audit  # noqa: PLC0415  an extra
    from komorebi_qc.desk.session import AuditRequest  # noqa: PLC0415

    found: Row = {}
    with _files(task) as files, stoppable(SILENT) as progress:
        item = task.item
        named = (
            {"recording_id": item.recording_id} if files is None else dict(zip(_INPUTS, map(str, files), strict=True))
        )
        wish, limits = AuditRequest(**named, call_end=item.call_end), task.ask.judged_by()
        job = AuditJob(wish, task.out, limits=limits, keeps_report=_has_report(task))
        status = audit(job, progress, lambda examined: found.update(_examined(examined)))
        sizes = dict(zip(_SIZES, (path.stat().st_size for path in files), strict=True)) if files is not None else {}
        found = {**found, **_tags(task, files), **sizes, "report": task.report}
    if status.state != "done":
        died = any(one.kernel_died for one in status.notebooks)
        why = failed(status.error_kind or "NotebookError", status.error or status.state, is_worth_a_retry=died)
        found = {**found, **why, "verdict": None}
    return found


def _examined(found: Examined) -> Row:
    """All that an audit finds: what processing tells, and what a diagnosis does beyond it."""
    told, document = found.diagnosis.to_dict(), found.document
    known = {finding["name"] for finding in document["findings"]}
    findings = [*document["findings"], *(finding for finding in told["findings"] if finding["name"] not in known)]
    return {
        **measured({**document, "findings": findings, "levels": told["levels"]}),
        **_media(found.diagnosis),
        **(_sizes(found.outcome) if found.outcome is not None else {}),
    }


_WORKS = {"diagnose": _diagnose, "process": _process, "audit": _audit}
_INPUTS, _SIZES = ("connect", "recording"), ("call_bytes", "recording_bytes")


@contextmanager
def _settings_of(task: Task) -> Iterator[None]:
    """The settings of whoever asks, and not of the machine on which it is done."""
    before = {variable.name: os.environ.pop(variable.name, None) for variable in VARIABLES}
    os.environ.update(task.ask.environ)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _opened(task: Task) -> Iterator[tuple[Source, Source]]:
    with _files(task) as files:
        if files is not None:
            with opened_file(files[0]) as call, opened_file(files[1]) as own:
                yield call, own
            return
        wired = Settings.from_environment(os.environ).pipeline()
        item = wired.table.get(task.item.recording_id)
        with wired.media.call_audio(item) as call, wired.media.agent_recording(item) as own:
            yield call, own


@contextmanager
def _files(task: Task) -> Iterator[tuple[Path, Path] | None]:
    """Both inputs as files of this machine; None for a recording of the table, which its store fetches."""
    if task.item.named_by == "id":
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="komorebi-inputs-") as folder:
        call, own = (
            _fetched(location, Path(folder) / name) if location.startswith("s3://") else Path(location)
            for name, location in zip(_INPUTS, (task.call, task.recording), strict=True)
        )
        yield call, own


def _fetched(location: str, folder: Path) -> Path:
    bucket, key = split_s3(location)
    folder.mkdir()
    name = Path(key).name
    path = folder / (name if name != ".." and len(name.encode()) <= _LONGEST_NAME else f"media{Path(key).suffix[:10]}")
    with aws_errors(location):
        aws_client("s3").download_file(bucket, key, str(path))
    return path


def _tags(task: Task, files: tuple[Path, Path] | None) -> Row:
    if files is not None:
        with opened_file(files[1]) as own:
            return read_tags(own.file)
    bucket, key = split_s3(task.recording)
    with aws_errors(task.recording):
        answer = aws_client("s3").get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{_HEAD_BYTES - 1}")
        return read_tags(io.BytesIO(answer["Body"].read()))


def _has_report(task: Task) -> bool:
    """Whether a report lies there; a failed audit leaves a page that says why, unless it wasn't even begun."""
    with suppress(KomorebiError):
        return place_of(task.out).has("report.html")
    return False
