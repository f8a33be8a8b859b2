"""The delivered file of an audit: a file on disk, or the published video of a recording in AWS."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import InputError
from komorebi_qc.storage.aws_errors import aws_errors
from komorebi_qc.storage.input_file import opened_file
from komorebi_qc.storage.temporary_folder import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.recording import Recording
    from komorebi_qc.core.source import Source
    from komorebi_qc.storage.s3.media import S3Media

PUBLISHED = "published"
"""In place of a file's path: the video in the output bucket."""


@contextmanager
def opened_delivered(named: str, item: Recording | None = None, media: S3Media | None = None) -> Iterator[Source]:
    """Open the delivered file.

    Args:
        named: its path, or `PUBLISHED`.
        item: of a recording in AWS; None for files.
        media: the buckets; None for files.

    Raises:
        InputError: the file can't be read, nothing is published, or files have no published video.
        StorageError: the bucket doesn't answer.
        AccessDeniedError: it refuses access.
    """
    if named != PUBLISHED:
        with opened_file(Path(named)) as source:
            yield source
        return
    if item is None or media is None:
        raise InputError("--delivered published needs a recording ID: name the delivered file")
    keys = {key for key, _ in media.outputs(item)}
    wanted = [item.video_key(kind) for kind in (item.container or "mp4", "mp4", "webm")]
    key = next((one for one in wanted if one in keys), None)
    if key is None:
        raise InputError(
            f"no video of recording {item.recording_id} is in s3://{media.output_bucket}: name the delivered file"
        )
    with temporary_folder("delivered") as folder:
        path = folder / Path(key).name
        with aws_errors(f"s3://{media.output_bucket}/{key}"):
            media.client.download_file(media.output_bucket, key, str(path))
        with opened_file(path) as source:
            yield source


def name_of(named: str, item: Recording | None = None) -> str:
    """A short name of the delivered file, for people."""
    if named == PUBLISHED and item is not None:
        return f"the published video of {item.recording_id}"
    return Path(named).name
