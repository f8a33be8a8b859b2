"""Recordings for the end-to-end runs: real captures, a large one made of them, and bad ones with their errors."""

from __future__ import annotations

import hashlib
import io
import json
import wave
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from parts import ROOT

from komorebi_qc.core.progress import SILENT
from komorebi_qc.jobs import ProcessRequest, process_files
from komorebi_qc.storage.local import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MEDIA = ROOT / "tests" / "media"
SAMPLE = ROOT / "komorebi_qc" / "demo" / "sample"
LARGE_BYTES = 18 << 20
"""More than two parts of an upload."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A call and its recording.

    Attributes:
        name: in a word.
        call: the call audio.
        recording: the agent's.
        call_end: as the backend reports it.
        error: the class of the permanent error that it ends with; empty if it can be processed.
    """

    name: str
    call: bytes
    recording: bytes
    call_end: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A video's content. It is equal for two runs, but their bytes aren't (Matroska has a random number).

    Attributes:
        container: ``mp4`` or ``webm``.
        packets: of video and audio.
        seconds: of the longer of the two.
        digest: over every packet's content, and its place in ms.
    """

    container: str
    packets: tuple[int, int]
    seconds: float
    digest: str


def good_kinds() -> dict[str, Kind]:
    """Real captures in every codec: seconds long, so that hundreds can be run."""
    truths: dict[str, Any] = json.loads((MEDIA / "truth.json").read_text())
    call = (MEDIA / "call.wav").read_bytes()
    kinds = [Kind(n, call, (MEDIA / n).read_bytes(), t["callEndingTimestamp"]) for n, t in truths.items()]
    return {kind.name: kind for kind in [*kinds, _sample()]}


def _sample() -> Kind:
    truth = json.loads((SAMPLE / "truth.json").read_text())
    call, recording = (SAMPLE / "call.wav").read_bytes(), (SAMPLE / "recording.mp4").read_bytes()
    return Kind("sample", call, recording, truth["callEndingTimestamp"])


def large_kind(seed: int = 11, size: int = LARGE_BYTES, container: str = "mp4") -> Kind:
    """The sample's audio with noise as video, which can't be compressed well: its output is uploaded in parts.

    Args:
        seed: of the noise.
        size: its smallest number of bytes.
        container: ``mp4`` for H.264, ``webm`` for VP8.
    """
    sample = _sample()
    rng = np.random.default_rng(seed)
    out_file = io.BytesIO()
    encoder, options = {
        "mp4": ("libx264", {"preset": "ultrafast", "qp": "2"}),
        "webm": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "qmin": "2", "qmax": "4", "b": "100M"}),
    }[container]
    with av.open(io.BytesIO(sample.recording), "r") as source, av.open(out_file, "w", format=container) as out:
        sound = source.streams.audio[0]
        picture: Any = out.add_stream(encoder, rate=5, options={**options, "g": "5"})
        picture.width, picture.height, picture.pix_fmt = 640, 360, "yuv420p"
        copy = out.add_stream_from_template(sound)
        end_s = 0.0
        for packet in source.demux(sound):
            if packet.pts is None or packet.pts < 0:
                continue
            end_s = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            packet.stream = copy
            out.mux(packet)
        made = 0
        for number in range(int(end_s * 5)):
            noise = rng.integers(0, 256, (540, 640), np.uint8) if made < size else np.zeros((540, 640), np.uint8)
            frame = av.VideoFrame.from_ndarray(noise, format="yuv420p")
            frame.pts = number
            for packet in picture.encode(frame):
                made += packet.size
                out.mux(packet)
        out.mux(picture.encode(None))
    return Kind(f"large-{container}", sample.call, out_file.getvalue(), sample.call_end)


def bad_kinds() -> list[Kind]:
    """Recordings that fail permanently, each with its error."""
    sample = _sample()
    with wave.open(io.BytesIO(sample.call), "rb") as file:
        parameters, data = file.getparams(), file.readframes(file.getnframes())
    backwards = io.BytesIO()
    with wave.open(backwards, "wb") as file:
        file.setparams(parameters)
        file.writeframes(np.frombuffer(data, "<i2").reshape(-1, 2)[::-1].tobytes())
    text = b"this was never a recording\n" * 40
    return [
        Kind("wrong-pair", backwards.getvalue(), sample.recording, sample.call_end, "WrongPairError"),
        Kind("not-media", sample.call, text, sample.call_end, "MediaError"),
        Kind("call-not-media", text, sample.recording, sample.call_end, "MediaError"),
        Kind("empty", sample.call, b"", sample.call_end, "MediaError"),
        Kind("cut-short", sample.call, sample.recording[:2000], sample.call_end, "MediaError"),
    ]


def unusable_bodies() -> list[str]:
    """Messages that name no recording that could be looked for."""
    return [
        "not JSON at all",
        '["a list"]',
        "{}",
        '{"recordingID": "../../etc/passwd", "callEndingTimestamp": "00:00:10"}',
        '{"recordingID": "r-1", "callEndingTimestamp": "99:99:99"}',
        '{"recordingID": "r-1", "callEndingTimestamp": 7}',
    ]


def expected(kind: Kind, folder: Path) -> Result:
    """The result of a recording on this machine's disk, without any AWS."""
    call, recording = folder / f"{kind.name}.wav", folder / f"{kind.name}.in"
    call.write_bytes(kind.call)
    recording.write_bytes(kind.recording)
    out = folder / f"{kind.name}.out"
    out.mkdir()
    files = LocalFiles(call, recording, out / "unified")
    process_files(files, ProcessRequest(kind.call_end, None, 0.0, "auto"), {}, SILENT)
    (video,) = [path for path in out.iterdir() if path.suffix in (".mp4", ".webm")]
    return read_result(video.read_bytes())


def read_result(content: bytes) -> Result:
    """Demux and decode a video to its end.

    Raises:
        ValueError: if it isn't playable to its end.
    """
    digest = hashlib.sha256()
    packets, ends = [0, 0], [0.0, 0.0]
    frames = [0, 0]
    options = {"err_detect": "explode"}
    with av.open(io.BytesIO(content), "r", options=options) as file:
        (video,), (audio,) = file.streams.video, file.streams.audio
        for packet in file.demux(video, audio):
            which = int(packet.stream is audio)
            if packet.size and packet.pts is not None:
                packets[which] += 1
                at_s = float(packet.pts * packet.time_base)
                ends[which] = max(ends[which], at_s + float((packet.duration or 0) * packet.time_base))
                digest.update(f"{which} {round(at_s * 1000)} {packet.size} ".encode())
                digest.update(bytes(packet))
            frames[which] += len(packet.decode())
        container = "webm" if "webm" in file.format.name else "mp4"
    if not all(packets) or frames[0] != packets[0]:
        raise ValueError(f"{packets} packets of video and audio gave {frames} frames")
    return Result(container, (packets[0], packets[1]), round(max(ends), 2), digest.hexdigest()[:16])


def item(recording_id: str, created: datetime, agent_id: str = "agent-7") -> dict[str, Any]:
    """An item as the backend writes it, with its own attributes (one is spelled so)."""
    return {
        "videoID": {"S": recording_id},
        "agentID": {"S": agent_id},
        "creationDate": {"S": f"{created:%Y-%m-%d %H:%M:%S}"},
        "isProcessed": {"BOOL": False},
        "name": {"S": "Aiko"},
        "lastName": {"S": "Example"},
        "categoryID": {"S": "billing"},
        "notesID": {"S": "notes-0"},
        "tagsID": {"L": [{"S": "one"}, {"M": {"deep": {"N": "1.5"}}}]},
        "durationID": {"N": "44"},
        "startHour": {"S": "14:05"},
        "configID": {"S": "config-1"},
        "succesfulOutcome": {"BOOL": True},
    }


def keys(recording_id: str, created: datetime, prefix: str, agent_id: str = "agent-7") -> tuple[str, str, str]:
    """The key of the call audio, the key of the agent recording, and the result's folder."""
    day = f"{created:%Y/%m/%d}"
    call = f"{prefix}/CallRecordings/{day}/{recording_id}_{created:%Y%m%dT%H:%M}_UTC.wav"
    return call, f"{day}/{agent_id}/{recording_id}.mp4", f"{day}/{agent_id}/{recording_id}/"


def body(recording_id: str, call_end: str, **more: bool) -> str:
    """A message."""
    return json.dumps({"recordingID": recording_id, "callEndingTimestamp": call_end, **more})


def now() -> datetime:
    """The present minute, without a zone, as in the table."""
    return datetime.now(UTC).replace(tzinfo=None, second=0, microsecond=0)


def own(item_now: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that the package must not write."""
    return {
        name: value
        for name, value in item_now.items()
        if name not in ("isProcessed", "outputContainer") and not name.startswith("qc")
    }
