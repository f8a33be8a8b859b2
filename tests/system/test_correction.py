"""The story of a correction, by the commands, on the embedded AWS."""

from __future__ import annotations

import json
import os
import re
import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, RECORDING, TABLE, World
from correction_story import CALL_KEY, ID, OWN, Story
from desk import made_notebook
from shell import Shell

from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Alignment, Jump
from komorebi_qc.desk.session import AuditRequest, open_session
from komorebi_qc.pipeline.options import Order
from komorebi_qc.wiring import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from captures import Capture


@pytest.fixture
def unsure(tmp_path: Path, sample: Capture) -> Path:
    """The sample's call with noise in place of nearly all speech: only its reported end places it, 0.67 s early."""
    with wave.open(str(sample.call)) as file:
        parameters = file.getparams()
        speech = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    quiet = np.random.default_rng(1).integers(-3, 4, speech.shape).astype("<i2")
    quiet[72_000:80_000] = speech[72_000:80_000]
    path = tmp_path / "unsure.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams(parameters)
        file.writeframes(quiet.tobytes())
    return path


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """The command line."""
    return Shell(monkeypatch, capsys)


@pytest.fixture
def story(
    world: World, sample: Capture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Story:
    """A recording with its inputs, not processed yet."""
    monkeypatch.setenv("KOMOREBI_QUEUE_URL", world.queue().url)
    monkeypatch.setenv("KOMOREBI_UNCONFIRMED", "publish")
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=sample.recording.read_bytes())
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    return Story(world, Shell(monkeypatch, capsys), tmp_path, sample.call_end)


def test_a_correction_outlasts_messages(story: Story, unsure: Path) -> None:
    """Tried, published, and kept by a forced message with another call end; batch and fleet count it by name."""
    shell = story.shell
    story.world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=unsure.read_bytes())
    story.message()
    first = story.document()
    assert (first["alignment"]["source"], first["alignment"]["offset_s"]) == ("call_end", pytest.approx(1.9))
    assert (first["correction"], story.attributes()) == (None, {})
    item, file = story.world.item(), story.file()

    assert shell.run("correct", ID, "--from", str(file)) in (0, 3)
    assert "the call moves  +0.667 s at its start, +0.667 s at its end" in shell.out
    assert "Nothing was changed. To publish it: komorebi-qc correct contact-1 --from " in shell.out
    assert (story.world.item(), story.document()) == (item, first)

    code, published = shell.json("correct", ID, "--from", str(file), "--publish")
    assert code in (0, 3)
    assert published["is_published"]
    corrected, attributes = story.document(), story.attributes()
    assert (corrected["alignment"]["source"], corrected["alignment"]["offset_s"]) == ("manual", 2.567)
    assert attributes["qcCorrectedBy"].startswith("arn:aws:")
    assert attributes["qcCorrectionWhy"] == "The words were late."
    assert corrected["correction"]["at"] == attributes["qcCorrectedAt"] < "2999"
    assert json.loads(attributes["qcCorrection"])["alignment"]["offset_s"] == 2.567

    story.message()
    story.message(callEndingTimestamp="00:00:21", force=True)
    again = story.document()
    assert again["provenance"]["run_id"] != corrected["provenance"]["run_id"]
    assert (again["alignment"], again["correction"]) == (corrected["alignment"], corrected["correction"])
    assert (story.attributes(), story.world.waiting("dead")) == (attributes, (0, 0))
    assert story.counted() == (1, 1)
    who = f"Corrected by {attributes['qcCorrectedBy']} at {attributes['qcCorrectedAt']}"
    assert who in (story.folder / "fleet.html").read_text()


def test_a_correction_can_be_undone(story: Story, sample: Capture) -> None:
    """Without a publication nothing changes; with it the measured place is back. An offset is no way to undo it."""
    shell = story.shell
    story.world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=sample.call.read_bytes())
    end = ("--call-end", story.call_end)
    assert shell.run("correct", ID, "--from", str(story.file()), "--publish", *end) == 0
    attributes = story.attributes()
    assert set(attributes) == set(OWN)
    assert shell.run("verify", ID) == 0
    assert shell.run("process", ID, *end, "--offset", "1") == 2
    assert "another offset would undo that" in shell.err

    assert shell.json("correct", ID, "--undo")[1]["after"]["source"] == "measured"
    assert story.attributes() == attributes
    code, undone = shell.json("correct", ID, "--undo", "--publish")
    assert (code, undone["correction"], undone["replaced"]["why"]) == (0, None, "The words were late.")
    assert (story.attributes(), story.document()["alignment"]["source"]) == ({}, "measured")
    assert story.document()["correction"] is None
    assert shell.run("correct", ID, "--undo", "--publish") == 2
    assert "isn't corrected" in shell.err


def test_a_recording_without_a_reported_end_is_corrected_without_one(story: Story, sample: Capture) -> None:
    """Its events made it; a correction and its undoing need no call end either."""
    story.world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=sample.call.read_bytes())
    Settings.from_environment(os.environ).pipeline().process(Order(ID, None))
    assert story.document()["call_end"]["reported_s"] is None
    assert story.shell.run("correct", ID, "--from", str(story.file()), "--publish") == 0
    document = story.document()
    assert (document["alignment"]["source"], document["call_end"]["source"]) == ("manual", None)
    assert story.shell.run("correct", ID, "--undo", "--publish") == 0
    assert story.document()["alignment"]["source"] == "measured"


def test_a_wrong_correction_is_refused_or_found(story: Story, sample: Capture) -> None:
    """Of another recording, another version or outside of the call: a sentence. A wrong place: a finding that fails."""
    shell = story.shell
    story.world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=sample.call.read_bytes())
    story.message()
    before = (story.world.item(), story.document())
    for changes, fault in (
        ({"recording_id": "contact-2"}, "of recording contact-2, not of contact-1"),
        ({"recording_sha256": "0" * 64}, "another version of the agent recording"),
        ({"alignment": Alignment(2.567, 0.0, (Jump(500.0, 1.0),))}, "a jump at 00:08:20.000 of the call"),
        ({"why": ""}, "--why is missing"),
    ):
        assert shell.run("correct", ID, "--from", str(story.file(**changes)), "--publish") == 2
        assert fault in shell.err
    assert (story.world.item(), story.document()) == before
    code, tried = shell.json("correct", ID, "--from", str(story.file(alignment=Alignment(2.2))))
    assert code == 3
    assert tried["after"]["verdict"] == "fail"
    changed = {one["name"]: (one["before"], one["after"]) for one in tried["changed_findings"]}
    assert changed["alignment_residual"] == ("pass", "fail")


def test_two_analysts_lose_nothing(story: Story, sample: Capture) -> None:
    """A correction made before the present one is refused, with the other analyst's name and time."""
    shell = story.shell
    story.world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=sample.call.read_bytes())
    story.message()
    first, second = story.file("a.json"), story.file("b.json", made_at="2026-01-01T00:00:00Z", why="Mine.")
    assert shell.run("correct", ID, "--from", str(first), "--publish") in (0, 3)
    kept = (story.world.item(), story.document())
    assert shell.run("correct", ID, "--from", str(second), "--publish") == 2
    assert "was corrected by arn:aws:" in shell.err
    assert "after this correction was made" in shell.err
    assert (story.world.item(), story.document()) == kept
    code, replacing = shell.json("correct", ID, "--from", str(first), "--publish", "--why", "Agreed.")
    assert (code in (0, 3), replacing["replaced"]["why"]) == (True, "The words were late.")
    assert story.attributes()["qcCorrectionWhy"] == "Agreed."


def test_an_audit_of_a_corrected_recording_has_both_places(story: Story, sample: Capture) -> None:
    """The call before and after at the same moment, the correction in the document, and the published file measured."""
    story.world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=sample.call.read_bytes())
    file = story.file(alignment=Alignment(-1.0, 0.0, (Jump(10.4, 0.5),)))
    assert story.shell.run("correct", ID, "--from", str(file), "--publish", "--call-end", story.call_end) == 3
    request = AuditRequest(recording_id=ID, call_end=story.call_end, delivered="published")
    examined = open_session(request, story.folder / "audit").examined
    before, delivered = examined.before, examined.delivered
    assert examined.document["correction"]["why"] == "The words were late."
    assert (examined.placement.source, examined.alignment.offset_s) == ("manual", -1.0)
    assert before is not None
    assert before.placement.source == "measured"
    assert before.placement.alignment.offset_s == pytest.approx(sample.offset_s, abs=0.002)
    # The same second of the recording is at the same index: the output begins 1 s earlier than the recording.
    call = examined.diagnosis.pair.call[3 * RATE : 4 * RATE].sum(axis=1)
    mixed = before.customer + before.agent
    starts = [round((sample.offset_s + 1.0 + 3.0) * RATE) + samples for samples in (-2, -1, 0, 1, 2)]
    assert max(np.corrcoef(mixed[at : at + RATE], call)[0, 1] for at in starts) > 0.95
    inputs = examined.document["provenance"]["inputs"]
    assert examined.call_sha256 == inputs["call_audio"]["sha256"] != ""
    assert examined.recording_sha256 == inputs["agent_recording"]["sha256"] != ""
    assert delivered is not None
    assert delivered.measured.status == "aligned"
    assert [round(jump.size_s, 2) for jump in delivered.measured.jumps] == [0.5]
    assert {one.name: one.status for one in delivered.findings}["delivered_alignment"] == "pass"
    assert len(delivered.audio) == len(examined.tracks.recording)


def test_a_delivered_file_that_fails_is_seen_by_a_script(shell: Shell, sample: Capture, tmp_path: Path) -> None:
    """The new result passes, and the disputed file has the call too early: exit code 3, and a line that says fail."""
    files = ("--connect", sample.call, "--recording", sample.recording, "--call-end", sample.call_end)
    assert shell.run("process", *files, "--offset", "2.1", "--out", tmp_path / "disputed") == 3
    notebook = made_notebook(tmp_path / "short.ipynb", "1 + 1")
    audit = ("audit", *files, "--notebook", notebook, "--delivered", tmp_path / "disputed.mp4")
    assert shell.run(*audit, "--out", tmp_path / "audit") == 3
    assert re.search(r"^ *FAIL +delivered file +disputed\.mp4", shell.out, re.MULTILINE)
    assert re.search(r"^Silence: 00:00:00\.000 to ", shell.out, re.MULTILINE)


def test_an_analyst_corrects_what_the_report_showed(story: Story, sample: Capture) -> None:
    """The file says which correction its report showed, so no clock of an analyst's machine decides."""
    shell, past = story.shell, "2020-01-01T00:00:00Z"
    story.world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=sample.call.read_bytes())
    end = ("--call-end", story.call_end)
    first = story.file(seen_correction="", made_at=past)
    assert shell.run("correct", ID, "--from", first, "--publish", *end) == 0
    assert shell.run("correct", ID, "--from", first, "--publish", *end) == 2
    assert "after this correction was made" in shell.err
    seen = story.file(seen_correction=story.attributes()["qcCorrectedAt"], made_at=past, why="Once more.")
    assert shell.run("correct", ID, "--from", seen, "--publish", *end) == 0
    assert story.attributes()["qcCorrectionWhy"] == "Once more."
