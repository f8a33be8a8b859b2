"""A span that was not to be recorded is searched for in all that a batch, a fleet page and a release make.

The sound is searched with a matched filter over all lags, and the pictures are compared frame by frame.
"""

from __future__ import annotations

import io
import json
import subprocess
import wave
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from analyses import as_json, redacted_analysis, times, turn
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, PREFIX, RECORDING, TABLE, World
from captures import CAPTURES
from command import CLI, run
from jupyter_home import jupyter_environment
from searched_artefacts import Artefact, artefacts, embedded, is_grey, picture
from shell import Shell
from span_search import MOST, SpanSearch, is_plain
from suspended import suspended_call

from komorebi_qc.media.plain_picture import GROUND

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WEBM = SpanSearch(CAPTURES["vp8.webm"], 0.0, 3.5, (5.2, 5.8, 6.4, 7.0, 7.2, 10.9))
"""The call begins with it, so that the thumbnail's moment can be in its mask."""
MARGIN_S = 0.8
SAMPLE = SpanSearch(CAPTURES["sample"], 8.0, 12.0, (1.8, 4.0, 6.0, 15.1, 17.0, 20.0, 23.0))
ANALYSIS_KEY = "Analysis/Voice/Redacted/2026/03/02/contact-1_analysis_redacted_2026-03-02T23:56:00Z.json"
CALL_KEY = f"{PREFIX}/CallRecordings/2026/03/02/contact-1_20260302T23:55_UTC.wav"


def redacted(search: SpanSearch, **more: Any) -> bytes:
    """An analysis that redacts the span."""
    span = times(1000 * search.from_s, 1000 * search.to_s)
    said = turn(span["BeginOffsetMillis"], span["EndOffsetMillis"], "My [PII].", span)
    return as_json(redacted_analysis(said, **more))


def too_much(search: SpanSearch, found: Sequence[Artefact]) -> dict[str, float]:
    """The artefacts that hold the span's sound."""
    return {name: share for name, share in search.held_by(found).items() if share >= MOST}


@dataclass(frozen=True)
class Audited:
    """A batch's audit of a WebM recording with a redaction, and the fleet page about it."""

    folder: Path
    row: dict[str, Any]
    found: tuple[Artefact, ...]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """Made by the installed commands, with both notebooks; a limit lets the recording be one of the worst."""
    folder = tmp_path_factory.mktemp("audited")
    (folder / "analysis.json").write_bytes(redacted(WEBM))
    capture = WEBM.capture
    (folder / "list.csv").write_text(
        "recording_id,connect,recording,call_end,analysis\n"
        f"r1,{capture.call},{capture.recording},{capture.call_end},analysis.json\n"
    )
    environ = jupyter_environment(tmp_path_factory.mktemp("home"))
    limits = ("--mask-margin", str(MARGIN_S), "--limit", "speech_level=-2..-1")
    for words in (
        ("batch", "list.csv", "--out", "data", "--action", "audit", "--workers", "1", *limits),
        ("fleet", "data", "--out", "data/fleet.html"),
    ):
        command = [str(CLI), *words]
        done = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=250
        )
        assert done.returncode in (0, 3), done.stderr
    (rows,) = (folder / "data").glob("day=*/rows-*.parquet")
    (row,) = pq.read_table(rows).to_pylist()
    assert row["status"] == "done", row
    return Audited(folder, row, tuple(artefacts(folder / "data" / "_reports")))


def test_a_batchs_audit_holds_no_sound_of_the_span(audited: Audited) -> None:
    """Video, tracks, report and executed notebooks. The row names the analysis, so that a rerun masks as well."""
    names = {one.name.partition(" ")[0] for one in audited.found}
    notebooks = {f"r1/{name}.ipynb" for name in ("process_recording", "sync_diagnostics")}
    assert {"r1/recording.webm", "r1/audio/recording.m4a", "r1/audio/both.m4a", "r1/thumbnail.png"} | notebooks <= names
    assert too_much(WEBM, audited.found) == {}
    assert audited.row["analysis"] == str(audited.folder / "analysis.json")


def test_a_batchs_pictures_of_the_span_are_plain(audited: Audited) -> None:
    """Each frame of the video; the thumbnail, whose moment is in the mask; and its copy on the fleet page."""
    report = audited.folder / "data" / "_reports" / "r1"
    seen = WEBM.plain_frames((report / "recording.webm").read_bytes())
    assert len(seen) > 30
    assert all(seen)
    assert is_plain(picture((report / "thumbnail.png").read_bytes()))
    page = audited.folder / "data" / "fleet.html"
    (small,) = [one for one in embedded(page.name, page.read_bytes()) if one.kind == "picture"]
    assert is_grey(picture(small.content), GROUND)


@pytest.mark.parametrize("mask", ["picture", "none"])
@pytest.mark.parametrize("placed", [("--align", "call-end"), ("--offset", "2.6")], ids=["call-end", "offset"])
def test_a_call_that_was_not_measured_is_masked(tmp_path: Path, placed: tuple[str, str], mask: str) -> None:
    """By its reported end, 0.7 s early, and by a rounded offset: the mask is wider by what each may be off."""
    capture = SAMPLE.capture
    (tmp_path / "call.wav").write_bytes(suspended_call(capture.call.read_bytes(), (SAMPLE.from_s, SAMPLE.to_s)))
    files = ("--connect", tmp_path / "call.wav", "--recording", capture.recording, "--call-end", capture.call_end)
    done = run("process", *files, *placed, "--mask", mask, "--out", tmp_path / "out.mp4", "--json")
    found = json.loads(done.stdout)
    video = (tmp_path / "out.mp4").read_bytes()
    seen = SAMPLE.plain_frames(video)
    assert len(seen) > 20
    if mask == "none":
        assert not any(seen)
        return
    assert len(found["suspensions"]) == 1
    assert SAMPLE.held_in(video) < MOST
    assert all(seen)


def silent_call(seconds: int) -> bytes:
    """Call audio without speech: nothing confirms any pair with it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(8_000)
        out.writeframes(bytes(4 * 8_000 * seconds))
    return file.getvalue()


@pytest.fixture
def held(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A held recording, whose call has a redaction."""
    monkeypatch.setenv("KOMOREBI_QUEUE_URL", world.queue().url)
    monkeypatch.setenv("KOMOREBI_UNCONFIRMED", "hold")
    world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=silent_call(20))
    analysed = {"CustomerMetadata": {"InputS3Uri": f"s3://{CONNECT}/{CALL_KEY}"}}
    world.s3.put_object(Bucket=CONNECT, Key=ANALYSIS_KEY, Body=redacted(SAMPLE, **analysed))
    recording = SAMPLE.capture.recording.read_bytes()
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=recording)
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    body = json.dumps({"recordingID": "contact-1", "callEndingTimestamp": SAMPLE.capture.call_end})
    world.queue().send(body)
    return world


def test_a_released_recording_is_masked(
    held: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was held, an operator places it by hand, and the redaction's sound and picture aren't published."""
    shell = Shell(monkeypatch, capsys)
    shell.run("worker", "--once")
    assert "1 held" in shell.out
    assert held.keys(OUTPUT) == []
    code, outcome = shell.json("dlq", "release", "contact-1", "--offset", f"{SAMPLE.capture.offset_s:.1f}")
    assert code in (0, 3)
    assert len(outcome["redactions"]) == 1
    video = held.read(RECORDING.video_key("mp4"))
    assert SAMPLE.held_in(video) < MOST
    seen = SAMPLE.plain_frames(video)
    assert len(seen) > 20
    assert all(seen)
    assert not is_plain(picture(held.read(RECORDING.thumbnail_key)))
