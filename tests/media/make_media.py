#!/usr/bin/env python3
"""Remake the sample call and the test captures: real voices, really recorded by Chromium's MediaRecorder.

    make_media.py [NAME ...] [--out FOLDER]

NAME is `sample` or a file of this folder (`vp8.webm`, ...); without one, all are made. The sample goes to
`komorebi_qc/demo/sample/` and the others beside this script, or to `sample/` and `media/` of FOLDER.

A dialogue is joined from Asterisk's voice prompts and kept twice: as Amazon Connect keeps it (8 kHz, G.711 mu-law,
customer left, agent right) and as an audio file that Chromium plays as its microphone while `capture.html`, a mock
agent desktop, records itself. The call's position in the recording is then measured, not assumed: GCC-PHAT in the
telephone band over many windows against the recording's audio, decoded on its presentation clock.

Needs ffmpeg, Chromium, Debian's asterisk-core-sounds-en-g722 and -it-g722, and the Python packages numpy and
playwright. A capture takes as long as its call. A capture that stutters on a busy machine is detected and made again.
"""

from __future__ import annotations

import argparse
import base64
import functools
import json
import shutil
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # as a script this folder comes first

from media.studio.by_speech import measure, streams
from media.studio.dialogue import Call, Script, Turn, make_call
from media.studio.signals import FULL, NARROW, gain, write_wav

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
MAX_SPREAD_S, MAX_DRIFT_PPM = 0.0005, 30.0  # a capture beyond these is made again
CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--auto-accept-this-tab-capture",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]


@dataclass(frozen=True)
class Capture:
    """How one recording is made."""

    mime: str
    size: tuple[int, int]
    video_bits: int
    note: str
    fps: int = 10
    audio_bits: int = 32000
    resize: tuple[int, int] | None = None  # the page takes this size in the middle of the call


SAMPLE = Script(
    turns=(
        Turn("agent", "queue-thankyou", -0.80, "Thank you for your patience."),
        Turn("customer", "tt-somethingwrong", -0.55, "C'\u00e8 qualcosa di terribilmente sbagliato."),
        Turn("agent", "sorry-youre-having-problems", 0.35, "Sorry you're having problems."),
        Turn("customer", "number-not-answering", 0.40, "Il numero non sta rispondendo."),
        Turn("agent", "one-moment-please", -0.15, "One moment, please."),
        Turn("customer", "auth-thankyou", 0.25, "Grazie."),
        Turn("agent", "check-number-dial-again", 3.00, "Please check the number and dial again."),
        Turn("customer", "privacy-incorrect", 0.50, "Sono spiacente, quel numero non \u00e8 valido."),
        Turn("agent", "please-try-call-later", 0.35, "Please try your call again later."),
        Turn("customer", "goodbye", 0.35, "Arrivederci!"),
        Turn("agent", "please-try-again", -0.30, "Please try again."),
    ),
    after=(
        Turn("agent", "info-about-last-call", 0.35, "Information about your last call."),
        Turn("agent", "vm-msgsaved", 0.55, "Your message has been saved."),
        Turn("agent", "vm-marked-urgent", 0.60, "Message marked urgent."),
    ),
    lead_s=2.6,
    acw_s=8.0,
    seed=11,
    notes="Number does not answer.\nCustomer will call\nagain later.\n\nMarked: urgent\nCall back by 12:00",
    tail_s=-0.60,
)
SHORT = Script(
    turns=(
        Turn("agent", "hello", 0.35, "Hello."),
        Turn("customer", "number-not-answering", 0.30, "Il numero non sta rispondendo."),
        Turn("agent", "one-moment-please", 0.30, "One moment, please."),
        Turn("customer", "auth-thankyou", 0.20, "Grazie."),
        Turn("agent", "please-try-call-later", 0.40, "Please try your call again later."),
        Turn("customer", "goodbye", 0.25, "Arrivederci!"),
    ),
    after=(Turn("agent", "vm-msgsaved", 0.70, "Your message has been saved."),),
    lead_s=1.6,
    acw_s=4.0,
    seed=12,
    notes="Number does not answer.\nWill call again.",
)
MP4_NOTE = "fragmented MP4; Opus pre-skip 80 ms and no edit list, so the first sound is that much after second 0"
SAMPLE_CAPTURE = Capture("video/mp4;codecs=avc1,opus", (960, 540), 180_000, f"the embedded sample; {MP4_NOTE}")
CAPTURES = {
    "vp8.webm": Capture("video/webm;codecs=vp8,opus", (640, 360), 60_000, "Chromium's default codecs"),
    "vp9.mp4": Capture("video/mp4;codecs=vp9,opus", (640, 360), 60_000, MP4_NOTE),
    "av1.webm": Capture("video/webm;codecs=av1,opus", (640, 360), 60_000, "AV1 in WebM"),
    "h264.mkv": Capture("video/x-matroska;codecs=avc1,opus", (640, 360), 60_000, "H.264, constrained baseline"),
    "resize.webm": Capture(
        "video/webm;codecs=vp8,opus",
        (640, 360),
        60_000,
        "the shared tab is made smaller in the middle of the call",
        resize=(480, 300),
    ),
}


# Capture --------------------------------------------------------------------------------------------------------------


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and logs nothing."""

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """`folder` over HTTP on this machine only; yields the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def record(call: Call, script: Script, how: Capture, chromium: str) -> tuple[bytes, dict[str, Any]]:
    """MediaRecorder's file of the page and the microphone, untouched, and the page's log."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  its absence matters only here

    plan = {
        "lead_s": script.lead_s,
        "call_s": call.call_s,
        "acw_s": script.acw_s,
        "turns": call.turns,
        "notes": script.notes,
        "fps": how.fps,
        "mime": how.mime,
        "videoBits": how.video_bits,
        "audioBits": how.audio_bits,
    }
    total = script.lead_s + call.call_s + script.acw_s
    with (
        tempfile.TemporaryDirectory(prefix="make_media.") as scratch,
        served(HERE) as address,
        sync_playwright() as play,
    ):
        sound = Path(scratch) / "microphone.wav"
        # Noise continues at the end, so that the microphone never falls silent while the recorder stops
        spare = np.random.default_rng(1).normal(0, gain(-62), FULL)
        write_wav(sound, np.concatenate([call.microphone, spare]), FULL)
        browser = play.chromium.launch_persistent_context(
            str(Path(scratch) / "profile"),
            executable_path=chromium,
            headless=False,
            args=[*CHROMIUM_FLAGS, f"--use-file-for-fake-audio-capture={sound}%noloop"],
            viewport={"width": how.size[0], "height": how.size[1]},
        )
        try:
            page = browser.pages[0] if browser.pages else browser.new_page()
            page.goto(f"{address}/capture.html")
            if not page.evaluate("p => prepare(p)", plan):
                raise RuntimeError(f"this Chromium does not record {how.mime}")
            page.click("#start")
            deadline = time.monotonic() + total + 30
            if how.resize:
                page.wait_for_timeout((script.lead_s + call.call_s / 2) * 1000)
                page.set_viewport_size({"width": how.resize[0], "height": how.resize[1]})
            page.wait_for_function("capture.done", timeout=(deadline - time.monotonic()) * 1000, polling=250)
            error = page.evaluate("capture.error")
            if error:
                raise RuntimeError(f"{how.mime}: {error}")
            return base64.b64decode(page.evaluate("base64()")), page.evaluate("capture.log")
        finally:
            browser.close()


def clock(seconds: float) -> str:
    """HH:MM:SS, cut off."""
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def make(target: Path, call: Call, script: Script, how: Capture, chromium: str, tries: int = 4) -> dict[str, Any]:
    """Record `target` until the capture is free of stutter; its truth."""
    for _ in range(tries):
        data, log = record(call, script, how, chromium)
        fresh = target.with_name(f"new.{target.name}")  # the old one stays until this one is known to be good
        fresh.write_bytes(data)
        info, found = streams(fresh), measure(call.connect, fresh)
        smooth = found.worst_s <= MAX_SPREAD_S and abs(found.drift_ppm) <= MAX_DRIFT_PPM
        print(
            f"{target.name}: {len(data)} bytes, {log['mime']}, offset {found.offset_s:.5f} s, "
            f"MAD {found.spread_s * 1e3:.3f} ms, worst {found.worst_s * 1e3:.3f} ms, {found.drift_ppm:+.1f} ppm, "
            f"{found.windows} windows{'' if smooth else ' -- stutters'}",
            flush=True,
        )
        if smooth:
            fresh.replace(target)
            break
        fresh.unlink()
    else:
        raise RuntimeError(f"{target.name}: {tries} captures, all with stutter; is the machine busy?")
    return {
        "offset_s": round(found.offset_s, 4),
        "offset_tolerance_s": 0.001,
        "drift_ppm": 0.0,
        "call_s": call.call_s,
        "call_end_in_recording_s": round(found.offset_s + call.call_s, 4),
        "callEndingTimestamp": clock(found.offset_s + call.call_s),
        "codecs": f"{info['video']['codec_name']},{info['audio']['codec_name']}",
        "video_codec": info["video"]["codec_name"],
        "audio_codec": info["audio"]["codec_name"],
        "mime": log["mime"],
        "size": f"{info['video']['width']}x{info['video']['height']}",
        "first_audio_pts_s": round(info["first_audio_pts_s"], 4),
        "measured": {
            "by": "GCC-PHAT 300-3400 Hz, 2 s windows",
            "windows": found.windows,
            "mad_ms": round(found.spread_s * 1e3, 3),
            "worst_ms": round(found.worst_s * 1e3, 3),
            "drift_ppm": round(found.drift_ppm, 1) + 0.0,
        },
        "note": how.note,
    }


def main() -> int:
    """Make what is named."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", metavar="NAME", help="sample, " + ", ".join(CAPTURES) + " (default: all)")
    p.add_argument("--out", type=Path, help="make sample/ and media/ in this folder instead")
    p.add_argument("--chromium", default="/usr/bin/chromium")
    p.add_argument("--sounds", type=Path, default=Path("/usr/share/asterisk/sounds"))
    a = p.parse_args()
    names = a.names or ["sample", *CAPTURES]
    unknown = sorted(set(names) - {"sample", *CAPTURES})
    if unknown:
        p.error(f"unknown: {', '.join(unknown)}")
    sample = a.out / "sample" if a.out else HERE.parent.parent / "komorebi_qc" / "demo" / "sample"
    media = a.out / "media" if a.out else HERE

    if "sample" in names:
        sample.mkdir(parents=True, exist_ok=True)
        call = make_call(a.sounds, SAMPLE)
        write_wav(sample / "call.wav", call.connect, NARROW)
        truth = make(sample / "recording.mp4", call, SAMPLE, SAMPLE_CAPTURE, a.chromium)
        (sample / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
        shutil.copyfile(HERE / "LICENSE.txt", sample / "LICENSE.txt")
    wanted = [n for n in CAPTURES if n in names]
    if wanted:
        media.mkdir(parents=True, exist_ok=True)
        call = make_call(a.sounds, SHORT)
        write_wav(media / "call.wav", call.connect, NARROW)
        kept = media / "truth.json"
        truths: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
        for name in wanted:
            truths[name] = make(media / name, call, SHORT, CAPTURES[name], a.chromium)
            ordered = {n: truths[n] for n in CAPTURES if n in truths}
            kept.write_text(json.dumps(ordered, indent=1) + "\n")
        if media != HERE:
            shutil.copyfile(HERE / "LICENSE.txt", media / "LICENSE.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
