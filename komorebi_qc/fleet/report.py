"""The report as a file: a dataset is read, studied and written as one page, whole or not at all."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import InputError
from komorebi_qc.fleet.dataset import fleet_of, open_fleet
from komorebi_qc.fleet.narrative.answers import answers, headline
from komorebi_qc.fleet.page.contact_sheet import cards
from komorebi_qc.fleet.page.page import fleet_html
from komorebi_qc.fleet.places import Folder
from komorebi_qc.fleet.study.study import DEFAULT_WORST, Study, study_of
from komorebi_qc.fleet.synthetic import made_rows
from komorebi_qc.storage.aws_errors import aws_errors
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from komorebi_qc.fleet.dataset import Fleet

DEMO = "demo"
DEMO_ROWS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A report that was written.

    Attributes:
        out: where.
        size: bytes.
        study: what it tells.
    """

    out: str
    size: int
    study: Study

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        seen = self.study.overview
        return {
            "out": self.out,
            "bytes": self.size,
            "recordings": seen.count,
            "examined": seen.examined,
            "fail": seen.fail,
            "warn": seen.warn,
            "failed": seen.failed,
            "set_aside": seen.set_aside,
            "summary": headline(self.study),
            "answers": [
                {"question": one.question, "answer": one.short, "rests_on": [text for text, _ in one.sentences]}
                for one in answers(self.study)
            ],
        }


def fleet_named(name: str, rows: int = DEMO_ROWS) -> Fleet:
    """A dataset by its name; ``demo`` makes so many rows up.

    Raises:
        InputError: where there is no such dataset.
        KomorebiError: see `komorebi_qc.fleet.dataset.open_fleet`.
    """
    if name == DEMO:
        return fleet_of(made_rows(rows), Folder(Path.cwd()), DEMO, is_demo=True)
    return open_fleet(name)


def write_report(fleet: Fleet, out: str, worst: int = DEFAULT_WORST) -> Written:
    """Study a dataset and write the page; see `write_study`.

    Raises:
        InputError: where `worst` is no such number.
    """
    return write_study(study_of(fleet, worst), out)


def write_study(study: Study, out: str) -> Written:
    """Write the page to a file, or to ``s3://bucket/key``.

    Raises:
        InputError: where `out` can't be written.
        StorageError: where S3 doesn't answer.
        AccessDeniedError: where it refuses.
    """
    if not isinstance(out, str) or not out.strip():
        raise InputError(f"out is {out!r}: name the page's file, such as fleet.html, or s3://bucket/fleet.html")
    content = fleet_html(study, cards(study.fleet, study.worst, out)).encode()
    if out.startswith("s3://"):
        _put(out, content)
    else:
        _write(Path(out), content)
    return Written(out, len(content), study)


def _write(path: Path, content: bytes) -> None:
    try:
        with tempfile.TemporaryDirectory(prefix=".fleet-", dir=path.resolve().parent) as folder:
            part = Path(folder) / "page"
            part.write_bytes(content)
            part.replace(path)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror or error}; name another file with --out") from None


def _put(out: str, content: bytes) -> None:
    bucket, _, key = out.removeprefix("s3://").partition("/")
    if not bucket or not key or key.endswith("/"):
        raise InputError(f"{out} names no object: write s3://bucket/fleet.html")
    with aws_errors(out):
        aws_client("s3").put_object(Bucket=bucket, Key=key, Body=content, ContentType="text/html; charset=utf-8")
