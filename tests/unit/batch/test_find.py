"""Words are found in the captions beside a dataset's reports and videos, with a link to the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dataset_rows import row

from komorebi_qc.batch.dataset.dataset import open_dataset
from komorebi_qc.batch.find import find_words
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

WORDS = """WEBVTT

00:01:02.500 --> 00:01:04.000
<v Customer>My card number is &lt;12&gt;</v>

00:02:00.000 --> 00:02:01.000
<v Agent>That number is on your card.</v>
"""


def filled(root: Path) -> str:
    """A dataset of four recordings: with a report, with a video, with masked captions, without captions."""
    reports, videos = root / "set" / "_reports" / "a", root / "videos"
    for folder in (reports, videos):
        folder.mkdir(parents=True)
    (reports / "recording.vtt").write_text(WORDS)
    (videos / "b.vtt").write_text(WORDS)
    (videos / "c.vtt").write_text("WEBVTT\n")
    (videos / "e.vtt").write_bytes(b"WEBVTT\n\n00:01.000 --> soon\nThe card, the number\n")
    dataset = str(root / "set")
    open_dataset(dataset).add(
        row("a", report="_reports/a/report.html"),
        row("b", output=str(videos / "b.mp4")),
        row("c", output=str(videos / "c.mp4")),
        row("d"),
        row("e", output=str(videos / "e.mp4")),
    )
    return dataset


def test_phrases_come_first_with_links_to_their_moments(tmp_path: Path) -> None:
    """To the report, if there is one."""
    dataset = filled(tmp_path)
    found = find_words(dataset, "Card Number")
    assert [(hit.recording_id, hit.from_s, hit.is_phrase) for hit in found.hits] == [
        ("a", 62.5, True),
        ("b", 62.5, True),
        ("a", 120.0, False),
        ("b", 120.0, False),
    ]
    assert found.hits[0].link == f"{dataset}/_reports/a/report.html#t=62.500"
    assert found.hits[1].link == f"{tmp_path}/videos/b.mp4#t=62.500"
    assert (found.hits[0].speaker, found.hits[0].text) == ("customer", "My card number is <12>")
    assert (found.found, found.recordings, found.searched) == (4, 5, 4)
    assert found.unread == (f"{tmp_path}/videos/e.vtt",)


def test_no_more_hits_than_asked_for(tmp_path: Path) -> None:
    """The number of all is still known."""
    found = find_words(filled(tmp_path), "number", most=1)
    assert (len(found.hits), found.found) == (1, 4)


@pytest.mark.parametrize(("query", "most", "fault"), [("?!", 5, "no words"), ("card", 0, "--most is 0")])
def test_a_search_without_words_is_refused(tmp_path: Path, query: str, most: int, fault: str) -> None:
    """Before anything is read."""
    with pytest.raises(InputError, match=fault):
        find_words(str(tmp_path), query, most)
