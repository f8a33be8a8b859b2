"""The pages of an incomplete audit: a report that lists failed notebooks, and a page without an examination."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komorebi_qc.desk.audit.status import AuditStatus

_ALERT = "border:2px solid #b03a00;border-radius:6px;padding:.7em 1em;margin:1em;font-family:sans-serif"


def with_alerts(report: str, status: AuditStatus) -> str:
    """The report with its failed notebooks, and with notes that can't be used, at the top."""
    found = ""
    if failures := "".join(f"<li>{html.escape(one.failure_text())}</li>" for one in status.failed_notebooks()):
        words = "This audit is incomplete. The measurements below are complete, but these notebooks ended early:"
        found += f'<div role="alert" style="{_ALERT}"><b>{words}</b><ul>{failures}</ul></div>'
    if status.unused_notes:
        words = "The earlier notes aren't in this report."
        found += (
            f'<div role="alert" style="{_ALERT}"><b>{words}</b> {html.escape(_sentence(status.unused_notes))}</div>'
        )
    return report.replace("<main>", f"<main>\n{found}", 1) if found else report


def _sentence(text: str) -> str:
    """An error's text, which a terminal prints after its kind, as a sentence of its own. A name keeps its letters."""
    first = text[:1] if text.startswith(("s3://", "notes.json")) else text[:1].upper()
    return f"{first}{text[1:]}{'' if text.endswith('.') else '.'}"


def failure_page(status: AuditStatus) -> str:
    """A page without an examination: the audit was stopped, or the recording couldn't be examined."""
    if status.state == "stopped":
        title, heading, during = "Audit stopped", "The audit was stopped", "Stopped during"
        text = "The recording wasn't examined. The same command starts the audit again."
    else:
        title, heading, during = "Audit failed", "The recording couldn't be examined", "Failed during"
        text = _sentence(status.error or "")
    facts = (("Recording", status.recording), (during, status.step), ("Error", status.error_kind or ""))
    rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in facts if value)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
        '<body style="font-family:sans-serif;max-width:50em;margin:2em auto;padding:0 1em;line-height:1.5"><main>'
        f"<h1>{heading}</h1>"
        f'<p role="alert"><b>{html.escape(text)}</b></p>'
        f"<dl>{rows}</dl></main></body></html>\n"
    )
