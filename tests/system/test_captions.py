"""The sample call with a transcript: captions fit the sound, are of the run, and go with a wrong transcript."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import av
import webvtt
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, PREFIX, RECORDING, TABLE, World
from shell import Shell
from transcripts import lens

from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.demo.sample_call import AGENT_RECORDING, CALL_AUDIO, reported_call_end
from komorebi_qc.desk.session import AuditRequest, open_session
from komorebi_qc.media.decode_8khz import decode_call_8khz
from komorebi_qc.media.probe import probe_call
from komorebi_qc.pipeline.local import process_files
from komorebi_qc.pipeline.provenance.verify import verify_run
from komorebi_qc.storage.input_file import opened_file
from komorebi_qc.storage.local import LocalFiles
from komorebi_qc.storage.recorded_files import RecordedFiles
from komorebi_qc.sync.vad import FRAME_S, of_call

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from captures import Capture


def words_of_sample(shift_s: float = 0.0) -> tuple[bytes, list[float]]:
    """An analysis with a turn for each stretch of speech, and the stretches' starts on the call clock."""
    with opened_file(CALL_AUDIO) as source:
        sides = of_call(decode_call_8khz(source.reopen(), probe_call(source)))
    spoken = sorted((a * FRAME_S, b * FRAME_S, who) for who, side in enumerate(sides) for a, b in side.turns)
    turns = [
        (f"p-{who + 1}", 1000 * (from_s + shift_s), 1000 * (to_s + shift_s), "<b>these</b> & those words")
        for from_s, to_s, who in spoken
    ]
    return lens(*turns), [from_s for from_s, _, _ in spoken]


def processed(folder: Path, words: bytes) -> dict[str, Any]:
    """The sample call, processed with a transcript: the content of its qc.json."""
    path = folder / "words.json"
    path.write_bytes(words)
    files = LocalFiles(CALL_AUDIO, AGENT_RECORDING, folder / "unified", words=path)
    process_files(files, parse_call_end(reported_call_end()))
    found: dict[str, Any] = json.loads((folder / "unified.qc.json").read_bytes())
    return found


def test_captions_fit_the_sound_and_a_wrong_transcript_removes_them(tmp_path: Path) -> None:
    """One generation: digests in qc.json, `verify` reads them, and the next run has no captions."""
    words, starts_s = words_of_sample()
    document = processed(tmp_path, words)
    captions = tmp_path / "unified.vtt"
    offset_s = document["alignment"]["offset_s"]
    found = webvtt.from_string(captions.read_text(encoding="utf-8"), strict=True)
    shown_s = [int(c.start[:2]) * 3600 + int(c.start[3:5]) * 60 + float(c.start[6:]) for c in found.captions]
    assert all(abs(at_s - start_s - offset_s) < 0.002 for at_s, start_s in zip(shown_s, starts_s, strict=True))
    assert document["transcript"]["is_used"]
    recorded = document["provenance"]["outputs"]["captions"]
    assert recorded["sha256"] == hashlib.sha256(captions.read_bytes()).hexdigest()
    assert document["provenance"]["run_id"] in captions.read_text(encoding="utf-8")
    with av.open(str(tmp_path / "unified.mp4")) as container:
        titles = [one["metadata"]["title"] for one in container.chapters()]
    assert titles == [one["title"] for one in document["chapters"]] == ["Before the call", "Call", "After-call work"]
    files = RecordedFiles(str(tmp_path), lambda: None)
    states = {one.role: one.state for one in verify_run(files, "unified.qc.json").files}
    assert (states["captions"], states["transcript"]) == ("unchanged", "unchanged")
    captions.write_text("WEBVTT\n", encoding="utf-8")
    states = {one.role: one.state for one in verify_run(files, "unified.qc.json").files}
    assert states["captions"] == "changed"

    document = processed(tmp_path, words_of_sample(shift_s=1.5)[0])
    assert not document["transcript"]["is_used"]
    assert document["provenance"]["outputs"]["captions"] is None
    (wrong,) = (one for one in document["findings"] if one["name"] == "transcript_offset")
    assert wrong["status"] == "warn"
    assert not captions.exists()


def test_a_recording_in_aws_takes_a_named_transcript_too(
    world: World, sample: Capture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Its captions are published; `qc.json` names no folder of this machine. `audit` and `diagnose` take it as well."""
    shell, call_key = Shell(monkeypatch, capsys), f"{PREFIX}/CallRecordings/2026/03/02/contact-1_20260302T23:55_UTC.wav"
    world.s3.put_object(Bucket=CONNECT, Key=call_key, Body=sample.call.read_bytes())
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=sample.recording.read_bytes())
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    content, _ = words_of_sample()
    path = tmp_path / "words.json"
    path.write_bytes(content)
    named = (RECORDING.recording_id, "--call-end", sample.call_end, "--transcript", path)
    code, found = shell.json("process", *named)
    assert code == 0
    assert found["transcript"]["is_used"]
    assert found["provenance"]["inputs"]["transcript"]["location"] == "words.json"
    published = world.s3.get_object(Bucket=OUTPUT, Key=RECORDING.captions_key)
    assert published["ContentType"] == "text/vtt"
    assert found["provenance"]["run_id"] in published["Body"].read().decode()
    code, checked = shell.json("verify", RECORDING.recording_id)
    assert code == 0
    assert "recording.vtt" in str(checked)
    assert "words.json" not in str(checked)
    assert shell.json("diagnose", *named)[1]["transcript"]["is_used"]
    request = AuditRequest(recording_id=RECORDING.recording_id, call_end=sample.call_end, transcript=str(path))
    session = open_session(request, tmp_path / "audit")
    assert session.examined.transcript is not None
