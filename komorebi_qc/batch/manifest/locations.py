"""Places of media: absolute paths and ``s3://`` addresses, and the day that they show."""

from __future__ import annotations

import posixpath
import re
from datetime import UTC, date, datetime
from pathlib import Path

from komorebi_qc.core.errors import InputError
from komorebi_qc.storage.input_file import opened_file
from komorebi_qc.storage.object_store import split_s3

_DAY_IN_PATH = re.compile(r"(?:^|/)(\d{4})[/-](\d{2})[/-](\d{2})(?=/)")


def resolve(text: str, base: str) -> str:
    """An absolute path or ``s3://`` address; `text` may be relative to the folder or prefix `base`.

    Raises:
        InputError: The local file can't be read, or the address names no object.
    """
    if base.startswith("s3://") and not text.startswith(("s3://", "/")):
        bucket, folder = split_s3(base)
        text = f"s3://{bucket}{posixpath.normpath(f'/{folder}/{text}')}"
    if text.startswith("s3://"):
        if not split_s3(text)[1]:
            raise InputError(f"{text} names no object: write s3://bucket/key")
        return text
    return readable_file(Path(base) / text)


def readable_file(path: Path) -> str:
    """The absolute path of a file, with links resolved.

    Raises:
        InputError: The file can't be read, or its path isn't UTF-8.
    """
    with opened_file(path):
        place = str(path.resolve())
    if not is_utf8(place):
        raise InputError(f"{place!r} isn't UTF-8, so the dataset can't name it: rename the file or folder")
    return place


def is_utf8(text: str) -> bool:
    """Whether a text can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def day_in_path(text: str) -> str:
    """The first date in a path or key, such as ``2026/11/24/``, as ``YYYY-MM-DD``; empty if there isn't one."""
    for match in _DAY_IN_PATH.finditer(text):
        try:
            return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
        except ValueError:
            continue
    return ""


def file_day(path: str) -> str:
    """The UTC day on which a file was last written."""
    return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC).date().isoformat()
