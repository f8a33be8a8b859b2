"""The page as a file: complete without scripts, small, and safe against any text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsed_pages import ParsedPage, data_of
from report_pages import finding, made_page

from komorebi_qc.desk.report.content import Band, Comparison, Moment
from komorebi_qc.desk.report.first_screen.summary import Summary
from komorebi_qc.desk.report.html import report_fragment, report_html

if TYPE_CHECKING:
    from komorebi_qc.pipeline.examine import Examined

MOST_BYTES = 1_000_000


def test_without_scripts_no_dead_control_remains(sample: tuple[Examined, str]) -> None:
    """An untrusted notebook still has a figure, a table and the video, and no button without an effect."""
    fragment = report_fragment(made_page(20.0))
    tags = [tag for page in (fragment, sample[1]) for tag, _ in ParsedPage(page).tags]
    assert {"img", "table", "video", "details"} <= set(tags)
    assert not {"button", "canvas", "input", "select", "iframe"} & set(tags)


def test_an_hour_fits_into_a_megabyte() -> None:
    """An hour of noise, a large figure and 60 findings stay under 1 MB, with envelope steps of at most 0.2 s."""
    findings = [finding(f"f_{n}", n + 0.123456, "warn", at={"clock": "output", "s": 60.0 * n}) for n in range(60)]
    page = made_page(
        3600.0,
        figure=bytes(140_000),
        document={"verdict": "warn", "findings": findings, "limits": {}},
        moments=[Moment(60.0 * n, f"moment {n}.", (n,)) for n in range(60)],
        places={n: 60.0 * n for n in range(60)},
    )
    text = report_html(page)
    assert 600_000 < len(text.encode()) <= MOST_BYTES
    assert data_of(text)["envelope"]["step_s"] <= 0.2


def test_texts_cant_end_an_element() -> None:
    """A file name or a finding is shown unchanged, whatever it contains."""
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
    assert nasty in ParsedPage(text).text


def test_the_headline_has_four_parts() -> None:
    """The verdict and the count, the places, the evidence of belonging with its status, and the next step."""
    findings = [finding("belonging", 0.4, "warn", text="It isn't known."), finding("drift", 1.0, "warn", text="Drift.")]
    page = made_page(
        3.0,
        document={"verdict": "warn", "findings": findings},
        status="warn",
        verdict="Usable.",
        moments=[],
        places={},
        comparison=Comparison(("warn", "It isn't known."), "Nothing agrees."),
        summary=Summary("One place fits.", "Listen, then run:", "komorebi-qc correct 42 --from correction.json"),
    )
    text = ParsedPage(report_html(page)).text
    head = text[: text.index("The placement")]
    assert head.count("It isn't known.") == 1
    order = ["Usable.", "Of 2 findings, 2 warn.", "Drift.", "It isn't known.", "One place fits."]
    order += ["Listen, then run:", "komorebi-qc correct 42"]
    positions = [head.index(part) for part in order]
    assert positions == sorted(positions)


def test_the_bands_reach_the_script() -> None:
    """With their row and kind, and a legend in words."""
    bands = [Band(1.0, 2.5, "call", "agrees"), Band(2.0, 3.0, "recording", "only")]
    compared = Comparison(("pass", ""), "", bands=bands, legend=[("agrees", "agrees: same <audio>")])
    data = data_of(report_html(made_page(3.0, comparison=compared)))
    assert data["bands"][0] == {"from_s": 1.0, "to_s": 2.5, "row": "call", "kind": "agrees"}
    assert "agrees: same &lt;audio&gt;" in data["player"]
