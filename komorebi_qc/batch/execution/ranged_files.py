"""Listed files that are read in parts: on this machine, or on S3 without a download."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from komorebi_qc.core.source import Source
from komorebi_qc.storage.aws_errors import aws_errors
from komorebi_qc.storage.input_file import opened_file
from komorebi_qc.storage.object_store import split_s3
from komorebi_qc.storage.s3.object import S3Object
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def read_by_ranges(call: str, recording: str) -> Iterator[tuple[Source, Source]]:
    """Open two files by their paths, or by their addresses on S3.

    Raises:
        InputError: a file isn't there.
        StorageError: S3 doesn't answer.
        AccessDeniedError: S3 refuses access.
    """
    with ExitStack() as stack:
        first, second = (_opened(stack, location) for location in (call, recording))
        yield first, second


def _opened(stack: ExitStack, location: str) -> Source:
    if not location.startswith("s3://"):
        return stack.enter_context(opened_file(Path(location)))
    bucket, key = split_s3(location)
    with aws_errors(location):
        found = S3Object.open(aws_client("s3"), bucket, key)
    stack.enter_context(closing(found))
    again = cast("Callable[[], BinaryIO]", found.reader)
    return Source(location, again(), found.size, again, (key, found.etag), found.etag, found.version_id)
