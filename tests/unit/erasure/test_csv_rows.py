"""A dataset's CSV file loses the rows of one recording, and nothing else changes."""

from __future__ import annotations

import codecs

import pytest

from komorebi_qc.erasure.csv_rows import is_dataset_csv, without_rows
from komorebi_qc.erasure.name_match import NameMatch

HEAD = b"recording_id,agent,work_key,verdict,error,status\r\n"
NAMES = NameMatch("r1")


def test_rows_are_removed_and_the_rest_stays() -> None:
    """Quoted line breaks, quotes and the byte order mark are kept as they are."""
    kept = b'r10,a,k,pass,"two\nlines ""here""",done\r\nr2,a,k,fail,see r1,failed\r\n'
    rejected = b'/day.csv:2,a,k,,"the recording r1 is listed in /day.csv:1 already: keep one row",rejected\r\n'
    content = codecs.BOM_UTF8 + HEAD + b"r1,a,k,pass,,done\r\n" + kept + rejected
    assert without_rows(content, NAMES) == (codecs.BOM_UTF8 + HEAD + kept, 2)


def test_a_value_that_equals_a_short_id_is_no_recording() -> None:
    """A count of 1 isn't the recording 1."""
    content = b"recording_id,work_key,verdict,jump_count\n1,k,pass,0\n2,k,pass,1\n"
    assert without_rows(content, NameMatch("1")) == (content.replace(b"1,k,pass,0\n", b""), 1)


def test_the_head_stays() -> None:
    """A column of that name is no row."""
    content = b"r1,work_key,recording_id\nx,2,r1\n"
    assert without_rows(content, NAMES) == (b"r1,work_key,recording_id\n", 1)


@pytest.mark.parametrize("content", [b"a,b\n\xff\xfe", b'a,"b\n'])
def test_other_files_are_refused(content: bytes) -> None:
    """A file in another encoding, or that ends within quotes, isn't changed."""
    with pytest.raises(ValueError, match=r"isn't CSV|decode"):
        without_rows(content, NAMES)


@pytest.mark.parametrize(
    ("content", "is_ours"),
    [
        (codecs.BOM_UTF8 + HEAD, True),
        (HEAD + b"r1,a,k,pass,\n", True),
        (b"recording_id,connect,recording,call_end\n", False),
        (b"", False),
    ],
)
def test_a_dataset_is_known_by_its_columns(content: bytes, *, is_ours: bool) -> None:
    """A manifest has other columns."""
    assert is_dataset_csv(content) is is_ours
