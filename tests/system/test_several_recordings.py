"""Whole runs on the files of a recorder that was restarted during a call of real voices."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, PREFIX, RECORDING, TABLE, World
from captures import SOFTPHONE
from command import run
from restarts import Restart, pictures, real_call, shown, write_call, write_restart
from shell import Shell
from talkers import RATE, between_samples

from komorebi_qc.media.decode_8khz import decode_output_8khz
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

DRIFT_PPM = 40.0
WITHIN_S = 1e-3
LOUD = 300.0
"""Of 32,768: a second with speech in it."""
ALIKE = 0.8
"""The correlation of a second of speech with itself after coding; other sounds have little."""
TWO = (Restart(-3.0, 22.0, DRIFT_PPM), Restart(31.237, 60.0, DRIFT_PPM))
THREE = (Restart(-3.0, 16.0, DRIFT_PPM), Restart(21.237, 38.0, DRIFT_PPM), Restart(39.5, 60.0, DRIFT_PPM))


def processed(folder: Path, parts: Sequence[Restart], extension: str, *extra: object) -> tuple[Path, dict[str, Any]]:
    """The unified recording of a restarted recorder, and its ``qc.json``. The files are named in another order."""
    call = write_call(folder / "call.wav", real_call())
    files = [write_restart(folder / f"r{n}{extension}", real_call(), one) for n, one in enumerate(parts)]
    named = [word for path in (*files[1:], files[0]) for word in ("--recording", path)]
    done = run("process", "--connect", call, *named, "--call-end", "00:58.8", "--out", folder / "unified", *extra)
    assert done.returncode in (0, 3), done.stderr
    document = json.loads((folder / "unified.qc.json").read_text())
    return folder / f"unified.{document['container']}", document


def seconds_of(video: Path, document: dict[str, Any], one: Restart, at: dict[str, Any]) -> dict[int, float]:
    """How much later than its own sound each second of the call plays in a file's part of the video."""
    with opened_file(video) as source:
        out = decode_output_8khz(source).astype(np.float64).sum(axis=1)
    call = real_call().astype(np.float64).sum(axis=1)
    shift_s = at["shift_s"] + document["alignment"]["output_shift_s"]
    lags = {}
    for second in range(int(max(one.from_s, 0.0)) + 1, int(min(one.to_s, len(call) / RATE)) - 1):
        first = round((one.own_s(second) + shift_s) * RATE)
        own_s = (first + np.arange(RATE)) / RATE - shift_s
        wanted = between_samples(call, (own_s - one.offset_s) / (1 + one.drift_ppm * 1e-6) * RATE)
        if np.sqrt(np.mean(wanted**2)) > LOUD:
            lags[second] = lag_s(wanted, out[first - 80 : first + RATE + 80])
    return lags


def lag_s(wanted: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """By how much a sound is late in another that begins 80 samples earlier; it has to be the same sound."""
    scores = np.correlate(found, wanted, "valid")
    best = int(np.argmax(scores))
    alike = scores[best] / np.sqrt(np.sum(wanted**2) * np.sum(found[best : best + len(wanted)] ** 2))
    assert alike > ALIKE
    if 0 < best < len(scores) - 1:
        before, at, after = scores[best - 1 : best + 2]
        return float(best - 80 + (before - after) / (2 * (before - 2 * at + after))) / RATE
    return (best - 80) / RATE


def wrong_pictures(video: Path, document: dict[str, Any], parts: Sequence[Restart]) -> tuple[list[Any], int]:
    """Pictures with a counter that isn't of their time, and the number of pictures without a counter."""
    shift_s = document["alignment"]["output_shift_s"]
    wrong: list[Any] = []
    plain = 0
    for at_s, picture in pictures(video):
        number = shown(picture)
        recording_s = at_s - shift_s
        one, file = next(
            ((p, f) for p, f in zip(parts, document["recording_files"], strict=True)
             if f["recording_from_s"] - 0.01 <= recording_s < f["recording_to_s"] - 0.01),
            (None, None),
        )  # fmt: skip
        if number is None or one is None or file is None:
            plain += number is None
            wrong += [] if number is None and one is None else [(at_s, number)]
            continue
        call_s = one.from_s + (recording_s - file["shift_s"]) / (1 + one.drift_ppm * 1e-6)
        if abs((number - 1000) / 10 - call_s) > 0.06:
            wrong.append((at_s, number, call_s))
    return wrong, plain


@pytest.mark.parametrize(
    ("parts", "extension", "codec"),
    [(TWO, ".webm", "vp8"), (THREE, ".webm", "vp9"), (THREE, ".mp4", "h264")],
)
def test_every_second_of_the_call_is_in_sync_with_its_file(
    tmp_path: Path, parts: tuple[Restart, ...], extension: str, codec: str
) -> None:
    """Sound to a millisecond, in the gaps too; pictures at their times, and a plain one while no recorder ran."""
    made = [Restart(one.from_s, one.to_s, one.drift_ppm, codec) for one in parts]
    video, document = processed(tmp_path, made, extension)
    files = document["recording_files"]
    assert [file["placed_by"] for file in files] == ["sound"] * len(parts)
    assert all(file["video_copied"] for file in files)
    for one, file in zip(made, files, strict=True):
        lags = seconds_of(video, document, one, file)
        assert len(lags) >= 6
        assert max(map(abs, lags.values())) < WITHIN_S
    for before, after, file in zip(made, made[1:], files, strict=False):
        gap = Restart(before.to_s - 1.0, after.from_s + 1.0, DRIFT_PPM)
        at = {"shift_s": file["shift_s"] + before.offset_s - gap.offset_s}
        assert max(map(abs, seconds_of(video, document, gap, at).values()), default=0.0) < WITHIN_S
    wrong, plain = wrong_pictures(video, document, made)
    off_s = sum(after.from_s - before.to_s for before, after in pairwise(made))
    assert wrong == []
    assert off_s <= plain <= off_s + 2 * len(parts)
    found = {finding["name"]: finding for finding in document["findings"]}
    assert found["recorder_off"]["value"] == pytest.approx(off_s, abs=0.15)
    assert found["audio_gaps"]["status"] == found["video_freeze"]["status"] == "pass"
    assert document["sync"]["jumps"] == []
    assert len(document["provenance"]["inputs"]["further_recordings"]) == len(parts) - 1


def test_files_that_overlap_and_differ_in_size(tmp_path: Path) -> None:
    """The earlier one ends when the later one begins, and the later one is encoded again in the first one's size."""
    parts = (Restart(-3.0, 30.0, DRIFT_PPM, size=(160, 90)), Restart(26.0, 58.0, DRIFT_PPM, size=(120, 90)))
    video, document = processed(tmp_path, parts, ".webm")
    first, second = document["recording_files"]
    assert first["recording_to_s"] == second["recording_from_s"]
    assert (first["video_copied"], second["video_copied"]) == (True, False)
    assert max(map(abs, seconds_of(video, document, parts[1], second).values())) < WITHIN_S
    assert {picture.shape for _, picture in pictures(video)} == {(90, 160)}


def test_a_file_of_another_call_is_refused(tmp_path: Path) -> None:
    """Nothing is written, and the sentence names the file."""
    call = write_call(tmp_path / "call.wav", real_call(20.0))
    own = write_restart(tmp_path / "r.webm", real_call(20.0), Restart(-1.0, 21.0, size=(64, 36)))
    other = SOFTPHONE["firefox-lost.webm"].recording
    named = ("--recording", own, "--recording", other)
    done = run("process", "--connect", call, *named, "--call-end", "21", "--out", tmp_path / "unified", "--force")
    assert done.returncode == 1
    assert "firefox-lost.webm" in done.stderr
    assert "another call" in done.stderr or "different calls" in done.stderr
    assert not list(tmp_path.glob("unified*"))


def test_real_files_of_a_browser_that_was_killed_and_started_again(tmp_path: Path) -> None:
    """The first one is cut off in the middle of a packet. The truth of such captures is good to 1.5 ms."""
    first, second = SOFTPHONE["firefox-lost.webm"], SOFTPHONE["firefox-restart-2.webm"]
    content = first.recording.read_bytes()
    cut = tmp_path / "cut.webm"
    cut.write_bytes(content[: len(content) * 3 // 10])
    named = ("--recording", second.recording, "--recording", cut)
    done = run("process", "--connect", first.call, *named, "--call-end", "00:28.8", "--out", tmp_path / "unified")
    assert done.returncode == 3, done.stderr
    document = json.loads((tmp_path / "unified.qc.json").read_text())
    before, after = document["recording_files"]
    assert (before["placed_by"], after["placed_by"], after["video_copied"]) == ("few_words", "sound", True)
    found = {finding["name"]: finding for finding in document["findings"]}
    assert "cut.webm is cut off" in found["recording_missing"]["text"]
    calls, recordings = zip(*((p["call_s"], p["recording_s"]) for p in document["alignment"]["segments"]), strict=True)
    for call_s, own_s in second.points:
        assert np.interp(call_s, calls, recordings) == pytest.approx(own_s + after["shift_s"], abs=1.5e-3)


def test_a_diagnosis_takes_several_files_as_well(tmp_path: Path) -> None:
    """It writes no video, and lists the files."""
    call = write_call(tmp_path / "call.wav", real_call(31.0))
    parts = (Restart(-1.0, 13.0, size=(64, 36)), Restart(15.5, 32.0, size=(64, 36)))
    files = [write_restart(tmp_path / f"r{n}.webm", real_call(31.0), one) for n, one in enumerate(parts)]
    named = [word for path in files for word in ("--recording", path)]
    done = run("diagnose", "--connect", call, *named, "--call-end", "32", "--json")
    found = json.loads(done.stdout)
    assert found["sync"]["status"] == "aligned"
    assert [file["placed_by"] for file in found["recording_files"]] == ["sound", "sound"]


# Through the queue


@pytest.fixture
def shell(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A worker's command line; the item is months old, and isn't given up."""
    monkeypatch.setenv("KOMOREBI_QUEUE_URL", world.queue().url)
    monkeypatch.setenv("KOMOREBI_GIVE_UP_AFTER_HOURS", "8760")
    return Shell(monkeypatch, capsys)


def test_a_message_waits_for_the_last_file(tmp_path: Path, world: World, shell: Shell) -> None:
    """Then all files that the item names are joined, and the next message finds the work done."""
    call = real_call(31.0)
    parts = (Restart(-1.0, 13.0, size=(64, 36)), Restart(15.5, 32.0, size=(64, 36)))
    files = [write_restart(tmp_path / f"r{n}.webm", call, one).read_bytes() for n, one in enumerate(parts)]
    item = replace(RECORDING, further_ids=("contact-1-2",))
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, "furtherVideoIDs": {"L": [{"S": "contact-1-2"}]}})
    key = f"{PREFIX}/CallRecordings/2026/03/02/contact-1_20260302T23:55_UTC.wav"
    world.s3.put_object(Bucket=CONNECT, Key=key, Body=write_call(tmp_path / "call.wav", call).read_bytes())
    world.s3.put_object(Bucket=INPUT, Key=item.agent_recording_key, Body=files[1])
    message = json.dumps({"recordingID": "contact-1", "callEndingTimestamp": "00:00:32"})
    world.queue().send(message)
    shell.run("worker", "--once")
    assert (world.keys(OUTPUT), len(world.hidden_for_s())) == ([], 1)

    world.s3.put_object(Bucket=INPUT, Key=item.further_recording_keys[0], Body=files[0])
    world.queue().send(message)
    assert shell.run("worker", "--once") == 0
    document = json.loads(world.read(RECORDING.qc_key))
    assert [file["placed_by"] for file in document["recording_files"]] == ["sound", "sound"]
    inputs = document["provenance"]["inputs"]
    assert inputs["agent_recording"]["location"] == f"s3://{INPUT}/{item.further_recording_keys[0]}"
    assert [one["location"] for one in inputs["further_recordings"]] == [f"s3://{INPUT}/{item.agent_recording_key}"]
    first = world.item()["qcRunId"]
    world.queue().send(message)
    assert shell.run("worker", "--once") == 0
    assert world.item()["qcRunId"] == first
    code, verified = shell.json("verify", "contact-1")
    assert code == 0
    assert {one["state"] for one in verified["runs"][0]["files"] if one["role"] == "agent_recording"} == {"unchanged"}


def test_two_monitors_are_side_by_side_in_the_unified_recording(tmp_path: Path) -> None:
    """Each shows the moment of the call that plays; without the choice they are refused, with a word about it."""
    two = (Restart(-1.5, 59.0, DRIFT_PPM, size=(240, 180)), Restart(-3.0, 60.0, DRIFT_PPM))
    video, document = processed(tmp_path, two, ".webm", "--monitors", "side-by-side")
    assert (document["sync"]["status"], document["verdict"]) == ("aligned", "pass")
    assert [one["placed_by"] for one in document["recording_files"]] == ["sound", "sound"]
    alignment = document["alignment"]
    assert alignment["segments"][0]["recording_s"] == pytest.approx(two[1].offset_s, abs=WITHIN_S)
    seen = pictures(video)
    assert seen[0][1].shape == (180, 560)
    checked = 0
    for at_s, grey in seen:
        call_s = (at_s - alignment["output_shift_s"] - two[1].offset_s) / (1 + DRIFT_PPM * 1e-6)
        if -1.0 < call_s < 58.5:
            # The second file was named first, so it is on the left.
            counts = shown(grey[:, :320]), shown(grey[:, 320:])
            assert counts == pytest.approx((call_s * 10 + 1000, call_s * 10 + 1000), abs=1.2)
            checked += 1
    assert checked > 500
    names = [word for n in range(2) for word in ("--recording", tmp_path / f"r{n}.webm")]
    refused = run("process", "--connect", tmp_path / "call.wav", *names, "--call-end", "58.8", "--out", tmp_path / "b")
    assert refused.returncode not in (0, 3)
    assert "--monitors side-by-side" in " ".join(refused.stderr.split())
