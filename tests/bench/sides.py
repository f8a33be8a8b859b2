"""The compared commands: ``komorebi-qc process`` in several ways, the predecessor's steps, and the floor.

A side is a name, the input it needs and a command; `rounds` runs sides in turn, so that the machine's other work
affects all of them.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bench.inputs import (
    CONNECT,
    EXTRAS,
    LEAD_S,
    MONO,
    RECORDING,
    WEBM,
    WEBM_MONO,
    WIDE,
    call_end,
    call_s,
    input_folder,
)
from bench.measuring import HERE, OWN_TOOL, BenchError, Usage, measured, output_of, say, warm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FADE_S = 0.010
"""As long as the splice's crossfades."""
FINDINGS_FAIL = 3
LIKE_48K = {"AUDIO_FREQUENCY": "48000", "KOMOREBI_AUDIO_BIT_RATE": "96000"}


@dataclass(frozen=True, slots=True)
class Side:
    """A way to make one recording.

    Attributes:
        name: of it.
        build: the command: from the folder of the input, its minutes, and the output's path.
        recording: the input's file name.
        connect: the call's.
        suffix: the output's.
        more: for the environment.
        is_ours: whether it is ``komorebi-qc``, which reports its output.
        lacks_s: by how much its audio is shorter than the video: the predecessor lets the call begin with it.
        is_call_only: whether its output has the call alone as audio.
        makes_output: whether it writes a recording; a diagnosis only prints.
    """

    name: str
    build: Callable[[Path, Path, float, Path], list[str]]
    recording: str = RECORDING
    connect: str = CONNECT
    suffix: str = ".mp4"
    more: Mapping[str, str] = field(default_factory=dict)
    is_ours: bool = False
    lacks_s: float = 0.0
    is_call_only: bool = False
    makes_output: bool = True

    def extras(self) -> set[str]:
        """The inputs that it needs beside the plain one."""
        return {extra for extra, name in EXTRAS.items() if name in (self.recording, self.connect)}


def _ours(align: Literal["call-end", "auto"], *more: str) -> Callable[[Path, Path, float, Path], list[str]]:
    def build(recording: Path, connect: Path, minutes: float, out: Path) -> list[str]:
        command = [OWN_TOOL, "process", "--align", align, "--json", "--connect", str(connect), *more]
        command += ["--recording", str(recording), "--call-end", call_end(minutes)]
        return [*command, "--out", str(out), "--thumbnail", str(out.with_name("thumbnail.png"))]

    return build


def _diagnose(recording: Path, connect: Path, minutes: float, _out: Path) -> list[str]:
    command = [OWN_TOOL, "diagnose", "--json", "--connect", str(connect)]
    return [*command, "--recording", str(recording), "--call-end", call_end(minutes)]


def _reference(*more: str) -> Callable[[Path, Path, float, Path], list[str]]:
    def build(recording: Path, connect: Path, minutes: float, out: Path) -> list[str]:
        script = str(HERE / "reference_pipeline.sh")
        return ["bash", script, str(recording), str(connect), call_end(minutes), str(out), *more]

    return build


def _floor(recording: Path, connect: Path, minutes: float, out: Path) -> list[str]:
    """The least that one FFmpeg process can do: the same codecs and bit rate, and the splice as a filter graph."""
    ends_s = LEAD_S + call_s(minutes)
    fade = f"acrossfade=d={FADE_S}:c1=tri:c2=tri"
    graph = (
        f"[0:a]aresample=16000,asplit[b][a];[b]atrim=0:{LEAD_S + FADE_S:.3f}[before];"
        f"[a]atrim={ends_s - FADE_S:.3f},asetpts=PTS-STARTPTS[after];[1:a]aresample=16000[call];"
        f"[before][call]{fade}[first];[first][after]{fade}[sound]"
    )
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(recording), "-i", str(connect)]
    command += ["-filter_complex", graph, "-map", "0:v", "-map", "[sound]", "-c:v", "copy"]
    command += ["-c:a", "aac", "-aac_coder", "fast", "-b:a", "64k", "-ar", "16000", "-ac", "2"]
    command += ["-movflags", "+faststart"]
    return [*command, str(out)]


def _call_only(*codec: str) -> Callable[[Path, Path, float, Path], list[str]]:
    """Less than any unified recording: the call is the only audio, and the recording's own isn't read."""

    def build(recording: Path, connect: Path, _minutes: float, out: Path) -> list[str]:
        command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(recording), "-i", str(connect)]
        command += ["-map", "0:v", "-map", "1:a", "-c:v", "copy", "-b:a", "64k", "-ar", "16000", "-ac", "2"]
        return [*command, *codec, str(out)]

    return build


_AAC_CALL = _call_only("-c:a", "aac", "-aac_coder", "fast", "-movflags", "+faststart")
_OPUS_CALL = _call_only("-c:a", "libopus", "-frame_duration", "20")
PLACED = ("--offset", f"{LEAD_S}")
DRIFTING = (*PLACED, "--drift-ppm", "40")
SIDES = {
    side.name: side
    for side in (
        Side("call-end", _ours("call-end"), is_ours=True),
        Side("auto", _ours("auto"), is_ours=True),
        Side("call-end48", _ours("call-end"), more=LIKE_48K, is_ours=True),
        Side("webm", _ours("call-end"), WEBM, suffix=".webm", is_ours=True),
        Side("reference", _reference(), lacks_s=LEAD_S),
        Side("reference48", _reference("48000", "96k"), connect=WIDE, lacks_s=LEAD_S),
        Side("floor", _floor),
        Side("call-only floor", _AAC_CALL, is_call_only=True),
        Side("call-only floor, WebM", _OPUS_CALL, WEBM, suffix=".webm", is_call_only=True),
        Side("auto, mono", _ours("auto"), MONO, is_ours=True),
        Side("auto, WebM", _ours("auto"), WEBM, suffix=".webm", is_ours=True),
        Side("auto, WebM, mono", _ours("auto"), WEBM_MONO, suffix=".webm", is_ours=True),
        Side("placed", _ours("auto", *PLACED), is_ours=True),
        Side("placed, drifting", _ours("auto", *DRIFTING), is_ours=True),
        Side("diagnose", _diagnose, is_ours=True, makes_output=False),
        Side("diagnose, mono", _diagnose, MONO, is_ours=True, makes_output=False),
        Side("diagnose, WebM", _diagnose, WEBM, is_ours=True, makes_output=False),
        Side("diagnose, WebM, mono", _diagnose, WEBM_MONO, is_ours=True, makes_output=False),
    )
}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one side that counts.

    Attributes:
        side: as in `SIDES`.
        minutes: the recording's length.
        wall_s: from start to exit.
        cpu_s: user and system time of the whole process tree.
        memory_mb: see `measuring.Usage`.
    """

    side: str
    minutes: float
    wall_s: float
    cpu_s: float
    memory_mb: float


def rounds(names: Sequence[str], minutes: float, runs: int, folder: Path) -> list[Run]:
    """These sides in turn, `runs` times, after a run of each that isn't counted.

    Raises:
        BenchError: if one of them fails, or makes less than it should.
    """
    done = []
    with tempfile.TemporaryDirectory(dir=folder, prefix="run-") as scratch:
        for number in range(runs + 1):
            for name in names:
                used = run_side(SIDES[name], minutes, folder, Path(scratch), is_first=not number)
                note = "" if number else " (warm-up, not counted)"
                say(f"{minutes:g} min, {name}: {used.wall_s:.2f} s, CPU {used.cpu_s:.2f} s{note}")
                if number:
                    done.append(Run(name, minutes, used.wall_s, used.cpu_s, used.memory_mb))
    return done


def run_side(
    side: Side,
    minutes: float,
    folder: Path,
    scratch: Path,
    *,
    is_first: bool = False,
    watch: bool = False,
    keep: Callable[[Path], None] = lambda _: None,
) -> Usage:
    """Run one side once, its input in the page cache, and see that it made all of it.

    Args:
        side: to run.
        minutes: of which input.
        folder: of the inputs.
        scratch: for its output, which doesn't stay, and its scratch files.
        is_first: measure the output's sound as well.
        watch: see `measuring.measured`.
        keep: is shown the output before it goes.

    Raises:
        BenchError: if it fails, or makes less than it should.
    """
    given = input_folder(folder, minutes)
    recording, connect = given / side.recording, given / side.connect
    made, temporary = scratch / "made", scratch / "tmp"
    for place in (made, temporary):
        place.mkdir(exist_ok=True)
    out = made / f"{side.name}{side.suffix}"
    warm(recording, connect)
    good = (0, FINDINGS_FAIL) if side.is_ours else (0,)
    command = side.build(recording, connect, minutes, out)
    used = measured(command, temporary, more=side.more, watch=watch, good=good)
    if not side.makes_output:
        _check_diagnosed(side.name, used, recording)
        return used
    check_made(side.name, used if side.is_ours else None, out.stat().st_size, minutes, recording)
    if is_first:
        lacks_s = minutes * 60 - call_s(minutes) if side.is_call_only else side.lacks_s
        _check_length(side.name, sound_s(out) + lacks_s, minutes, recording)
    keep(out)
    for path in made.iterdir():
        path.unlink()
    return used


def check_made(name: str, usage: Usage | None, size: int, minutes: float, recording: Path) -> None:
    """See that all of a recording was made.

    Args:
        name: of the side.
        usage: the usage of ``komorebi-qc``, with its output; None for other commands.
        size: of the output, in bytes.
        minutes: the recording's length.
        recording: of which it was made.

    Raises:
        BenchError: if it is shorter or smaller than that.
    """
    if usage is not None:
        _check_length(name, float(json.loads(usage.printed)["durations"]["output_s"]), minutes, recording)
    if size < 0.8 * recording.stat().st_size:
        raise BenchError(f"{name} made {size} bytes of {recording}: not all of it")


def _check_diagnosed(name: str, usage: Usage, recording: Path) -> None:
    sync = json.loads(usage.printed)["sync"]
    if sync["status"] != "aligned" or abs(sync["offset_s"] - LEAD_S) > 0.001:
        raise BenchError(f"{name} found {sync['status']} and {sync['offset_s']} s in {recording}, not {LEAD_S} s")


def _check_length(name: str, made_s: float, minutes: float, recording: Path) -> None:
    if abs(made_s - minutes * 60) > 1:
        raise BenchError(f"{name} made {made_s:.1f} s of {recording}: not all of it, or too much")


def sound_s(path: Path) -> float:
    """The end of a file's audio, in seconds of presentation time: its last packet's end.

    Raises:
        BenchError: if it has no audio.
    """
    command = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "packet=pts_time,duration_time"]
    try:
        last = output_of([*command, "-of", "csv=p=0", str(path)]).splitlines()[-1].split(",")
        return sum(float(part) for part in last[:2])
    except (subprocess.CalledProcessError, IndexError, ValueError) as error:
        raise BenchError(f"{path} has no sound that ffprobe could read to its end ({error})") from None
