"""The report: one file, true to qc.json, small, and whole without scripts."""

from __future__ import annotations

import base64
import json
import math
import re
import zlib
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import made
import numpy as np
import pytest
import soxr
from report_pages import examined, finding, made_page, noise, sample_report

from komorebi_qc.core.timebase import CallEnd, clock_text
from komorebi_qc.desk.report.build import page_of, to_output
from komorebi_qc.desk.report.clipping import clipped_spans
from komorebi_qc.desk.report.pack import pack
from komorebi_qc.desk.report.page import Moment, plain, report_fragment, report_html

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.pipeline.examine import Examined

MOST_BYTES = 1_000_000


class Shown(HTMLParser):
    """What a page holds: its rows, its links, and its text without scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: dict[int, list[str]] = {}
        self.links: list[dict[str, str | None]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._row: list[str] | None = None
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what begins."""
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag in ("script", "style"):
            self._open.append(tag)
        if tag == "tr" and "data-row" in given:
            self._row = self.rows.setdefault(int(given["data-row"] or ""), [])
        if tag in ("td", "th") and self._row is not None:
            self._row.append("")
        if tag == "a":
            self.links.append(given)

    def handle_endtag(self, tag: str) -> None:
        """Note what ends."""
        if self._open and self._open[-1] == tag:
            self._open.pop()
        if tag == "tr":
            self._row = None

    def handle_data(self, data: str) -> None:
        """Note what is said."""
        if not self._open:
            self.text += data
            if self._row:
                self._row[-1] += data


def data_of(page: str) -> dict[str, Any]:
    """What the page's script reads."""
    found = re.search(r'<script type="application/json" data-kq="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Examined, str]:
    """The sample call's report."""
    found, report = sample_report(tmp_path_factory.mktemp("report"))
    return found, report.read_text(encoding="utf-8")


def test_every_number_is_qc_jsons(sample: tuple[Examined, str]) -> None:
    """Each finding's value, limit, status and place in the table are those of qc.json, to the last digit."""
    found, page = sample
    document = json.loads((found.folder / "recording.qc.json").read_text())
    rows = Shown(page).rows
    for number, told in enumerate(document["findings"]):
        status, name, value, limit, text, where = rows[number]
        assert (status, name) == (told["status"], told["name"].replace("_", " "))
        if isinstance(told["value"], str):
            assert value == told["value"].replace("_", " ")
        else:
            assert float(value.split()[0]) == told["value"]
        if told["limit"] is not None:
            assert float(limit.lstrip("≤≥ ").split()[0]) == told["limit"]
        assert text.lower().replace("-0.0 ", "0.0 ") == told["text"].lower().replace("-0.0 ", "0.0 ")
        assert where == ("" if told["at"] is None else clock_text(to_output(found.alignment, told["at"])))


def test_the_top_says_what_qc_json_says(sample: tuple[Examined, str]) -> None:
    """Offset, call end and drift at the top are those of qc.json, to the last digit, and the verdict comes first."""
    found, page = sample
    text = Shown(page).text
    document = found.document
    for number in (
        document["alignment"]["offset_s"],
        document["call_end"]["measured_s"],
        document["alignment"]["drift_ppm"],
    ):
        assert plain(number) in text
    assert text.index("Usable, but look at it.") < text.index("The unified recording") < text.index("Findings")
    assert clock_text(document["call_end"]["told_s"]) in text


def test_links_lead_into_the_video(sample: tuple[Examined, str]) -> None:
    """Without scripts, each link opens the video at its moment, to a millisecond."""
    found, page = sample
    places = [to_output(found.alignment, told["at"]) for told in found.document["findings"] if told["at"] is not None]
    links = [link for link in Shown(page).links if "data-at" in link]
    assert len(links) >= len(places) > 0
    for link in links:
        name, _, fragment = str(link["href"]).partition("#t=")
        assert unquote(name) == found.video.name
        assert float(fragment) == pytest.approx(float(str(link["data-at"])), abs=0.0006)
        assert float(fragment) == pytest.approx(
            min(places, key=lambda at_s: abs(at_s - float(fragment))), abs=0.001
        ) or (int(str(link["data-of"])) >= len(found.document["findings"]))


def test_without_scripts_and_styles_nothing_dead_is_left(sample: tuple[Examined, str]) -> None:
    """What an untrusted notebook leaves has a picture, a table and the video, and no button that does nothing."""
    tags = [tag for tag, _ in Shown(report_fragment(made_page(20.0))).tags] + [tag for tag, _ in Shown(sample[1]).tags]
    assert {"img", "table", "video", "details"} <= set(tags)
    assert not {"button", "canvas", "input", "select", "iframe"} & set(tags)


def test_passing_findings_are_folded_away() -> None:
    """What fails and warns is open, the worst first; what passes is counted and folded."""
    page = report_html(made_page(5.0))
    fail, warn, folded = (page.index(f'data-row="{row}"') for row in (2, 1, 0))
    assert fail < warn < page.index('<details class="passing"><summary>1 finding passes</summary>') < folded
    assert "Of 3 findings 1 fails and 1 deserves a look." in page


def test_levels_stand_apart_from_the_verdict() -> None:
    """Levels that diagnose finds are shown, and told apart from what the verdict was made from."""
    levels = [finding("call_agent_clipping", 12, "warn", unit="samples", text="It clips.")]
    page = report_html(made_page(5.0, levels=levels))
    assert "Apart from that, 1 level deserves a look." in page
    assert page.index("<h2>Findings</h2>") < page.index("<h2>Levels</h2>") < page.index('data-row="3"')


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(1, "channels", "1 channel"), (2, "channels", "2 channels"), (2.6e-05, "s", "0.000026 s"), (-0.0, "s", "0.0 s")],
)
def test_values_read_as_a_person_says_them(value: float, unit: str, shown: str) -> None:
    """One channel is no channels, small numbers have no exponent, and a zero has no sign."""
    findings = [finding("some", value, "pass", unit=unit, limit=None, text="The median is -0.0 ms, -0.05 at most.")]
    page = made_page(3.0, document={"verdict": "pass", "findings": findings}, places={}, moments=())
    row = Shown(report_html(page)).rows[0]
    assert row[2] == shown
    assert row[4] == "The median is 0.0 ms, -0.05 at most."


def test_an_hour_fits_into_a_megabyte() -> None:
    """An hour of noise, the hardest to pack, with marks all over, a large picture and 60 findings, stays under 1 MB."""
    findings = [finding(f"f_{n}", n + 0.123456, "warn", at={"clock": "output", "s": 60.0 * n}) for n in range(60)]
    page = made_page(
        3600.0,
        picture=bytes(140_000),
        document={"verdict": "warn", "findings": findings, "limits": {}},
        moments=[Moment(60.0 * n, f"moment {n}.", (n,)) for n in range(60)],
        places={n: 60.0 * n for n in range(60)},
    )
    text = report_html(page)
    assert 600_000 < len(text.encode()) <= MOST_BYTES
    assert data_of(text)["outline"]["step_s"] <= 0.2


def test_a_page_sent_alone_holds_its_video(tmp_path: Path) -> None:
    """With `embed_s`, picture and sound of the worst finding are in the page itself, which stays under 1 MB."""
    found, report = sample_report(tmp_path, embed_s=8.0)
    page = report.read_text(encoding="utf-8")
    assert len(page.encode()) <= MOST_BYTES
    assert found.video.name not in {str(tag[1].get("src")) for tag in Shown(page).tags}
    data = data_of(page)
    assert set(data["listen"]) == {"result", "customer", "agent", "recording", "both"}
    assert all(source.startswith("data:") for name, source in data["listen"].items() if name != "result")
    worst = next(told for told in found.document["findings"] if told["status"] != "pass")
    assert data["video_start_s"] <= worst["at"]["s"] <= data["video_start_s"] + 8.0
    assert data["listen_start_s"] == data["video_start_s"]


def test_wrong_pair_says_that_nothing_was_made(tmp_path: Path) -> None:
    """Where nothing was made, the page says so first, shows the recording as it came, and where the call would lie."""
    call = np.stack([made.noise(60, 8000, seed) for seed in (1, 2)], axis=1)
    sound = soxr.resample(made.noise(70, 8000, 9) + made.noise(70, 8000, 10), 8000, made.RATE).astype(np.float32)
    recording = made.recording(tmp_path / "in.webm", made.Shape(seconds=70, fps=2), sound)
    told = CallEnd(58.0, 1.0)
    found = examined(made.wav(tmp_path / "call.wav", call), recording, told, tmp_path / "out")
    page = report_html(page_of(found, b"", "image/png"))
    shown = Shown(page)
    assert shown.text.index("Something is wrong. Nothing was made: ") < shown.text.index(
        "The agent recording, as it came"
    )
    assert "The unified recording" not in shown.text
    data = data_of(page)
    assert data["video_start_s"] == pytest.approx(2.0)
    labels = [mark["label"] for mark in data["marks"]]
    assert labels == ["call would start", "call would end, told end"]


def test_what_lies_together_is_one_moment(sample: tuple[Examined, str]) -> None:
    """A seam where the call starts is one mark and one moment, and no two moments are nearer than 20 ms."""
    data = data_of(sample[1])
    assert [mark["label"] for mark in data["marks"]] == ["call starts, seam", "told end", "call ends, seam"]
    times = [moment["at_s"] for moment in data["moments"]]
    assert all(later - earlier > 0.02 for earlier, later in pairwise(times))
    assert any(moment["rows"] for moment in data["moments"])


def test_texts_cant_break_out() -> None:
    """What a file name or a finding says is shown as it is, whatever it holds."""
    nasty = "</script><script>alert(1)</script>\u2028<b>"
    findings = [finding("some", 1.0, "warn", text=nasty, at={"clock": "output", "s": 1.0})]
    page = made_page(
        3.0,
        title=nasty,
        document={"verdict": "warn", "findings": findings},
        moments=[Moment(1.0, nasty, (0,))],
        places={0: 1.0},
        video='"><script>alert(2)</script>.mp4',
    )
    text = report_html(page)
    assert text.count("<script") == 2
    assert data_of(text)["moments"][0]["text"] == nasty
    assert nasty in Shown(text).text


def unpacked(data: str) -> np.ndarray[Any, np.dtype[np.int8]]:
    """As the page's script does it."""
    return np.frombuffer(zlib.decompress(base64.b64decode(data), -15), np.int8)


def test_outlines_hold_the_extremes() -> None:
    """Every bin of the outline, of the whole and round a moment, holds its lowest and highest sample to a percent."""
    tracks = [noise(30.0, 1), noise(29.0, 2)]
    whole, fine = pack(tracks, 8000, [12.0], 200_000)
    assert any(part.step_s == pytest.approx(1 / 8000) for part in fine)
    for part in (whole, *fine):
        rows = unpacked(part.data).reshape(len(tracks), 2, part.bins).astype(float)
        size, first = round(part.step_s * 8000), round(part.start_s * 8000)
        for number, track in enumerate(tracks):
            padded = np.zeros(part.bins * size)
            piece = track[first : first + part.bins * size] / 32768.0
            padded[: len(piece)] = piece
            for row, wanted in enumerate((padded.reshape(-1, size).min(1), padded.reshape(-1, size).max(1))):
                opened = rows[number, row] * np.abs(rows[number, row]) / 127**2
                assert np.abs(opened - wanted).max() < 0.01


def test_outlines_keep_their_budget() -> None:
    """Whatever there is to look at, the outlines have no more characters than they may."""
    tracks = [noise(600.0, k) for k in range(3)]
    for budget in (60_000, 300_000):
        whole, fine = pack(tracks, 8000, [10.0 * k for k in range(60)], budget)
        assert len(whole.data) + sum(len(part.data) for part in fine) <= budget
        assert fine


def test_clipping_is_found_where_it_is() -> None:
    """Flat tops and full scale are found, rows 0.2 s from each other apart; a peak of two samples isn't clipping."""
    samples = noise(10.0, 3) // 4
    samples[8_000:8_005] = 32_767
    samples[8_100:8_104] = -32_500
    samples[40_000:40_003] = 32_400
    samples[60_000:60_002] = 32_767
    samples[70_000:70_004] = (32_200, 32_400, 32_200, 32_400)
    found = clipped_spans(samples, 8000)
    assert [(round(s.start_s * 8000), round(s.end_s * 8000)) for s in found] == [(8_000, 8_104), (40_000, 40_003)]


def test_plain_numbers_are_exact() -> None:
    """A number shown without an exponent is the same number."""
    for number in (0.1 + 0.2, 2.6e-05, -0.0675, 122.349993, 1e-12, 3600.0):
        assert float(plain(number)) == number
        assert "e" not in plain(number)
    assert math.copysign(1, float(plain(-0.0))) == 1
