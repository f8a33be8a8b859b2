"""The sessions and their disturbances: one scenario a capture."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from media.studio.dialogue import Script, Turn

SCRIPT = Script(
    turns=(
        Turn("agent", "hello", 0.30, "Hello."),
        Turn("customer", "tt-somethingwrong", 0.30, "C'\u00e8 qualcosa di terribilmente sbagliato."),
        Turn("agent", "sorry-youre-having-problems", 0.30, "Sorry you're having problems."),
        Turn("customer", "number-not-answering", 0.30, "Il numero non sta rispondendo."),
        Turn("agent", "check-number-dial-again", 0.25, "Please check the number and dial again."),
        Turn("customer", "privacy-incorrect", 0.25, "Sono spiacente, quel numero non \u00e8 valido."),
        Turn("agent", "one-moment-please", -0.15, "One moment, please."),
        Turn("customer", "auth-thankyou", 0.25, "Grazie."),
        Turn("agent", "all-circuits-busy-now", 1.20, "All circuits are busy now."),
        Turn("customer", "cannot-complete-as-dialed", 0.30, "Impossibile completare la chiamata."),
        Turn("agent", "please-try-call-later", 0.25, "Please try your call again later."),
        Turn("customer", "goodbye", 0.25, "Arrivederci!"),
        Turn("agent", "goodbye", 0.10, "Goodbye."),
    ),
    after=(
        Turn("agent", "vm-msgsaved", 0.50, "Your message has been saved."),
        Turn("agent", "vm-marked-urgent", 0.30, "Message marked urgent."),
    ),
    lead_s=2.0,
    acw_s=5.5,
    seed=14,
    notes="Number does not answer.\nWill call again.",
)
VP8, VP9, AVC_MP4, AVC_MKV = (
    "video/webm;codecs=vp8,opus",
    "video/webm;codecs=vp9,opus",
    "video/mp4;codecs=avc1,opus",
    "video/x-matroska;codecs=avc1,opus",
)
MIDDLE_S = 12.0  # of the microphone's file, in the middle of a sentence or of a pause, as it comes
SUFFIXES = {"video/webm": ".webm", "video/mp4": ".mp4", "video/x-matroska": ".mkv"}


@dataclass(frozen=True)
class Scenario:
    """One session of a browser. The fields up to `audio_bits` are those of `softphone.js`."""

    name: str
    browser: str
    note: str
    picture: str = "canvas"
    microphone: str = "graph"  # "graph"; "device": PulseAudio's; "file": Chromium's fake device
    far: str = "direct"
    mime: str = VP8
    timeslice: int = 1000
    headset_hz: int | None = None
    mixer_hz: int | None = None
    events: tuple[dict[str, Any], ...] = ()
    fps: int = 5
    video_bits: int = 40_000
    audio_bits: int = 40_000
    lost: tuple[int, ...] = ()  # numbers of the chunks that never arrive
    hide_at: float = 0.0  # another tab comes to the front (seconds)
    share: float = 1.0  # of the time, that the browser's processes get during the call
    joined: bool = False  # the files of a restart are also joined into one, as a list of chunks that isn't emptied is
    rewritten: tuple[str, ...] = field(default=())

    @property
    def suffix(self) -> str:
        """The file name's end."""
        return SUFFIXES[self.mime.partition(";")[0]]

    def plan(self, **more: Any) -> dict[str, Any]:
        """The plan that `softphone.js` reads."""
        mine = asdict(self)
        names = ("name", "picture", "microphone", "far", "mime", "timeslice", "headset_hz", "mixer_hz", "events", "fps")
        return {n: mine[n] for n in names} | {"videoBits": self.video_bits, "audioBits": self.audio_bits} | more


ALL_TOOLS = ("fix-webm-duration", "ts-ebml", "mediabunny", "ffmpeg-copy")
PAUSE = ({"at": MIDDLE_S, "do": "pause"}, {"at": MIDDLE_S + 3.5, "do": "resume"})
SUSPEND = ({"at": MIDDLE_S, "do": "silence"}, {"at": MIDDLE_S + 2.5, "do": "sound"})
BLOCK = ({"at": MIDDLE_S, "do": "block", "s": 2.0},)
RESTART = ({"at": MIDDLE_S, "do": "restart"},)
DEVICE_16 = ({"at": MIDDLE_S, "do": "device", "rate": 16000, "gap_s": 0.5},)
DEVICE_44 = ({"at": MIDDLE_S, "do": "device", "rate": 44100, "gap_s": 0.5},)


def _both(name: str, note: str, **fields: Any) -> list[Scenario]:
    return [Scenario(f"{browser}-{name}", browser, note, **fields) for browser in ("chromium", "firefox")]


SCENARIOS = [
    *_both("canvas", "canvas, one chunk at the end", timeslice=0, rewritten=ALL_TOOLS),
    *_both(
        "screen",
        "getDisplayMedia of the screen, the sound server's microphone",
        picture="screen",
        microphone="device",
        rewritten=ALL_TOOLS,
    ),
    *_both("rtc", "the far end through WebRTC", far="rtc", picture="screen"),
    *_both("background", "another tab comes to the front", picture="screen", hide_at=6.0, rewritten=("ffmpeg-copy",)),
    *_both("starved", "the browser gets nothing for 0.2 to 0.6 s, every few seconds", share=0.88, rewritten=ALL_TOOLS),
    *_both("blocked", "the page's thread is busy for 2 s", events=BLOCK, timeslice=100),
    *_both("pause", "pause() and resume() after 3.5 s", events=PAUSE, rewritten=ALL_TOOLS),
    *_both("suspended", "the mixing AudioContext is suspended for 2.5 s", events=SUSPEND, rewritten=("mediabunny",)),
    *_both("device16", "another headset of 16 kHz after half a second", events=DEVICE_16, rewritten=("ts-ebml",)),
    *_both("lost", "the 13th chunk of a second never arrives", lost=(13,), rewritten=ALL_TOOLS),
    *_both("restart", "the recorder is stopped and started again: two files", events=RESTART, joined=True),
    *_both("slices100", "chunks of 100 ms", timeslice=100, rewritten=("fix-webm-duration", "ts-ebml")),
    Scenario(
        "chromium-tab",
        "chromium",
        "getDisplayMedia of the tab, Chromium's fake microphone",
        picture="tab",
        microphone="file",
        rewritten=("mediabunny",),
    ),
    Scenario("chromium-44100", "chromium", "mixed at 44.1 kHz", mixer_hz=44100, rewritten=("ffmpeg-copy",)),
    Scenario("chromium-device44", "chromium", "another headset of 44.1 kHz", events=DEVICE_44, mime=AVC_MP4),
    Scenario(
        "chromium-mp4",
        "chromium",
        "H.264 in fragmented MP4, chunks of 5 s",
        mime=AVC_MP4,
        timeslice=5000,
        rewritten=("mediabunny", "ffmpeg-copy"),
    ),
    Scenario("chromium-mp4-lost", "chromium", "a lost chunk of fragmented MP4", mime=AVC_MP4, lost=(13,)),
    Scenario(
        "chromium-mp4-pause",
        "chromium",
        "pause() in fragmented MP4",
        mime=AVC_MP4,
        events=PAUSE,
        rewritten=("mediabunny", "ffmpeg-copy"),
    ),
    Scenario("chromium-mkv", "chromium", "H.264 in Matroska", mime=AVC_MKV, picture="tab", rewritten=("ffmpeg-copy",)),
    Scenario("chromium-vp9", "chromium", "VP9, chunks of 250 ms", mime=VP9, timeslice=250),
]
BY_NAME = {one.name: one for one in SCENARIOS}

KEPT = (
    "firefox-pause",
    "firefox-restart-2",
    "firefox-lost",
    "chromium-rtc",
    "chromium-lost",
    "chromium-canvas.ts-ebml",
    "chromium-mp4.mediabunny",
    "chromium-starved",
)
"""The captures that the repository keeps: small, and each of a new kind."""
