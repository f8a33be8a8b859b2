"""The output of a notebook's cell."""

from __future__ import annotations

import numpy as np

from komorebi_qc.desk.notebooks.notebook_output import (
    audio_player,
    collapsed,
    combined,
    fact_table,
    figure_image,
    paragraph,
    status_line,
    table,
)
from komorebi_qc.desk.plots.figure import new_figure


def test_parts_are_html_and_text() -> None:
    """Jupyter gets both, and the text is the representation without Jupyter."""
    output = combined([paragraph("a < b"), status_line("warn", "look"), fact_table([("Name", "x & y")])])
    bundle = output._repr_mimebundle_()
    assert bundle == {"text/html": output.html, "text/plain": output.text}
    assert repr(output) == output.text == "a < b\n\nWARN: look\n\nName: x & y"
    assert "a &lt; b" in output.html
    assert "x &amp; y" in output.html


def test_a_table_marks_its_status_column() -> None:
    """The status is a coloured word; other cells are escaped."""
    output = collapsed("2 rows", table(("Status", "Text"), [("fail", "<b>"), ("pass", "ok")], status=0))
    assert output.html.startswith("<details><summary>2 rows</summary><table>")
    assert output.html.count("background:#B03A00") == output.html.count("background:#007A5A") == 1
    assert "&lt;b&gt;" in output.html
    assert output.text == "2 rows\nStatus | Text\nfail | <b>\npass | ok"


def test_media_are_embedded_and_described() -> None:
    """Images and audio are data URIs, with a description for people who can't see or play them."""
    figure, _ = new_figure(2.0, 1.0)
    image = figure_image(figure, 'A "plain" figure.')
    assert 'alt="A &quot;plain&quot; figure."' in image.html
    assert 'src="data:image/webp;base64,' in image.html
    player = audio_player("both sides", np.zeros((4000, 2), np.int16))
    assert 'src="data:audio/mp4;base64,' in player.html
    assert player.text == "[audio, 0.5 s: both sides]"
