"""From an order to a published unified recording, in nine steps.

`process` is the one place where reading, deciding and writing meet. Its caller (the Lambda function, the command line,
a notebook) brings a table and a media store, and gets an outcome.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, runtime_checkable

from komorebi_qc.core.progress import MARK, PUBLISH, SILENT, Progress
from komorebi_qc.findings.evidence import Evidence
from komorebi_qc.findings.families import run_findings
from komorebi_qc.findings.privacy.private_time import redactions_among
from komorebi_qc.findings.qc_document import qc_document
from komorebi_qc.pipeline.correction.corrected_order import with_correction
from komorebi_qc.pipeline.options import MeasurementPlan, Options, Order
from komorebi_qc.pipeline.outcome import Artifacts, Outcome, StepReport
from komorebi_qc.pipeline.provenance.run_id import new_run_id
from komorebi_qc.pipeline.steps import (
    Run,
    fetch_call,
    fetch_recording,
    locate_call,
    mark_processed,
    plan_audio,
    publish,
    read_item,
    separate,
    write_output,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.pipeline.step_results import PlannedAudio, WrittenOutput
    from komorebi_qc.storage.protocols import MediaStore, RecordingsTable

P = ParamSpec("P")
T = TypeVar("T")

_NAMES: dict[Callable[..., Any], str] = {
    read_item: "read item",
    fetch_call: "fetch call audio",
    fetch_recording: "fetch agent recording",
    separate: "separate audio and video",
    locate_call: "locate call",
    plan_audio: "plan audio",
    write_output: "write output",
    publish: PUBLISH,
    mark_processed: MARK,
}
DEFAULT = Options()
STEPS = tuple(_NAMES.values())
"""The names of the nine steps, as progress, logs, metrics and `process --json` show them."""


def process(
    order: Order,
    *,
    table: RecordingsTable,
    media: MediaStore,
    options: Options = DEFAULT,
    progress: Progress = SILENT,
) -> Outcome:
    """Make the unified recording of one call and publish it.

    Nothing is published, and the item isn't changed, unless every step succeeds.

    Args:
        order: the recording to process, and its reported call end.
        table: the table of recordings.
        media: the stores of the media.
        options: how it is processed.
        progress: shows each step; its `check` ends the run.

    Raises:
        PermanentError: retrying can't help; see `komorebi_qc.core.errors`.
        PassingError: retrying may help.
    """
    clock = _StepClock(progress)
    with ExitStack() as opened:
        run = Run(order, options, MeasurementPlan.of(order, options), table, media, progress, opened, new_run_id())
        item = clock.take(read_item, run)
        order = with_correction(order, item)
        plan = MeasurementPlan.of(order, options)
        run = replace(run, order=order, plan=plan, replaces=media.findings_version(item))
        call = clock.take(fetch_call, run, item)
        fetched = clock.take(fetch_recording, run, call)
        separated = clock.take(separate, run, fetched)
        located = clock.take(locate_call, run, separated)
        planned = clock.take(plan_audio, run, located)
        del separated, located  # the last references to the decoded audio
        written = clock.take(write_output, run, planned)
        # Without a measurement and without masks, nobody looks for suspensions.
        is_searched = run.plan.measures_inputs or options.mask != "none"
        evidence = _evidence(run, planned, written, is_searched=is_searched)
        findings = run_findings(evidence, options.limits)
        document = qc_document(
            order.recording_id, evidence, findings, options.limits, written.provenance, order.correction
        )
        published = clock.take(publish, run, planned, written, document)
        clock.take(mark_processed, run, planned, published)
    artifacts = Artifacts(_without_samples(evidence), planned.located.pair) if run.plan.retains_artifacts else None
    files, document, done = published.files, published.document, tuple(clock.done)
    return Outcome(order.recording_id, files, evidence.placement, findings, document, done, artifacts)


def _evidence(run: Run, planned: PlannedAudio, written: WrittenOutput, *, is_searched: bool) -> Evidence:
    located, separated = planned.located, planned.located.separated
    call = separated.fetched.call
    has_analysis = call.redactions is not None
    return Evidence(
        call.info,
        call.audio,
        separated.info,
        separated.video,
        separated.fetched.call_end,
        located.placement,
        planned.splice,
        located.after_call,
        written.plan,
        written.rendered,
        separated.timing,
        separated.levels,
        written.check,
        located.private if is_searched else None,
        located.masks,
        written.mask_levels,
        redactions_among(located.private) if has_analysis else None,
        awaits_analysis=not has_analysis and run.options.redacted == "prefer",
        transcript=planned.compared,
        placed=planned.placed,
        chapters=planned.chapters,
        contact=call.contact,
    )


def _without_samples(evidence: Evidence) -> Evidence:
    """The evidence without the audio captured for the check: near a mask, the recording's own has what is masked."""
    return replace(evidence, rendered=replace(evidence.rendered, captured=None))


@runtime_checkable
class _TransfersMedia(Protocol):
    """A step's result that counts bytes."""

    @property
    def step_bytes(self) -> int:
        """Bytes read or written by the step."""


@dataclass(slots=True)
class _StepClock:
    """Runs the steps in order, announces each one, and measures its time."""

    progress: Progress
    done: list[StepReport] = field(default_factory=list)

    def take(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        name, began = _NAMES[step], time.monotonic()
        self.progress.step(len(self.done) + 1, len(STEPS), name)
        result = step(*args, **kwargs)
        size = result.step_bytes if isinstance(result, _TransfersMedia) else 0
        self.done.append(StepReport(name, round(time.monotonic() - began, 4), size))
        return result
