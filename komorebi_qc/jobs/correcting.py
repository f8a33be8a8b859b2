"""An analyst's correction of a recording in AWS: tried first, then published, or undone."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.analyst.correction import MAX_WHY, check_text
from komorebi_qc.core.errors import ConcurrentRunError, InputError
from komorebi_qc.core.recording import CALL_END_ATTRIBUTE, check_recording_id
from komorebi_qc.core.timebase import CallEnd, parse_call_end
from komorebi_qc.findings.qc_document import correction_dict
from komorebi_qc.pipeline.correction.changes import changed_findings, moved, placed
from komorebi_qc.pipeline.correction.corrected_order import correction_in_item
from komorebi_qc.pipeline.correction.settled import settle
from komorebi_qc.pipeline.correction.trial import try_order
from komorebi_qc.pipeline.options import Order
from komorebi_qc.storage.object_store import open_store
from komorebi_qc.storage.temporary_folder import temporary_folder
from komorebi_qc.wiring import Settings, aws_client, caller_arn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.core.analyst.correction import Correction
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.pipeline.outcome import Outcome
    from komorebi_qc.storage.dynamodb import DynamoTable

_MAX_DOCUMENT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class CorrectionRequest:
    """A person's request to correct a recording.

    Attributes:
        recording_id: of the configured table.
        correction: the file's content; None to undo the present correction.
        why: replaces the file's reason; empty to keep it.
        publishes: whether the result is published. Otherwise it is only tried.
        call_end: the reported call end; empty for the item's, or the one of the published result.

    Raises:
        InputError: the ID is malformed, or the reason is missing or can't be used.
    """

    recording_id: str
    correction: Correction | None
    why: str = ""
    publishes: bool = False
    call_end: str = ""

    def __post_init__(self) -> None:
        check_recording_id(self.recording_id)
        if self.call_end:
            parse_call_end(self.call_end)
        why = check_text(self.why, "--why", MAX_WHY)
        if self.correction is None and why:
            raise InputError("--why can't be used with --undo: the reason goes with the correction")
        if self.correction is not None:
            self.correction.check_recording(self.recording_id)
            if self.publishes and not (why or self.correction.why):
                raise InputError("--why is missing: the reason for the correction, in one line")


@dataclass(frozen=True, slots=True)
class CorrectionResult:
    """A correction that was tried or published.

    Attributes:
        recording_id: the recording.
        is_published: whether it was published.
        correction: in use now; None if it was undone.
        replaced: the item's correction before; None without one.
        before: the ``qc.json`` that was published before; None without one.
        outcome: of the run.
    """

    recording_id: str
    is_published: bool
    correction: Correction | None
    replaced: Correction | None
    before: Mapping[str, Any] | None
    outcome: Outcome

    def to_dict(self) -> dict[str, Any]:
        """The result for JSON."""
        after, before = self.outcome.document, self.before
        return {
            "recording_id": self.recording_id,
            "is_published": self.is_published,
            "correction": None if self.correction is None else correction_dict(self.correction),
            "replaced": None if self.replaced is None else self.replaced.to_dict(),
            "output": self.outcome.published.video if self.is_published else None,
            "before": None if before is None else placed(before),
            "after": placed(after),
            "moved": None if before is None else moved(before["alignment"], after["alignment"]),
            "changed_findings": None if before is None else changed_findings(before, after),
            "findings": after["findings"],
        }


def correct(request: CorrectionRequest, environ: Mapping[str, str], progress: Progress) -> CorrectionResult:
    """Try a correction, or publish it.

    Args:
        request: the correction.
        environ: the settings.
        progress: shows each step.

    Raises:
        InputError: it can't be applied to this recording, or there is no correction to undo.
        MaskError: it would move a mask away from its span.
        ConcurrentRunError: somebody else corrected or processed the recording at the same time.
        KomorebiError: see `komorebi_qc.pipeline.process.process` and `komorebi_qc.wiring`.
    """
    settings = Settings.from_environment(environ)
    wired = settings.pipeline()
    item = wired.table.get(request.recording_id)
    present = _present(request, item)
    correction = _applied(request, present)
    before = _published(settings, item)
    call_end = _call_end(request, settings.table(), before)
    order = Order(
        request.recording_id, call_end, correction=correction, undoes=correction is None, replaces=item.correction
    )
    if request.publishes:
        try:
            outcome = wired.process(order, progress=progress)
        except ConcurrentRunError:
            again = partial(wired.process, Order(request.recording_id, call_end), progress=progress)
            settle(request.recording_id, again, table=wired.table, media=wired.media)
            raise
    else:
        from komorebi_qc.desk.examination_progress import EXAMINATION_STEPS, ExaminationProgress  # noqa: PLC0415

        media = replace(wired.media, check_cancelled=progress.check)
        shown = ExaminationProgress(progress, len(EXAMINATION_STEPS))
        with temporary_folder("correction") as folder:
            outcome = try_order(order, folder, table=wired.table, media=media, options=wired.options, progress=shown)
    return CorrectionResult(request.recording_id, request.publishes, correction, present, before, outcome)


def _present(request: CorrectionRequest, item: Recording) -> Correction | None:
    """The item's correction. One that can't be read can still be undone or replaced."""
    if request.correction is None and not item.correction:
        raise InputError(f"recording {item.recording_id} isn't corrected, so there is nothing to undo")
    try:
        return correction_in_item(item)
    except InputError:
        return None


def _applied(request: CorrectionRequest, present: Correction | None) -> Correction | None:
    """The correction as the item will have it: with the caller's identity, the reason and the time.

    Raises:
        InputError: its analyst hasn't seen the recording's present correction. A file that doesn't say what its analyst
            has seen is compared by its time.
    """
    correction = request.correction
    if correction is None:
        return None
    seen = correction.seen_correction
    if present is not None and (correction.when < present.when if seen is None else seen != present.made_at):
        raise InputError(
            f"recording {request.recording_id} was corrected by {present.by or 'an analyst'} at {present.made_at}, "
            f"after this correction was made ({correction.made_at}): run an audit of the present result, and correct "
            "that; or undo it first, by --undo --publish"
        )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return replace(
        correction,
        recording_id=request.recording_id,
        by=caller_arn(),
        why=request.why.strip() or correction.why,
        made_at=now,
        seen_correction=None,
    )


def _published(settings: Settings, item: Recording) -> Mapping[str, Any] | None:
    """The published ``qc.json``; None without one, or if another version's can't be compared."""
    folder, _, name = item.qc_key.rpartition("/")
    store = open_store(f"s3://{settings.output_bucket}/{folder}", partial(aws_client, "s3"))
    found = store.read(name, max_bytes=_MAX_DOCUMENT_BYTES)
    if found is None:
        return None
    try:
        document = json.loads(found.content)
        placed(document), moved(document["alignment"], document["alignment"]), changed_findings(document, document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _call_end(request: CorrectionRequest, table: DynamoTable, before: Mapping[str, Any] | None) -> CallEnd | None:
    """The reported call end: as written, else the item's, else the published result's; None without any.

    Raises:
        InputError: none of them has one, or the item's can't be read.
    """
    text = request.call_end or table.text(request.recording_id, CALL_END_ATTRIBUTE)
    if text:
        return parse_call_end(text)
    try:
        end = (before or {})["call_end"]
        if end.get("source", "reported") != "reported":
            return None  # nobody reported it: it is the contact record's again, or measured
        return CallEnd(float(end["reported_s"]), float(end["reported_resolution_s"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(
            f"--call-end is missing: when the call of recording {request.recording_id} ended, counted from the "
            "recording's start (HH:MM:SS)"
        ) from None
