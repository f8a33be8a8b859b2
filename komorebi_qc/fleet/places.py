"""Where the audits of a dataset lie: in folders of this machine, or under prefixes on S3; they are only read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from komorebi_qc.batch.manifest.manifest_file import split_s3
from komorebi_qc.core.errors import InputError
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code

_LARGEST_BYTES = 64_000_000
"""What is read of an audit is smaller by far; what isn't, is none of ours."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine."""

    root: Path

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is no such file, or it is too large to be what is looked for."""
        path = self.root / name
        try:
            return path.read_bytes() if path.is_file() and path.stat().st_size <= _LARGEST_BYTES else None
        except OSError:
            return None

    def address(self, name: str) -> str:
        """What a person would open."""
        return str(self.root / name)


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix on S3; without a client nothing of it can be read."""

    bucket: str
    prefix: str
    client: Any = None

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is no such file, or it is too large to be what is looked for."""
        if self.client is None:
            return None
        key = "/".join(filter(None, (self.prefix, name)))
        with aws_errors(self.address(name)):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=key)
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return None
                raise
            content: bytes = answer["Body"].read() if answer["ContentLength"] <= _LARGEST_BYTES else b""
        return content or None

    def address(self, name: str) -> str:
        """What a person would open."""
        return "s3://" + "/".join(filter(None, (self.bucket, self.prefix, name)))


def place_of(text: str, client: Any = None) -> Folder | Prefix:
    """The place that a text names: a folder, or ``s3://bucket/prefix``, to be read by `client`.

    Raises:
        InputError: where it names none.
    """
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"the dataset is {text!r}: name its folder, or s3://bucket/prefix")
    if not text.startswith("s3://"):
        return Folder(Path(text).resolve())
    bucket, prefix = split_s3(text)
    return Prefix(bucket, prefix.strip("/"), client)


def audit_of(root: Folder | Prefix, report: str, client: Any = None) -> tuple[Folder | Prefix, str]:
    """The folder of an audit, to be read by `client`, and its report's name in it, from what a row's ``report`` says.

    Raises:
        InputError: where it can be no report's place.
    """
    if not report.endswith(".html"):
        raise InputError(f"{report!r} is no report: its name ends in .html")
    if report.startswith(("s3://", "/")) or isinstance(root, Folder):
        whole = root.address(report) if isinstance(root, Folder) and not report.startswith("s3://") else report
        folder, _, name = whole.rpartition("/")
        return place_of(folder or "/", client), name
    folder, _, name = report.rpartition("/")
    return Prefix(root.bucket, "/".join(filter(None, (root.prefix, folder))), client), name
