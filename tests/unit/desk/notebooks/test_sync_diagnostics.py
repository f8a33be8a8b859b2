"""The cells of the notebook about sync."""

from __future__ import annotations

import pytest
from desk import sample_session, wrong_session
from shown_cells import check_output

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.notebooks import sync_diagnostics


@pytest.mark.parametrize("name", sorted({*sync_diagnostics.__all__} - {"spectrograms", "verdict"}))
def test_a_cell_is_self_contained(name: str) -> None:
    """Media are embedded and described, and every number is known."""
    check_output(getattr(sync_diagnostics, name)(sample_session()))


@pytest.mark.parametrize("name", sorted({*sync_diagnostics.__all__} - {"spectrograms", "verdict"}))
def test_a_refused_pair_has_every_cell(name: str) -> None:
    """Each cell shows the evidence that there is."""
    assert getattr(sync_diagnostics, name)(wrong_session()).text.strip()


def test_every_finding_is_explained() -> None:
    """Each finding of the document is in the table, with its sentence and value."""
    document = sample_session().examined.document
    text = sync_diagnostics.findings(sample_session()).text
    for finding in document["findings"]:
        assert finding["text"][1:] in text
        assert f"{finding['value']} {finding['unit']}".strip() in text


def test_the_fit_is_summed_up() -> None:
    """Drift, jumps and rejected windows of an aligned pair; the reason of another one."""
    text = sync_diagnostics.lags(sample_session()).text
    assert "No clock jumps found." in text
    assert "windows rejected." in text
    assert "There is no reliable fit: " in sync_diagnostics.lags(wrong_session()).text


def test_a_chosen_window_is_shown() -> None:
    """Moment and channel of the parameters select the window; a moment may be a number."""
    session = sample_session()
    assert "the agent's window at 00:00:12.000" in sync_diagnostics.correlation(session, "12", "agent").text
    assert "the customer's window at 00:00:05.500" in sync_diagnostics.correlation(session, 5.5, "customer").text


@pytest.mark.parametrize(
    ("at", "channel", "words"),
    [("soon", "", "soon"), ("59:00", "", "is outside the call"), ("12", "both", "there is no channel 'both'")],
)
def test_a_window_outside_the_call_is_refused(at: str, channel: str, words: str) -> None:
    """One sentence, which IPython prints as a single line."""
    with pytest.raises(InputError, match=words) as raised:
        sync_diagnostics.correlation(sample_session(), at, channel)
    assert len(raised.value._render_traceback_()) == 1  # type: ignore[attr-defined]


def test_the_player_embeds_video_and_audio() -> None:
    """A short recording is embedded as a whole."""
    html = sync_diagnostics.player(sample_session()).html
    assert 'src="data:video/mp4;base64,' in html
    assert '"both":"data:audio/mp4;base64,' in html
    assert "in low quality" not in html
