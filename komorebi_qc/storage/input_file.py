"""Input files on disk: opened if they are regular files, or read into memory if they are small."""

from __future__ import annotations

import io
import os
import stat
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from komorebi_qc.core.errors import AnalysisError, InputError
from komorebi_qc.core.privacy.redactions import MAX_ANALYSIS_BYTES, check_size
from komorebi_qc.core.source import Source
from komorebi_qc.storage.atomic_file import named_file_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_WORDS_BYTES = 64 << 20
"""Of a transcript: more than one of a call of twelve hours with each word's times."""
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Flags for opening: don't wait for a pipe's other end. Windows has only the second flag."""
_KINDS = {
    stat.S_ISDIR: "a directory",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


def kind_of(found: os.stat_result) -> str | None:
    """Return what it is; None for a regular file."""
    if stat.S_ISREG(found.st_mode):
        return None
    return next((name for is_kind, name in _KINDS.items() if is_kind(found.st_mode)), "not a regular file")


def check_input(path: Path) -> None:
    """Check that a file can be read.

    Raises:
        InputError: it doesn't exist, isn't a regular file, or can't be read.
    """
    with named_file_errors(path):
        if kind := kind_of(path.stat()):
            raise InputError(f"{path} is {kind}: give a regular file")
        if not os.access(path, os.R_OK):
            raise InputError(f"{path} can't be read: no permission; check its owner and mode")


def _check_seekable(path: Path, file: BinaryIO) -> None:
    """Check that a file has positions; some of /proc can be opened, and not sought."""
    try:
        file.seek(0, os.SEEK_END)
        file.seek(0)
    except OSError as error:
        raise InputError(
            f"{path} can't be read at every position ({error.strerror}): give a regular file on a disk without faults"
        ) from error


@contextmanager
def opened_file(path: Path) -> Iterator[Source]:
    """Open a regular file on disk for reading.

    Raises:
        InputError: it doesn't exist, isn't a regular file, or can't be read.
    """
    with ExitStack() as stack:
        with named_file_errors(path):
            check_input(path)
            # Without blocking: between the check and the opening it may have become a pipe.
            file = stack.enter_context(os.fdopen(os.open(path, os.O_RDONLY | _NO_WAIT), "rb"))
            found = os.fstat(file.fileno())
            if kind := kind_of(found):
                raise InputError(f"{path} is {kind}: give a regular file")
            _check_seekable(path, file)
        yield Source(str(path), file, found.st_size)


def read_analysis_file(path: Path) -> Source:
    """Read an analysis into memory.

    Raises:
        AnalysisError: it doesn't exist, isn't a regular file, can't be read, or is too large for an analysis.
    """
    try:
        with opened_file(path) as source:
            check_size(source.name, source.size)
        return read_small_file(path, MAX_ANALYSIS_BYTES)
    except InputError as error:
        raise AnalysisError(str(error)) from error


def named_words(path: Path) -> Source:
    """Read a transcript for a recording in AWS into memory. Its name has no folder, because it is published.

    Raises:
        InputError: as `read_small_file`.
    """
    return replace(read_small_file(path, MAX_WORDS_BYTES), name=path.name)


def read_small_file(path: Path, most_bytes: int) -> Source:
    """Read a file into memory.

    Raises:
        InputError: it doesn't exist, isn't a regular file, can't be read, or is larger than `most_bytes`.
    """
    with opened_file(path) as source:
        if source.size > most_bytes:
            raise InputError(f"{path} has {source.size} bytes, and {most_bytes} at most: name another file")
        with named_file_errors(path):
            content = source.file.read()
    return Source(source.name, io.BytesIO(content), len(content))
