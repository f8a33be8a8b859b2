"""A window to choose by hand, where a kernel runs: its correlation, its spectrogram, its sound, and a moved alignment.

In a notebook that is only read, the same cell shows one window as static HTML. Widgets need a kernel, and their state
isn't saved, so a notebook that papermill has run has no trace of them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.core.samples import RATE, piece
from komorebi_qc.desk.notebooks.notebook_output import NotebookOutput, audio_player, combined, figure_image, paragraph
from komorebi_qc.desk.notebooks.recording import masked_spans
from komorebi_qc.desk.plots.correlation import plot_correlation
from komorebi_qc.desk.plots.figure import new_figure
from komorebi_qc.desk.plots.window_correlation import CHANNELS, chosen_window, correlate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from komorebi_qc.core.timebase import Span
    from komorebi_qc.desk.session import AuditSession

_FRONT_ENDS = ("JPY_SESSION_NAME", "VSCODE_PID")
"""A kernel that a person works with has one of them; one that papermill starts has neither."""
_SPECTROGRAM_HZ = 4_000
_FFT = 256


def has_front_end(environ: Mapping[str, str]) -> bool:
    """Whether a person works with this kernel in JupyterLab or an editor."""
    return any(name in environ for name in _FRONT_ENDS)


def explore(session: AuditSession) -> Any:
    """A window to choose and an alignment to move; without a front end, one window as static HTML.

    Args:
        session: the recording.
    """
    result = session.examined.diagnosis.pair.result
    window = chosen_window(result)
    at_s = min(2.0, session.examined.call_s / 2) if window is None else window.call_s
    channel = "agent" if window is None else window.channel
    if not has_front_end(os.environ):
        hint = paragraph("Open this notebook in JupyterLab and run it to choose the window and move the alignment.")
        return combined([hint, window_output(session, at_s, channel, 2.0, 0.0)])
    return _widgets(session, at_s, channel)


def window_output(session: AuditSession, at_s: float, channel: str, length_s: float, moved_ms: float) -> NotebookOutput:
    """A window's correlation, both spectrograms, and its sound with the call in the left ear.

    Args:
        session: the recording.
        at_s: the middle of the window, call clock.
        channel: ``customer`` or ``agent``.
        length_s: of the window.
        moved_ms: by how much later the call plays than the alignment in use places it.

    Raises:
        InputError: The channel doesn't exist, or the window is outside the call.
    """
    pair, alignment = session.examined.diagnosis.pair, session.examined.alignment
    lag_s = alignment.to_recording(at_s) - at_s
    found = correlate(pair.call, pair.recording, channel, centre_s=at_s, lag_s=lag_s, length_s=length_s)
    used_s = lag_s + moved_ms / 1000
    at = int(np.argmin(np.abs(found.lag_s - used_s)))
    figure, (curve, left, right) = new_figure(12, 7.2, rows=3)
    plot_correlation(curve, found, fitted_s=used_s)
    width = round(length_s * RATE)
    first = round((at_s - length_s / 2) * RATE)
    start = first + round(used_s * RATE)
    masks = {clock: masked_spans(session.examined, clock) for clock in ("call", "recording")}
    call = _masked(piece(pair.call, first, first + width, CHANNELS[channel]), first, masks["call"])
    own = _masked(piece(pair.recording, start, start + width), start, masks["recording"])
    for ax, samples, title in ((left, call, f"Call audio, {channel}"), (right, own, "Agent recording, same seconds")):
        ax.specgram(samples + 1e-3, NFFT=_FFT, Fs=RATE, noverlap=_FFT // 2, cmap="magma")
        ax.set_ylim(0, _SPECTROGRAM_HZ)
        ax.set_title(title, loc="left", fontsize=11)
        ax.set_ylabel("Hz")
    words = (
        f"Offset {alignment.offset_s + moved_ms / 1000:.4f} s ({moved_ms:+.1f} ms). Here the fit is {found.z[at]:.1f} "
        f"times chance; the best lag is {1000 * (found.peak_s - used_s):+.2f} ms away, with {found.peak_z:.1f}."
    )
    description = f"Correlation of the {channel}'s window with the recording, and the spectrograms of both."
    return combined(
        [
            figure_image(figure, description),
            paragraph(words),
            audio_player("Call audio left, agent recording right", _ears(call, own)),
        ]
    )


def _masked(samples: NDArray[Any], first: int, spans: tuple[Span, ...]) -> NDArray[np.float64]:
    """The samples, with silence in spans that were not to be recorded."""
    found = np.array(samples, np.float64)
    for span in spans:
        found[max(round(span.start_s * RATE) - first, 0) : max(round(span.end_s * RATE) - first, 0)] = 0.0
    return found


def _ears(call: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.int16]:
    both: NDArray[np.int16] = np.clip(np.stack([call, own], axis=1), -32768, 32767).astype(np.int16)
    return both


def _widgets(session: AuditSession, at_s: float, channel: str) -> Any:
    """The controls; their output is the same HTML that a reader sees."""
    from ipywidgets import HTML, Dropdown, FloatSlider, HBox, VBox  # noqa: PLC0415  only where a kernel runs

    wide = {"width": "420px"}
    style = {"description_width": "110px"}
    call_s = session.examined.call_s
    moment = FloatSlider(at_s, min=0.0, max=call_s, step=0.05, description="Window at (s)", layout=wide, style=style)
    length = FloatSlider(2.0, min=0.5, max=8.0, step=0.5, description="Length (s)", layout=wide, style=style)
    moved = FloatSlider(0.0, min=-400.0, max=400.0, step=0.5, description="Move by (ms)", layout=wide, style=style)
    side = Dropdown(options=list(CHANNELS), value=channel, description="Channel", style=style)
    for one in (moment, length, moved):
        one.continuous_update = False
    shown = HTML()

    def show(_change: object = None) -> None:
        shown.value = window_output(session, moment.value, side.value, length.value, moved.value).html

    for one in (moment, length, moved, side):
        one.observe(show, "value")
    show()
    return VBox([HBox([moment, length]), HBox([moved, side]), shown])
