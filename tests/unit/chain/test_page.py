"""The overview as a page."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from chain_records import follower
from chain_source import AGENTS, RECORDS, ByHand

from komorebi_qc.chain.page import chain_html
from komorebi_qc.chain.run import ChainRequest, run_chain
from komorebi_qc.core.errors import MissingMediaError

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.chain.result import ChainResult


def result_of(folder: Path, source: ByHand | None = None) -> ChainResult:
    """The result of a run."""
    return run_chain(ChainRequest("a", str(folder)), source or ByHand())


def test_each_agent_has_one_row(tmp_path: Path) -> None:
    """An agent who returns has both turns in one row, and the time without an agent has a row of its own."""
    page = chain_html(result_of(tmp_path))
    rows = re.findall(r'<div class="row"><div class="who">(.*?)</div><div class="lane">(.*?)</div></div>', page)
    assert [re.sub(r"<.*?>", "", label).split("  ")[0] for label, _ in rows] == [
        "Agent 1 pass pass",
        "Agent 2 pass",
        "Agent 3 pass",
        "No agent",
    ]
    assert [re.findall(r'class="piece (\w+)"', pieces) for _, pieces in rows] == [
        ["call", "call"],
        ["consult", "call"],
        ["consult"],
        ["wait", "wait"],
    ]


def test_pieces_are_at_their_times(tmp_path: Path) -> None:
    """The chain is 175 s long, from 5 s before the first connection on."""
    page = chain_html(result_of(tmp_path))
    assert 'style="left:2.857%;width:34.286%" title="first contact: had the call, 1:00"' in page


def test_the_page_names_no_agent(tmp_path: Path) -> None:
    """Neither the IDs nor the keys of objects, also not in an error's text."""
    source = ByHand(errors={"b": MissingMediaError("s3://calls/2026/11/24/max.mustermann/b.wav isn't there")})
    page = chain_html(result_of(tmp_path, source))
    assert "s3://calls/.../b.wav" in page
    for name in AGENTS.values():
        assert name not in page


def test_texts_of_records_are_escaped(tmp_path: Path) -> None:
    """A contact's ID is safe by its form, and any other text is escaped."""
    source = ByHand(notes=("<script>alert(1)</script>\x1b[2J",))
    page = chain_html(result_of(tmp_path, source))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;?[2J" in page


def test_links_lead_to_the_reports_and_videos(tmp_path: Path) -> None:
    """Addresses are relative to the page; without any, the page shows the command that makes a report."""
    result = result_of(tmp_path)
    page = chain_html(result)
    assert page.count("komorebi-qc audit") == 4
    linked = replace(result, members=(replace(result.members[0], video="a/recording.mp4"), *result.members[1:]))
    assert '<a href="a/recording.mp4">video</a>' in chain_html(linked)


def test_a_verdict_has_its_reason(tmp_path: Path) -> None:
    """A recording that fails shows the first finding that fails, and the headline counts such recordings."""
    result = result_of(tmp_path, ByHand(verdicts={"a": "fail"}))
    page = chain_html(result)
    assert page.count("The clock drifts.") == 1
    assert "1 fails." in page


def test_problems_are_on_the_page(tmp_path: Path) -> None:
    """A contradiction of the records is a sentence of its own, and an uncertain kind is marked."""
    records = (replace(RECORDS[0], hold_s=None), follower("b", (10, 20), ""), *RECORDS[2:])
    page = chain_html(result_of(tmp_path, ByHand(records=records)))
    assert "No usable record names the contact before b: by the times it is a." in page
    assert "consultation, uncertain, linked by the times alone" in page
