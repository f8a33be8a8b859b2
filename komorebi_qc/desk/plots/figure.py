"""The diagnosis figure: the sound of both sides and the lag between them, on the recording's clock.

Conventions: time runs along ``recording_s`` (mm:ss, from an hour on h:mm:ss); tracks come at 8 kHz, the call as
``(n, 2)`` (customer, agent), the recording as ``(m,)``, each as int16 or as float of full scale 1; lags are shown in ms
(in s where they reach beyond 10 s), as ``recording_s - call_s`` less the offset. Functions that plot take and return an
``ax``; nothing here knows of pyplot, so that it runs without a display and leaves no state behind. Colours are Okabe
and Ito's, and shapes differ where colours do.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from komorebi_qc.core.samples import RATE, length
from komorebi_qc.desk.plots.call_placement import place
from komorebi_qc.desk.plots.header import write_header
from komorebi_qc.desk.plots.lags import plot_lags
from komorebi_qc.desk.plots.style import mark_time
from komorebi_qc.desk.plots.waveforms import plot_waveforms

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Track
    from komorebi_qc.sync.measure import SyncResult

SIZE_INCHES = (16.0, 10.0)
DPI = 100


def diagnosis_figure(
    call: Track, recording: Track, result: SyncResult, *, told_call_end_s: float | None, title: str
) -> Figure:
    """All that was measured of a pair on one page: the answer in words, the sound, the lags.

    `told_call_end_s` (recording clock) may be None where nobody told one; `title` names the pair.
    """
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    call_s = length(call) / RATE
    left, width = 0.093, 0.889
    waveforms = figure.add_axes((left, 0.435, width, 0.337))
    lags = figure.add_axes((left, 0.062, width, 0.285))
    write_header(figure, result, place(result, call_s, told_call_end_s), told_call_end_s, title)
    plot_waveforms(waveforms, call, recording, result, told_call_end_s=told_call_end_s)
    plot_lags(lags, result, call_s=call_s, told_call_end_s=told_call_end_s)
    lags.set_xlim(waveforms.get_xlim())
    mark_time(lags)
    return figure


def save_png(figure: Figure, path: Path) -> None:
    """Write the figure as PNG: the whole file, or none (an older one stays until then)."""
    target = path.resolve()
    with tempfile.TemporaryDirectory(prefix=f".{target.name[:100]}.", dir=target.parent) as folder:
        made = Path(folder) / "figure.png"
        figure.savefig(made, format="png", dpi=figure.dpi)
        made.replace(target)
