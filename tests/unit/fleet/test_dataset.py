"""The dataset as a table: unusable values are removed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from fleet_rows import failing, fleet, row

from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.core.errors import InputError
from komorebi_qc.fleet.dataset import fleet_of, open_fleet
from komorebi_qc.fleet.study.queries import groups, overview
from komorebi_qc.fleet.synthetic import (
    synthetic_rows,
    write_dataset,
)
from komorebi_qc.storage.object_store import Folder

if TYPE_CHECKING:
    from pathlib import Path


def test_an_impossible_day_is_null() -> None:
    """A day long ago or far ahead would stretch every chart."""
    made = fleet(row(0, day="9999-12-31"), row(1, day="1980-01-01"), row(2))
    days = made.database.execute("select day from rows order by rowid").fetchall()
    assert [day is None for (day,) in days] == [True, True, False]


def test_only_aligned_recordings_have_an_offset() -> None:
    """Others are null, and so are infinity and NaN."""
    made = fleet(
        row(0, offset_s=float("inf"), drift_ppm=float("nan")),
        row(1, offset_s=9.0, sync_status="ambiguous"),
        row(2, offset_s=1.0, coverage=float("nan")),
        row(3, offset_s=5.0, coverage=0.5, status="failed", verdict=None),
    )
    assert made.query("select max(offset_s), count(offset_s), count(drift_ppm), count(coverage) from rows") == [
        (1.0, 1, 1, 2)
    ]


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"browser": "Chrome/142.0.7444.59"}, "Chrome 142"),
        ({"browser": " Firefox 145.0 "}, "Firefox 145"),
        ({"browser": "Microsoft Edge 141"}, "Microsoft Edge 141"),
        ({"browser": "Chrome", "writing_app": "Chrome"}, "Chrome"),
        ({"browser": "", "writing_app": "Lavf61.7.103", "muxing_app": "Lavf61.7.103"}, None),
        ({"browser": "Kiosk (2nd floor)"}, "Kiosk (2nd floor)"),
        ({"browser": None}, None),
    ],
)
def test_a_browser_has_its_major_version(fields: dict[str, Any], shown: str | None) -> None:
    """Texts of another form stay unchanged."""
    assert groups(fleet(row(0, **fields)), "browser")[0].name == shown


def test_each_row_has_its_own_browser() -> None:
    """Also if several texts stand for one browser, and some rows have no text."""
    given = ["Chrome/142.0.1", None, "Firefox 145", "Chrome/142.0.2", " ", "Chrome/142.0.1", "Kiosk"]
    made = fleet(*(row(n, browser=browser) for n, browser in enumerate(given)))
    shown = [browser for (browser,) in made.query("select browser from rows order by rowid")]
    assert shown == ["Chrome 142", None, "Firefox 145", "Chrome 142", None, "Chrome 142", "Kiosk"]


def test_a_dataset_is_read_back(tmp_path: Path) -> None:
    """From the files of its days."""
    rows = synthetic_rows(500)
    write_dataset(rows, tmp_path / "dataset")
    assert overview(open_fleet(str(tmp_path / "dataset"))) == overview(fleet_of(rows, Folder(tmp_path), "rows"))


def test_a_folder_without_a_dataset_is_an_error(tmp_path: Path) -> None:
    """The error says what a dataset is."""
    with pytest.raises(InputError, match="isn't a dataset"):
        open_fleet(str(tmp_path))


def test_only_recordings_that_may_be_named_keep_their_ids() -> None:
    """The IDs of millions of recordings that pass would fill the memory."""
    made = fleet(
        row(0),
        row(1, publication="confirmed"),
        row(2, **failing()),
        row(3, verdict="warn"),
        row(4, status="failed", verdict=None),
        row(5, publication="unconfirmed"),
        row(6, corrected_at="2026-03-01T00:00:00Z"),
        row(7, report="_reports/7/report.html"),
        row(8, sync_status="wrong_pair"),
    )
    ids = [name for (name,) in made.query("select recording_id from rows order by rowid")]
    assert ids == [None, None, *(f"recording-{n:05d}" for n in range(2, 9))]


def test_a_recording_in_two_files_counts_once(tmp_path: Path) -> None:
    """As after a race of older versions: its newest row counts, also if it passes and has no ID here."""
    for day, verdict in (("2026-03-01", "fail"), ("2026-03-02", "pass")):
        when = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        rows = [row(0, day=day, verdict=verdict, done_at=when), row(int(day[-1]), day=day)]
        table = pa.Table.from_pylist(rows, schema=WITH_DAY)
        write_dataset(table, tmp_path)
    assert open_fleet(str(tmp_path)).query("select outcome, count(*) from rows group by all") == [("pass", 3)]
