"""The report as a file: a dataset is read, analysed and written as one page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import InputError, StorageError
from komorebi_qc.fleet.dataset import fleet_of, open_fleet
from komorebi_qc.fleet.narrative.answers import answers, headline
from komorebi_qc.fleet.page.contact_sheet import cards, report_links
from komorebi_qc.fleet.page.page import fleet_html
from komorebi_qc.fleet.study.study import DEFAULT_WORST, Study, study_of
from komorebi_qc.fleet.synthetic import synthetic_rows
from komorebi_qc.storage.atomic_file import write_atomically
from komorebi_qc.storage.aws_errors import aws_errors
from komorebi_qc.storage.object_store import Folder, split_s3
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.fleet.dataset import Fleet

DEMO = "demo"
DEMO_ROWS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class WrittenReport:
    """A report that was written.

    Attributes:
        out: its place.
        size: bytes.
        study: the analysis.
    """

    out: str
    size: int
    study: Study

    def to_dict(self) -> dict[str, Any]:
        """The counts and answers for JSON."""
        overview = self.study.overview
        return {
            "out": self.out,
            "bytes": self.size,
            "recordings": overview.count,
            "examined": overview.examined,
            "fail": overview.fail,
            "warn": overview.warn,
            "failed": overview.failed - overview.held_unexamined,
            "rejected": overview.rejected,
            "published_unconfirmed": overview.unconfirmed,
            "held": overview.held,
            "corrected": overview.corrected,
            "wrong_pairs": overview.wrong_pairs,
            "notes": {} if self.study.noted is None else dict(self.study.noted.by_severity),
            "suspended": overview.suspended,
            "conversation_outside_call": overview.outside_call,
            "summary": headline(self.study),
            "answers": [
                {"question": one.question, "answer": one.short, "rests_on": [text for text, _ in one.sentences]}
                for one in answers(self.study)
            ],
        }


def fleet_named(name: str, rows: int = DEMO_ROWS, results: Sequence[str] = ()) -> Fleet:
    """The dataset of this name; ``demo`` has synthetic rows. `results` are other folders with audits.

    Raises:
        InputError: There is no dataset.
        StorageError: S3 doesn't answer.
        AccessDeniedError: S3 refuses access.
    """
    if name == DEMO:
        return fleet_of(synthetic_rows(rows), Folder(Path.cwd()), DEMO, is_demo=True)
    return open_fleet(name, results)


def write_report(fleet: Fleet, out: str, worst: int = DEFAULT_WORST) -> WrittenReport:
    """Analyse a dataset, and write the page.

    Args:
        fleet: the dataset.
        out: a file, or ``s3://bucket/key``.
        worst: how many of the worst recordings are shown one by one.

    Raises:
        InputError: `out` can't be written, or `worst` is out of range.
        StorageError: S3 doesn't answer.
        AccessDeniedError: S3 refuses access.
    """
    return write_study(study_of(fleet, worst), out)


def write_study(study: Study, out: str) -> WrittenReport:
    """Write the page to a file, or to ``s3://bucket/key``.

    Raises:
        InputError: `out` can't be written.
        StorageError: S3 doesn't answer.
        AccessDeniedError: S3 refuses access.
    """
    if not isinstance(out, str) or not out.strip():
        raise InputError(f"out is {out!r}: name the page's file, such as fleet.html, or s3://bucket/fleet.html")
    of_groups = (one.report for found in study.group_reasons.values() for one in found.recordings)
    named = {report for report in (*(one.report for one in study.named), *of_groups) if report}
    links = report_links(study.fleet, named, out)
    content = fleet_html(study, cards(study.fleet, study.worst, out), links).encode()
    if out.startswith("s3://"):
        _put(out, content)
    else:
        _write(Path(out), content)
    return WrittenReport(out, len(content), study)


def _write(path: Path, content: bytes) -> None:
    try:
        write_atomically(path, content)
    except (InputError, StorageError) as error:
        raise InputError(f"the page can't be written: {error}; --out names another file") from None


def _put(out: str, content: bytes) -> None:
    bucket, key = split_s3(out)
    if not key or key.endswith("/"):
        raise InputError(f"{out} names no object: write s3://bucket/fleet.html")
    with aws_errors(out):
        aws_client("s3").put_object(Bucket=bucket, Key=key, Body=content, ContentType="text/html; charset=utf-8")
