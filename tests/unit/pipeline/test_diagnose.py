"""`komorebi-qc diagnose`, as a person or a script runs it."""

from __future__ import annotations

import json
import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest
from captures import CAPTURES, Capture
from command import run
from made import Shape, noise, recording, wav

from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.media.packet_timing import measure_timing
from komorebi_qc.media.probe import probe_call, probe_recording
from komorebi_qc.pipeline.diagnose import ProbedRecording, measure_pair
from komorebi_qc.pipeline.diagnose import diagnose as api_diagnose

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from komorebi_qc.core.source import Source


def diagnose(call: Path, own: Path, call_end: str, *more: object) -> subprocess.CompletedProcess[str]:
    """Diagnose two files."""
    return run("diagnose", "--connect", call, "--recording", own, "--call-end", call_end, *more)


def test_every_capture_is_aligned_to_its_truth(capture: Capture) -> None:
    """Real recordings by Chromium: offset and call end within the truth's own tolerance, and no jump made up."""
    done = diagnose(capture.call, capture.recording, capture.call_end, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0, found["findings"]
    assert done.stderr == ""
    assert found["sync"]["status"] == "aligned"
    assert found["sync"]["offset_s"] == pytest.approx(capture.offset_s, abs=0.0015)
    low, high = found["sync"]["offset_ci_s"]
    assert low < found["sync"]["offset_s"] < high
    assert found["sync"]["jumps"] == []
    assert found["sync"]["sides"] == "both"
    assert found["call_end"]["measured_s"] == pytest.approx(capture.call_end_s, abs=0.005)
    assert set(found["levels"]["call"]) == {"customer", "agent"}


def test_a_person_reads_the_answer_first(sample: Capture) -> None:
    """The first line is the verdict in words, and only findings that don't pass take up room."""
    done = diagnose(sample.call, sample.recording, sample.call_end)
    assert done.stdout.splitlines()[0].startswith("pass  aligned")
    assert "offset" in done.stdout
    assert "findings pass" in done.stdout


def test_another_call_is_a_wrong_pair(sample: Capture, tmp_path: Path) -> None:
    """The sample's call backwards: the same voices, another conversation; exit code 3, and no number to misuse."""
    with wave.open(str(sample.call), "rb") as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)[::-1]
    path = wav(tmp_path / "call.wav", (pcm / 32768).astype(np.float32))
    done = diagnose(path, sample.recording, sample.call_end, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 3
    assert found["sync"]["status"] == "wrong_pair"
    assert found["sync"]["offset_s"] is None
    assert found["call_end"]["measured_s"] is None


@pytest.mark.parametrize(
    "shape",
    [
        Shape(seconds=6.0, audio=None),
        Shape(seconds=0.5),
        Shape(seconds=6.0, audio_s=0.3),
        Shape(seconds=6.0, start_s=7200.0),
    ],
    ids=["no audio", "half a second", "short audio", "two hours late"],
)
def test_thin_evidence_is_called_so(shape: Shape, tmp_path: Path) -> None:
    """What can't be told gets a status and a sentence, never a number."""
    call = wav(tmp_path / "call.wav", np.stack([noise(1.5, 8000, 3), noise(1.5, 8000, 4)], axis=1))
    done = diagnose(call, recording(tmp_path / "a.webm", shape), "2", "--json")
    found = json.loads(done.stdout)
    assert found["sync"]["status"] in ("insufficient", "wrong_pair")
    assert found["sync"]["offset_s"] is None
    assert "Traceback" not in done.stderr


def test_the_figure_is_drawn(sample: Capture, tmp_path: Path) -> None:
    """A PNG of the size of a screen."""
    picture = tmp_path / "figure.png"
    done = diagnose(sample.call, sample.recording, sample.call_end, "--plot", picture)
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    refused = diagnose(sample.call, sample.recording, sample.call_end, "--plot", tmp_path / "no" / "figure.png")
    assert refused.returncode == 2
    assert "can't be written" in refused.stderr


@pytest.mark.parametrize("missing", ["--connect", "--recording"])
def test_both_files_are_needed(missing: str) -> None:
    """A missing file is named."""
    sample = CAPTURES["sample"]
    given = {"--connect": sample.call, "--recording": sample.recording}
    del given[missing]
    done = run("diagnose", *(word for pair in given.items() for word in pair), "--call-end", "22")
    assert done.returncode == 2
    assert f"{missing} missing" in done.stderr


def test_a_recording_that_ends_before_the_call_is_told(tmp_path: Path) -> None:
    """Half a recording still tells where the call lies, and the finding says that its end is missing."""
    capture = CAPTURES["vp8.webm"]
    whole = capture.recording.read_bytes()
    path = tmp_path / "half.webm"
    path.write_bytes(whole[: len(whole) * 6 // 10])
    done = diagnose(capture.call, path, capture.call_end, "--json")
    found = json.loads(done.stdout)
    by_name = {f["name"]: f for f in found["findings"]}
    assert found["sync"]["status"] == "aligned"
    assert by_name["call_end_past_recording"]["status"] == "fail"
    assert done.returncode == 3


def test_time_stamps_are_noted_while_the_sound_is_read(capture: Capture, source: Callable[[Path], Source]) -> None:
    """The recording isn't read once more for them, and they are those of a reading of their own."""
    call, own = source(capture.call), source(capture.recording)
    heard = measure_pair(
        call, probe_call(call), own, ProbedRecording(probe_recording(own)), CallEnd(capture.call_end_s, 1.0)
    )
    assert heard.timing == measure_timing(own)


def test_time_stamps_of_a_silent_film_are_read_all_the_same(tmp_path: Path, source: Callable[[Path], Source]) -> None:
    """Without an audio track nothing is decoded; the picture's findings are there."""
    call = wav(tmp_path / "call.wav", np.stack([noise(1.5, 8000, 3), noise(1.5, 8000, 4)], axis=1))
    found = api_diagnose(source(call), source(recording(tmp_path / "a.webm", Shape(audio=None))), CallEnd(2.0, 1.0))
    assert found.heard.timing is not None
    assert found.heard.timing.audio is None
    assert "picture_frozen" in {finding.name for finding in found.findings}


@pytest.mark.parametrize("which", ["connect", "recording"])
def test_a_picture_never_replaces_an_input(tmp_path: Path, sample: Capture, which: str) -> None:
    """Named as the plot by mistake, an input stays as it is, and a sentence says so; so does a name that is no PNG."""
    inputs = {"connect": tmp_path / "call.png", "recording": tmp_path / "screen.png"}
    inputs["connect"].write_bytes(sample.call.read_bytes())
    inputs["recording"].write_bytes(sample.recording.read_bytes())
    before = inputs[which].read_bytes()
    files = ["--connect", str(inputs["connect"]), "--recording", str(inputs["recording"]), "--call-end", "22"]
    done = run("diagnose", *files, "--plot", str(inputs[which]))
    assert done.returncode == 2
    assert "never written" in done.stderr
    assert inputs[which].read_bytes() == before
    done = run("diagnose", *files, "--plot", str(tmp_path / "plot.jpg"))
    assert done.returncode == 2
    assert ".png" in done.stderr


def test_what_the_inputs_lack_is_told(tmp_path: Path, sample: Capture, source: Callable[[Path], Source]) -> None:
    """A call that was cut off and one that began before the recording are findings of a diagnosis as well."""
    cut = tmp_path / "cut.wav"
    cut.write_bytes(sample.call.read_bytes()[:-40_000])
    found = api_diagnose(source(cut), source(sample.recording), CallEnd(22.0, 1.0))
    told = {finding.name: finding for finding in found.findings}
    assert told["call_audio_missing"].status != "pass"
    assert {"call_before_recording", "recording_missing", "recording_audio_channels"} <= told.keys()
