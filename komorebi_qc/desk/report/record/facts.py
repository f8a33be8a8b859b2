"""The facts of a contact's record, as a table that is closed at first."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from komorebi_qc.desk.report.content import Page

_SOURCES = {"api": "Amazon Connect's API", "export": "exported records"}
_BY = {"record": "the record", "prefix": "its key's prefix", "redacted": "Contact Lens' redaction"}
_TEXTS = {
    "connected_at": "Agent connected",
    "after_work_at": "After-call work began",
    "disconnected_at": "Customer disconnected",
    "initiation_method": "Started by",
    "holds": "Holds",
    "queue_id": "Queue",
    "team_id": "Team",
    "device": "Agent's device",
    "agent_quality": "Agent's audio quality (1 to 5)",
    "customer_quality": "Customer's audio quality (1 to 5)",
    "initial_contact_id": "First contact of the chain",
    "previous_contact_id": "Contact before this one",
    "related_contact_id": "Related contact",
}
_LENGTHS = {"agent_s": "Agent in the call", "hold_s": "On hold", "longest_hold_s": "Longest hold"}


def contact_facts(page: Page) -> str:
    """The table; empty if contact records aren't used."""
    contact = page.document.get("contact")
    if contact is None:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(text)}</td></tr>'
        for name, text in _rows(contact)
    )
    return (
        f'<details class="contact"><summary>Contact record</summary>\n<div class="scroll" tabindex="0" role="region" '
        f'aria-label="Contact record"><table>\n<caption>From {_SOURCES[contact["source"]]}. Names of persons are not '
        f"kept.</caption>\n<tbody>{rows}</tbody></table></div></details>"
    )


def _rows(contact: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Call audio found by", f"{_BY[contact['call_audio_by']]}: {contact['why']}"
    for number, one in enumerate(contact["recordings"], 1):
        yield f"Recording {number}: {one['state']}", one["location"]
    for name, title in _LENGTHS.items():
        if contact[name] is not None:
            yield title, clock_text(contact[name])
    for name, title in _TEXTS.items():
        if contact[name] is not None:
            yield title, str(contact[name])
    if contact["quality_issues"]:
        yield "Problems of the agent's connection", ", ".join(contact["quality_issues"])
