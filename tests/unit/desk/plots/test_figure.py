"""The diagnosis figure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.testing.compare import compare_images

from komorebi_qc.desk.plots.figure import diagnosis_figure, save_png
from komorebi_qc.desk.plots.lags import plot_lags
from komorebi_qc.desk.plots.waveforms import plot_waveforms
from komorebi_qc.sync.alternative_offsets import Rival
from komorebi_qc.sync.measure import FoundJump, SyncResult, Window

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

CALL_S, OFFSET_S, JUMP = 60.0, 2.0, FoundJump(30.0, 0.35, (0.3499, 0.3501), (29.0, 31.0))


def tracks(call_s: float = CALL_S, recording_s: float = 75.0) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """A call and a recording of faint noise."""
    rng = np.random.default_rng(0)
    call = rng.integers(-800, 800, (int(call_s * 8000), 2), dtype=np.int16)
    return call, rng.integers(-800, 800, int(recording_s * 8000), dtype=np.int16)


def found(status: str = "aligned", *, jumps: tuple[FoundJump, ...] = (JUMP,), windows: int = 50) -> SyncResult:
    """A result with a jump, the customer 180 ms late, and one wild window that was rejected."""
    jumped = sum(j.size_s for j in jumps)
    seen = [Window(t, OFFSET_S + jumped * (t > 30), "agent", 20.0, accepted=True) for t in np.linspace(1, 59, windows)]
    seen += [Window(w.call_s, w.lag_s + 0.18, "customer", 20.0, accepted=True) for w in seen]
    seen.append(Window(10.0, OFFSET_S + 500.0, "agent", 5.0, accepted=False))
    rivals = (Rival(10.0, 8.0, 0.9), Rival(-6.0, 8.0, 0.8)) if status == "ambiguous" else ()
    return SyncResult(
        status=status,
        reason="58 s of 58 s of speech agree",
        offset_s=OFFSET_S,
        offset_ci_s=(1.9999, 2.0001),
        drift_ppm=0.0,
        drift_ci_ppm=(-0.5, 0.5),
        jumps=jumps,
        sides="both",
        lag_agent_s=OFFSET_S,
        lag_customer_s=OFFSET_S + 0.18,
        customer_steps=(),
        coverage=1.0,
        rivals=rivals,
        windows=tuple(seen),
        evidence=None,
        measured_call_end_s=62.35,
        told_call_end_s=62.0,
    )


def nothing() -> SyncResult:
    """A result without a single number."""
    return SyncResult(
        "insufficient", "silent", None, None, None, None, (), "none", None, None, (), 0.0, (), (), None, None, None
    )


def axes() -> Axes:
    """Empty axes of a figure of their own."""
    figure = Figure(figsize=(12, 4), dpi=100)
    FigureCanvasAgg(figure)
    return figure.add_axes((0.1, 0.2, 0.85, 0.6))


def at(ax: Axes, begins: str) -> list[float]:
    """Where the lines so marked stand."""
    return [float(np.asarray(line.get_xdata())[0]) for line in ax.lines if str(line.get_gid()).startswith(begins)]


def texts(drawn: Axes | Figure) -> str:
    """All that is written there."""
    return "\n".join(t.get_text() for t in drawn.texts)


def outline(ax: Axes, gid: str) -> NDArray[np.float64]:
    """The points of an envelope."""
    (shape,) = [c for c in ax.collections if c.get_gid() == gid]
    return np.concatenate([np.asarray(path.vertices, float) for path in shape.get_paths()])


def test_markers_stand_where_the_alignment_says() -> None:
    """Start, both ends, the jump and its bracket lie on the recording's clock."""
    call, recording = tracks()
    ax = axes()
    assert plot_waveforms(ax, call, recording, found(), told_call_end_s=62.0) is ax
    assert at(ax, "call start") == [2.0]
    assert at(ax, "measured end") == pytest.approx([62.35])
    assert at(ax, "told end") == [62.0]
    assert at(ax, "jump") == pytest.approx([32.35])
    (bracket,) = [p for p in ax.patches if p.get_gid() == "bracket"]
    assert bracket.get_window_extent().x0 == pytest.approx(ax.transData.transform((31.0, 0))[0])
    assert bracket.get_window_extent().x1 == pytest.approx(ax.transData.transform((33.35, 0))[0])
    written = texts(ax)
    assert all(t in written for t in ("call start 00:02.000", "told end 01:02", "end 01:02.350", "jump +350 ms"))
    assert ax.get_xlabel() == "Recording clock (mm:ss)"
    assert [t.get_text().split("\n")[0] for t in ax.get_yticklabels()] == ["Customer", "Agent", "Recording"]


def test_a_click_shows_at_its_place_however_short() -> None:
    """One sample among millions is the envelope's extreme, moved with the piece that it lies in."""
    call, recording = tracks()
    call[40 * 8000, 1] = -32768
    recording[70 * 8000] = 32767
    ax = axes()
    plot_waveforms(ax, call, recording, found())
    agent, own = outline(ax, "agent"), outline(ax, "recording")
    assert agent[agent[:, 1].argmin()] == pytest.approx([42.35, 1 - 0.46], abs=0.08)
    assert own[own[:, 1].argmax()] == pytest.approx([70.0, 0.46], abs=0.08)
    assert "0.0 dBFS" in ax.get_yticklabels()[1].get_text()


def test_pieces_leave_the_jump_open() -> None:
    """What the recording heard during a jump has no sound of the call."""
    call, recording = tracks()
    ax = axes()
    plot_waveforms(ax, call, recording, found())
    x = outline(ax, "customer")[:, 0]
    assert not np.any((x > 32.1) & (x < 32.25))
    assert x.min() == pytest.approx(2.0, abs=0.1)
    assert x.max() == pytest.approx(62.35, abs=0.1)


def test_without_an_alignment_the_call_lies_as_told() -> None:
    """The told end carries the call, and the picture says so."""
    call, recording = tracks()
    ax = axes()
    plot_waveforms(ax, call, recording, found("wrong_pair"), told_call_end_s=65.0)
    assert at(ax, "told start") == [5.0]
    assert at(ax, "told end") == [65.0]
    assert not at(ax, "jump")
    assert not at(ax, "measured")
    assert "drawn as told" in texts(ax)


def test_the_lag_axis_ignores_outliers() -> None:
    """A window 500 s off is a tick on the edge, and the fit fills the axis."""
    ax = axes()
    assert plot_lags(ax, found(), call_s=CALL_S, told_call_end_s=62.0) is ax
    low, high = ax.get_ylim()
    assert -200 < low < 0
    assert 530 < high < 800
    assert ax.get_ylabel() == "Lag less 2.000 s (ms)"
    fits = [np.asarray(line.get_ydata(), float) for line in ax.lines if line.get_gid() == "fit"]
    assert [f.tolist() for f in fits] == [pytest.approx([v, v], abs=1e-6) for v in (0.0, 350.0, 180.0, 530.0)]
    assert at(ax, "beyond") == [12.0]
    assert "1 window beyond" in texts(ax)
    assert len(at(ax, "agent accepted")) == len(at(ax, "customer accepted")) == 1


def test_windows_of_a_voice_that_is_not_heard_are_rejected() -> None:
    """Chance agreement of a missing voice is no evidence."""
    result = found()
    object.__setattr__(result, "sides", "agent")
    ax = axes()
    plot_lags(ax, result, call_s=CALL_S)
    assert not at(ax, "customer accepted")
    assert at(ax, "customer rejected")


def test_rivals_are_marked_in_both_pictures() -> None:
    """Each is a possible start above, and a level below."""
    call, recording = tracks()
    figure = diagnosis_figure(call, recording, found("ambiguous"), told_call_end_s=62.0, title="pair")
    waveforms, lags = figure.axes
    assert at(waveforms, "or") == [10.0]
    levels = [float(np.asarray(line.get_ydata())[0]) for line in lags.lines if line.get_gid() == "rival"]
    assert levels == pytest.approx([8.0, -8.0])
    assert "(s)" in lags.get_ylabel()


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        ("aligned", "The two belong together: one jump, +350 ms, no drift"),
        ("ambiguous", "The call fits in several places"),
        ("wrong_pair", "These two files belong to different calls"),
        ("insufficient", "Too little evidence"),
    ],
)
def test_the_headline_says_the_status_plainly(status: str, headline: str) -> None:
    """Badge and sentence agree, and no text is drawn over another or beyond the page."""
    call, recording = tracks()
    figure = diagnosis_figure(call, recording, found(status), told_call_end_s=62.0, title="pair")
    written = texts(figure)
    assert status.replace("_", " ").upper() in written
    assert headline in written
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()  # type: ignore[no-untyped-call]
    drawn = [*figure.texts, *figure.axes[0].texts]
    boxes = [t.get_window_extent() for t in drawn if t.get_text()]
    for k, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= 1600
        assert box.y1 <= 1000
        assert not any(box.padded(-1.5).overlaps(other.padded(-1.5)) for other in boxes[:k])


@pytest.mark.parametrize("told_s", [None, 61.0, -5.0])
@pytest.mark.parametrize(("call_s", "recording_s"), [(0.0, 0.0), (0.0, 5.0), (5.0, 0.0), (2.0, 3.0), (60.0, 20.0)])
def test_thin_input_gives_a_figure_all_the_same(
    tmp_path: Path, call_s: float, recording_s: float, told_s: float | None
) -> None:
    """Empty and short tracks without any result are drawn without a warning."""
    call, recording = tracks(call_s, recording_s)
    title = "$x_ \u6f22\u5b57\nsecond " * 30
    figure = diagnosis_figure(call, recording, nothing(), told_call_end_s=told_s, title=title)
    save_png(figure, tmp_path / "f.png")
    assert imread(tmp_path / "f.png").shape[:2] == (1000, 1600)
    assert "No window could be measured" in texts(figure.axes[1])


def test_an_hour_is_drawn_from_bounded_shapes_in_time(tmp_path: Path) -> None:
    """No artist holds more than a few points a pixel column, whatever the tracks and windows hold."""
    call, recording = np.zeros((3600 * 8000, 2), np.int16), np.zeros(3700 * 8000, np.int16)
    call[::977] = 9000
    recording[::1979] = -9000
    start = time.process_time()
    figure = diagnosis_figure(call, recording, found(windows=20_000), told_call_end_s=None, title="an hour")
    save_png(figure, tmp_path / "hour.png")
    assert time.process_time() - start < 4.0  # 0.8 s on an idle core
    for ax in figure.axes:
        for line in ax.lines:
            assert len(np.asarray(line.get_xdata())) <= 3000
        for shape in ax.collections:
            assert sum(len(np.asarray(p.vertices)) for p in shape.get_paths()) <= 3 * 1600 + 10
    assert figure.axes[0].get_xlabel() == "Recording clock (h:mm:ss)"


def test_a_picture_replaces_the_older_one_whole(tmp_path: Path) -> None:
    """The file is a PNG of the figure's size, the same for the same figure, and nothing else is left beside it."""
    call, recording = tracks()
    for name in ("a.png", "b.png", "b.png"):
        figure = diagnosis_figure(call, recording, found(), told_call_end_s=62.0, title="pair")
        save_png(figure, tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]
    assert compare_images(str(tmp_path / "a.png"), str(tmp_path / "b.png"), tol=0.1) is None


def test_a_failed_write_leaves_the_older_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk costs the new picture only."""
    path = tmp_path / "f.png"
    path.write_bytes(b"older")
    figure = Figure()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "savefig", full)
    with pytest.raises(OSError, match="No space"):
        save_png(figure, path)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]
