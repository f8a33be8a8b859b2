"""A clip of an examination, written into an MP4 file by moviepy."""

from __future__ import annotations

import wave
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from komorebi_qc.core.errors import InputError, missing_extra
from komorebi_qc.core.progress import SILENT
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.clip.job import SHORTEST_S
from komorebi_qc.desk.clip.painter import FPS, FramePainter, VideoFrames
from komorebi_qc.media.opening import RECORDING_FORMATS, open_container
from komorebi_qc.pipeline.local import LOCAL_ID
from komorebi_qc.storage.atomic_file import make_private
from komorebi_qc.storage.input_file import opened_file
from komorebi_qc.storage.local import check_output
from komorebi_qc.storage.temporary_folder import temporary_folder

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.core.progress import Progress
    from komorebi_qc.desk.clip.job import ClipJob, Sound
    from komorebi_qc.pipeline.examine import Examined

_AUDIO_RATE = 48_000


def refuse_output(out: Path, *inputs: Path) -> None:
    """Refuse a clip that couldn't be written, before any work.

    Raises:
        InputError: moviepy isn't installed, the name doesn't end in .mp4, the clip is an input, or its folder can't be
            written to.
    """
    for library in ("moviepy", "proglog"):
        if find_spec(library) is None:
            raise missing_extra("desk", library, needed_by="a clip")
    if out.suffix.lower() != ".mp4":
        raise InputError(f"the clip {out} must be named .mp4")
    check_output(out, *inputs)


def refuse_moment(at_s: float, length_s: float) -> None:
    """Refuse a moment outside the output.

    Raises:
        InputError: The moment is before the start or after the end.
    """
    if not 0.0 <= at_s <= length_s:
        raise InputError(
            f"{clock_text(at_s)} is outside the unified recording, which lasts {clock_text(max(length_s, 0.0))}"
        )


def write_clip(examined: Examined, job: ClipJob, out: Path, progress: Progress = SILENT) -> tuple[float, float]:
    """Render the clip into an MP4 file. A failure leaves no file.

    Args:
        examined: the recording.
        job: the settings.
        out: the file.
        progress: receives the share of rendered frames.

    Returns:
        Start and end of the clip on the output clock.

    Raises:
        InputError: moviepy isn't installed, the moment is outside the output, or the file can't be written.
    """
    refuse_output(out)
    length_s = len(examined.tracks.recording) / RATE
    refuse_moment(job.at_s, length_s)
    seconds = min(job.seconds, max(length_s, SHORTEST_S))
    start_s = min(max(job.at_s - seconds / 2, 0.0), max(length_s - seconds, 0.0))
    start_s = round(start_s * RATE) / RATE
    try:
        with temporary_folder("clip", beside=out.resolve().parent) as scratch:
            part, audio = scratch / "clip.mp4", scratch / "audio.wav"
            _write_audio(audio, examined, job.sound, start_s, seconds)
            _render(part, audio, examined, job, start_s, seconds, progress)
            make_private(part)
            part.replace(out)
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror or str(error).strip().splitlines()[0]}") from error
    return start_s, start_s + seconds


def _render(
    part: Path, audio: Path, examined: Examined, job: ClipJob, start_s: float, seconds: float, progress: Progress
) -> None:
    from moviepy import VideoClip  # noqa: PLC0415  an extra
    from proglog import ProgressBarLogger  # noqa: PLC0415

    class FrameCounter(ProgressBarLogger):  # type: ignore[misc]  # proglog has no types
        """Forwards moviepy's progress."""

        def bars_callback(self, bar: str, attr: str, value: Any, old_value: Any = None) -> None:  # noqa: ARG002
            """A callback after every frame."""
            total = self.bars.get(bar, {}).get("total")
            if attr == "index" and total:
                progress.advance(min(value / total, 1.0))

    with opened_file(examined.video) as video, open_container(video, RECORDING_FORMATS) as container:
        painter = FramePainter(examined, job, start_s, seconds, VideoFrames(container, start_s, _shift_s(examined)))
        clip = VideoClip(painter.frame, duration=seconds)
        clip.write_videofile(
            str(part),
            fps=FPS,
            codec="libx264",
            preset="veryfast",
            pixel_format="yuv420p",
            audio=str(audio),
            audio_codec="aac",
            audio_bitrate="96k",
            ffmpeg_params=["-movflags", "+faststart", "-crf", "24", "-shortest", *_named(examined)],
            logger=FrameCounter(),
        )
        clip.close()


def _named(examined: Examined) -> list[str]:
    """A comment in the file that names the recording, so that `komorebi-qc erase` finds the clip."""
    is_local = examined.recording_id == LOCAL_ID
    return [] if is_local else ["-metadata", f"comment=komorebi_qc: clip of {examined.recording_id}"]


def _shift_s(examined: Examined) -> float:
    """The output clock minus the video file's clock."""
    return 0.0 if examined.outcome is not None else examined.alignment.output_shift_s


def _write_audio(path: Path, examined: Examined, sound: Sound, start_s: float, seconds: float) -> None:
    tracks = examined.tracks
    first, last = round(start_s * RATE), round((start_s + seconds) * RATE)
    if sound == "output" and tracks.output is not None:
        sides = [tracks.output[first:last]] * 2
    elif sound == "output":
        sides = [tracks.recording[first:last]] * 2
    else:
        call = (tracks.customer[first:last].astype(np.int32) + tracks.agent[first:last]).clip(-32768, 32767)
        sides = [call.astype(np.int16), tracks.recording[first:last]]
    count = last - first
    both = np.zeros((count, 2), np.float32)
    for k, side in enumerate(sides):
        both[: len(side), k] = side.astype(np.float32) / 32768.0
    # Every browser and player takes 48 kHz. soxr's low-pass filter shifts nothing in time.
    resampled = soxr.resample(both, RATE, _AUDIO_RATE, quality="HQ")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(_AUDIO_RATE)
        file.writeframes(np.rint(np.clip(resampled, -1, 1) * 32767).astype("<i2").tobytes())
