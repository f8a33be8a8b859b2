"""The seams of a unified recording, from near."""

from __future__ import annotations

from desk import sample_session, wrong_session
from shown_cells import check_output

from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.notebooks.seams import MOST_VIDEOS, seams, spectrograms


def test_each_seam_has_audio_and_the_first_have_video() -> None:
    """Two players for each seam, and a video for the first ones."""
    output = seams(sample_session())
    check_output(output)
    count = len(sample_session().examined.timeline.seams_s)
    assert count > 0
    assert output.html.count("<audio") == 2 * count
    assert output.html.count("<video") == min(count, MOST_VIDEOS)


def test_each_seam_has_a_spectrogram() -> None:
    """Output and recording around every seam; a refused pair has no seams."""
    output = spectrograms(sample_session())
    check_output(output)
    for at_s in sample_session().examined.timeline.seams_s:
        assert f"around the seam at {clock_text(at_s)}" in output.text
    assert "No recording was written" in spectrograms(wrong_session()).text
