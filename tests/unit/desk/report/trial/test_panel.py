"""The panel that moves the call."""

from __future__ import annotations

from dataclasses import replace

from desk import sample_session
from examinations import held
from parsed_pages import ParsedPage

from komorebi_qc.desk.report.trial.panel import trial_panel
from komorebi_qc.desk.report.trial.places import TrialPlace, trial_of


def test_each_place_is_a_button() -> None:
    """With its label, whatever that contains; the panel is open if the present place wasn't measured."""
    unsure = trial_of(held())
    unsure = replace(unsure, places=(*unsure.places, TrialPlace("<b>", unsure.places[0].alignment)))
    tags = [attributes for tag, attributes in ParsedPage(trial_panel(unsure)).tags if "data-place" in dict(attributes)]
    assert len(tags) == 5
    assert "&lt;b&gt;" in trial_panel(unsure)
    assert "{{" not in trial_panel(unsure)
    assert 'data-kq="trial-panel" open>' in trial_panel(unsure)
    assert 'data-kq="trial-panel">' in trial_panel(trial_of(sample_session().examined))
