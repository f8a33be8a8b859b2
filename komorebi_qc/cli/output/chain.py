"""A chain of contacts for people: who had the call when, and each contact's recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.chain.words import headline, kind_text, link_text, state_text, turn_sentences, worst_verdict
from komorebi_qc.cli.output.console import VERDICTS, err, out, print_rows, safe

if TYPE_CHECKING:
    from komorebi_qc.chain.result import ChainResult
    from komorebi_qc.core.contact.chains.model import ChainMember

_STYLES = {"held": "yellow", "failed": "bold red", "no_recording": "bold red"}


def print_member(number: int, of: int, member: ChainMember) -> None:
    """Print the contact whose recording is made next, on standard error."""
    err().print(f"contact {number} of {of}: {safe(member.contact_id)}", soft_wrap=True)


def print_chain(result: ChainResult) -> None:
    """Print a chain."""
    console = out()
    verdict = worst_verdict(result)
    mark = f"{VERDICTS[verdict]}  " if verdict else ""
    console.print(f"{mark}[bold]{safe(result.chain.initial_contact_id)}[/]: {safe(headline(result))}", soft_wrap=True)
    for text in turn_sentences(result):
        console.print(safe(text), soft_wrap=True)
    rows = []
    for member, one in result.pairs():
        style = _STYLES.get(one.state, "")
        state = safe(state_text(one))
        link = link_text(member)
        kind = f"{kind_text(member)}, linked {link}" if link else kind_text(member)
        more = one.output or ("" if one.error is None else one.error.text)
        row = (f"agent {one.agent}", safe(one.contact_id), kind, f"[{style}]{state}[/]" if style else state, safe(more))
        rows.append(row)
    print_rows(console, rows)
    failed = [(one.contact_id, one.report_error) for one in result.members if one.report_error is not None]
    for contact, error in failed:
        console.print(f"[bold yellow]warning:[/] no report of {safe(contact)}: {safe(error.text)}", soft_wrap=True)
    for text in [problem.text for problem in result.chain.problems] + list(result.notes):
        console.print(f"[bold yellow]warning:[/] {safe(text)}", soft_wrap=True)
    if result.overview:
        console.print(f"The overview is in {safe(result.overview)}.", soft_wrap=True)
