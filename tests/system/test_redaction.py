"""Contact Lens' redactions are silent in the result: on local files, and through the queue on the embedded AWS."""

from __future__ import annotations

import io
import json
import wave
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from analyses import analysis, as_json, redacted_analysis, times, turn
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, PREFIX, RECORDING, TABLE, World
from command import run
from fake_stores import measured_order, stores
from shell import Shell

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.source import Source
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.media.decode_8khz import decode_output_8khz
from komorebi_qc.pipeline.diagnose import diagnose
from komorebi_qc.pipeline.options import Options
from komorebi_qc.pipeline.process import process
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from pathlib import Path

    from captures import Capture
    from numpy.typing import NDArray

CALL_KEY = f"{PREFIX}/CallRecordings/2026/03/02/contact-1_20260302T23:55_UTC.wav"
FOLDER = "Analysis/Voice/Redacted/2026/03/02"
ANALYSIS_KEY = f"{FOLDER}/contact-1_analysis_redacted_2026-03-02T23:55:09Z.json"
AUDIO_KEY = f"{FOLDER}/contact-1_call_recording_redacted_2026-03-02T23:55:09Z.wav"
CARD_S = (14.0, 16.4)
"""The customer of the sample call speaks, and reads a card number as far as this test goes."""
MARGIN_S = 0.5
RATE = 8000


def card(**more: Any) -> bytes:
    """The sample call's analysis, with one redaction."""
    begin_ms, end_ms = (1000 * at for at in CARD_S)
    spoken = turn(13_900, 16_500, "It is [PII].", times(begin_ms, end_ms))
    audio = {"InputS3Uri": f"s3://calls/{CALL_KEY}"}
    return as_json(redacted_analysis(turn(0, 900), spoken, CustomerMetadata=audio, **more))


def redacted_call(
    call: Path, sides: tuple[int, ...], fill: str, spans: tuple[tuple[float, float], ...] = (CARD_S,)
) -> bytes:
    """The call audio with silence or a beep in some spans, on these channels."""
    with wave.open(str(call)) as file:
        layout = file.getparams()
        samples = np.frombuffer(file.readframes(layout.nframes), np.int16).reshape(-1, 2).copy()
    for first, last in ((round(from_s * RATE), round(to_s * RATE)) for from_s, to_s in spans):
        tone = 8000 * np.sin(2 * np.pi * 1000 * np.arange(last - first) / RATE) * (fill == "beep")
        samples[first:last, sides] = tone.astype(np.int16)[:, None]
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams(layout)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def loudest(video: bytes, from_s: float, to_s: float) -> int:
    """The loudest sample of the output in a span of its clock."""
    samples: NDArray[np.int16] = decode_output_8khz(Source("video", io.BytesIO(video), len(video)))
    return int(np.abs(samples[round(from_s * RATE) : round(to_s * RATE)].astype(np.int32)).max())


def assert_masked(video: bytes, offset_s: float, *, speech_at_s: float = 2.5) -> None:
    """The card number and its margin are silent, and the call is still there elsewhere.

    The last 50 ms of the margin are left out: the codec's ringing and the offset's error are within them.
    """
    wide_s = MARGIN_S - 0.05
    assert loudest(video, offset_s + CARD_S[0] - wide_s, offset_s + CARD_S[1] + wide_s) <= 1
    assert loudest(video, offset_s + speech_at_s, offset_s + speech_at_s + 1.5) > 1000


# Local files


def test_a_redaction_is_silent_in_the_output(sample: Capture, tmp_path: Path) -> None:
    """The customer reads a card number, which the recording has as well. Without a mask it is audible."""
    path = tmp_path / "analysis.json"
    path.write_bytes(card())
    files = ("--connect", sample.call, "--recording", sample.recording, "--call-end", sample.call_end)
    done = run("process", *files, "--analysis", path, "--out", tmp_path / "masked.mp4", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0, found
    assert [(one["call_from_s"], one["call_to_s"]) for one in found["redactions"]] == [CARD_S]
    assert found["suspensions"] == []
    assert_masked((tmp_path / "masked.mp4").read_bytes(), sample.offset_s)
    run("process", *files, "--analysis", path, "--out", tmp_path / "plain.mp4", "--mask", "none")
    plain = (tmp_path / "plain.mp4").read_bytes()
    assert loudest(plain, sample.offset_s + CARD_S[0], sample.offset_s + CARD_S[1]) > 1000


def test_a_diagnosis_shows_redactions(sample: Capture, tmp_path: Path) -> None:
    """On all clocks, by their place in the recording."""
    path = tmp_path / "analysis.json"
    path.write_bytes(card())
    files = ("--connect", sample.call, "--recording", sample.recording, "--call-end", sample.call_end)
    (found,) = json.loads(run("diagnose", *files, "--analysis", path, "--json").stdout)["redactions"]
    assert (found["call_from_s"], found["call_to_s"]) == CARD_S
    assert found["recording_from_s"] == pytest.approx(CARD_S[0] + sample.offset_s, abs=0.002)


def test_an_analysis_that_cannot_be_read_publishes_nothing(sample: Capture, tmp_path: Path) -> None:
    """The error names the file, on every command, and no file is left."""
    path, out = tmp_path / "analysis.json", tmp_path / "out"
    path.write_bytes(b"not an analysis")
    out.mkdir()
    files = ("--connect", sample.call, "--recording", sample.recording, "--call-end", sample.call_end)
    named = (*files, "--analysis", path)
    failed = run("process", *named, "--out", out / "unified.mp4")
    assert (failed.returncode, "analysis.json can't be used: it isn't JSON" in failed.stderr) == (2, True)
    assert run("diagnose", *named).returncode == 2
    assert list(out.iterdir()) == []
    table, media = stores(sample)
    media.analysis = {"a.json": b"{}"}
    with pytest.raises(InputError, match="nothing is published"):
        process(measured_order(sample), table=table, media=media)
    assert (media.published, table.updates) == ([], [])


# Redacted call audio


@pytest.mark.parametrize("fill", ["silence", "beep"])
@pytest.mark.parametrize("sides", [(0,), (1,), (0, 1)], ids=["customer", "agent", "both"])
def test_redacted_audio_is_still_placed(sample: Capture, sides: tuple[int, ...], fill: str) -> None:
    """Silence or a beep at a redaction, on one channel or both, moves nothing, and is no suspension.

    Which of these Contact Lens writes isn't documented.
    """
    table, media = stores(sample)
    media.call = redacted_call(sample.call, sides, fill)
    media.analysis = {"a.json": card()}
    outcome = process(measured_order(sample), table=table, media=media)
    assert outcome.placement.source == "measured"
    assert outcome.placement.alignment.offset_s == pytest.approx(sample.offset_s, abs=0.0015)
    assert outcome.placement.alignment.jumps == ()
    assert outcome.document["suspensions"] == []
    assert len(outcome.document["redactions"]) == 1
    ((_, video, _),) = media.published
    assert_masked(video, sample.offset_s)


@pytest.mark.parametrize("fill", ["silence", "beep"])
@pytest.mark.parametrize("sides", [(0,), (1,), (0, 1)], ids=["customer", "agent", "both"])
def test_many_beeps_contradict_nothing(sample: Capture, sides: tuple[int, ...], fill: str) -> None:
    """If most of the speech is redacted, the rest still places the call. A beep alone looks like other speech."""
    spans = ((0.0, 2.0), (2.5, 4.0), (4.5, 6.0), (11.3, 12.8), (14.0, 16.3))
    data = redacted_call(sample.call, sides, fill, spans)
    turns = [turn(1000 * a, 1000 * b, "", times(1000 * a, 1000 * b)) for a, b in spans]
    call = Source("s3://calls/c_call_recording_redacted_2026-03-02T23:55:09Z.wav", io.BytesIO(data), len(data))
    read = as_json(redacted_analysis(*turns))
    analyses = [Source("s3://calls/c_analysis_redacted_2026-03-02T23:55:09Z.json", io.BytesIO(read), len(read))]
    with opened_file(sample.recording) as recording:
        found = diagnose(call, recording, parse_call_end(sample.call_end), analyses=analyses)
        assert (found.verdict, found.sync.status) == ("pass", "aligned")
        assert found.sync.offset_s == pytest.approx(sample.offset_s, abs=0.0015)
        if (sides, fill) == ((0, 1), "beep"):
            without = diagnose(call, recording.reopen(), parse_call_end(sample.call_end))
            assert without.sync.status != "aligned"


def test_a_redactions_silence_without_its_analysis_is_a_suspension(sample: Capture) -> None:
    """Nothing else can be known of it: it is masked as one."""
    table, media = stores(sample)
    media.call = redacted_call(sample.call, (0, 1), "silence")
    outcome = process(measured_order(sample), table=table, media=media, options=Options())
    assert [one["call_from_s"] for one in outcome.document["suspensions"]] == pytest.approx([CARD_S[0]], abs=0.1)


# Through the queue


@pytest.fixture
def shell(world: World, sample: Capture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A worker's command line, with the sample call in the buckets. The item is months old, and isn't given up."""
    monkeypatch.setenv("KOMOREBI_QUEUE_URL", world.queue().url)
    monkeypatch.setenv("KOMOREBI_GIVE_UP_AFTER_HOURS", "8760")
    world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=sample.call.read_bytes())
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=sample.recording.read_bytes())
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    return Shell(monkeypatch, capsys)


def deliver(world: World, shell: Shell, sample: Capture) -> int:
    """Send the backend's message and work on it; the worker's exit code."""
    world.queue().send(json.dumps({"recordingID": "contact-1", "callEndingTimestamp": sample.call_end}))
    return shell.run("worker", "--once")


def test_required_redacted_audio_is_waited_for(
    world: World, shell: Shell, sample: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message comes again until redacted audio and analysis are there; then the redacted audio is the call's."""
    monkeypatch.setenv("KOMOREBI_REDACTED", "require")
    deliver(world, shell, sample)
    (hidden_s,) = world.hidden_for_s()
    assert hidden_s == pytest.approx(60, abs=8)
    assert (world.keys(OUTPUT), world.item(), world.waiting("dead")) == ([], ITEM, (0, 0))

    redacted = redacted_call(sample.call, (0,), "beep")
    world.s3.put_object(Bucket=CONNECT, Key=AUDIO_KEY, Body=redacted)
    deliver(world, shell, sample)
    assert (world.keys(OUTPUT), len(world.hidden_for_s())) == ([], 2)

    world.s3.put_object(Bucket=CONNECT, Key=ANALYSIS_KEY, Body=card())
    assert deliver(world, shell, sample) == 0
    assert RECORDING.video_key("mp4") in world.keys(OUTPUT)
    assert_masked(world.read(RECORDING.video_key("mp4")), sample.offset_s)
    document = json.loads(world.read(RECORDING.qc_key))
    assert document["call_end"]["measured_s"] == pytest.approx(sample.call_end_s, abs=0.005)
    code, status = shell.json("status", "contact-1")
    assert (code, AUDIO_KEY in status["inputs"], ANALYSIS_KEY in status["inputs"]) == (0, True, True)


def test_a_later_analysis_is_masked_when_the_message_comes_again(world: World, shell: Shell, sample: Capture) -> None:
    """Without require, the first result has no mask. A repeated message makes a new one, and only once."""
    assert deliver(world, shell, sample) == 0
    plain = world.read(RECORDING.video_key("mp4"))
    assert loudest(plain, sample.offset_s + CARD_S[0], sample.offset_s + CARD_S[1]) > 1000

    world.s3.put_object(Bucket=CONNECT, Key=ANALYSIS_KEY, Body=card())
    assert deliver(world, shell, sample) == 0
    masked = world.read(RECORDING.video_key("mp4"))
    assert_masked(masked, sample.offset_s)
    assert deliver(world, shell, sample) == 0
    assert world.read(RECORDING.video_key("mp4")) == masked


def test_an_unreadable_analysis_is_a_dead_letter(world: World, shell: Shell, sample: Capture) -> None:
    """Retrying can't help, so an operator reads the reason; nothing is published."""
    world.s3.put_object(Bucket=CONNECT, Key=ANALYSIS_KEY, Body=card(JobStatus="FAILED"))
    deliver(world, shell, sample)
    assert (world.keys(OUTPUT), world.item(), world.waiting("dead")) == ([], ITEM, (1, 0))
    (letter,) = shell.json("dlq", "list")[1]["letters"]
    assert "JobStatus isn't COMPLETED" in str(letter)


def test_an_analysis_of_a_call_without_redactions_masks_nothing(world: World, shell: Shell, sample: Capture) -> None:
    """The original variant is read as well."""
    key = "Analysis/Voice/2026/03/02/contact-1_analysis_2026-03-02T23:55:09Z.json"
    found = analysis(turn(0, 900), CustomerMetadata={"InputS3Uri": f"s3://calls/{CALL_KEY}"})
    world.s3.put_object(Bucket=CONNECT, Key=key, Body=as_json(found))
    assert deliver(world, shell, sample) == 0
    assert json.loads(world.read(RECORDING.qc_key))["redactions"] == []
