"""The fleet report's page: whole for every dataset, harmless whatever is in it, and true to the numbers."""

from __future__ import annotations

import json
import re
import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pytest
from aws_fixtures import OUTPUT
from bench.fleet import made_dataset, with_reports
from fleet_rows import failing, fleet, row
from PIL import Image

from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.core.errors import InputError
from komorebi_qc.fleet import notebook
from komorebi_qc.fleet.dataset import fleet_of, open_fleet
from komorebi_qc.fleet.page import charts
from komorebi_qc.fleet.page.contact_sheet import REPORT, THUMBNAIL, WAVE_BINS, cards
from komorebi_qc.fleet.page.page import fleet_html
from komorebi_qc.fleet.report import fleet_named, write_report
from komorebi_qc.fleet.study.queries import MEASURES
from komorebi_qc.fleet.study.study import LEAST, study_of
from komorebi_qc.fleet.synthetic import MIXED_UP, SHIFTED, synthetic_rows, write_dataset
from komorebi_qc.storage.object_store import Folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_fixtures import World

    from komorebi_qc.desk.notebooks.notebook_output import NotebookOutput
    from komorebi_qc.fleet.dataset import Fleet

MOST_BYTES = 5_000_000
TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "script",
        "h1",
        "h2",
        "p",
        "b",
        "div",
        "section",
        "nav",
        "i",
    ),
    *("ul", "ol", "li", "a", "figure", "figcaption", "details", "summary", "pre", "span", "img"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("svg", "g", "path", "rect", "text", "tspan", "defs", "clippath", "use", "circle", "line"),
}
NO_VALUE = r"\b(?:nan|inf|NaT)\b|\bNone\b(?! (?:of|could|is))"
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</svg></style></script><iframe src=//x>",
    '=HYPERLINK("http://x";"y")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "$x^2$ $\\frac{1}{",
    "a\u202eb\u2066c\x00\x1b[31m",
    "line\nbreak\ttab",
    "葉漏れ日 🍃",
    "x" * 5000,
    "'; drop table rows; --",
    "{{7*7}} %s {0}",
)


class Seen(HTMLParser):
    """What a page holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.text = ""
        self._skips = self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what begins."""
        self.tags.append((tag, dict(attrs)))
        self._skips = tag in ("script", "style")
        if tag in ("td", "th"):
            self.cells.append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        """Note what ends."""
        self._skips = False
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        """Note what is said."""
        if not self._skips:
            self.text += data
            if self._in_cell:
                self.cells[-1] += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each of these."""
        return [attrs for name, attrs in self.tags if name == tag]


def page_of(made: Fleet, out: str = "/nowhere/fleet.html") -> str:
    """The fleet's page."""
    study = study_of(made)
    return fleet_html(study, cards(made, study.worst, out))


def checked(page: str) -> Seen:
    """What holds of every page: known elements alone, nothing fetched, every link at home, every ID once."""
    seen = Seen(page)
    assert {tag for tag, _ in seen.tags} <= TAGS
    assert len(seen.of("script")) == 1
    assert not [attrs for _, attrs in seen.tags if any(name.startswith("on") for name in attrs)]
    assert all(str(attrs["src"]).startswith("data:image/webp;base64,") for attrs in seen.of("img"))
    # A page that is printed waits for no lazy picture.
    assert all("alt" in attrs and "loading" not in attrs for attrs in seen.of("img"))
    ids = [str(attrs["id"]) for _, attrs in seen.tags if attrs.get("id")]
    named = [one for one in ids if one.startswith("fleet")]
    assert len(named) == len(set(named))
    for attrs in seen.of("a"):
        address = str(attrs["href"])
        assert address[1:] in ids if address.startswith("#") else not re.match(r"[a-z]+:", address), address
    for attrs in seen.of("use"):
        assert str(attrs["xlink:href"])[1:] in ids
    assert not re.search(NO_VALUE, seen.text)
    assert not [cell for cell in seen.cells if cell.startswith(("=", "+", "-", "@"))]
    # Namespaces are the only addresses of the web.
    assert not re.sub(r"https?://www\.w3\.org/\S+", "", "".join(re.findall(r"(?:href|src|url)\W{1,3}https?:\S+", page)))
    return seen


# --- whatever the dataset


EMPTY = fleet_of(WITH_DAY.empty_table(), Folder(Path("/nowhere")), "empty")
CASES: dict[str, Callable[[], Fleet]] = {
    "empty": lambda: EMPTY,
    "one row": lambda: fleet(row(0)),
    "one failing row": lambda: fleet(row(0, **failing())),
    "all failed": lambda: fleet(
        *(
            row(n, status="failed", verdict=None, error_class="MediaError", error="No.", offset_s=None)
            for n in range(400)
        )
    ),
    "no offsets": lambda: fleet(
        *(
            row(n, offset_s=None, drift_ppm=None, call_end_error_s=None, coverage=None, sync_status="insufficient")
            for n in range(90)
        )
    ),
    "one day": lambda: fleet(*(row(n, day="2026-03-01") for n in range(90))),
    "no days": lambda: fleet(*(row(n, day="unknown") for n in range(90))),
    "nobody named": lambda: fleet(
        *(
            row(n, agent=None, browser=" ", writing_app=None, container=None, video_codec=None, audio_codec=None)
            for n in range(90)
        )
    ),
    "two years": lambda: fleet_of(synthetic_rows(3_000, days=730), Folder(Path("/nowhere")), "years"),
    "nulls all over": lambda: fleet(*({"recording_id": f"r{n}"} for n in range(30))),
}

CHARTS = {
    "empty": 0,
    "one row": 2,
    "one failing row": 2,
    "all failed": 1,
    "no offsets": 1,
    "one day": 4,
    "no days": 1,
    "nobody named": 2,
    "two years": 4,
    "nulls all over": 0,
}
"""Of the four, those that have anything to show."""


@pytest.mark.parametrize("name", CASES)
def test_every_dataset_has_a_sensible_page(name: str) -> None:
    """No NaN, no empty chart, and the four questions are answered, or it says that there are no rows."""
    made = CASES[name]()
    seen = checked(page_of(made))
    if name == "empty":
        assert "The dataset has no rows." in seen.text
    else:
        for question in ("How many are bad?", "Since when?", "Whose?", "What first?"):
            assert question in seen.text
    drawn = [attrs for attrs in seen.of("svg") if attrs.get("class") == "chart"]
    assert len(drawn) == CHARTS[name]
    assert all(attrs["aria-label"] for attrs in drawn)
    said = {
        "all failed": ("None could be examined", "400 failed", "couldn't be examined has no change", "under Reasons"),
        "no offsets": ("0 % fail", "Nothing was measured"),
        "one row": ("1 recording of 1 agent on 2026-03-01.", "Too few days to say", "Too few to say"),
        "one day": ("Too few days to say",),
        "no days": ("No recording has a day.",),
        "nobody named": ("No recording tells its agent.", "No recording tells its codec."),
    }
    for words in said.get(name, ()):
        assert words in seen.text


@pytest.mark.parametrize("name", ["empty", "one row", "all failed", "no offsets"])
def test_the_notebook_shows_every_dataset(name: str) -> None:
    """Each cell's call shows something, in HTML and in words, and its pictures lie in it."""
    desk = notebook.FleetSession(study_of(CASES[name]()))
    shows: tuple[Callable[[notebook.FleetSession], NotebookOutput], ...] = (
        *(notebook.overview, notebook.over_time, notebook.changes, notebook.by_browser, notebook.worst),
        *(notebook.groups, notebook.reasons, notebook.distributions, notebook.medians),
    )
    for show in shows:
        shown = show(desk)
        assert shown.text.strip()
        assert not re.search(NO_VALUE, shown.text)
        assert all(source.startswith("data:") for source in re.findall(r' src="([^"]{0,40})', shown.html))


def test_the_notebook_calls_what_is_tested() -> None:
    """Its cells call the functions above and the page's, and nothing else."""
    path = Path(__file__).parents[3] / "notebooks" / "fleet_report.ipynb"
    sources = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    called = {name for text in sources for name in re.findall(r"desk\.(\w+)\(", text)}
    shows = {"overview", "over_time", "changes", "by_browser", "worst", "groups", "reasons", "distributions", "medians"}
    assert called == {"open_fleet", "page", *shows}


def test_what_comes_from_outside_is_text() -> None:
    """Markup, formulas, control characters and whatever else stands in a row becomes words on the page, all of them."""
    rows: list[dict[str, Any]] = []
    for field in ("agent", "browser", "container", "video_codec"):
        rows += [row(len(rows) + n, **failing(**{field: text})) for n, text in enumerate(HOSTILE * 25)]
    for field in ("error", "error_class"):
        gone = {"status": "failed", "verdict": None}
        rows += [row(len(rows) + n, **gone, **{field: text}) for n, text in enumerate(HOSTILE)]
        again = {"last_attempt_action": "audit"}
        rows += [row(len(rows) + n, **again, **{f"last_attempt_{field}": text}) for n, text in enumerate(HOSTILE)]
    worst_of_all = {"fail_count": 9, "failures": list(HOSTILE), "warnings": list(HOSTILE)}
    rows += [row(0, **{**failing(), **worst_of_all, "recording_id": text}) for text in HOSTILE]
    seen = checked(page_of(fleet(*rows)))
    # By agent, browser, container, codec, finding that fails, that warns, error, its class, both again, and recording.
    assert seen.text.count("<script>alert(1)") >= 11
    assert seen.text.count("葉漏れ日") >= 11


def test_a_report_is_a_file_or_nothing(tmp_path: Path) -> None:
    """A report's place is never an address of another kind, and what isn't a report shows no sound."""
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
    seen = checked(page_of(fleet_of(table, Folder(tmp_path), str(tmp_path)), str(tmp_path / "fleet.html")))
    assert not [attrs for attrs in seen.of("svg") if attrs.get("class") == "wave"]
    assert not [attrs for attrs in seen.of("a") if not str(attrs["href"]).startswith("#")]
    assert seen.text.count("Its report can't be read at") == len(places)


def test_the_page_tells_the_study() -> None:
    """The first screen has the counts, the planted agent and the planted release, and says what isn't sure."""
    page = page_of(fleet_named("demo", 30_000))
    seen = checked(page)
    first = seen.text[: seen.text.index("Verdicts over time", seen.text.index("What first?"))]
    assert MIXED_UP in first
    assert SHIFTED in first
    assert "a likely cause, no proof" in first
    assert "30,000 recordings of 120 agents" in first
    assert "Made-up rows." in first
    assert "The highest peak, between the samples as well." in seen.text


def test_it_stays_small() -> None:
    """With 2,000 agents, 200 browsers, two years and 200 of the worst it is far from 5 MB."""
    rows = [
        row(
            n,
            **failing(warnings=["drift"] * 30) if n % 20 == 0 else {},
            agent=f"{'a' * 300}{n % 2000}",
            browser=f"Chrome {n % 200}",
            day=f"20{24 + n % 2}-{1 + n % 12:02d}-{1 + n % 28:02d}",
        )
        for n in range(12_000)
    ]
    made = fleet(*rows)
    study = study_of(made, 200)
    assert len(fleet_html(study, cards(made, study.worst, "/nowhere/fleet.html")).encode()) < MOST_BYTES / 3


# --- charts


def test_chance_is_not_drawn_large() -> None:
    """Every axis of medians spans ten times the least change that is told, and none of shares goes beyond 1."""
    study = study_of(fleet(*(row(n, coverage=0.999 + n % 2 / 1000) for n in range(400))))
    figure, _ = charts.medians(study)
    assert len(figure.axes) == len(MEASURES)
    for ax, measure in zip(figure.axes, MEASURES, strict=True):
        low, high = ax.get_ylim()
        assert high - low >= 10 * LEAST[measure] * (1 - 1e-9)
    assert figure.axes[-1].get_ylim()[1] == pytest.approx(1.0)
    assert charts.distributions(study)[0].axes[-1].get_xlim()[1] <= 1.0


def test_years_are_drawn_by_week() -> None:
    """Two years of days are drawn as some hundred weeks, each chart saying so; three months stay days."""
    years, months = (study_of(fleet_of(synthetic_rows(8_000, days=n), Folder(Path("/nowhere")), "x")) for n in (730, 92))
    for study, each, least, most in ((years, "week", 90, 110), (months, "day", 80, 92)):
        figure, told = charts.medians(study)
        assert f"{'weekly' if each == 'week' else 'daily'} medians" in told
        assert least <= np.size(figure.axes[0].lines[0].get_xdata()) <= most
        assert f"by {each}" in charts.over_time(study)[0].axes[0].get_title(loc="left")


# --- the contact sheet


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset whose three worst have audits."""
    root = tmp_path_factory.mktemp("audited")
    made_dataset(root, 2_000, 3, ["sample", "vp8.webm"])
    return root


def test_each_of_the_worst_has_picture_sound_and_report(audited: Path, tmp_path: Path) -> None:
    """Thumbnail, waveform and a link from the page to the report, wherever the page lies; others say why not."""
    (tmp_path / "else where").mkdir()
    for out in (audited / "fleet.html", tmp_path / "else where" / "fleet.html"):
        written = write_report(open_fleet(str(audited)), str(out), 5)
        page = out.read_text()
        assert written.size == len(page.encode())
        seen = checked(page)
        reports = [unquote(str(one["href"])) for one in seen.of("a") if not str(one["href"]).startswith("#")]
        assert len(reports) == 3
        assert all((out.parent / one).resolve().is_file() for one in reports)
        assert len(seen.of("img")) == 3
        waves = [attrs for attrs in seen.of("svg") if attrs.get("class") == "wave"]
        assert len(waves) == 3
        assert "from top to bottom: customer, agent, recording, output" in str(waves[0]["aria-label"])
        assert [attrs["class"] for attrs in seen.of("i")] == ["customer", "agent", "recording", "output"]
        assert "2 of them have no report yet" in seen.text
        assert seen.text.count("komorebi-qc rerun") == 1


def test_a_waveform_is_the_recordings(audited: Path) -> None:
    """The call's lanes are silent before it begins and loud in it, and none leaves its lane."""
    made = open_fleet(str(audited))
    card = cards(made, study_of(made, 1).worst, str(audited / "fleet.html"))[0]
    customer = next(wave for wave in card.waves if wave.name == "customer")
    assert customer.heights.shape == (WAVE_BINS,)
    assert customer.heights[:6].max() < 0.02
    assert 0.2 < customer.heights.max() <= 1


def test_a_spoiled_audit_is_left_out(audited: Path, tmp_path: Path) -> None:
    """A thumbnail that is none, an outline that is none, and a report that is gone: the card says what is missing."""
    made = open_fleet(str(audited))
    ids = [one.recording_id for one in study_of(made, 3).worst]
    pieces = b'<script type="application/json" data-kq="data">{"tracks": [], "outline": {"bins": 9e99}}</script>'
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
    seen = checked((tmp_path / "fleet.html").read_text())
    assert seen.of("img") == []
    assert seen.text.count("no thumbnail") == seen.text.count("no waveform") == 3
    assert f"Its report can't be read at {tmp_path / '2' / REPORT}" in seen.text
    assert len([one for one in seen.of("a") if not str(one["href"]).startswith("#")]) == 2


def outline(tracks: Any = ("customer",), bins: Any = 2, data: str = "Y2BgYGAAAA==") -> bytes:
    """A report that holds an outline, and nothing else."""
    named = [{"name": name} for name in tracks]
    told = json.dumps({"tracks": named, "outline": {"bins": bins, "data": data}})
    return f'<script type="application/json" data-kq="data">{told}</script>'.encode()


def png(width: int, height: int, *more: bytes) -> bytes:
    """The beginning of a PNG that says that it is so large."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"".join((b"\x89PNG\r\n\x1a\n", head, *more, chunk(b"IDAT", b""), chunk(b"IEND", b"")))


BROKEN: dict[str, bytes] = {
    **{f"bins {bins}": outline().replace(b'"bins": 2', f'"bins": {bins}'.encode()) for bins in (
        "1e30", "1e999", "-Infinity", "NaN", "-2", "0", "2.0", "null", "[2]", "9" * 5000, "10000000000000"
    )},
    "deep": outline().replace(b'"bins": 2', b'"bins": ' + b"[" * 100_000),
    "a list": b'<script type="application/json" data-kq="data">[1]</script>',
    "many tracks": outline(["customer"] * 50_000),
    "tracks of no name": outline([["customer"], None, {}]),
    "no base64": outline(data="\u2603"),
    "no deflate": outline(data="AAAA"),
    "never ended": outline()[:47] * 200_000,
    "empty": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_report_costs_its_own_picture(name: str, tmp_path: Path) -> None:
    """Whatever stands where the outline should, the page is made, and the one beside it has its sound and picture."""
    for folder, report in (("broken", BROKEN[name]), ("sound", outline())):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / REPORT).write_bytes(report)
    (tmp_path / "broken" / THUMBNAIL).write_bytes(png(30_000, 30_000))
    Image.new("RGB", (32, 18)).save(tmp_path / "sound" / THUMBNAIL)
    rows = [row(n, **failing(report=f"{folder}/{REPORT}")) for n, folder in enumerate(("broken", "sound"))]
    made = fleet_of(pa.Table.from_pylist(rows, schema=WITH_DAY), Folder(tmp_path), str(tmp_path))
    broken, sound = cards(made, study_of(made, 2).worst, str(tmp_path / "fleet.html"))
    assert (broken.waves, broken.thumbnail, broken.has_report) == ((), "", True)
    assert (len(sound.waves), sound.thumbnail[:15], sound.has_report) == (1, "data:image/webp", True)


def test_without_any_report_there_is_the_command(tmp_path: Path) -> None:
    """Where nothing was audited yet, the page says so and gives the command for just these recordings."""
    write_dataset(synthetic_rows(2_000), tmp_path)
    written = write_report(open_fleet(str(tmp_path)), str(tmp_path / "fleet.html"), 4)
    seen = checked((tmp_path / "fleet.html").read_text())
    assert "None of them has a report yet" in seen.text
    for one in written.study.worst:
        assert f"'{one.recording_id}'" in seen.text.replace("'\"'\"'", "'")


def test_on_s3_the_page_lies_beside_its_audits(audited: Path, world: World) -> None:
    """A dataset on S3 is read and its audits shown; a page in the same bucket links to them, a local one names them."""
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
    seen = checked(answer["Body"].read().decode())
    links = [str(one["href"]) for one in seen.of("a") if not str(one["href"]).startswith("#")]
    assert len(links) == len(seen.of("img")) == 3
    assert all(one.startswith("../_reports/") for one in links)
    write_report(open_fleet(name), str(audited / "local.html"), 3)
    local = checked((audited / "local.html").read_text())
    assert not [one for one in local.of("a") if not str(one["href"]).startswith("#")]
    assert local.text.count(f"Report: {name}/_reports/") == 3


# --- writing


def test_the_page_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """Where it can't be written a sentence says so, and nothing is left behind."""
    made = fleet(row(0))
    (tmp_path / "fleet.html").mkdir()
    with pytest.raises(InputError, match="can't be written"):
        write_report(made, str(tmp_path / "fleet.html"))
    with pytest.raises(InputError, match="can't be written"):
        write_report(made, str(tmp_path / "no" / "fleet.html"))
    with pytest.raises(InputError, match="name the page's file"):
        write_report(made, " ")
    with pytest.raises(InputError, match="names no object"):
        write_report(made, "s3://bucket/")
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.html"]


def test_the_notebook_writes_the_page(tmp_path: Path) -> None:
    """The last cell leaves the file, and says where and how large it is."""
    out = tmp_path / "fleet.html"
    shown = notebook.page(notebook.FleetSession(study_of(fleet(row(0)))), str(out))
    assert f"{out}: 0." in shown.text
    checked(out.read_text())
