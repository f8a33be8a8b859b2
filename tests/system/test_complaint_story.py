"""The story of a complaint, from an unsure recording to the fleet, in a real browser and by keyboard alone."""

from __future__ import annotations

import json
import shlex
import wave
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, RECORDING, TABLE, World
from correction_story import CALL_KEY, ID, Story
from report_browser import STATE, open_report, until
from shell import Shell

from komorebi_qc.desk.audit.run import AuditJob, audit
from komorebi_qc.desk.session import AuditRequest

if TYPE_CHECKING:
    from pathlib import Path

    from captures import Capture
    from playwright.sync_api import Browser, Page, ViewportSize

pytestmark = pytest.mark.browser
DATA = "document.getElementById('komorebi').dataset"
NO_DIALOG = "delete window.showSaveFilePicker"
SIZE: ViewportSize = {"width": 1280, "height": 1000}
WHY = "At the end the customer answers before she is asked."
REPORTED_END = "00:00:20"
"""Between the ends of both places at which the call may be."""
FROM_S, TO_S, AGAIN_S = 6.0, 12.0, 13.0
"""The only speech of the call, and the time of its second copy."""


@pytest.fixture
def repeating(tmp_path: Path, sample: Capture) -> bytes:
    """The sample's call with 6 s of its speech twice, and noise: it fits at two places, 7 s apart."""
    with wave.open(str(sample.call)) as file:
        parameters = file.getparams()
        speech = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    call = np.random.default_rng(1).integers(-3, 4, speech.shape).astype("<i2")
    part = speech[round(FROM_S * 8000) : round(TO_S * 8000)]
    for at_s in (FROM_S, AGAIN_S):
        call[round(at_s * 8000) :][: len(part)] = part
    path = tmp_path / "repeating.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams(parameters)
        file.writeframes(call.tobytes())
    return path.read_bytes()


@pytest.fixture
def story(
    world: World, repeating: bytes, sample: Capture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Story:
    """The unsure recording, published anyway: its reported call end is 2.7 s early."""
    monkeypatch.setenv("KOMOREBI_QUEUE_URL", world.queue().url)
    monkeypatch.setenv("KOMOREBI_UNCONFIRMED", "publish")
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=sample.recording.read_bytes())
    world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=repeating)
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    return Story(world, Shell(monkeypatch, capsys), sample.call.parent, REPORTED_END)


class Analyst:
    """An analyst without a mouse, and a picture of each step."""

    def __init__(self, page: Page, pictures: Path, steps: int = 0) -> None:
        self.page, self.pictures, self.steps = page, pictures, steps

    def tab_to(self, selector: str) -> None:
        """Press Tab until an element has the focus."""
        for _ in range(120):
            self.page.keyboard.press("Tab")
            if self.page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
        raise AssertionError(f"Tab doesn't reach {selector}")

    def picture(self, name: str) -> None:
        """Take a picture of the present step."""
        self.steps += 1
        self.page.screenshot(path=self.pictures / f"{self.steps}-{name}.png")

    def tried(self) -> dict[str, Any]:
        """The place that is tried now."""
        found: dict[str, Any] = json.loads(self.page.evaluate(f"{DATA}.tried"))
        return found


def audited(folder: Path, call_end: str) -> Path:
    """The report of the recording as it is now."""
    assert audit(AuditJob(AuditRequest(recording_id=ID, call_end=call_end), str(folder), ())).state == "done"
    return folder / "report.html"


def listen_and_correct(analyst: Analyst, first_s: float, sample: Capture, folder: Path) -> float:
    """Listen at both places, move the call, and save the correction, by keys only. Return the corrected offset."""
    page = analyst.page
    analyst.picture("report")
    page.keyboard.press("n")  # the next finding
    until(page, f"{STATE}.head() > 5")
    page.keyboard.press("k")  # play
    offsets = []
    for number in range(2):
        analyst.tab_to(f"[data-place='{number}']")
        page.keyboard.press("Enter")
        until(page, f"{DATA}.trialMs && {DATA}.playing === 'trial'")
        offsets.append(analyst.tried()["offset_s"])
        loud = page.evaluate(f"{STATE}.trialLoud(13, 18)")
        assert min(loud) > 0.01, f"an ear has no sound at place {number}: {loud}"
        analyst.picture(f"place-{number}")
    wrong_s, right_s = offsets
    assert wrong_s == pytest.approx(first_s, abs=0.001)
    assert right_s == pytest.approx(sample.offset_s, abs=0.01)
    for key in ("]", "]", "["):
        page.keyboard.press(key)
    assert analyst.tried()["offset_s"] == pytest.approx(right_s + 0.001)
    analyst.picture("moved")
    for field, text in (("why", WHY), ("author", "A. Analyst")):
        analyst.tab_to(f"[data-kq={field}]")
        page.keyboard.type(text)
    analyst.tab_to("[data-kq=use]")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    waiting.value.save_as(folder / "correction.json")
    analyst.picture("saved")
    return float(right_s) + 0.001


def test_a_complaint(
    story: Story, browser: Browser, sample: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listen at two places, move the call, save, publish; a message doesn't undo it, and the fleet counts it."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    story.message()
    first = story.document()["alignment"]
    assert first["source"] == "candidate"
    report = audited(tmp_path / "complaint", REPORTED_END)
    with open_report(browser, report, before=NO_DIALOG, viewport=SIZE, accept_downloads=True) as page:
        offset_s = listen_and_correct(Analyst(page, pictures), first["offset_s"], sample, tmp_path)
        command = shlex.split(page.inner_text("[data-kq=command]"))
    assert command[0] == "komorebi-qc"
    monkeypatch.chdir(tmp_path)
    assert story.shell.run(*command[1:]) in (0, 3)
    corrected, who = story.document()["alignment"], story.attributes()
    assert corrected["offset_s"] == pytest.approx(offset_s)
    assert who["qcCorrectionWhy"] == WHY

    story.message(callEndingTimestamp="00:00:21", force=True)
    assert (story.document()["alignment"], story.attributes()) == (corrected, who)

    story.folder = tmp_path
    assert story.counted() == (1, 1)
    context = browser.new_context(offline=True, viewport=SIZE)
    try:
        page = context.new_page()
        page.goto((tmp_path / "fleet.html").as_uri())
        page.evaluate("document.getElementById('fleet-named').scrollIntoView()")
        assert f"Corrected by {who['qcCorrectedBy']}" in page.inner_text("main")
        page.screenshot(path=pictures / "6-fleet.png")
    finally:
        context.close()

    report = audited(tmp_path / "after", REPORTED_END)
    with open_report(browser, report, viewport=SIZE) as page:
        analyst = Analyst(page, pictures, 6)
        analyst.tab_to("[data-audio=before]")
        page.keyboard.press("Enter")
        page.keyboard.press("k")
        until(page, f"Math.abs(Number({DATA}.audioOffMs)) < 30")
        analyst.picture("before")
        assert WHY in page.inner_text("main")
