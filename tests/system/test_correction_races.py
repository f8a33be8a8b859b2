"""Two publications of one recording at once, on the embedded AWS: one wins, one is refused. Nothing is mixed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, PREFIX, RECORDING, TABLE, Faulty, World

from komorebi_qc import jobs
from komorebi_qc.core.analyst.correction import Correction
from komorebi_qc.core.errors import ConcurrentRunError
from komorebi_qc.core.progress import MARK, PUBLISH, Silent
from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.core.timebase import Alignment, parse_call_end
from komorebi_qc.pipeline.options import Order
from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from captures import Capture

ID = RECORDING.recording_id
CALL_KEY = f"{PREFIX}/CallRecordings/2026/03/02/contact-1_20260302T23:55_UTC.wav"
FETCH = "fetch call audio"
PATIENCE_S = 240.0


@dataclass(frozen=True)
class Recorded:
    """A recording on the embedded AWS, published once already."""

    world: World
    sample: Capture

    def correction(self, offset_s: float) -> Correction:
        """A correction of it, made now."""
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        call, own = (digest_of_bytes(path.read_bytes()).sha256 for path in (self.sample.call, self.sample.recording))
        return Correction(ID, Alignment(offset_s), call, own, f"To {offset_s} s.", "", made_at, "komorebi-qc 0.2.0")

    def correct(self, offset_s: float, progress: Silent | None = None) -> jobs.CorrectionResult:
        """`correct --publish`."""
        request = jobs.CorrectionRequest(ID, self.correction(offset_s), "", True, self.sample.call_end)  # noqa: FBT003
        return jobs.correct(request, os.environ, progress or Silent())

    def message(self, progress: Silent | None = None) -> None:
        """The run of a forced message."""
        order = Order(ID, parse_call_end(self.sample.call_end))
        Settings.from_environment(os.environ).pipeline().process(order, progress=progress)

    def offset_s(self) -> float:
        """The published offset. The item, its correction and every file are of the same run."""
        item = self.world.item()
        document = json.loads(self.world.read(RECORDING.qc_key))
        run_id = item["qcRunId"]["S"]
        assert document["provenance"]["run_id"] == run_id
        keys = (RECORDING.video_key("mp4"), RECORDING.thumbnail_key, RECORDING.qc_key)
        heads = [self.world.s3.head_object(Bucket=OUTPUT, Key=key) for key in keys]
        assert {head["Metadata"]["komorebi-run"] for head in heads} == {run_id}
        offset_s = float(document["alignment"]["offset_s"])
        assert (document["correction"] is not None) == ("qcCorrection" in item)
        if "qcCorrection" in item:
            assert json.loads(item["qcCorrection"]["S"])["alignment"]["offset_s"] == offset_s
            assert document["correction"]["why"] == item["qcCorrectionWhy"]["S"] == f"To {offset_s} s."
        assert self.world.dangling_uploads() == []
        return offset_s


@pytest.fixture
def recorded(world: World, sample: Capture) -> Recorded:
    """The sample call, processed without a correction."""
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=sample.recording.read_bytes())
    world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=sample.call.read_bytes())
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    found = Recorded(world, sample)
    found.message()
    assert found.offset_s() == pytest.approx(sample.offset_s, abs=0.001)
    return found


class At(Silent):
    """Does something once, when a step begins."""

    def __init__(self, name: str, act: Callable[[], object]) -> None:
        self.name, self.act = name, act

    def step(self, number: int, of: int, name: str) -> None:
        """A step begins."""
        super().step(number, of, name)
        if name == self.name:
            self.name = ""
            self.act()


@pytest.mark.parametrize("at", [FETCH, PUBLISH, MARK])
def test_a_message_is_first(recorded: Recorded, at: str) -> None:
    """A whole run of a message while a correction begins, publishes or marks: the correction fails in a sentence."""
    with pytest.raises(ConcurrentRunError, match="run"):
        recorded.correct(2.5, At(at, recorded.message))
    assert recorded.offset_s() == pytest.approx(recorded.sample.offset_s, abs=0.001)
    recorded.correct(2.5)
    assert recorded.offset_s() == 2.5


@pytest.mark.parametrize("at", [FETCH, PUBLISH, MARK])
def test_a_correction_is_first(recorded: Recorded, at: str) -> None:
    """A whole correction while a message's run begins, publishes or marks: the run fails, and its retry keeps it."""
    with pytest.raises(ConcurrentRunError, match="run"):
        recorded.message(At(at, lambda: recorded.correct(2.5)))
    assert recorded.offset_s() == 2.5
    recorded.message()
    assert recorded.offset_s() == 2.5


def test_a_run_that_overwrites_a_correction_restores_it(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one marks the item between the second one's last look and its first write."""
    is_written, is_about_to_write, is_marked = Event(), Event(), Event()

    def put_object(true: Callable[..., Any], **arguments: Any) -> Any:
        is_about_to_write.set()
        assert is_marked.wait(PATIENCE_S)
        return true(**arguments)

    def suspended() -> None:
        is_written.set()
        assert is_about_to_write.wait(PATIENCE_S)

    def first() -> None:
        try:
            recorded.correct(2.4, At(MARK, suspended))
        finally:
            is_written.set()
            is_marked.set()

    def client(service: str) -> Any:
        return Faulty(aws_client(service), put_object=put_object) if service == "s3" else aws_client(service)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        assert is_written.wait(PATIENCE_S)
        monkeypatch.setattr("komorebi_qc.wiring.clients.aws_client", client)
        with pytest.raises(ConcurrentRunError, match="published at the same time"):
            recorded.correct(2.5)
        running.result(PATIENCE_S)
    assert recorded.offset_s() == 2.4


def test_two_commands_at_once(recorded: Recorded, tmp_path: Path) -> None:
    """Two analysts, two processes: one publishes, and the other one's sentence says that somebody else was first."""
    offsets = (2.4, 2.5)
    running = []
    for offset_s in offsets:
        path = tmp_path / f"{offset_s}.json"
        path.write_bytes(recorded.correction(offset_s).to_bytes())
        command = [sys.executable, "-m", "komorebi_qc", "correct", ID, "--from", str(path), "--publish"]
        command += ["--call-end", recorded.sample.call_end]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    ended = [one.communicate(timeout=PATIENCE_S) for one in running]
    codes = [one.returncode for one in running]
    winner = 0 if codes[0] in (0, 3) else 1
    assert codes[winner] in (0, 3), ended
    assert codes[1 - winner] in (1, 2), ended
    loser = ended[1 - winner][1]
    assert any(words in loser for words in ("another run", "was corrected", "somebody else corrected")), loser
    assert recorded.offset_s() == offsets[winner]
