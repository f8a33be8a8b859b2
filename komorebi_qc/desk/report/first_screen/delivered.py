"""The delivered file in the report: its findings, and the source of each second of its sound."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from komorebi_qc.pipeline.examine import Examined

VERDICT = "The delivered file has a problem."
COMPARE = "Compare both in the player: choose Delivered file, then x for the result."
_ORIGINS = {
    "call": "the call's sound",
    "recording": "the recording's sound",
    "silence": "silence",
    "other": "other sound",
}


@dataclass(frozen=True, slots=True)
class DeliveredPart:
    """A delivered file's part of a page.

    Attributes:
        file: its name.
        findings: about it, as in ``delivered.json``.
        spans: start and end on its own clock, origin, and the start on the output clock of the page.
    """

    file: str
    findings: Sequence[Mapping[str, Any]]
    spans: Sequence[tuple[float, float, str, float]] = ()

    @property
    def bad(self) -> Sequence[Mapping[str, Any]]:
        """The findings that don't pass, the worst first."""
        return sorted((one for one in self.findings if one["status"] != "pass"), key=lambda one: str(one["status"]))


def delivered_part(examined: Examined) -> DeliveredPart | None:
    """The part about the delivered file; None if the audit has no delivered file."""
    if examined.delivered is None:
        return None
    found = examined.delivered.to_dict()
    shift_s = examined.alignment.output_shift_s - found["shift_s"]
    spans = tuple((one["from_s"], one["to_s"], one["origin"], one["from_s"] + shift_s) for one in found["spans"])
    return DeliveredPart(found["file"], found["findings"], spans)


def delivered_headline(part: DeliveredPart) -> str:
    """The findings that don't pass, for the headline of four; else a sentence that all pass."""
    rows = "".join(
        f'<p class="belongs {one["status"]}"><span class="tag">{one["status"]}</span> '
        f"<span>{html.escape(one['text'])}</span></p>"
        for one in part.bad
    )
    return rows or f"<p>The delivered file passes: {html.escape(part.file)}.</p>"


def delivered_section(part: DeliveredPart | None) -> str:
    """All findings about it, and its sound, stretch by stretch; empty without it."""
    if part is None:
        return ""
    findings = "".join(
        f'<tr class="{one["status"]}"><td><span class="tag">{one["status"]}</span></td>'
        f"<td>{html.escape(one['text'])}</td></tr>"
        for one in part.findings
    )
    spans = "".join(
        f'<tr><th scope="row">{clock_text(from_s)} to {clock_text(to_s)}</th><td>{_ORIGINS.get(origin, origin)}</td>'
        f'<td><a href="#t={max(0.0, at_s):.3f}" data-at="{at_s!r}">{clock_text(max(0.0, at_s))}</a></td></tr>'
        for from_s, to_s, origin, at_s in part.spans
    )
    head = (
        '<thead><tr><th scope="col">In the delivered file</th><th scope="col">Sound</th><th scope="col">Here</th></tr>'
    )
    return (
        f"<h2>The delivered file: {html.escape(part.file)}</h2>\n"
        '<div class="scroll" tabindex="0" role="region" aria-label="Findings about the delivered file"><table>'
        '<thead><tr><th scope="col">Status</th><th scope="col">Meaning</th></tr></thead>'
        f"<tbody>{findings}</tbody></table></div>\n"
        '<div class="scroll" tabindex="0" role="region" aria-label="Sound of the delivered file"><table>'
        f"{head}<tbody>{spans}</tbody></table></div>"
    )
