"""The folder of an audit, on this machine or on S3."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.notes import NOTES_FILE
from komorebi_qc.storage.atomic_file import make_folder
from komorebi_qc.storage.aws_errors import aws_errors
from komorebi_qc.storage.object_store import split_s3
from komorebi_qc.storage.protocols import CONTENT_TYPES
from komorebi_qc.storage.temporary_folder import temporary_folder
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEDIA_TYPES = {
    **CONTENT_TYPES,
    "html": "text/html; charset=utf-8",
    "ipynb": "application/x-ipynb+json",
    "m4a": "audio/mp4",
}


@contextmanager
def output_folder(out: str, *, last: str) -> Iterator[Path]:
    """A local folder to write to. If `out` is on S3, its files are uploaded at the end, even after an error.

    Args:
        out: a folder, or ``s3://bucket/prefix``.
        last: the file to upload last, because it describes the others.

    Raises:
        InputError: `out` can't be created, or names no bucket.
        StorageError: S3 didn't answer.
        AccessDeniedError: S3 refused the upload.
    """
    if not out.startswith("s3://"):
        folder = Path(out).resolve()  # papermill changes the working directory, so a relative path would move
        try:
            make_folder(folder)
        except OSError as error:
            raise InputError(f"{out} can't be the folder for the results: {error.strerror}; name another") from None
        yield folder
        return
    bucket, prefix = split_s3(out)
    client = aws_client("s3")
    with temporary_folder("audit-out") as scratch:
        folder = scratch / "out"
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            _upload(client, folder, bucket, prefix.strip("/"), last)


def _upload(client: Any, folder: Path, bucket: str, prefix: str, last: str) -> None:
    # The notes are a copy for the notebooks. An analyst may have changed them on S3 meanwhile.
    files = [path for path in folder.rglob("*") if path.is_file() and path != folder / NOTES_FILE]
    files.sort(key=lambda path: path.name == last)
    for path in files:
        key = "/".join(filter(None, (prefix, path.relative_to(folder).as_posix())))
        media_type = _MEDIA_TYPES.get(path.suffix.removeprefix("."), "application/octet-stream")
        with aws_errors(f"s3://{bucket}/{key}"):
            client.upload_file(str(path), bucket, key, ExtraArgs={"ContentType": media_type})
