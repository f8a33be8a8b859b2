"""A synthetic fleet whose worst recordings have audits: reports and thumbnails of the shipped captures."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pyarrow as pa
from captures import CAPTURES
from report_pages import sample_report

from komorebi_qc.fleet.dataset import fleet_of
from komorebi_qc.fleet.page.contact_sheet import REPORT, THUMBNAIL
from komorebi_qc.fleet.study.queries import worst
from komorebi_qc.fleet.synthetic import synthetic_rows, write_dataset
from komorebi_qc.media.thumbnail import png_at
from komorebi_qc.storage.input_file import opened_file
from komorebi_qc.storage.object_store import Folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AUDITS = "_reports"


def write_audits(root: Path, ids: Sequence[str], captures: Sequence[str]) -> dict[str, str]:
    """Write an audit for each ID, of the captures in turn, and return the reports' places by ID."""
    made: dict[str, Path] = {}
    for name in captures:
        folder = root / "_made" / name.partition(".")[0]
        sample_report(folder, name, CAPTURES[name].call_end)
        with opened_file(CAPTURES[name].recording) as source:
            (folder / THUMBNAIL).write_bytes(png_at(source, 1.0))
        made[name] = folder
    places = {}
    for number, one in enumerate(ids):
        folder = root / AUDITS / one
        folder.mkdir(parents=True)
        for file in (REPORT, THUMBNAIL):
            shutil.copy(made[captures[number % len(captures)]] / file, folder / file)
        places[one] = f"{AUDITS}/{one}/{REPORT}"
    shutil.rmtree(root / "_made")
    return places


def with_reports(rows: pa.Table, places: dict[str, str]) -> pa.Table:
    """The rows, with the audits' reports."""
    reports = [places.get(one) for one in rows["recording_id"].to_pylist()]
    return rows.set_column(
        rows.column_names.index("report"), rows.schema.field("report"), pa.array(reports, pa.string())
    )


def audited_dataset(root: Path, count: int, most: int, captures: Sequence[str]) -> None:
    """Write a dataset of `count` rows, with audits of the `most` worst."""
    rows = synthetic_rows(count)
    ids = [one.recording_id for one in worst(fleet_of(rows, Folder(root), str(root)), most)]
    write_dataset(with_reports(rows, write_audits(root, ids, captures)), root)
