"""Suspended and unrecorded sound, through the commands as people run them: searched for in all that they write."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from captures import CAPTURES
from command import run
from suspended import kept_of, late_call, part_of, sound_of, suspended_call

if TYPE_CHECKING:
    from pathlib import Path

    from captures import Capture

MOST = 0.02
SPANS = {"mp4": ("sample", 8.0, 12.0), "webm": ("vp8.webm", 3.0, 6.0)}


def processed(folder: Path, capture: Capture, call: bytes, *more: object, **environ: str) -> tuple[bytes, Any]:
    """The unified recording that `process` writes, and its printed JSON."""
    wav = folder / "call.wav"
    wav.write_bytes(call)
    files = ("--connect", wav, "--recording", capture.recording, "--call-end", capture.call_end)
    done = run(
        "process", *files, "--out", folder / "unified", "--json", "--thumbnail", folder / "t.png", *more, **environ
    )
    printed = json.loads(done.stdout)
    assert "error" not in printed, printed
    (video,) = [path for path in folder.iterdir() if path.stem == "unified" and path.suffix in (".mp4", ".webm")]
    assert json.loads((folder / "unified.qc.json").read_text())["masks"] == printed["masks"]
    return video.read_bytes(), printed


def is_plain(picture: np.ndarray[Any, Any]) -> bool:
    """Whether a picture has two shades of grey but for the codec's noise, as the plain one with its text has."""
    levels = picture.astype(int)
    colour = np.abs(levels - levels.mean(axis=2, keepdims=True)).max()
    ground = np.median(levels)
    near = np.abs(levels.mean(axis=2) - ground) < 24
    return bool(colour < 16 and near.mean() > 0.85)


def pictures(content: bytes, from_s: float, to_s: float) -> list[np.ndarray[Any, Any]]:
    """The frames on show between two moments of a video."""
    found: list[np.ndarray[Any, Any]] = []
    last: np.ndarray[Any, Any] | None = None
    with av.open(io.BytesIO(content), "r") as file:
        for frame in file.decode(video=0):
            at_s = float((frame.pts or 0) * (frame.time_base or 0))
            if at_s >= to_s:
                break
            picture = frame.to_ndarray(format="rgb24")
            if at_s >= from_s:
                found += [last] if not found and last is not None and at_s > from_s else []
                found.append(picture)
            last = picture
    return found or ([last] if last is not None else [])


@pytest.mark.parametrize("container", sorted(SPANS))
def test_a_suspended_span_is_in_nothing_that_process_writes(tmp_path: Path, container: str) -> None:
    """Both channels digitally silent: neither the sound nor the picture of the recording is kept there."""
    name, from_s, to_s = SPANS[container]
    capture = CAPTURES[name]
    call = suspended_call(capture.call.read_bytes(), (from_s, to_s))
    video, printed = processed(tmp_path, capture, call)
    assert printed["container"] == container
    begins_s, ends_s = from_s + capture.offset_s, to_s + capture.offset_s
    assert kept_of(capture, video, begins_s, ends_s) < MOST
    (suspension,) = printed["suspensions"]
    assert (suspension["call_from_s"], suspension["call_to_s"]) == pytest.approx((from_s, to_s), abs=0.1)
    assert suspension["masked"] == printed["masks"]["choice"] == "picture"
    frames = pictures(video, begins_s, ends_s)
    assert len(frames) > 10
    assert all(is_plain(picture) for picture in frames)
    assert not is_plain(pictures(video, 0.0, 0.5)[0])


@pytest.mark.parametrize(
    ("place", "call_end"),
    [(("--offset", "-12"), "22"), (("--offset", "7"), "22"), (("--align", "call-end"), "9")],
    ids=["before", "in the call", "reported"],
)
def test_a_wrong_place_publishes_nothing(place: tuple[str, str], call_end: str, tmp_path: Path) -> None:
    """A mask at a place that somebody gave would leave the sound of the span where it is."""
    (tmp_path / "call.wav").write_bytes(suspended_call(CAPTURES["sample"].call.read_bytes(), (8.0, 12.0)))
    files = ("--connect", tmp_path / "call.wav", "--recording", CAPTURES["sample"].recording, "--call-end", call_end)
    done = run("process", *files, *place, "--out", tmp_path / "out.mp4")
    assert (done.returncode, "s away from where the audio is" in done.stderr) == (1, True), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["call.wav"]


def test_a_person_may_choose_to_mask_nothing(tmp_path: Path) -> None:
    """By option, over the environment; the span is still in the document."""
    capture = CAPTURES["sample"]
    call = suspended_call(capture.call.read_bytes(), (8.0, 12.0))
    video, printed = processed(tmp_path, capture, call, "--mask", "none", KOMOREBI_MASK="picture")
    assert (printed["masks"]["choice"], len(printed["masks"]["private"])) == ("none", 1)
    at_s = 10.0 + capture.offset_s
    assert not any(is_plain(picture) for picture in pictures(video, at_s, at_s + 0.5))


def test_words_before_connect_recorded_are_not_published(tmp_path: Path) -> None:
    """Connect's audio began 8 s late: silence until then, and the recording's own sound after the call."""
    capture = CAPTURES["sample"]
    begins_s = 8.0 + capture.offset_s
    video, printed = processed(tmp_path, capture, late_call(capture.call.read_bytes(), 8.0))
    assert printed["alignment"]["offset_s"] == pytest.approx(begins_s, abs=0.002)
    assert kept_of(capture, video, 0.0, begins_s - 0.05) < MOST
    assert np.abs(part_of(sound_of(video), capture.call_end_s + 0.05, capture.call_end_s + 1.5)).max() > 1e-3


def test_the_old_behaviour_can_be_chosen(tmp_path: Path) -> None:
    """`own` plays the recording's sound before the call as well."""
    capture = CAPTURES["sample"]
    begins_s = 8.0 + capture.offset_s
    late = late_call(capture.call.read_bytes(), 8.0)
    video, _ = processed(tmp_path, capture, late, KOMOREBI_OUTSIDE_CALL="own")
    assert kept_of(capture, video, 0.0, begins_s - 0.05) > 0.9
