"""An audit: one recording examined once, and notebooks, report, findings and status written about it.

What an audit leaves in its folder:

* ``report.html``, and beside it the video, its ``thumbnail.png`` and ``audio/``; ``qc.json``;
* the executed notebooks, signed, so that JupyterLab trusts them on this machine;
* ``status.json``: what was done and what wasn't, true at any moment. It is never read out of a notebook: papermill
  marks each cell as completed even where its kernel was killed.
"""

from __future__ import annotations

import asyncio
import difflib
import html
import json
import logging
import os
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc.core.errors import InputError, KomorebiError, missing_extra
from komorebi_qc.core.progress import SILENT
from komorebi_qc.desk.case import AuditRequest, AuditSession, open_case
from komorebi_qc.desk.notebook import report_picture
from komorebi_qc.desk.report.audio_tracks import listen_tracks
from komorebi_qc.desk.report.build import page_of
from komorebi_qc.desk.report.page import report_html
from komorebi_qc.pipeline.examine import THUMBNAIL_NAME
from komorebi_qc.pipeline.process import STEPS
from komorebi_qc.storage.aws_errors import aws_errors
from komorebi_qc.storage.protocols import CONTENT_TYPES
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.pipeline.examine import Examined

LOG = logging.getLogger(__name__)
State = Literal["waiting", "running", "done", "failed", "stopped"]
NOTEBOOKS = ("process_recording", "sync_diagnostics")
"""Those that an audit runs unless others are chosen."""
STATUS, REPORT, QC = "status.json", "report.html", "qc.json"
_OURS = frozenset({"connect", "recording", "recording_id", "call_end", "out", "examined"})
_KERNEL = "python3"
_MARKER = "papermill-error-cell-tag"
_KERNEL_ARGUMENTS = (
    # All kernels would keep their history in the same database, and lock each other out.
    "--HistoryManager.hist_file=:memory:",
    # It warns of each start that it speaks over the loopback interface.
    "--IPKernelApp.log_level=40",
)
_TYPES = {
    **CONTENT_TYPES,
    "html": "text/html; charset=utf-8",
    "ipynb": "application/x-ipynb+json",
    "m4a": "audio/mp4",
}
_WATCH_S = 0.3
_YES, _NO = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True, slots=True)
class AuditJob:
    """What is to be audited, and where to.

    Attributes:
        wish: the recording.
        out: a folder, or ``s3://bucket/prefix``.
        notebooks: which are run, by name or as paths.
        parameters: of the notebooks, beyond those that name the recording; as texts.
        limits: what findings are judged by; None for the environment's.
        keeps_report: whether there is an earlier report that stays where nothing can be examined now.
    """

    wish: AuditRequest
    out: str
    notebooks: tuple[str, ...] = NOTEBOOKS
    parameters: Mapping[str, str] = field(default_factory=dict)
    limits: Limits | None = None
    keeps_report: bool = False


@dataclass(slots=True)
class FailedCell:
    """Where a notebook ended.

    Attributes:
        number: of the code cells, from 1 on, as papermill's copy has them (its own parameters cell counts).
        heading: under which it stands.
        source: its first line.
        error: what was raised.
    """

    number: int
    heading: str
    source: str
    error: str


@dataclass(slots=True)
class NotebookStatus:
    """How one notebook stands.

    Attributes:
        name: without folder and ending.
        file: the executed copy, relative to the status file.
        state: ``done`` only where every cell ran.
        cells: how many code cells there are; 0 before it begins.
        done: how many of them ran.
        kernel_died: whether its kernel was killed or crashed.
        is_signed: whether JupyterLab trusts it on this machine.
        failed: where it ended.
    """

    name: str
    file: str
    state: State = "waiting"
    cells: int = 0
    done: int = 0
    kernel_died: bool = False
    is_signed: bool = False
    failed: FailedCell | None = None


@dataclass(slots=True)
class Status:
    """What `status.json` says.

    Attributes:
        state: ``running`` until the end; where its process `pid` is gone then, it was killed.
        step: what is under way, or was when it ended.
        recording: whose.
        verdict: of the findings; None before there is one.
        error: why it failed.
        error_kind: the error's class.
        files: what lies beside it.
        notebooks: how each stands.
        pid: the audit's process.
        began_at: UTC.
        updated_at: UTC.
    """

    state: State = "running"
    step: str = ""
    recording: str = ""
    verdict: str | None = None
    error: str | None = None
    error_kind: str | None = None
    files: list[str] = field(default_factory=list)
    notebooks: list[NotebookStatus] = field(default_factory=list)
    pid: int = field(default_factory=os.getpid)
    began_at: str = field(default_factory=lambda: _now())  # noqa: PLW0108  _now comes below
    updated_at: str = ""

    def write(self, folder: Path) -> None:
        """The whole file, or the one before it."""
        self.updated_at = _now()
        part = folder / f"{STATUS}.part"
        part.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(folder / STATUS)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def audit(
    job: AuditJob, progress: Progress = SILENT, look: Callable[[Examined], None] = lambda _examined: None
) -> Status:
    """Carry it out; a notebook that fails doesn't keep the others from running.

    Args:
        job: what, and where to.
        progress: is told how it goes.
        look: is given all that was found, once it is.

    Returns:
        The status as it was written last; ``failed`` where a notebook failed.

    Raises:
        InputError: where a notebook, a parameter or the folder can't be used, or papermill isn't installed.
        KomorebiError: where there is nothing to show; status and a page that says why are written all the same.
    """
    if find_spec("papermill") is None:
        raise missing_extra("desk", "papermill", needed_by="an audit")
    chosen = share_parameters([find_notebook(name) for name in job.notebooks], job.parameters)
    names = [path.stem for path, _ in chosen]
    if len(set(names)) < len(names):
        raise InputError("a notebook is named twice: its executed copy would be written over")
    with _folder(job.out) as folder:
        for path, _ in chosen:
            if path.resolve() == folder / path.name:
                raise InputError(
                    f"{path} lies in the folder for the results and would be written over: name another one"
                )
        status = Status(recording=job.wish.recording_id or Path(job.wish.recording).name or "sample")
        status.notebooks = [NotebookStatus(path.stem, f"{path.stem}.ipynb") for path, _ in chosen]
        run = _Run(job, folder, status, progress, len(STEPS) + 1 + len(chosen))
        try:
            run.everything(chosen, look)
        except KomorebiError as error:
            run.ended("failed", error)
            raise
        except BaseException as error:
            run.ended("stopped" if isinstance(error, (KeyboardInterrupt, SystemExit)) else "failed", error)
            raise
        return status


class _Run:
    """One audit under way."""

    def __init__(self, job: AuditJob, folder: Path, status: Status, progress: Progress, steps: int) -> None:
        self._job, self._folder, self._status, self._progress, self._steps = job, folder, status, progress, steps
        self._case: AuditSession | None = None

    def step(self, number: int, _of: int, name: str) -> None:
        """The pipeline's own steps, among all of the audit's."""
        self._status.step = name
        self._status.write(self._folder)
        self._progress.step(number, self._steps, name)

    def advance(self, fraction: float) -> None:
        """Hand it on."""
        self._progress.advance(fraction)

    def check(self) -> None:
        """Hand it on."""
        self._progress.check()

    def everything(self, chosen: Sequence[tuple[Path, Mapping[str, Any]]], look: Callable[[Examined], None]) -> None:
        """Examine once; report; then the notebooks on what was found."""
        self._status.write(self._folder)
        self._case = case = open_case(self._job.wish, self._folder, limits=self._job.limits, progress=self)
        self._status.verdict = str(case.examined.document["verdict"])
        look(case.examined)
        self.step(len(STEPS) + 1, self._steps, "write the report")
        _write(self._folder / QC, json.dumps(case.examined.document, indent=1))
        self._report()
        with tempfile.TemporaryDirectory(prefix="komorebi-audit-") as kept:
            if chosen:
                case.save(Path(kept))
            for number, (path, parameters) in enumerate(chosen):
                self.step(len(STEPS) + 2 + number, self._steps, f"run {path.stem}")
                self._notebook(self._status.notebooks[number], path, {**self._named(kept), **parameters})
        failed = [one for one in self._status.notebooks if one.state != "done"]
        if failed:
            self._report()
        self.ended("failed" if failed else "done", None)

    def ended(self, state: State, error: BaseException | None) -> None:
        """Write the last status, and a page where there is none."""
        status = self._status
        status.state = state
        failed = [one for one in status.notebooks if one.failed is not None]
        if error is None and failed:
            status.error, status.error_kind = _where(failed[0]), "NotebookError"
        if error is not None:
            status.error, status.error_kind = str(error) or type(error).__name__, type(error).__name__
            if self._case is None and not self._job.keeps_report:
                _write(self._folder / REPORT, _page_of_failure(status))
        for one in status.notebooks:
            if one.state == "running":
                one.state = state if state != "done" else "failed"
        wanted = (REPORT, QC, THUMBNAIL_NAME, *(one.file for one in status.notebooks))
        status.files = [name for name in wanted if (self._folder / name).is_file()]
        if self._case is not None:
            status.files.append(self._case.examined.video.name)
        status.write(self._folder)

    def _named(self, kept: str) -> dict[str, Any]:
        wish = self._job.wish
        files = {
            name: str(Path(text).resolve())
            for name, text in (("connect", wish.connect), ("recording", wish.recording))
            if text
        }
        return {
            **files,
            "recording_id": wish.recording_id,
            "call_end": wish.call_end,
            "out": str(self._folder.resolve()),
            "examined": kept,
        }

    def _report(self) -> None:
        if self._case is None:
            return
        found = self._case.examined
        page = report_html(page_of(found, *report_picture(self._case), listen_tracks(found.lanes, self._folder)))
        failed = [one for one in self._status.notebooks if one.failed is not None]
        banner = "".join(f"<li>{html.escape(_where(one))}</li>" for one in failed)
        if banner:
            words = "This audit isn't complete. What was measured, below, is whole; these notebooks ended early:"
            page = page.replace(
                "<main>", f'<main>\n<div role="alert" style="{_ALERT}"><b>{words}</b><ul>{banner}</ul></div>', 1
            )
        _write(self._folder / REPORT, page)

    def _notebook(self, one: NotebookStatus, path: Path, parameters: Mapping[str, Any]) -> None:
        one.state = "running"
        self._status.write(self._folder)
        given = {name: value for name, value in parameters.items() if name in _parameters_of(path)}
        _execute(path, self._folder / one.file, given, one, self._cell_done, self._progress.check)
        self._status.write(self._folder)

    def _cell_done(self, one: NotebookStatus) -> None:
        self._progress.check()
        self._progress.advance(one.done / max(one.cells, 1))
        self._status.write(self._folder)


_ALERT = "border:2px solid #b03a00;border-radius:6px;padding:.7em 1em;margin:1em;font-family:sans-serif"


def _execute(
    path: Path, out: Path, parameters: Mapping[str, Any], one: NotebookStatus, told: Any, check: Callable[[], None]
) -> None:
    """Run it by papermill, and note what happened by what nbclient calls, not by what the notebook says."""
    import papermill  # noqa: PLC0415
    from nbclient.exceptions import CellControlSignal, DeadKernelError  # noqa: PLC0415

    begun: list[int] = []
    watch = _Watch(check)

    def begins(cell: Any, cell_index: int) -> None:  # noqa: ARG001  nbclient names them
        begun.append(cell_index)
        watch.begin()

    def done(cell: Any, cell_index: int, execute_reply: Any) -> None:  # noqa: ARG001
        if execute_reply["content"]["status"] == "ok":
            one.done += 1
        told(one)

    plain = _read(path)
    one.cells = sum(cell.cell_type == "code" for cell in plain.cells) + bool(parameters)
    error: BaseException | None = None
    try:
        papermill.execute_notebook(
            str(path),
            str(out),
            parameters=dict(parameters),
            kernel_name=_KERNEL,
            progress_bar=False,
            cwd=str(out.parent),
            extra_arguments=list(_KERNEL_ARGUMENTS),
            on_cell_execute=begins,
            on_cell_executed=done,
            shutdown_kernel="immediate",
        )
    except (papermill.PapermillExecutionError, CellControlSignal) as raised:
        error = raised
    except (DeadKernelError, RuntimeError, TimeoutError) as raised:
        # RuntimeError: a kernel that doesn't even start.
        error, one.kernel_died = raised, True
    one.state = "done" if error is None and one.done == one.cells else "failed"
    if one.state == "failed":
        one.failed = _failure(out, begun, error, kernel_died=one.kernel_died)
        _mark_failure(out, one)
    one.is_signed = _signed(out)


class _Watch:
    """Asks now and then whether to stop, inside the loop that waits for a cell: a cell may take as long as it likes."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._next: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """A cell begins."""
        if self._next is not None:
            self._next.cancel()
        self._next = asyncio.get_running_loop().call_later(_WATCH_S, self._look)

    def _look(self) -> None:
        # What it raises ends the loop, and with it the kernel.
        self._check()
        self.begin()


def _failure(out: Path, begun: Sequence[int], error: BaseException | None, *, kernel_died: bool) -> FailedCell:
    if kernel_died:
        words = f"the kernel died: it was killed, ran out of memory or crashed ({type(error).__name__})"
    elif error is None:
        words = "it ended itself before its last cell"
    else:
        name, value = getattr(error, "ename", type(error).__name__), getattr(error, "evalue", str(error))
        words = f"{name}: {value}"
    if not out.is_file() or not begun:
        return FailedCell(0, "", "", words)
    cells = [c for c in _read(out).cells if _MARKER not in c.metadata.get("tags", [])]
    heading, number, source = "", 0, ""
    for index, cell in enumerate(cells[: begun[-1] + 1]):
        if cell.cell_type == "code":
            number += 1
        elif cell.source.startswith("#"):
            heading = cell.source.splitlines()[0].lstrip("# ")
        if index == begun[-1]:
            source = next(iter(cell.source.splitlines()), "")
    return FailedCell(number, heading, source, words)


def _mark_failure(out: Path, one: NotebookStatus) -> None:
    """Say it on top of the notebook, too: papermill does so for an exception, and not for a killed kernel."""
    if not out.is_file():
        return
    content = _read(out)
    # papermill's own words for it, where it has any, would say it twice.
    content.cells = [cell for cell in content.cells if _MARKER not in cell.metadata.get("tags", [])]
    words = f"**This notebook ended early.** {_where(one)}"
    note = {"cell_type": "markdown", "id": "ended-early", "metadata": {"tags": [_MARKER]}, "source": words}
    content.cells.insert(0, _nbformat().from_dict(note))
    _nbformat().write(content, str(out))


def _read(path: Path) -> Any:
    return _nbformat().read(str(path), as_version=4)


def _nbformat() -> Any:
    """Its functions have no types."""
    return import_module("nbformat")


def _where(one: NotebookStatus) -> str:
    cell = one.failed
    if cell is None:
        return f"{one.name}: {one.state}"
    if not cell.number:
        return f"{one.name}: before its first cell: {cell.error}"
    under = f", under “{cell.heading}”" if cell.heading else ""
    return f"{one.name}: code cell {cell.number} of {one.cells}{under} ({cell.source}): {cell.error}"


def _signed(path: Path) -> bool:
    """Sign it with this user's key, as `jupyter trust` does; without one it is shown untrusted, which is no failure."""
    from nbformat.sign import NotebookNotary  # noqa: PLC0415

    if not path.is_file():
        return False
    try:
        notary = NotebookNotary()  # type: ignore[no-untyped-call]
        try:
            content = _read(path)
            notary.sign(content)  # type: ignore[no-untyped-call]
            return bool(notary.check_signature(content))  # type: ignore[no-untyped-call]
        finally:
            notary.store.close()
    except Exception as error:  # noqa: BLE001  whatever the key store's trouble is
        LOG.warning("%s couldn't be signed: %s", path, error)
        return False


# --- notebooks and their parameters


def find_notebook(name: str) -> Path:
    """A notebook by name, or as a path.

    Raises:
        InputError: where there is none.
    """
    if name.endswith(".ipynb"):
        path = Path(name)
        if path.is_file():
            return path
        raise InputError(f"there is no notebook {name}")
    here = Path(__file__).resolve().parent.parent
    for folder in (here / "notebooks", here.parent / "notebooks"):
        if (path := folder / f"{name}.ipynb").is_file():
            return path
    raise InputError(f"there is no notebook {name!r}: name one of {', '.join(NOTEBOOKS)}, or a file ending in .ipynb")


def share_parameters(paths: Sequence[Path], given: Mapping[str, str]) -> list[tuple[Path, dict[str, Any]]]:
    """Each notebook with those of the given parameters that it has, in their types.

    Raises:
        InputError: where none of them has a parameter, or a text is none of its type.
    """
    known = {path: _parameters_of(path).keys() for path in paths}
    for name, text in given.items():
        if not any(name in names for names in known.values()):
            check_parameters(paths[0], {name: text})  # which says what there is instead
    return [
        (path, check_parameters(path, {name: text for name, text in given.items() if name in known[path]}))
        for path in paths
    ]


def check_parameters(path: Path, given: Mapping[str, str]) -> dict[str, Any]:
    """The given parameters in the types that the notebook's parameters cell tells.

    papermill only warns of a name that it doesn't know, and goes on with the default.

    Raises:
        InputError: where the notebook has no such parameter, or the text is none of its type.
    """
    known = _parameters_of(path)
    read = {}
    for name, text in given.items():
        if name in _OURS:
            raise InputError(f"the parameter {name} is set by the audit itself: name the recording by its own options")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = (
                f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(set(known) - _OURS)) or 'no other'}"
            )
            raise InputError(f"{path.name} has no parameter {name}: {hint}")
        read[name] = _typed(name, text, known[name])
    return read


def _parameters_of(path: Path) -> dict[str, str]:
    """Names and types, as the parameters cell has them."""
    import papermill  # noqa: PLC0415  an extra

    return {name: str(told["inferred_type_name"]) for name, told in papermill.inspect_notebook(str(path)).items()}


def _typed(name: str, text: str, kind: str) -> Any:
    try:
        if kind == "bool":
            if text.lower() not in (*_YES, *_NO):
                raise ValueError
            return text.lower() in _YES
        return {"int": int, "float": float}.get(kind, str)(text)
    except ValueError:
        raise InputError(f"the parameter {name} is {text!r}: it takes a {kind}") from None


# --- where it goes


@contextmanager
def _folder(out: str) -> Iterator[Path]:
    """The folder to work in; one that is on S3 is sent there in the end, however that comes."""
    if not out.startswith("s3://"):
        folder = Path(out).resolve()  # papermill runs notebooks in it, and so changes where relative names lead
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{out} can't be the folder for the results: {error.strerror}; name another") from None
        yield folder
        return
    bucket, _, prefix = out.removeprefix("s3://").partition("/")
    if not bucket:
        raise InputError(f"{out} names no bucket: write s3://bucket/folder")
    client = aws_client("s3")
    with tempfile.TemporaryDirectory(prefix="komorebi-audit-out-") as scratch:
        try:
            yield Path(scratch)
        finally:
            _upload(client, Path(scratch), bucket, prefix.strip("/"))


def _upload(client: Any, folder: Path, bucket: str, prefix: str) -> None:
    """All files; the status last, since it tells of the others."""
    files = sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.name == STATUS)
    for path in files:
        key = "/".join(filter(None, (prefix, path.relative_to(folder).as_posix())))
        kind = _TYPES.get(path.suffix.removeprefix("."), "application/octet-stream")
        with aws_errors(f"s3://{bucket}/{key}"):
            client.upload_file(str(path), bucket, key, ExtraArgs={"ContentType": kind})


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _page_of_failure(status: Status) -> str:
    """A page where there is nothing to show but why."""
    facts = (
        ("Recording", status.recording),
        ("It ended while it was to", status.step),
        ("Kind", status.error_kind or ""),
    )
    rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in facts if value)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Audit failed</title></head>'
        '<body style="font-family:sans-serif;max-width:50em;margin:2em auto;line-height:1.5"><main>'
        f'<h1>Nothing could be examined</h1><p role="alert"><b>{html.escape(status.error or "")}</b></p>'
        f"<dl>{rows}</dl></main></body></html>\n"
    )
