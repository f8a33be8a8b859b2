"""The audit itself: examine once, write the report, then run the notebooks on the same examination."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import AnalysisError, InputError, MaskError, missing_extra
from komorebi_qc.core.progress import SILENT
from komorebi_qc.desk.audit.earlier import DELIVERED_FILE, QC_FILE, REPORT_FILE, earlier_audit
from komorebi_qc.desk.audit.earlier_notes import earlier_notes
from komorebi_qc.desk.audit.files import output_folder
from komorebi_qc.desk.audit.notebook_runner import run_notebook
from komorebi_qc.desk.audit.pages import failure_page, with_alerts
from komorebi_qc.desk.audit.parameters import NOTEBOOKS, find_notebook, parameter_types, share_parameters
from komorebi_qc.desk.audit.status import STATUS_FILE, AuditStatus, NotebookStatus
from komorebi_qc.desk.examination_progress import EXAMINATION_STEPS, ExaminationProgress
from komorebi_qc.desk.isolated_session import open_isolated
from komorebi_qc.desk.notebooks.recording import report_figure
from komorebi_qc.desk.report.audio_tracks import compared_tracks, write_audio_tracks
from komorebi_qc.desk.report.build import page_of
from komorebi_qc.desk.report.html import report_html
from komorebi_qc.desk.report.left_out import write_left_out
from komorebi_qc.desk.report.trial.tracks import write_trial_tracks
from komorebi_qc.pipeline.examine import CAPTIONS_NAME, THUMBNAIL_NAME
from komorebi_qc.pipeline.options import MASKS_AS_SET, MaskRequest
from komorebi_qc.storage.atomic_file import write_atomically
from komorebi_qc.storage.temporary_folder import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.desk.audit.earlier import EarlierAudit
    from komorebi_qc.desk.session import AuditRequest, AuditSession
    from komorebi_qc.pipeline.examine import Examined

WRITE_REPORT = "write the report"


@dataclass(frozen=True, slots=True)
class AuditJob:
    """One audit.

    Attributes:
        request: the recording.
        out: a folder, or ``s3://bucket/prefix``.
        notebooks: names or paths of the notebooks to run.
        parameters: values of the notebooks' other parameters, as texts.
        limits: limits of the findings; None for those of the environment.
        keeps_report: whether an earlier report stays if the recording can't be examined now. It never stays if a span
            that was not to be recorded can't be masked, or isn't known because Contact Lens' analysis can't be used:
            it may show that span.
        masks: the choice of masks, and of the sound outside of the call.
    """

    request: AuditRequest
    out: str
    notebooks: tuple[str, ...] = NOTEBOOKS
    parameters: Mapping[str, str] = field(default_factory=dict)
    limits: Limits | None = None
    keeps_report: bool = False
    masks: MaskRequest = MASKS_AS_SET


def audit(
    job: AuditJob,
    progress: Progress = SILENT,
    on_examined: Callable[[Examined], None] = lambda _examined: None,
) -> AuditStatus:
    """Run an audit. A failed notebook doesn't stop the others.

    Args:
        job: the recording, and the folder for the results.
        progress: receives each step.
        on_examined: receives the examination when it ends.

    Returns:
        The last written status; its state is ``failed`` if a notebook failed.

    Raises:
        InputError: A notebook, a parameter or the folder can't be used, or papermill isn't installed.
        KomorebiError: The recording can't be examined. The status and a page with the reason are still written.
    """
    if find_spec("papermill") is None:
        raise missing_extra("desk", "papermill", needed_by="an audit")
    notebooks = share_parameters([find_notebook(name) for name in job.notebooks], job.parameters)
    names = [path.stem for path, _ in notebooks]
    if len(set(names)) < len(names):
        raise InputError("a notebook is named twice: its executed copy would be overwritten")
    with output_folder(job.out, last=STATUS_FILE) as folder:
        for path, _ in notebooks:
            if path.resolve() == folder / path.name:
                raise InputError(f"{path} is in the folder for the results and would be overwritten: name another one")
        earlier = earlier_audit(job.out, job.request)
        status = AuditStatus(recording=job.request.name)
        status.notebooks = [NotebookStatus(path.stem, f"{path.stem}.ipynb") for path, _ in notebooks]
        run = _AuditRun(job, folder, status, progress, len(notebooks), earlier)
        with run.final_status(), temporary_folder("audit") as saved:
            run.examine(on_examined, saved if notebooks else None)
            run.write_report()
            run.run_notebooks(notebooks, saved)
        return status


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Let the kernels make their temporary files in a folder: an audit that is stopped kills its kernel."""
    folder.mkdir(mode=0o700)
    names = ("TMPDIR", "TEMP", "TMP")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, str(folder)))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


class _AuditRun:
    """One audit while it runs: each step updates the status file and the progress."""

    def __init__(
        self,
        job: AuditJob,
        folder: Path,
        status: AuditStatus,
        progress: Progress,
        notebooks: int,
        earlier: EarlierAudit,
    ) -> None:
        self._job, self._folder, self._status, self._progress = job, folder, status, progress
        self._earlier = earlier
        self._steps = len(EXAMINATION_STEPS) + 1 + notebooks
        self._session: AuditSession | None = None
        status.write(folder)

    def examine(self, on_examined: Callable[[Examined], None], saved: Path | None) -> None:
        """Examine the recording, and write ``qc.json``. Files that only an earlier audit wrote are removed.

        Args:
            on_examined: receives the examination.
            saved: the folder in which the examination is left for the notebooks.
        """
        progress = ExaminationProgress(self, self._steps)
        job = self._job
        try:
            self._session = open_isolated(
                job.request, self._folder, limits=job.limits, masks=job.masks, progress=progress, saved=saved
            )
        except (AnalysisError, MaskError):
            self._earlier.remove()
            raise
        examined = self._session.examined
        self._status.verdict = str(examined.document["verdict"])
        on_examined(examined)
        write_atomically(self._folder / QC_FILE, json.dumps(examined.document, indent=1).encode())
        if examined.delivered is not None:
            found = json.dumps(examined.delivered.to_dict(), indent=1)
            write_atomically(self._folder / DELIVERED_FILE, found.encode())
        own = [
            QC_FILE,
            *([] if examined.delivered is None else [DELIVERED_FILE]),
            THUMBNAIL_NAME,
            REPORT_FILE,
            examined.video.name,
        ]
        words = [] if examined.outcome is None or examined.outcome.published.captions is None else [CAPTIONS_NAME]
        self._earlier.remove(keep=[*own, *words, examined.video.with_suffix(".qc.json").name])

    def write_report(self) -> None:
        """Write the report and its audio tracks."""
        self.step(len(EXAMINATION_STEPS) + 1, self._steps, WRITE_REPORT)
        self._write_report()

    def run_notebooks(self, notebooks: Sequence[tuple[Path, Mapping[str, Any]]], saved: Path) -> None:
        """Run every notebook on the examination in `saved`, then add failures to the report."""
        scratch = saved / "kernels"
        with _temporary_files_in(scratch):
            for number, (path, parameters) in enumerate(notebooks):
                self.step(len(EXAMINATION_STEPS) + 2 + number, self._steps, f"run the notebook {path.stem}")
                self._run_notebook(
                    self._status.notebooks[number], path, {**self._audit_parameters(str(saved)), **parameters}, scratch
                )
        if self._status.failed_notebooks():
            self._write_report()

    @contextmanager
    def final_status(self) -> Iterator[None]:
        """Write the final status at the end, however the audit ends."""
        try:
            yield
        except BaseException as error:
            self._end("stopped" if isinstance(error, (KeyboardInterrupt, SystemExit)) else "failed", error)
            raise
        is_done = all(notebook.state == "done" for notebook in self._status.notebooks)
        self._end("done" if is_done else "failed", None)

    def step(self, number: int, of: int, name: str) -> None:
        """A step starts."""
        self._status.step = name
        self._status.write(self._folder)
        self._progress.step(number, of, name)

    def advance(self, fraction: float) -> None:
        """The current step is done to `fraction`."""
        self._progress.advance(fraction)

    def check(self) -> None:
        """Raise if the audit is to stop."""
        self._progress.check()

    def _end(self, state: str, error: BaseException | None) -> None:
        status = self._status
        status.state = "done" if state == "done" else "stopped" if state == "stopped" else "failed"
        failed = status.failed_notebooks()
        if error is None and failed:
            status.error, status.error_kind = failed[0].failure_text(), "NotebookError"
        if error is not None:
            if state == "failed":  # a person who stops an audit isn't an error
                status.error, status.error_kind = str(error) or type(error).__name__, type(error).__name__
            if self._session is None and (isinstance(error, (AnalysisError, MaskError)) or not self._job.keeps_report):
                write_atomically(self._folder / REPORT_FILE, failure_page(status).encode())
        for notebook in status.notebooks:
            if notebook.state == "running":
                notebook.state = "failed" if status.state == "done" else status.state
        names = (
            REPORT_FILE,
            QC_FILE,
            DELIVERED_FILE,
            THUMBNAIL_NAME,
            CAPTIONS_NAME,
            *(notebook.file for notebook in status.notebooks),
        )
        status.files = [name for name in names if (self._folder / name).is_file()]
        if self._session is not None:
            status.files.append(self._session.examined.video.name)
        status.write(self._folder)

    def _audit_parameters(self, saved: str) -> dict[str, Any]:
        """The parameters that an audit sets itself."""
        request, masks = self._job.request, self._job.masks
        files = (
            ("connect", request.connect),
            ("recording", request.recording),
            ("analysis", request.analysis),
            ("transcript", request.transcript),
        )
        return {
            **{name: str(Path(text).resolve()) for name, text in files if text},
            "recording_id": request.recording_id,
            "call_end": request.call_end,
            "redacted": request.redacted,
            "mask": masks.mask,
            "mask_margin": "" if masks.margin_s is None else f"{masks.margin_s:.15g}",
            "outside_call": masks.outside_call,
            "out": str(self._folder.resolve()),
            "examined": saved,
        }

    def _write_report(self) -> None:
        if self._session is None:
            return
        examined = self._session.examined
        tracks = write_audio_tracks(examined.tracks, self._folder, compared_tracks(examined))
        left_out = write_left_out(examined, self._folder)
        trial = write_trial_tracks(examined, self._folder)
        figure, figure_type = report_figure(self._session)
        found = earlier_notes(self._earlier.store, self._folder, examined.recording_id)
        self._status.unused_notes = found.fault
        page = report_html(
            page_of(examined, figure, figure_type, tracks, left_out, trial_audio=trial, notes=found.notes)
        )
        write_atomically(self._folder / REPORT_FILE, with_alerts(page, self._status).encode())

    def _run_notebook(self, status: NotebookStatus, path: Path, parameters: Mapping[str, Any], scratch: Path) -> None:
        status.state = "running"
        self._status.write(self._folder)
        known = parameter_types(path)
        given = {name: value for name, value in parameters.items() if name in known}
        run_notebook(path, self._folder / status.file, given, status, scratch, self._cell_done, self._progress.check)
        self._status.write(self._folder)

    def _cell_done(self, status: NotebookStatus) -> None:
        self._progress.check()
        self._progress.advance(status.done / max(status.cells, 1))
        self._status.write(self._folder)
