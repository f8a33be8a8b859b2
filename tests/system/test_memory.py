"""Memory use at ten minutes and at half an hour of a recording; `make bench` measures an hour and four hours."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from made import Shape, noise, recording, wav

if TYPE_CHECKING:
    from pathlib import Path

LOOP_S = 60
MINUTES = (10, 30)
AUDIO_MB_A_MINUTE = 60 * 8000 * 2 * 3 / 1e6
"""Two channels of the call and one of the recording, 16 bits a sample."""
PROGRAM = """
import io, json, sys
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from komorebi_qc.pipeline.options import Options, Order
from komorebi_qc.pipeline.process import process
from komorebi_qc.core.provenance.parts import FileDigest
from komorebi_qc.core.provenance.record import DraftRecord
from komorebi_qc.core.recording import Recording
from komorebi_qc.storage.protocols import Published
from komorebi_qc.core.source import Source
from komorebi_qc.storage.local import LocalFiles, LocalTable
from komorebi_qc.core.timebase import parse_call_end

call, own, out, call_end, align, where = sys.argv[1:]

class Gone(io.RawIOBase):
    "Takes what is written, keeps its front alone, and counts."
    def __init__(self, head_bytes):
        self.head, self.at, self.size = bytearray(max(head_bytes, 8 << 20)), 0, 0
    def writable(self): return True
    def seekable(self): return True
    def tell(self): return self.at
    def seek(self, offset, whence=0):
        self.at = offset + (0, self.at, self.size)[whence]
        return self.at
    def write(self, data):
        here = memoryview(data)[:max(0, len(self.head) - self.at)]
        self.head[self.at:self.at + len(here)] = here
        self.at += len(data)
        self.size = max(self.size, self.at)
        return len(data)

class Draft:
    def begin(self, head_bytes):
        self.file = Gone(head_bytes)
        return self.file
    def front(self): return bytes(self.file.head[:self.file.size])
    def record(self): return DraftRecord("", "video", "thumbnail", FileDigest(self.file.size, "0" * 64))
    def publish(self, *, thumbnail, qc, captions, replaces_all):
        return Published("video", "thumbnail", "qc", self.file.size, len(thumbnail))

class Far(LocalFiles):
    "Files as if they came over a network, and results that go there."
    @contextmanager
    def call_audio(self, recording):
        with super().call_audio(recording) as near:
            yield Source(near.name, near.file, near.size, lambda: Path(near.name).open("rb"))
    @contextmanager
    def agent_recording(self, recording):
        with super().agent_recording(recording) as near:
            yield Source(near.name, near.file, near.size, lambda: Path(near.name).open("rb"))
    @contextmanager
    def draft(self, recording, container, run_id, replaces):
        yield Draft()
    def has_results(self, recording, container, run_id): return True

kind = {"near": LocalFiles, "far": Far}[where]
item = Recording("local", "local", datetime(1970, 1, 1))
outcome = process(
    Order("local", parse_call_end(call_end)),
    table=LocalTable(item),
    media=kind(Path(call), Path(own), Path(out)),
    options=Options(align=align, audio_rate=8000, audio_bit_rate=16000, force=True),
)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps({"mb": int(status["VmHWM"].split()[0]) * 1024 / 1e6, "bytes": outcome.published.video_bytes}))
"""


def repeated(path: Path, source: Path, times: int) -> Path:
    """A recording repeated by copying its packets, so that half an hour is made in seconds."""
    with av.open(str(source), "r") as given, av.open(str(path), "w", options={"movflags": "+faststart"}) as out:
        kinds = [given.streams.video[0], given.streams.audio[0]]
        streams: dict[int, Any] = {s.index: out.add_stream_from_template(s, opaque=True) for s in kinds}
        coming = [p for p in given.demux(kinds) if p.dts is not None]
        kept: list[Any] = [
            (p.stream.index, bytes(p), p.pts, p.dts, p.duration, p.time_base, p.is_keyframe) for p in coming
        ]
        for number in range(times):
            for index, data, pts, dts, duration, base, is_key in kept:
                packet: Any = av.Packet(data)
                late = round(Fraction(number * LOOP_S) / base)
                packet.pts, packet.dts, packet.duration, packet.time_base = pts + late, dts + late, duration, base
                packet.is_keyframe, packet.stream = is_key, streams[index]
                out.mux(packet)
    return path


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Path, Path]]:
    """A call and a recording of ten minutes and of half an hour."""
    folder = tmp_path_factory.mktemp("memory")
    loop = folder / "loop.mp4"
    # No longer than its minute with the encoder's own lead.
    recording(loop, Shape(seconds=LOOP_S, audio_s=LOOP_S - 0.05, fps=10, video="libx264", audio="aac"))
    made = {}
    for minutes in MINUTES:
        own = repeated(folder / f"{minutes}.mp4", loop, minutes)
        sides = [np.tile(noise(LOOP_S, 8000, seed), minutes - 1) for seed in (1, 2)]
        made[minutes] = (wav(folder / f"{minutes}.wav", np.stack(sides, axis=1)), own)
    return made


def peak_mb(pair: tuple[Path, Path], minutes: int, align: str, where: str) -> float:
    """The most memory that one run takes, megabytes of 10^6 bytes; the run has made all of it."""
    out = pair[1].with_name(f"out-{where}-{align}.mp4")
    arguments = [str(pair[0]), str(pair[1]), str(out), f"{minutes * 60 - 30}", align, where]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert measured["bytes"] > 16_000 / 8 * minutes * 60 * 0.9
    return float(measured["mb"])


@pytest.mark.skipif(sys.platform != "linux", reason="Linux shows a process's peak memory in /proc")
@pytest.mark.parametrize("where", ["near", "far"])
def test_half_an_hour_takes_barely_more_memory_than_ten_minutes(
    pairs: dict[int, tuple[Path, Path]], where: str
) -> None:
    """By the reported call end: under 190 MB for half an hour, at most 12 MB more than for ten minutes, near or far."""
    short, long = (peak_mb(pairs[minutes], minutes, "call-end", where) for minutes in MINUTES)
    assert long < 190
    assert long - short < 12


@pytest.mark.skipif(sys.platform != "linux", reason="Linux shows a process's peak memory in /proc")
@pytest.mark.parametrize("where", ["near", "far"])
def test_half_a_measured_hour_holds_its_audio_and_little_else(pairs: dict[int, tuple[Path, Path]], where: str) -> None:
    """If the alignment is measured, memory grows by both sides' 8 kHz audio, and by 8 MB at most beside it."""
    short, long = (peak_mb(pairs[minutes], minutes, "auto", where) for minutes in MINUTES)
    assert long < 250
    assert long - short < AUDIO_MB_A_MINUTE * (MINUTES[1] - MINUTES[0]) + 8
