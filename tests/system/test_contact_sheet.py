"""The contact sheet: thumbnails, waveforms and links of the worst recordings, also if an audit is broken."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pytest
from aws_fixtures import OUTPUT, World
from fleet_audits import audited_dataset, with_reports
from fleet_pages import checked, page_of
from fleet_rows import failing, row
from PIL import Image

from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.fleet.audit_files import OutsideError, audit_file, audit_store
from komorebi_qc.fleet.dataset import fleet_of, open_fleet
from komorebi_qc.fleet.page.contact_sheet import REPORT, THUMBNAIL, WAVE_BINS, cards
from komorebi_qc.fleet.report import write_report
from komorebi_qc.fleet.study.study import study_of
from komorebi_qc.fleet.synthetic import (
    synthetic_rows,
    write_dataset,
)
from komorebi_qc.storage.object_store import Folder, Prefix

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with audits of its three worst recordings."""
    root = tmp_path_factory.mktemp("audited")
    audited_dataset(root, 2_000, 3, ["sample", "vp8.webm"])
    return root


def test_only_reports_are_read_and_linked(tmp_path: Path) -> None:
    """Another kind of address or file is neither linked nor read."""
    (tmp_path / "readme.txt").write_text("No report.")
    places = (
        "javascript:alert(1)",
        "javascript:alert(1)//x.html",
        "../../../etc/passwd",
        "readme.txt",
        "/etc/passwd",
        "data:text/html,x",
        "https://x/y",
        "a\0b",
        "s3://",
    )
    table = pa.Table.from_pylist([row(n, **failing(report=one)) for n, one in enumerate(places)], schema=WITH_DAY)
    page = checked(page_of(fleet_of(table, Folder(tmp_path), str(tmp_path)), str(tmp_path / "fleet.html")))
    assert not [attrs for attrs in page.of("svg") if attrs.get("class") == "wave"]
    assert not [attrs for attrs in page.of("a") if not str(attrs["href"]).startswith("#")]
    assert page.text.count("Its report can't be read at") == len(places)


def test_a_report_outside_of_the_dataset_is_not_read(tmp_path: Path) -> None:
    """Neither by a path, nor by a link, nor on S3; in a folder that a person names it is read."""
    dataset, other = tmp_path / "dataset", tmp_path / "other"
    for folder in (dataset / "own", dataset / "linked", other):
        folder.mkdir(parents=True)
    for place in (other / REPORT, dataset / "own" / REPORT, dataset / "linked" / REPORT):
        place.write_bytes(envelope_report())
    Image.new("RGB", (8, 8)).save(other / THUMBNAIL)
    (dataset / "link").symlink_to(other)
    (dataset / "own" / THUMBNAIL).symlink_to(other / THUMBNAIL)
    (dataset / "linked" / THUMBNAIL).write_bytes((other / THUMBNAIL).read_bytes())
    places = (str(other / REPORT), f"../other/{REPORT}", f"link/{REPORT}", f"s3://bucket/{REPORT}")
    rows = [row(n, **failing(report=one)) for n, one in enumerate((*places, f"own/{REPORT}", f"linked/{REPORT}"))]
    write_dataset(pa.Table.from_pylist(rows, schema=WITH_DAY), dataset)
    for results, read in (((), 0), ((str(other),), 3)):
        made = open_fleet(str(dataset), results)
        *outside, own, linked = sorted(
            cards(made, study_of(made, 6).worst, str(dataset / "fleet.html")), key=lambda card: card.row.recording_id
        )
        assert sum(card.has_report for card in outside) == sum(bool(card.thumbnail) for card in outside) == read
        assert sum(card.is_outside for card in outside) == sum(not card.link for card in outside) == 4 - read
        assert (own.has_report, own.thumbnail, linked.thumbnail[:15]) == (True, "", "data:image/webp")


def test_a_report_outside_of_a_dataset_on_s3_is_not_read(world: World) -> None:
    """Neither in another bucket, nor under another prefix, nor by a path of this machine."""
    for key in ("data/a/report.html", "datatoo/report.html"):
        world.s3.put_object(Bucket=OUTPUT, Key=key, Body=envelope_report())
    root = Prefix(world.s3, OUTPUT, "data")
    for report in (
        f"s3://{OUTPUT}/datatoo/report.html",
        "../datatoo/report.html",
        "/etc/report.html",
        "a//report.html",
    ):
        with pytest.raises(OutsideError, match="--results"):
            audit_store((root,), report)
    for report in ("a/report.html", f"s3://{OUTPUT}/data/a/report.html"):
        store, name = audit_store((root,), report)
        assert audit_file(store, name) == envelope_report()


def test_each_card_has_thumbnail_waveform_and_link(audited: Path, tmp_path: Path) -> None:
    """The link works from any folder; recordings without a report are counted, with one command."""
    (tmp_path / "else where").mkdir()
    for out in (audited / "fleet.html", tmp_path / "else where" / "fleet.html"):
        written = write_report(open_fleet(str(audited)), str(out), 5)
        assert written.size == len(out.read_bytes())
        page = checked(out.read_text())
        reports = {unquote(address) for address in page.links()}  # cards and lists name them
        assert len(reports) == 3
        assert all((out.parent / one).resolve().is_file() for one in reports)
        assert len(page.of("img")) == 3
        waves = [attrs for attrs in page.of("svg") if attrs.get("class") == "wave"]
        assert len(waves) == 3
        assert "from top to bottom: customer, agent, recording, output" in str(waves[0]["aria-label"])
        assert [attrs["class"] for attrs in page.of("i")] == ["customer", "agent", "recording", "output"]
        assert "2 of them have no report yet" in page.text
        assert page.text.count("komorebi-qc rerun") == 1


def test_a_waveform_is_the_tracks(audited: Path) -> None:
    """The call's track is silent before the call and loud during it, and stays within its lane."""
    made = open_fleet(str(audited))
    card = cards(made, study_of(made, 1).worst, str(audited / "fleet.html"))[0]
    customer = next(wave for wave in card.waves if wave.name == "customer")
    assert customer.heights.shape == (WAVE_BINS,)
    assert customer.heights[:6].max() < 0.02
    assert 0.2 < customer.heights.max() <= 1


def test_a_malformed_audit_is_left_out(audited: Path, tmp_path: Path) -> None:
    """A malformed thumbnail, a malformed waveform and a missing report are named on the card."""
    made = open_fleet(str(audited))
    ids = [one.recording_id for one in study_of(made, 3).worst]
    pieces = b'<script type="application/json" data-kq="data">{"tracks": [], "envelope": {"bins": 9e99}}</script>'
    for number, (report, thumbnail) in enumerate(
        [(b"no report", b"no png"), (pieces, b"\x89PNG\r\n\x1a\n"), (None, None)]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, content in ((REPORT, report), (THUMBNAIL, thumbnail)):
            if content is not None:
                (folder / name).write_bytes(content)
    rows = with_reports(synthetic_rows(2_000), {one: f"{k}/{REPORT}" for k, one in enumerate(ids)})
    write_dataset(rows, tmp_path)
    write_report(open_fleet(str(tmp_path)), str(tmp_path / "fleet.html"), 3)
    page = checked((tmp_path / "fleet.html").read_text())
    assert page.of("img") == []
    assert page.text.count("no thumbnail") == page.text.count("no waveform") == 3
    assert f"Its report can't be read at {tmp_path / '2' / REPORT}" in page.text
    assert set(page.links()) == {f"{number}/{REPORT}" for number in range(2)}


def envelope_report(
    tracks: Any = ("customer",), bins: Any = 2, data: str = "Y2BgYGAAAA==", key: str = "envelope"
) -> bytes:
    """A report with a waveform envelope and nothing else."""
    content = {"tracks": [{"name": name} for name in tracks], key: {"bins": bins, "data": data}}
    return f'<script type="application/json" data-kq="data">{json.dumps(content)}</script>'.encode()


@pytest.mark.parametrize("key", ["envelope", "outline"])
def test_the_waveform_is_read_from_old_and_new_reports(key: str, tmp_path: Path) -> None:
    """Version 0.1 named it an outline."""
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / REPORT).write_bytes(envelope_report(key=key))
    table = pa.Table.from_pylist([row(0, **failing(report=f"audit/{REPORT}"))], schema=WITH_DAY)
    made = fleet_of(table, Folder(tmp_path), str(tmp_path))
    (card,) = cards(made, study_of(made, 1).worst, str(tmp_path / "fleet.html"))
    assert [wave.name for wave in card.waves] == ["customer"]


def png(width: int, height: int, *more: bytes) -> bytes:
    """The beginning of a PNG of this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"".join((b"\x89PNG\r\n\x1a\n", head, *more, chunk(b"IDAT", b""), chunk(b"IEND", b"")))


BROKEN: dict[str, bytes] = {
    **{f"bins {bins}": envelope_report().replace(b'"bins": 2', f'"bins": {bins}'.encode()) for bins in (
        "1e30", "1e999", "-Infinity", "NaN", "-2", "0", "2.0", "null", "[2]", "9" * 5000, "10000000000000"
    )},
    "deep": envelope_report().replace(b'"bins": 2', b'"bins": ' + b"[" * 100_000),
    "a list": b'<script type="application/json" data-kq="data">[1]</script>',
    "many tracks": envelope_report(["customer"] * 50_000),
    "tracks of no name": envelope_report([["customer"], None, {}]),
    "no base64": envelope_report(data="\u2603"),
    "no deflate": envelope_report(data="AAAA"),
    "never ended": envelope_report()[:47] * 200_000,
    "empty": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_report_affects_its_own_card_only(name: str, tmp_path: Path) -> None:
    """The card beside it has its waveform and thumbnail."""
    for folder, report in (("broken", BROKEN[name]), ("intact", envelope_report())):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / REPORT).write_bytes(report)
    (tmp_path / "broken" / THUMBNAIL).write_bytes(png(30_000, 30_000))
    Image.new("RGB", (32, 18)).save(tmp_path / "intact" / THUMBNAIL)
    rows = [row(n, **failing(report=f"{folder}/{REPORT}")) for n, folder in enumerate(("broken", "intact"))]
    made = fleet_of(pa.Table.from_pylist(rows, schema=WITH_DAY), Folder(tmp_path), str(tmp_path))
    broken, intact = cards(made, study_of(made, 2).worst, str(tmp_path / "fleet.html"))
    assert (broken.waves, broken.thumbnail, broken.has_report) == ((), "", True)
    assert (len(intact.waves), intact.thumbnail[:15], intact.has_report) == (1, "data:image/webp", True)


def test_recordings_without_a_report_have_a_command(tmp_path: Path) -> None:
    """The page gives the command that audits exactly these."""
    write_dataset(synthetic_rows(2_000), tmp_path)
    written = write_report(open_fleet(str(tmp_path)), str(tmp_path / "fleet.html"), 4)
    page = checked((tmp_path / "fleet.html").read_text())
    assert "None of them has a report yet" in page.text
    for one in written.study.worst:
        assert f"'{one.recording_id}'" in page.text.replace("'\"'\"'", "'")


def test_a_dataset_on_s3_has_its_audits(audited: Path, world: World) -> None:
    """A page in the same bucket links to them, and a local page gives their addresses."""
    for path in audited.rglob("*"):
        if path.is_file() and path.name != "fleet.html":
            world.s3.put_object(
                Bucket=OUTPUT,
                Key=f"data/{path.relative_to(audited).as_posix()}",
                Body=path.read_bytes(),
            )
    name = f"s3://{OUTPUT}/data"
    write_report(open_fleet(name), f"{name}/pages/fleet.html", 3)
    answer = world.s3.get_object(Bucket=OUTPUT, Key="data/pages/fleet.html")
    assert answer["ContentType"] == "text/html; charset=utf-8"
    page = checked(answer["Body"].read().decode())
    assert len(set(page.links())) == len(page.of("img")) == 3
    assert all(one.startswith("../_reports/") for one in page.links())
    write_report(open_fleet(name), str(audited / "local.html"), 3)
    local = checked((audited / "local.html").read_text())
    assert local.links() == []
    assert local.text.count(f"Report: {name}/_reports/") == 3
