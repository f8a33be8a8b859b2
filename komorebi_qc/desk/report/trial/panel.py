"""The panel that moves the call: places to listen to, nudges, jumps, and the correction to save."""

from __future__ import annotations

import html
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komorebi_qc.desk.report.trial.places import Trial

TRIAL_MESSAGE = (
    "Another place. Left: call audio. Right: agent recording. An echo between the sides is the remaining offset."
)
NO_PLACE = "The files belong to different calls, so the call has no other place."
NO_TRIAL_AUDIO = "This page has no audio folder, which other places of the call and the spectrogram need."
PUBLISH_NOTE = " Without <code>--publish</code>, it only shows the result."
TRIAL_KEYS = (
    " <kbd>[</kbd> <kbd>]</kbd> move the call by 1 ms, <kbd>{</kbd> <kbd>}</kbd> by 10 ms, <kbd>(</kbd> <kbd>)</kbd> "
    "by 100 ms."
)


def trial_panel(trial: Trial) -> str:
    """The panel's HTML; the script inserts it."""
    places = "".join(
        f'<button type="button" data-place="{number}" aria-pressed="false">{html.escape(one.label)}</button>'
        for number, one in enumerate(trial.places)
    )
    template = (files("komorebi_qc.desk.report.trial") / "panel.html").read_text(encoding="utf-8")
    publish = PUBLISH_NOTE if "--publish" in trial.command else ""
    return (
        template.replace("{{publish}}", publish)
        .replace("{{places}}", places)
        .replace("{{open}}", " open" if trial.is_unsure else "")
    )
