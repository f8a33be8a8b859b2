"""One scenario performed: a fresh machine, a fresh browser, and the files that its recorder made."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from media.studio.browsers import Browser, chromium, firefox
from media.studio.machine import display, play, sound_server, starved, stop
from media.studio.pilot import pilot
from media.studio.scenarios import SCRIPT, Scenario
from media.studio.server import Site, serving
from media.studio.signals import FULL, Signal, gain, write_wav

if TYPE_CHECKING:
    from media.studio.dialogue import Call

MEDIA = Path(__file__).parents[1]
PATIENCE_S = 60.0
RATE = 48000


@dataclass(frozen=True)
class Programs:
    """The browsers."""

    chromium: str = "/usr/bin/chromium"
    firefox: str = "/usr/bin/firefox-esr"


@dataclass(frozen=True)
class Recorded:
    """A recorder's files, one or more, and the page's log."""

    files: list[bytes]
    durations_ms: list[float]
    log: dict[str, Any]


def sides(call: Call) -> dict[str, Signal]:
    """The browser's sound: both sides with their pilots during the call, and the microphone's noise."""
    first = round(SCRIPT.lead_s * FULL)
    out = {"microphone": call.near.copy(), "far": call.far.copy()}
    for name, side in (("microphone", "agent"), ("far", "customer")):
        code = pilot(side, call.call_s)
        out[name][first : first + len(code)] += code
    out["microphone"] += np.random.default_rng(1).normal(0, gain(-62), len(call.near))
    out["microphone"][:8] = 0.001  # the page waits for a first sample
    return out


def perform(scenario: Scenario, call: Call, programs: Programs) -> Recorded:
    """Record it.

    Raises:
        RuntimeError: if the page fails.
        TimeoutError: if the page doesn't end.
    """
    total = SCRIPT.lead_s + call.call_s + SCRIPT.acw_s
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="capture.")))
        site = stack.enter_context(serving(Site(MEDIA)))
        machine = {
            "DISPLAY": stack.enter_context(display()),
            "PULSE_SERVER": stack.enter_context(sound_server(scratch / "pulse", RATE)),
        }
        for name, x in sides(call).items():
            write_wav(scratch / f"{name}.wav", x, FULL)
            site.given[f"{scenario.name}/{name}.wav"] = (scratch / f"{name}.wav").read_bytes()
        microphone = scratch / "microphone.wav"
        fake = microphone if scenario.microphone == "file" else None
        browser: Browser
        if scenario.browser == "chromium":
            browser = stack.enter_context(chromium(programs.chromium, scratch, machine, fake))
        else:
            browser = stack.enter_context(firefox(programs.firefox, scratch, machine))
        browser.open(f"{site.address}/capture.html")
        browser.perform(
            scenario.plan(
                lead_s=SCRIPT.lead_s, call_s=call.call_s, acw_s=SCRIPT.acw_s, turns=call.turns, notes=SCRIPT.notes
            )
        )
        site.wait_for_any((f"{scenario.name}/begun", f"{scenario.name}/log"), PATIENCE_S)
        if scenario.microphone == "device":
            stack.callback(stop, play(machine["PULSE_SERVER"], microphone))
        _disturb(scenario, browser, SCRIPT.lead_s + call.call_s)
        log = json.loads(site.wait_for(f"{scenario.name}/log", total + PATIENCE_S))
    if log["error"]:
        raise RuntimeError(f"{scenario.name}: {log['error']}")
    files = [
        b"".join(site.uploads[f"{scenario.name}/chunk-{i}-{j}"] for j in range(count) if j not in scenario.lost)
        for i, count in enumerate(log["chunks"])
    ]
    return Recorded(files, log["durations_ms"], log)


def _disturb(scenario: Scenario, browser: Browser, until_s: float) -> None:
    """Hide the page or starve the browser, while the call goes on."""
    if scenario.hide_at:
        time.sleep(scenario.hide_at)
        browser.hide()
    if scenario.share < 1:
        with starved(browser.processes, scenario.share, seed=7):
            time.sleep(until_s)


def streams(path: Path) -> dict[str, str]:
    """Codec names and the picture's size, by ffprobe."""
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-show_streams", str(path)], capture_output=True, check=True
    ).stdout
    found = {one["codec_type"]: one for one in json.loads(shown)["streams"]}
    picture, audio = found.get("video", {}), found["audio"]
    return {
        "codecs": f"{picture.get('codec_name')},{audio['codec_name']}",
        "video_codec": str(picture.get("codec_name")),
        "audio_codec": audio["codec_name"],
        "size": f"{picture.get('width')}x{picture.get('height')}",
    }
