"""The files of an agent recording whose recorder was restarted, as a table that is closed at first."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.desk.report.content import Page

_PLACED = {"sound": "the sound", "few_words": "a few words", "start_time": "the start time in its header"}


def recording_files(page: Page) -> str:
    """The table; empty for a recording of one file."""
    files = page.document.get("recording_files")
    if not files:
        return ""
    inputs = (page.document.get("provenance") or {}).get("inputs") or {}
    records = [inputs.get("agent_recording") or {}, *inputs.get("further_recordings", ())]
    names = [str(one.get("location", "")).rpartition("/")[2] for one in records]
    rows = "".join(
        _row(names[number] if number < len(names) else "", one, number + 1) for number, one in enumerate(files)
    )
    return (
        '<details class="contact"><summary>Files of the recording</summary>\n<div class="scroll" tabindex="0" '
        'role="region" aria-label="Files of the recording"><table>\n<caption>The recorder was restarted. Times are on '
        'the recording clock, that of the first file.</caption>\n<thead><tr><th scope="col">File</th><th scope="col">'
        'From</th><th scope="col">To</th><th scope="col">Placed by</th><th scope="col">Picture</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _row(name: str, one: Mapping[str, Any], number: int) -> str:
    picture = "copied" if one["video_copied"] else "encoded again"
    cells = (
        *(clock_text(one["recording_from_s"]), clock_text(one["recording_to_s"])),
        *(f"{_PLACED[one['placed_by']]}, to {one['bound_s'] * 1000:.1f} ms", picture),
    )
    return (
        f'<tr><th scope="row">{html.escape(name or str(number))}</th>'
        + "".join(f"<td>{c}</td>" for c in cells)
        + "</tr>"
    )
