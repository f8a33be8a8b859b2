"""A span that was not to be recorded is searched for in all that the desk makes of a recording.

The sound is searched with a matched filter over all lags, in every audio stream of every file, page and notebook cell.
The same search finds it nearly everywhere if nothing is masked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from analyses import as_json, redacted_analysis, times, turn
from captures import CAPTURES
from desk import wrong_call
from searched_artefacts import Artefact, artefacts, frames, is_grey, picture
from span_search import MOST, SpanSearch, is_plain, part
from suspended import suspended_call

from komorebi_qc.core.errors import HeldError, MaskError
from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.audit.run import AuditJob, audit
from komorebi_qc.desk.clip import ClipJob, write_clip
from komorebi_qc.desk.notebooks import process_recording, sync_diagnostics
from komorebi_qc.desk.notebooks.recording import open_recording, report_figure
from komorebi_qc.desk.report.audio_tracks import write_audio_tracks
from komorebi_qc.desk.report.build import page_of
from komorebi_qc.desk.report.html import report_html
from komorebi_qc.desk.session import SESSION_FILE, AuditRequest, AuditSession, open_session
from komorebi_qc.media.plain_picture import GROUND
from komorebi_qc.pipeline import examine
from komorebi_qc.pipeline.local import local_item
from komorebi_qc.pipeline.options import MaskRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from komorebi_qc.pipeline.examine import Examined

FROM_S, TO_S = 8.0, 12.0
CAPTURE = CAPTURES["sample"]
AT_S = CAPTURE.offset_s + (FROM_S + TO_S) / 2
RATE = 8000
CELLS = (
    *(process_recording.call_audio, process_recording.separated, process_recording.after_call),
    *(process_recording.before_after, process_recording.seams),
    *(sync_diagnostics.left_out, sync_diagnostics.player),
)
"""The notebooks' cells with sounds and videos."""
HOLDING = (
    *("recording.mp4", "audio/recording.m4a", "audio/both.m4a", "audio/customer.m4a", "audio/agent.m4a"),
    "audio/trial.html",
)
"""Files that hold the span's sound if nothing is masked."""
CLIP_FROM_S, CLIP_S = AT_S - 3.0, 6.0
WHOLE_S = 31.0


@dataclass(frozen=True, slots=True)
class Made:
    """Everything that the desk made of one recording."""

    folder: Path
    examined: Examined
    found: tuple[Artefact, ...]


def request(folder: Path, reason: str) -> AuditRequest:
    """The sample with a suspended span, or with the same span redacted by Contact Lens' analysis."""
    call, analysis = folder / "call.wav", ""
    content = CAPTURE.call.read_bytes()
    if reason == "redacted":
        span = times(1000 * FROM_S, 1000 * TO_S)
        (folder / "analysis.json").write_bytes(as_json(redacted_analysis(turn(7000, 13_000, "My [PII].", span))))
        analysis = str(folder / "analysis.json")
    else:
        content = suspended_call(content, (FROM_S, TO_S))
    call.write_bytes(content)
    return AuditRequest(str(call), str(CAPTURE.recording), call_end=CAPTURE.call_end, analysis=analysis)


def session_of(examined: Examined) -> AuditSession:
    """The examination as the notebooks get it."""
    return AuditSession("files", local_item(), "call.wav", "recording.mp4", {}, examined=examined)


def made(folder: Path, reason: str, mask: str) -> Made:
    """Audit the sample, render a clip, run both notebooks' cells, and save the session for a kernel."""
    out, found = folder / "out", list[Any]()
    audit(AuditJob(request(folder, reason), str(out), (), masks=MaskRequest(mask)), on_examined=found.append)
    (examined,) = found
    session = session_of(examined)
    write_clip(examined, ClipJob(AT_S, CLIP_S, "sides", 320, 240), out / "clip.mp4")
    (out / "alone.html").write_text(report_html(page_of(examined, *report_figure(session), embed_s=WHOLE_S)))
    cells = [cell(session) for cell in CELLS]
    (out / "cells.html").write_text("\n".join(cell.html for cell in cells))
    session.save(folder / "kernel")
    return Made(folder, examined, tuple(artefacts(out)))


@pytest.fixture(scope="module")
def all_made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Made]:
    """Each recording's files, made once."""

    @cache
    def once(reason: str, mask: str) -> Made:
        return made(tmp_path_factory.mktemp(f"{reason}-{mask}"), reason, mask)

    return once


SEARCH = SpanSearch(CAPTURE, FROM_S, TO_S, (1.8, 4.0, 6.0, 15.1, 17.0, 20.0, 23.0))


def _names(found: Sequence[Artefact]) -> set[str]:
    return {one.name.partition(" ")[0] for one in found}


@pytest.mark.parametrize("reason", ["suspended", "redacted"])
def test_the_sound_is_in_no_artefact(all_made: Callable[[str, str], Made], reason: str) -> None:
    """Each file that holds it without masks is searched."""
    found = all_made(reason, "picture").found
    assert {*HOLDING, "clip.mp4", "alone.html", "cells.html"} <= _names(found)
    assert {name: share for name, share in SEARCH.held_by(found).items() if share >= MOST} == {}


def test_the_search_finds_the_sound_without_masks(all_made: Callable[[str, str], Made]) -> None:
    """In every file that plays the span, on its own and inside of pages."""
    shares = SEARCH.held_by(all_made("redacted", "none").found)
    for name in (*HOLDING, "clip.mp4", "alone.html", "cells.html"):
        assert max(share for artefact, share in shares.items() if artefact.startswith(name)) > 2 * MOST, (name, shares)


@pytest.mark.parametrize(("mask", "is_masked"), [("picture", True), ("none", False)])
def test_every_frame_of_the_span_is_plain(
    all_made: Callable[[str, str], Made],
    mask: str,
    is_masked: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    """In the unified recording, in clips, and in the page that is sent alone."""
    made_once = all_made("redacted", mask)
    examined, by_name = made_once.examined, {one.name: one.content for one in made_once.found}
    (span,) = examined.masks.output
    seen = [pixels for at_s, pixels in frames(by_name["recording.mp4"]) if span.start_s <= at_s < span.end_s]
    assert len(seen) > 20
    assert [is_plain(pixels) for pixels in seen] == [is_masked] * len(seen)
    within = (span.start_s - CLIP_FROM_S, span.end_s - CLIP_FROM_S)
    shown = [pixels for at_s, pixels in frames(by_name["clip.mp4"]) if within[0] <= at_s < within[1]]
    high, wide = shown[0].shape[:2]
    screens = [is_grey(pixels[high // 4 : high * 11 // 20, wide // 4 : -wide // 4], GROUND) for pixels in shown]
    assert len(screens) > 50
    assert screens == [is_masked] * len(screens)
    (alone,) = [content for name, content in by_name.items() if re.fullmatch(r"alone\.html #\d+ video", name)]
    small = [is_grey(pixels, GROUND) for at_s, pixels in frames(alone) if span.start_s <= at_s < span.end_s]
    assert len(small) > 20
    assert small == [is_masked] * len(small)


@pytest.mark.parametrize(("mask", "is_masked"), [("picture", True), ("none", False)])
def test_the_saved_session_is_masked(
    all_made: Callable[[str, str], Made],
    mask: str,
    is_masked: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    """The session that an audit saves for its notebooks holds no sample of the span, of either side."""
    saved = (all_made("redacted", mask).folder / "kernel" / SESSION_FILE).read_bytes()
    pair = all_made("redacted", "none").examined.diagnosis.pair
    first = round(AT_S * RATE)
    loud = first + int(np.argmax(np.abs(pair.recording[first - RATE : first + RATE]))) - RATE
    for samples in (pair.recording[loud - 200 : loud + 200], np.asarray(pair.call)[round(10 * RATE) :][:400]):
        assert (samples.tobytes() in saved) != is_masked


def test_a_notebook_that_is_run_again_masks_a_redaction(tmp_path: Path) -> None:
    """The audit's folder is gone by then: the analysis is a parameter."""
    asked = request(tmp_path, "redacted")
    files = {"connect": asked.connect, "recording": asked.recording, "call_end": asked.call_end}
    again = open_recording(
        **files, analysis=asked.analysis, examined=str(tmp_path / "gone"), out=str(tmp_path / "again")
    ).examined
    assert again.masks.call == (Span(FROM_S - 0.5, TO_S + 0.5),)
    (span,) = again.masks.output
    for track in (again.tracks.customer, again.tracks.agent, again.tracks.recording, again.tracks.output):
        assert track is not None
        assert not np.abs(part(track, span.start_s + 0.01, span.end_s - 0.01)).max() > 16


def test_a_held_pair_is_shown_with_masks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy of the agent recording beside the report is masked too."""

    def hold(*_: object, **__: object) -> None:
        raise HeldError("the audio doesn't confirm the pair")

    monkeypatch.setattr(examine, "process", hold)
    out = tmp_path / "out"
    examined = open_session(request(tmp_path, "suspended"), out).examined
    write_audio_tracks(examined.tracks, out)
    shown = tuple(artefacts(out))
    assert {"agent-recording.mp4", "audio/both.m4a"} <= _names(shown)
    assert {name: share for name, share in SEARCH.held_by(shown).items() if share >= MOST} == {}
    (span,) = examined.masks.recording
    (video,) = [one.content for one in shown if one.name == "agent-recording.mp4"]
    seen = [pixels for at_s, pixels in frames(video) if span.start_s <= at_s < span.end_s]
    assert len(seen) > 20
    assert all(is_grey(pixels, GROUND) for pixels in seen)
    assert not is_grey(picture((out / "thumbnail.png").read_bytes()), GROUND)


def test_a_wrong_pair_with_a_suspension_leaves_nothing_to_play(tmp_path: Path) -> None:
    """Nothing says where the span is in the recording, so only the reason is written; an earlier audit goes too."""
    call = tmp_path / "suspended.wav"
    call.write_bytes(suspended_call(wrong_call(tmp_path).read_bytes(), (FROM_S, TO_S)))
    asked = AuditRequest(str(call), str(CAPTURE.recording), call_end=CAPTURE.call_end)
    out = tmp_path / "out"
    audit(AuditJob(replace(asked, connect=str(CAPTURE.call)), str(out), ()))
    assert (out / "recording.mp4").is_file()
    with pytest.raises(MaskError, match="its place in the recording isn't known"):
        audit(AuditJob(asked, str(out), (), keeps_report=True))
    assert list(artefacts(out)) == []
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["report.html", "status.json"]
