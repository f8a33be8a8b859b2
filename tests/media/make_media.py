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
import subprocess
import sys
import tempfile
import threading
import time
import wave
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

Signal = npt.NDArray[np.float64]

HERE = Path(__file__).resolve().parent
SPEAKERS = {"agent": "en_US_f_Allison", "customer": "it_IT_m_Carlo"}
WIDE, NARROW, FULL = 16000, 8000, 48000  # Hz: the prompts, the telephone, the browser
BAND = (300.0, 3400.0)  # Hz: shared by telephone and browser
CUSTOMER_GAIN_DB = -3.0  # the customer is a little quieter in the agent's ears
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
class Turn:
    """One prompt: who speaks it, after which pause (seconds; negative: they overlap), and its caption."""

    who: str
    prompt: str
    pause: float
    text: str


@dataclass(frozen=True)
class Script:
    """A call: its turns, the agent's turns after it, and the lengths of lead and after-call work.

    The first pause counts from the call's start and may be negative: the agent speaks before the call begins.
    `tail_s` is the time between the last turn and the call's end; if it is negative, that turn outlasts the call.
    """

    turns: tuple[Turn, ...]
    after: tuple[Turn, ...]
    lead_s: float
    acw_s: float
    seed: int
    notes: str
    tail_s: float = 0.25


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


# Audio ----------------------------------------------------------------------------------------------------------------


def decode(args: list[str], rate: int, channels: int = 1) -> Signal:
    """Samples in -1..1, shape (n,) or (n, channels), of what ffmpeg reads with `args`."""
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", *args, "-f", "s16le", "-ac", str(channels), "-ar", str(rate), "-"],
        capture_output=True,
        check=True,
    ).stdout
    samples = np.frombuffer(raw, "<i2").astype(np.float64) / 32768
    return samples if channels == 1 else samples.reshape(-1, channels)


def write_wav(path: Path, samples: Signal, rate: int) -> None:
    """16-bit PCM; one column per channel."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def gain(decibel: float) -> float:
    """A level as a factor."""
    return float(10 ** (decibel / 20))


def resampled(x: Signal, old: int, new: int, band: tuple[float, float] | None = None) -> Signal:
    """`x` at another rate and, if asked for, in a band with soft edges; by Fourier, so without any delay."""
    pad = old // 2  # keeps the wrap-around out of the signal
    padded = np.concatenate([np.zeros(pad), x, np.zeros(pad + (-len(x)) % old)])
    spectrum = np.fft.rfft(padded)
    if band:
        f = np.fft.rfftfreq(len(padded), 1 / old)
        rise = np.clip((f - band[0] + 50) / 100, 0, 1)  # Hz: each edge is 100 Hz or 200 Hz wide
        fall = np.clip((band[1] + 100 - f) / 200, 0, 1)
        spectrum = spectrum * np.sin(rise * np.pi / 2) ** 2 * np.sin(fall * np.pi / 2) ** 2
    n = len(padded) * new // old
    y = np.fft.irfft(spectrum[: n // 2 + 1], n) * (new / old)
    start = pad * new // old
    return y[start : start + round(len(x) * new / old)]


def spoken(sounds: Path, turn: Turn) -> Signal:
    """A prompt without the silence around it, its speech at -19 dBFS."""
    x = decode(["-f", "g722", "-i", str(sounds / SPEAKERS[turn.who] / f"{turn.prompt}.g722")], WIDE)
    loud = np.flatnonzero(np.abs(x) > 0.01)
    x = x[max(0, loud[0] - WIDE // 50) : loud[-1] + WIDE // 20]
    fade = np.linspace(0, 1, WIDE // 200)
    x[: len(fade)] *= fade
    x[-len(fade) :] *= fade[::-1]
    active = x[np.abs(x) > 0.02]
    return x * (gain(-19) / float(np.sqrt(np.mean(active**2))))


@dataclass(frozen=True)
class Spoken:
    """A turn's audio (WIDE) and its start in seconds."""

    turn: Turn
    at: float
    clip: Signal

    @property
    def end(self) -> float:
        """When it ends, in seconds."""
        return self.at + len(self.clip) / WIDE

    def caption(self) -> dict[str, Any]:
        """The plan in the form that `capture.html` reads."""
        return {"who": self.turn.who, "text": self.turn.text, "at": self.at, "end": self.end}


def dialogue(sounds: Path, turns: tuple[Turn, ...], start_s: float) -> list[Spoken]:
    """Each turn after the one before it, with its pause; the first pause counts from `start_s`."""
    said, t = [], start_s
    for turn in turns:
        clip = spoken(sounds, turn)
        t += turn.pause
        said.append(Spoken(turn, t, clip))
        t += len(clip) / WIDE
    return said


def through_mulaw(x: Signal) -> Signal:
    """Every column of `x` (NARROW) through G.711 and back."""
    raw = np.round(np.clip(x, -1, 1) * 32767).astype("<i2").tobytes()
    form = ["-ar", str(NARROW), "-ac", str(x.shape[1])]
    law = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "s16le", *form, "-i", "-", "-f", "mulaw", "-"],
        input=raw,
        capture_output=True,
        check=True,
    ).stdout
    back = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "mulaw", *form, "-i", "-", "-f", "s16le", "-"],
        input=law,
        capture_output=True,
        check=True,
    ).stdout
    return np.frombuffer(back, "<i2").astype(np.float64).reshape(x.shape) / 32768


@dataclass(frozen=True)
class Call:
    """A call as both sides keep it."""

    connect: Signal  # NARROW, customer and agent
    microphone: Signal  # FULL: lead, call, after-call work
    turns: list[dict[str, Any]]  # on the microphone's clock
    call_s: float


def make_call(sounds: Path, script: Script) -> Call:
    """The dialogue as Connect keeps it, and as it comes to the agent's microphone."""
    rng = np.random.default_rng(script.seed)
    during = dialogue(sounds, script.turns, script.lead_s)
    call_s = float(np.ceil((during[-1].end - script.lead_s + script.tail_s) * 20) / 20)
    after = dialogue(sounds, script.after, max(script.lead_s + call_s, during[-1].end))
    total_s = script.lead_s + call_s + script.acw_s
    if during[0].at < 0 or after[-1].end > total_s:
        raise ValueError(f"the speech does not fit into {total_s:.2f} s")
    tracks = {who: np.zeros(round(total_s * WIDE)) for who in SPEAKERS}
    for one in (*during, *after):
        i = round(one.at * WIDE)
        tracks[one.turn.who][i : i + len(one.clip)] += one.clip

    first, count = round(script.lead_s * NARROW), round(call_s * NARROW)
    narrow = [resampled(tracks[who], WIDE, NARROW, BAND)[first : first + count] for who in ("customer", "agent")]
    connect = np.stack(narrow, axis=1)
    connect = through_mulaw(connect + rng.normal(0, gain(-64), connect.shape))

    room = resampled(tracks["agent"], WIDE, FULL)
    far = resampled(connect[:, 0], NARROW, FULL) * gain(CUSTOMER_GAIN_DB)  # the customer came over the telephone
    start = round(script.lead_s * FULL)
    room[start : start + len(far)] += far
    room += rng.normal(0, gain(-62), len(room))
    room[:8] = 0.001  # capture.html waits for a first sample
    return Call(connect, room, [one.caption() for one in (*during, *after)], call_s)


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


# Truth ----------------------------------------------------------------------------------------------------------------


def phat(reference: Signal, recorded: Signal, rate: int) -> tuple[float, float]:
    """How many seconds later `reference` starts in `recorded` (GCC-PHAT in BAND), and the peak over the next best."""
    n = 1 << int(np.ceil(np.log2(len(reference) + len(recorded))))
    cross = np.fft.rfft(recorded, n) * np.conj(np.fft.rfft(reference, n))
    f = np.fft.rfftfreq(n, 1 / rate)
    inside = (f >= BAND[0]) & (f <= BAND[1])
    cross = np.where(inside, cross / np.maximum(np.abs(cross), 1e-12), 0)
    r = np.fft.irfft(cross, n)
    r = r[: len(recorded) - len(reference) + 1]  # only lags at which all of the reference fits
    k = int(np.argmax(r))
    rest = np.concatenate([r[: max(0, k - rate // 200)], r[k + rate // 200 :]])
    sure = float(r[k] / max(np.max(rest, initial=1e-12), 1e-12))
    if not 0 < k < len(r) - 1:
        return k / rate, 0.0
    left, mid, right = r[k - 1 : k + 2]
    return (k + 0.5 * (left - right) / (left - 2 * mid + right)) / rate, sure


@dataclass(frozen=True)
class Measured:
    """The call's position in a capture, over all windows."""

    offset_s: float
    spread_s: float  # median absolute deviation of the windows
    worst_s: float
    drift_ppm: float
    windows: int


def measure(connect: Signal, recording: Path, window_s: float = 2.0, step_s: float = 0.25) -> Measured:
    """The recording time of the call's second 0."""
    recorded = decode(["-copyts", "-i", str(recording), "-vn", "-af", "aresample=async=1:first_pts=0"], FULL)
    mix = resampled(connect[:, 0] * gain(CUSTOMER_GAIN_DB) + connect[:, 1], NARROW, FULL)
    coarse, _ = phat(mix, np.concatenate([recorded, np.zeros(FULL)]), FULL)
    size, margin = round(window_s * FULL), FULL // 10
    floor = 0.2 * np.sqrt(np.mean(mix**2))
    at, offsets = [], []
    for i in range(0, len(mix) - size, round(step_s * FULL)):
        part = mix[i : i + size]
        j = round(coarse * FULL) + i - margin
        if j < 0 or j + size + 2 * margin > len(recorded) or np.sqrt(np.mean(part**2)) < floor:
            continue
        delay, sure = phat(part, recorded[j : j + size + 2 * margin], FULL)
        if sure > 1.5:
            at.append((i + size / 2) / FULL)
            offsets.append(j / FULL + delay - i / FULL)
    if len(offsets) < 8:
        raise RuntimeError(f"{recording.name}: only {len(offsets)} windows show the call")
    values, times = np.array(offsets), np.array(at)
    middle = float(np.median(values))
    spread = float(np.median(np.abs(values - middle)))
    good = np.abs(values - middle) < max(5 * spread, 0.0005)
    slope = float(np.polyfit(times[good], values[good], 1)[0])
    return Measured(middle, spread, float(np.max(np.abs(values - middle))), slope * 1e6, len(values))


def streams(recording: Path) -> dict[str, Any]:
    """The streams that ffprobe finds, after a complete decoding without a single error."""
    errors = subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-xerror",
            "-i",
            str(recording),
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            "demux",
            "-f",
            "null",
            "-",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if errors.returncode or errors.stderr.strip():
        raise RuntimeError(f"{recording.name} does not decode: {errors.stderr.strip()[:500]}")
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", str(recording)],
        capture_output=True,
        check=True,
    ).stdout
    found: dict[str, Any] = {"format": json.loads(shown)["format"]}
    found.update({s["codec_type"]: s for s in json.loads(shown)["streams"]})
    first = subprocess.run(
        [
            "ffprobe",
            "-v",
            "error",
            "-of",
            "json",
            "-select_streams",
            "a:0",
            "-read_intervals",
            "%+1",
            "-show_entries",
            "frame=pts_time",
            str(recording),
        ],
        capture_output=True,
        check=True,
    ).stdout
    found["first_audio_pts_s"] = float(json.loads(first)["frames"][0]["pts_time"])
    return found


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
