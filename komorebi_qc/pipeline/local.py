"""A run on local files, which have no item in a table."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.progress import SILENT
from komorebi_qc.core.recording import LOCAL_ID, Recording
from komorebi_qc.pipeline.options import Options, Order
from komorebi_qc.pipeline.process import process
from komorebi_qc.storage.local import LocalTable

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.core.progress import Progress
    from komorebi_qc.core.timebase import Alignment, CallEnd
    from komorebi_qc.pipeline.options import ContainerChoice
    from komorebi_qc.pipeline.outcome import Outcome
    from komorebi_qc.storage.local import LocalFiles

__all__ = ["LOCAL_ID", "container_of", "local_item", "process_files"]


def local_item(recording_id: str = LOCAL_ID) -> Recording:
    """An item for a recording without one; its agent and date mean nothing."""
    return Recording(recording_id, recording_id, datetime(1970, 1, 1))  # noqa: DTZ001  a table's date has no time zone


def process_files(
    files: LocalFiles,
    call_end: CallEnd,
    *,
    alignment: Alignment | None = None,
    options: Options | None = None,
    progress: Progress = SILENT,
) -> Outcome:
    """Process two local files into a third.

    Args:
        files: both inputs, and the output.
        call_end: the reported call end.
        alignment: a manual alignment; None to measure it.
        options: how it is processed.
        progress: shows each step; its `check` ends the run.

    Raises:
        InputError: a file can't be used.
        KomorebiError: see `komorebi_qc.pipeline.process.process`.
    """
    return process_order(files, Order(LOCAL_ID, call_end, alignment), options=options or Options(), progress=progress)


def process_order(files: LocalFiles, order: Order, *, options: Options, progress: Progress = SILENT) -> Outcome:
    """Process two local files into a third, as an order has it.

    Args:
        files: both inputs, and the output.
        order: with the ID `LOCAL_ID`.
        options: how it is processed.
        progress: shows each step; its `check` ends the run.

    Raises:
        InputError: a file can't be used.
        KomorebiError: see `komorebi_qc.pipeline.process.process`.
    """
    files.check()
    return process(order, table=LocalTable(local_item()), media=files, options=options, progress=progress)


def container_of(out: Path, wanted: str) -> ContainerChoice:
    """The container that a file's extension names, or the requested one if it has no extension.

    Args:
        out: the unified recording.
        wanted: ``auto``, ``mp4`` or ``webm``.

    Raises:
        InputError: the extension or the request names another container.
    """
    extension = out.suffix.lower()
    if extension not in ("", ".mp4", ".webm"):
        raise InputError(
            f"{out} has the extension {extension}: name it .mp4 or .webm, or leave it out to follow the codec"
        )
    return Options(container=cast("ContainerChoice", extension[1:] or wanted)).container
