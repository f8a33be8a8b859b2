"""Audio tracks of a report, on the video's clock."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from desk import sample_session
from report_pages import noise

from komorebi_qc.desk.report.audio_tracks import (
    audio_levels,
    compared_tracks,
    embedded_audio_tracks,
    write_audio_tracks,
    write_track,
)
from komorebi_qc.pipeline.correction.before import Before
from komorebi_qc.pipeline.examine import AlignedTracks

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RATE = 8000


def lag(one: NDArray[np.int16], other: NDArray[np.int16]) -> int:
    """By how many samples the second is late, to half a second."""
    size = 1 << (2 * len(one) - 1).bit_length()
    a, b = np.fft.rfft(one.astype(float), size), np.fft.rfft(other.astype(float), size)
    found = np.fft.irfft(b * a.conj(), size)
    near = np.concatenate([found[-RATE // 2 :], found[: RATE // 2]])
    return int(near.argmax()) - RATE // 2


def decoded(file: Path) -> NDArray[np.float32]:
    """A decoded track from second 0 on, shape ``(channels, n)``."""
    with av.open(str(file)) as container:
        frames = list(container.decode(audio=0))
    assert frames[0].pts == 0
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


def test_tracks_run_on_the_output_clock(tmp_path: Path) -> None:
    """Every file begins at output time 0, to a sample: the edit list removes AAC's priming."""
    tracks = AlignedTracks(noise(20, 1), noise(20, 2), noise(20, 3), None)
    found = write_audio_tracks(tracks, tmp_path)
    assert found == {name: f"audio/{name}.m4a" for name in ("customer", "agent", "recording", "both")}
    call = ((tracks.customer.astype(np.int32) + tracks.agent) // 2).astype(np.int16)
    wanted = {"customer": [tracks.customer], "agent": [tracks.agent], "recording": [tracks.recording]}
    wanted["both"] = [call, tracks.recording]
    for name, sides in wanted.items():
        played = decoded(tmp_path / found[name])
        assert len(played) == len(sides)
        for side, channel in zip(sides, played, strict=True):
            assert 0 <= len(channel) - len(side) < 1024
            assert lag(side, (channel[: len(side)] * 32767).astype(np.int16)) == 0


def test_a_silent_recording_leaves_no_track_of_an_earlier_report(tmp_path: Path) -> None:
    """It may be silent because all of it is masked now."""
    write_audio_tracks(AlignedTracks(noise(1, 1), noise(1, 2), noise(1, 3), None), tmp_path)
    write_audio_tracks(AlignedTracks(noise(1, 1), noise(1, 2), np.zeros(RATE, np.int16), None), tmp_path)
    assert sorted(path.name for path in (tmp_path / "audio").iterdir()) == ["agent.m4a", "customer.m4a"]


def test_quiet_sides_are_raised(tmp_path: Path) -> None:
    """A side as quiet as -50 dBFS is amplified, and a loud one is left unchanged."""
    loud, quiet = noise(5, 1), (noise(5, 1) // 100).astype(np.int16)
    for name, side in (("loud", loud), ("quiet", quiet)):
        write_track(str(tmp_path / f"{name}.m4a"), (side,), 64_000)
    rms = {name: float(np.sqrt(np.mean(decoded(tmp_path / f"{name}.m4a") ** 2))) for name in ("loud", "quiet")}
    assert rms["loud"] == pytest.approx(float(np.sqrt(np.mean((loud / 32768.0) ** 2))), rel=0.15)
    assert rms["quiet"] > rms["loud"] / 10


def test_embedded_tracks_begin_at_their_section(tmp_path: Path) -> None:
    """A track in the page itself counts from the start of its section."""
    tracks = AlignedTracks(noise(20, 1), noise(20, 2), np.zeros(20 * RATE, np.int16), None)
    found = embedded_audio_tracks(tracks, 5.0, 8.0, 32_000)
    assert set(found) == {"customer", "agent"}
    file = tmp_path / "customer.m4a"
    file.write_bytes(base64.b64decode(found["customer"].partition(",")[2]))
    played = decoded(file)[0][: 8 * RATE]
    assert lag(tracks.customer[5 * RATE : 13 * RATE], (played * 32767).astype(np.int16)) == 0


def test_levels_are_those_that_play() -> None:
    """A quiet track is amplified, and its level includes that; silence has no level."""
    loud = (8000 * np.sin(np.arange(8000) * 0.3)).astype(np.int16)
    silent = np.zeros(8000, np.int16)
    levels = audio_levels(AlignedTracks(loud, (loud // 8).astype(np.int16), silent, loud))
    assert levels["result"] == pytest.approx(8000 / 32768 / 2**0.5, rel=0.05)
    assert levels["agent"] == pytest.approx(levels["customer"], rel=0.1)
    assert "recording" not in levels
    assert audio_levels(AlignedTracks(loud, loud, silent, loud), {"before": (loud, silent)})["before"] > 0.1


def test_the_place_before_a_correction_has_its_own_track(tmp_path: Path) -> None:
    """With the call left, at its earlier place, and the recording right; a later report without it removes the file."""
    found = sample_session().examined
    assert compared_tracks(found) == {}
    late = np.roll(found.tracks.customer, 4000)
    before = Before(found.placement, found.timeline, late, np.zeros_like(late))
    tracks = compared_tracks(replace(found, before=before))
    assert np.array_equal(tracks["before"][0], late // 2)
    assert np.array_equal(tracks["before"][1], found.tracks.recording)
    assert write_audio_tracks(found.tracks, tmp_path, tracks)["before"] == "audio/before.m4a"
    assert (tmp_path / "audio" / "before.m4a").is_file()
    write_audio_tracks(found.tracks, tmp_path)
    assert not (tmp_path / "audio" / "before.m4a").exists()
