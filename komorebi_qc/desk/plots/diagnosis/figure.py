"""The diagnosis figure: waveforms of both sides and the lag between them, on the recording clock.

Conventions: time runs along ``recording_s`` (mm:ss, from an hour on h:mm:ss); tracks come at 8 kHz, the call as
``(n, 2)`` (customer, agent), the recording as ``(m,)``, each as int16 or as float of full scale 1; lags are in ms
(in s if they exceed 10 s), as ``recording_s - call_s`` minus the offset. Functions that plot take and return an
``ax``. Colours are Okabe and Ito's, and different colours have different shapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from komorebi_qc.core.samples import RATE, length
from komorebi_qc.desk.plots.call_placement import place
from komorebi_qc.desk.plots.diagnosis.header import write_header
from komorebi_qc.desk.plots.diagnosis.lags import plot_lags
from komorebi_qc.desk.plots.diagnosis.waveforms import plot_waveforms
from komorebi_qc.desk.plots.style import mark_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.timebase import CallEnd, Span
    from komorebi_qc.findings.evidence import Placement
    from komorebi_qc.sync.result import SyncResult

SIZE_INCHES = (16.0, 10.0)
DPI = 100


def diagnosis_figure(
    call: Track,
    recording: Track,
    result: SyncResult,
    *,
    call_end: CallEnd | None,
    title: str,
    placement: Placement | None = None,
    masked: Sequence[Span] = (),
    hidden: str = "",
) -> Figure:
    """The sync measurement of a pair on one page: the result in words, the waveforms, the lags.

    Args:
        call: at 8 kHz, ``(n, 2)``.
        recording: at 8 kHz, ``(m,)``.
        result: the sync measurement.
        call_end: the reported call end; None if it wasn't reported.
        title: names the pair.
        placement: of the run; None for the one that a run would use.
        masked: the recording's masked spans, on its clock. The samples are silent there.
        hidden: why the recording's waveform isn't shown at all; empty to show it.
    """
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    placed = place(result, length(call) / RATE, call_end, placement)
    reported_s = result.reported_call_end_s if call_end is None else call_end.recording_s
    left, width = 0.093, 0.889
    waveforms = figure.add_axes((left, 0.435, width, 0.337))
    lags = figure.add_axes((left, 0.062, width, 0.285))
    write_header(figure, result, placed, reported_s, title)
    plot_waveforms(
        *(waveforms, call, recording, result, placed), reported_call_end_s=reported_s, masked=masked, hidden=hidden
    )
    plot_lags(lags, result, placed, reported_call_end_s=reported_s)
    lags.set_xlim(waveforms.get_xlim())
    mark_time(lags)
    return figure
