"""The contact's record on a report page."""

from __future__ import annotations

from typing import Any

from contact_shapes import BUCKET, KEY, entry, exported
from report_pages import made_page

from komorebi_qc.core.contact.choice import FoundContact, choose_audio
from komorebi_qc.core.contact.parse import parse_contact
from komorebi_qc.desk.report.record.facts import contact_facts


def shown(document: dict[str, Any]) -> str:
    """The table of a page with this document."""
    return contact_facts(made_page(1.0, document=document))


def test_the_facts_are_a_table() -> None:
    """Times, holds, queue, team and device are there, and no name."""
    record = parse_contact(exported(entry()))
    choice = choose_audio(record, BUCKET)
    contact = FoundContact("export", record, choice.named, "record", choice.why).to_dict()
    text = shown({"findings": [], "contact": contact})
    for fact in (KEY, "2026-11-24T12:00:00Z", "00:07:40", "00:03:41", "647c7f7d", "Windows 11 Chrome 141.0"):
        assert fact in text
    assert "HIGH_PACKET_LOSS" in text
    assert "Mustermann" not in text


def test_an_absent_record_leaves_the_reason() -> None:
    """Without a record the table has the way to the call audio alone."""
    contact = FoundContact("api", None, (), "prefix", "there is <no> record").to_dict()
    text = shown({"findings": [], "contact": contact})
    assert text.count("<tr>") == 1
    assert "there is &lt;no&gt; record" in text


def test_without_records_there_is_no_table() -> None:
    """A page of another run, or of an older document, is as before."""
    assert shown({"findings": [], "contact": None}) == ""
    assert shown({"findings": []}) == ""
