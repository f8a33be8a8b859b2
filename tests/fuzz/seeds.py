"""Seeds: short files cut from tests/media, the odd files of a folder that a person names, and texts."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

MEDIA = Path(__file__).parents[1] / "media"
LARGEST = 300_000
"""Bytes of a seed; larger files make an execution slow."""
SECONDS = "3"
_CUTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("call.wav", "pcm.wav", ("-c", "copy")),
    ("call.wav", "mulaw.wav", ("-c:a", "pcm_mulaw")),
    ("call.wav", "adpcm.wav", ("-c:a", "adpcm_ima_wav", "-ar", "8000")),
    ("call.wav", "rf64.wav", ("-c", "copy", "-rf64", "always")),
    ("call.wav", "mono.wav", ("-c:a", "pcm_s24le", "-ac", "1")),
    ("h264.mkv", "h264.mp4", ("-c:v", "copy", "-c:a", "aac")),
    ("h264.mkv", "fast.mp4", ("-c:v", "copy", "-c:a", "aac", "-movflags", "+faststart")),
    (
        "h264.mkv",
        "fragments.mp4",
        ("-c:v", "copy", "-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"),
    ),
    ("vp9.mp4", "vp9.mp4", ("-c", "copy")),
    ("h264.mkv", "h264.mkv", ("-c", "copy")),
    ("vp8.webm", "vp8.webm", ("-c", "copy")),
    ("av1.webm", "av1.webm", ("-c", "copy")),
    ("resize.webm", "live.webm", ("-c", "copy", "-live", "1")),
)


@dataclass(frozen=True, slots=True)
class Seeds:
    """The seeds of the media's targets.

    Attributes:
        wav: call audio.
        mp4: agent recordings in MP4.
        ebml: agent recordings in WebM and Matroska.
        call: call audio that stays as it is, beside a changed recording.
        recording: an agent recording that stays as it is, beside changed call audio.
    """

    wav: list[bytes] = field(default_factory=list)
    mp4: list[bytes] = field(default_factory=list)
    ebml: list[bytes] = field(default_factory=list)
    call: bytes = b""
    recording: bytes = b""


def made_seeds(folder: Path, odd: Path | None = None) -> Seeds:
    """Cut the seeds, unless they are there already.

    Args:
        folder: for the files.
        odd: more files of others; None without any.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for source, name, options in _CUTS:
        if not (folder / name).is_file():
            argv = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-t", SECONDS, "-i", str(MEDIA / source), *options]
            subprocess.run([*argv, str(folder / name)], check=True, capture_output=True)
    files = sorted(folder.iterdir()) + (sorted(odd.iterdir()) if odd is not None else [])
    small = {path: path.read_bytes() for path in files if path.is_file() and path.stat().st_size <= LARGEST}
    return Seeds(
        wav=[content for path, content in small.items() if path.suffix == ".wav"],
        mp4=[content for path, content in small.items() if path.suffix in (".mp4", ".m4s", ".mov")],
        ebml=[content for path, content in small.items() if path.suffix in (".webm", ".mkv")],
        call=(folder / "pcm.wav").read_bytes(),
        recording=(folder / "vp8.webm").read_bytes(),
    )


def json_seeds(*values: object) -> list[bytes]:
    """Values as JSON texts."""
    return [json.dumps(value).encode() for value in values]
