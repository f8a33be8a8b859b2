"""One notebook, executed by papermill and signed. Its state comes from nbclient's callbacks, not from the copy."""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from komorebi_qc.desk.audit.status import FailedCell
from komorebi_qc.storage.atomic_file import make_private

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from komorebi_qc.desk.audit.status import NotebookStatus

LOG = logging.getLogger(__name__)
_KERNEL = "python3"
_ERROR_CELL = "papermill-error-cell-tag"
_KERNEL_ARGUMENTS = (
    # All kernels would share one history database and lock each other out.
    "--HistoryManager.hist_file=:memory:",
    # Every start would print a warning about the loopback interface.
    "--IPKernelApp.log_level=40",
)
_CHECK_EACH_S = 0.3


def run_notebook(
    path: Path,
    out: Path,
    parameters: Mapping[str, Any],
    status: NotebookStatus,
    scratch: Path,
    cell_done: Callable[[NotebookStatus], None],
    check_cancelled: Callable[[], None],
) -> None:
    """Run a notebook into an executed, signed copy, and update its status.

    Args:
        path: the notebook.
        out: the executed copy.
        parameters: values for its parameters cell.
        status: its state, updated cell by cell.
        scratch: the folder for the kernel's temporary files. The caller removes it.
        cell_done: called after each cell.
        check_cancelled: called several times a second; an exception from it stops the kernel.
    """
    import papermill  # noqa: PLC0415  an extra
    from nbclient.exceptions import CellControlSignal, DeadKernelError  # noqa: PLC0415
    from traitlets.config import Config  # noqa: PLC0415

    started: list[int] = []
    watch = _CancellationWatch(check_cancelled)

    def on_start(cell: Any, cell_index: int) -> None:  # noqa: ARG001  nbclient passes them by name
        started.append(cell_index)
        watch.restart()

    def on_done(cell: Any, cell_index: int, execute_reply: Any) -> None:  # noqa: ARG001
        if execute_reply["content"]["status"] == "ok":
            status.done += 1
        cell_done(status)

    status.cells = sum(cell.cell_type == "code" for cell in _read(path).cells) + bool(parameters)
    error: BaseException | None = None
    # Jupyter keeps the kernel's key in this file. Otherwise it is in the system's folder, and a killed audit leaves it.
    connection = Config({"ConnectionFileMixin": {"connection_file": str(scratch / f"{out.stem}.json")}})
    make_private(out)
    try:
        papermill.execute_notebook(
            str(path),
            str(out),
            parameters=dict(parameters),
            kernel_name=_KERNEL,
            progress_bar=False,
            cwd=str(out.parent),
            extra_arguments=list(_KERNEL_ARGUMENTS),
            on_cell_execute=on_start,
            on_cell_executed=on_done,
            shutdown_kernel="immediate",
            config=connection,
        )
    except (papermill.PapermillExecutionError, CellControlSignal) as raised:
        error = raised
    except (DeadKernelError, RuntimeError, TimeoutError) as raised:
        # RuntimeError: the kernel didn't start.
        error, status.kernel_died = raised, True
    if not out.stat().st_size:  # the kernel didn't start
        out.unlink()
    status.state = "done" if error is None and status.done == status.cells else "failed"
    if status.state == "failed":
        status.failed = _failed_cell(out, started, error, kernel_died=status.kernel_died)
        _note_failure(out, status)
    status.is_signed = _sign(out)


class _CancellationWatch:
    """Checks for cancellation inside the event loop that waits for a cell, so that a long cell can be stopped."""

    def __init__(self, check_cancelled: Callable[[], None]) -> None:
        self._check_cancelled = check_cancelled
        self._next: asyncio.TimerHandle | None = None

    def restart(self) -> None:
        """A cell starts."""
        if self._next is not None:
            self._next.cancel()
        self._next = asyncio.get_running_loop().call_later(_CHECK_EACH_S, self._check)

    def _check(self) -> None:
        # An exception ends the loop, and the kernel with it.
        self._check_cancelled()
        self.restart()


def _failed_cell(out: Path, started: Sequence[int], error: BaseException | None, *, kernel_died: bool) -> FailedCell:
    if kernel_died:
        words = f"the kernel died: it was killed, ran out of memory or crashed ({type(error).__name__})"
    elif error is None:
        words = "the notebook exited before its last cell"
    else:
        name, value = getattr(error, "ename", type(error).__name__), getattr(error, "evalue", str(error))
        words = f"{name}: {value}"
    if not out.is_file() or not started:
        return FailedCell(0, "", "", words)
    cells = [cell for cell in _read(out).cells if _ERROR_CELL not in cell.metadata.get("tags", [])]
    heading, number, source = "", 0, ""
    for index, cell in enumerate(cells[: started[-1] + 1]):
        if cell.cell_type == "code":
            number += 1
        elif cell.source.startswith("#"):
            heading = cell.source.splitlines()[0].lstrip("# ")
        if index == started[-1]:
            source = next(iter(cell.source.splitlines()), "")
    return FailedCell(number, heading, source, words)


def _note_failure(out: Path, status: NotebookStatus) -> None:
    """Put the failure at the top of the copy; papermill does so for an exception, but not for a killed kernel."""
    if not out.is_file():
        return
    content = _read(out)
    content.cells = [cell for cell in content.cells if _ERROR_CELL not in cell.metadata.get("tags", [])]
    words = f"**This notebook ended early.** {status.failure_text()}"
    note = {"cell_type": "markdown", "id": "ended-early", "metadata": {"tags": [_ERROR_CELL]}, "source": words}
    content.cells.insert(0, _nbformat().from_dict(note))
    _nbformat().write(content, str(out))


def _read(path: Path) -> Any:
    return _nbformat().read(str(path), as_version=4)


def _nbformat() -> Any:
    """Its functions have no types."""
    return import_module("nbformat")


def _sign(path: Path) -> bool:
    """Sign the copy with this user's key, as `jupyter trust` does. Without a key it stays untrusted, but readable."""
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
    except Exception as error:  # noqa: BLE001  any failure of the key store only costs the trust
        LOG.warning("%s couldn't be signed: %s", path, error)
        return False
