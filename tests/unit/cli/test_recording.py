"""process, diagnose and limits, as a person or a script runs them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import av
import pytest
from captures import CAPTURES, Capture
from child_process import child_process
from command import CLI, run
from made import Shape, encoded, noise, recording, wav
from runs import without_run

from komorebi_qc.demo.embedded_aws import sample_on_embedded_aws
from komorebi_qc.wiring import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def process(capture: Capture, out: Path, *more: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """Process a capture's files into `out`."""
    files = ("--connect", capture.call, "--recording", capture.recording, "--call-end", capture.call_end, "--out", out)
    return run("process", *files, *more, **environ)


def test_a_run_prints_what_came_out(sample: Capture, tmp_path: Path) -> None:
    """Steps on standard error, the result on standard output, exit code 0."""
    done = process(sample, tmp_path / "out.mp4")
    assert done.returncode == 0, done.stderr
    assert "9/9 " in done.stderr
    assert str(tmp_path / "out.mp4") in done.stdout
    assert "findings pass" in done.stdout
    assert "Traceback" not in done.stderr


def test_json_is_one_object_and_nothing_else(sample: Capture, tmp_path: Path) -> None:
    """A script reads standard output whole, and standard error stays silent."""
    thumbnail = tmp_path / "thumb.png"
    done = process(sample, tmp_path / "out.mp4", "--offset", sample.offset_s, "--thumbnail", thumbnail, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert done.stderr == ""
    assert found["output"] == str(tmp_path / "out.mp4")
    assert found["alignment"]["source"] == "manual"
    assert thumbnail.read_bytes().startswith(b"\x89PNG")
    assert {p.name for p in tmp_path.iterdir()} == {"out.mp4", "out.qc.json", "thumb.png"}


@pytest.mark.parametrize(
    ("name", "out", "expected", "codec"),
    [
        ("sample", "out", "out.mp4", "h264"),
        ("vp8.webm", "out.mp4", "out.mp4", "h264"),
        ("sample", "out.WEBM", "out.WEBM", "vp9"),
        ("av1.webm", "out.webm", "out.webm", "av1"),
    ],
)
def test_the_outputs_extension_names_the_container(
    name: str, out: str, expected: str, codec: str, tmp_path: Path
) -> None:
    """An extension wins over the codec; without one the codec decides."""
    done = process(CAPTURES[name], tmp_path / out, "--json")
    found = json.loads(done.stdout)
    assert {p.name for p in tmp_path.iterdir()} == {expected, "out.qc.json"}
    assert found["codecs"]["video"] == codec
    assert found["codecs"]["video_copied"] is (codec == found["codecs"]["video_in"])
    reencoded = next(f for f in found["findings"] if f["name"] == "video_reencoded")
    assert (reencoded["status"] == "warn") is not found["codecs"]["video_copied"]


def test_the_extension_wins_over_the_option(tmp_path: Path) -> None:
    """--container counts only for a name without an extension."""
    done = process(CAPTURES["vp8.webm"], tmp_path / "out.webm", "--container", "mp4", "--json")
    assert json.loads(done.stdout)["container"] == "webm"
    done = process(CAPTURES["vp8.webm"], tmp_path / "out", "--container", "mp4", "--json")
    assert json.loads(done.stdout)["container"] == "mp4"


def test_audio_frequency_is_obeyed(sample: Capture, tmp_path: Path) -> None:
    """The environment's rate is the output's."""
    done = process(sample, tmp_path / "out.mp4", AUDIO_FREQUENCY="48000")
    assert done.returncode == 0
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].rate == 48_000
    refused = process(sample, tmp_path / "other.mp4", AUDIO_FREQUENCY="44100")
    assert refused.returncode == 2
    assert "AUDIO_FREQUENCY" in refused.stderr
    assert not (tmp_path / "other.mp4").exists()


def test_findings_that_fail_give_exit_code_3(sample: Capture, tmp_path: Path) -> None:
    """The output is there, and the exit code says to look at it."""
    files = ("--connect", sample.call, "--recording", sample.recording, "--out", tmp_path / "out.mp4")
    done = run("process", *files, "--call-end", "00:20", "--align", "call-end")
    assert done.returncode == 3
    assert "alignment_resolution" in done.stdout
    assert (tmp_path / "out.mp4").stat().st_size > 10_000


def bad_call_end(folder: Path) -> dict[str, object]:
    """A call end that isn't a time."""
    del folder
    return {"--call-end": "teatime"}


def written(name: str, data: bytes, option: str) -> Callable[[Path], dict[str, object]]:
    """An input with these bytes."""

    def make(folder: Path) -> dict[str, object]:
        path = folder / name
        path.write_bytes(data)
        return {option: path}

    return make


def playlist(folder: Path) -> dict[str, object]:
    """A playlist that points at a real recording."""
    shutil.copy(CAPTURES["sample"].recording, folder / "other.mp4")
    path = folder / "list.mp4"
    path.write_text(f"ffconcat version 1.0\nfile '{folder / 'other.mp4'}'\n")
    return {"--recording": path}


def audio_only(folder: Path) -> dict[str, object]:
    """A recording without a picture."""
    return {"--recording": recording(folder / "sound.webm", Shape(video=None))}


def cut_header(folder: Path) -> dict[str, object]:
    """A recording cut in its header."""
    path = folder / "cut.webm"
    path.write_bytes(CAPTURES["vp8.webm"].recording.read_bytes()[:300])
    return {"--recording": path}


def a_folder(folder: Path) -> dict[str, object]:
    """A folder where a file should be."""
    return {"--recording": folder}


def a_pipe(folder: Path) -> dict[str, object]:
    """A pipe that nobody writes to."""
    os.mkfifo(folder / "pipe")
    return {"--recording": folder / "pipe"}


def onto_an_input(folder: Path) -> dict[str, object]:
    """An output that is an input."""
    path = folder / "mine.mp4"
    shutil.copy(CAPTURES["sample"].recording, path)
    return {"--recording": path, "--out": path}


BAD: dict[str, tuple[Callable[[Path], dict[str, object]], str]] = {
    "no time": (bad_call_end, "HH:MM:SS"),
    "negative": (lambda _: {"--call-end": "-5"}, "negative"),
    "missing call end": (lambda _: {"--call-end": None}, "--call-end is missing"),
    "text for a call": (
        written("call.wav", b"hello there\n" * 50, "--connect"),
        r"call\.wav isn't media \(it is text\)",
    ),
    "empty recording": (written("rec.webm", b"", "--recording"), r"rec\.webm is empty"),
    "empty call": (written("c.wav", b"", "--connect"), r"c\.wav is empty"),
    "m3u8": (written("rec.mp4", b"#EXTM3U\nhttp://127.0.0.1:9/x.ts\n", "--recording"), "playlist"),
    "concat": (playlist, "concat script"),
    "audio only": (audio_only, "no video track"),
    "cut header": (cut_header, r"cut\.webm"),
    "missing file": (lambda f: {"--connect": f / "nowhere.wav"}, r"nowhere\.wav doesn't exist"),
    "a folder": (a_folder, "is a directory"),
    "a pipe": (a_pipe, "pipe"),
    "output is input": (onto_an_input, "is the input"),
    "no folder": (lambda f: {"--out": f / "no" / "out.mp4"}, "doesn't exist; make it first"),
    "extension": (lambda f: {"--out": f / "out.avi"}, r"\.mp4 or \.webm"),
    "container": (lambda f: {"--out": f / "out", "--container": "avi"}, "auto, mp4, webm"),
    "far away": (lambda _: {"--call-end": "23:59:59", "--align": "told"}, "over an hour away"),
    "far offset": (lambda _: {"--offset": "-100000"}, "over an hour away"),
    "swapped": (
        lambda _: {"--recording": CAPTURES["sample"].call, "--connect": CAPTURES["sample"].recording},
        "swap",
    ),
    "one file twice": (lambda _: {"--recording": CAPTURES["sample"].call}, "are the same"),
    "drift alone": (lambda _: {"--drift-ppm": "5"}, "needs --offset"),
    "wild offset": (lambda _: {"--offset": "nan"}, "offset"),
    "offset in ms": (lambda _: {"--offset": "2000000"}, "milliseconds"),
    "a URL": (lambda _: {"--recording": "http://127.0.0.1:9/x.mp4"}, "doesn't exist"),
    "no files": (lambda _: {"--connect": None, "--recording": None}, "--connect and --recording are missing"),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_input_gets_one_sentence_and_no_output(case: str, tmp_path: Path) -> None:
    """Exit code 2, one line that names the thing and what was found, and an existing output is kept as it was."""
    inputs, outputs = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    outputs.mkdir()
    kept = outputs / "out.mp4"
    kept.write_bytes(b"an older result")
    sample = CAPTURES["sample"]
    options: dict[str, object] = {
        "--connect": sample.call, "--recording": sample.recording, "--call-end": "22", "--out": kept,
    }  # fmt: skip
    change, says = BAD[case]
    options |= change(inputs)
    done = run("process", *(word for pair in options.items() if pair[1] is not None for word in pair))
    assert done.returncode == 2, done.stdout + done.stderr
    error = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(error) == 1
    import re  # noqa: PLC0415  only here

    assert re.search(says, error[0]), error[0]
    assert "Traceback" not in done.stderr
    assert kept.read_bytes() == b"an older result"
    assert [p.name for p in outputs.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize(
    ("kind", "rate", "channels"),
    [
        ("wav", 16_000, 2),
        ("wav", 48_000, 2),
        ("wav", 8000, 1),
        ("wav24", 8000, 2),
        ("mp3", 16_000, 2),
        ("flac", 48_000, 2),
    ],
)
def test_call_audio_of_other_kinds_works(kind: str, rate: int, channels: int, tmp_path: Path) -> None:
    """Mono, 16 and 48 kHz, 24 bits, MP3 and FLAC are joined as well; mono is a finding."""
    import numpy as np  # noqa: PLC0415  only here

    pcm = np.stack([noise(4.0, rate, n) for n in range(channels)], axis=1)
    path = tmp_path / "call.wav"
    if kind.startswith("wav"):
        wav(path, pcm, rate, 3 if kind == "wav24" else 2)
    else:
        encoded(path, pcm, {"mp3": "libmp3lame", "flac": "flac"}[kind], rate, kind)
    sample = CAPTURES["sample"]
    files = ("--connect", path, "--recording", sample.recording, "--call-end", "10", "--out", tmp_path / "o.mp4")
    done = run("process", *files, "--align", "told", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 3, done.stderr
    assert found["durations"]["call_s"] == pytest.approx(4.0, abs=0.08)
    by_name = {f["name"]: f["status"] for f in found["findings"]}
    assert [name for name, status in by_name.items() if status == "fail"] == ["alignment_resolution"]
    assert by_name["call_channels"] == ("warn" if channels == 1 else "pass")


@pytest.mark.parametrize(
    "shape",
    [
        Shape(seconds=0.5),
        Shape(seconds=3.0, audio=None),
        Shape(seconds=3.0, audio_s=1.0),
        Shape(seconds=1.0, audio_s=4.0),
        Shape(seconds=3.0, start_s=7.0),
        Shape(seconds=3.0, start_s=7200.0),
        Shape(seconds=4.0, leap=(2.0, 5.0)),
        Shape(seconds=4.0, gap=(1.0, 2.0)),
        Shape(seconds=3.0, size=(161, 91)),
    ],
    ids=[
        "half a second",
        "no audio",
        "short audio",
        "short video",
        "late",
        "two hours late",
        "leap",
        "gap",
        "odd size",
    ],
)
def test_odd_recordings_come_out_whole(shape: Shape, tmp_path: Path) -> None:
    """Odd files of browsers: every frame is there, and the output decodes to its end."""
    call = wav(tmp_path / "call.wav", noise(1.0, 8000))
    path = recording(tmp_path / "rec.webm", shape)
    done = run("process", "--connect", call, "--recording", path, "--call-end", "1", "--out", tmp_path / "o",
               "--align", "told", "--json")  # fmt: skip
    assert done.returncode in (0, 3), done.stderr
    with av.open(str(tmp_path / "o.webm"), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == round(shape.seconds * shape.fps)
    with av.open(str(tmp_path / "o.webm"), "r") as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) >= 16_000


def test_an_existing_output_is_replaced_whole(sample: Capture, tmp_path: Path) -> None:
    """A second run gives the same file as the first but for its own ID, and leaves nothing beside it."""
    out = tmp_path / "out.mp4"
    out.write_bytes(b"x" * 1_000_000)
    assert process(sample, out).returncode == 0
    first = out.read_bytes()
    assert process(sample, out).returncode == 0
    assert out.read_bytes() != first
    assert without_run(out.read_bytes()) == without_run(first)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.mp4", "out.qc.json"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_leaves_nothing_that_the_next_doesnt_clear(how: signal.Signals, tmp_path: Path) -> None:
    """Killed while it encodes VP8 for an MP4: the old output stays, and the next run clears what is left."""
    capture = CAPTURES["vp8.webm"]
    folder = tmp_path / "out"
    folder.mkdir()
    out = folder / "out.mp4"
    out.write_bytes(b"an older result")
    words = [
        str(CLI),
        "process",
        "--connect",
        str(capture.call),
        "--recording",
        str(capture.recording),
        "--call-end",
        capture.call_end,
        "--out",
        str(out),
    ]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits a deaf ear
    with child_process(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        deadline = time.monotonic() + 60
        while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline and running.poll() is None:
            time.sleep(0.01)
        assert running.poll() is None, "it was done before it could be killed"
        running.send_signal(how)
        assert running.wait(30) != 0
    assert out.read_bytes() == b"an older result"
    assert len(list(folder.iterdir())) == (2 if how == signal.SIGKILL else 1)
    assert run(*words[1:]).returncode == 0
    assert sorted(p.name for p in folder.iterdir()) == ["out.mp4", "out.qc.json"]


@pytest.mark.parametrize("bad", ["../../etc/passwd", "a/b", "..", "a\nb", "x" * 10_000, "a b"])
def test_ids_that_could_spoil_a_key_are_refused(bad: str) -> None:
    """Before any bucket is asked: no bucket is configured here."""
    done = run("process", bad, "--call-end", "10")
    assert done.returncode == 2
    assert "isn't a recording ID" in done.stderr
    assert len(done.stderr) < 400


def test_files_beside_an_id_are_refused(sample: Capture) -> None:
    """An ID's files are in the buckets: naming others is a mistake."""
    done = run("process", "some-id", "--call-end", "10", "--connect", sample.call)
    assert done.returncode == 2
    assert "--connect can't be used with a recording ID" in done.stderr


@pytest.mark.parametrize("command", ["diagnose", "process"])
def test_sample_needs_no_files(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--demo takes the sample call, has a place for the result, and names the command that shows more."""
    monkeypatch.chdir(tmp_path)
    done = run(command, "--demo")
    assert done.returncode == 0, done.stderr
    assert "komorebi-qc audit --demo" in done.stdout
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    expected = ["demo-output/unified.mp4", "demo-output/unified.qc.json"]
    assert written == (expected if command == "process" else [])
    refused = run(command, "--demo", "--connect", CAPTURES["sample"].call)
    assert (refused.returncode, "name no recording beside it" in refused.stderr) == (2, True)


def test_next_command_runs_as_printed(sample: Capture, tmp_path: Path) -> None:
    """A path with a space is quoted in the command that the result recommends."""
    call = tmp_path / "the call.wav"
    shutil.copy(sample.call, call)
    files = ("--connect", call, "--recording", sample.recording, "--call-end", sample.call_end)
    (line,) = (line for line in run("diagnose", *files).stdout.splitlines() if "komorebi-qc audit" in line)
    words = shlex.split(line.partition(": ")[2])
    assert words == ["komorebi-qc", "audit", *map(str, files), "--out", "audit"]


def test_next_command_keeps_call_end_and_limits() -> None:
    """The recommended audit judges the same call end by the same limits."""
    done = run("diagnose", "--demo", "--call-end", "20", "--limit", "video_freeze=0.01")
    (line,) = (line for line in done.stdout.splitlines() if "komorebi-qc audit" in line)
    assert line == "To look into it: komorebi-qc audit --demo --call-end 20 --limit video_freeze=0.01"


@pytest.mark.parametrize(
    ("options", "command"),
    [
        (("--offset", "2.5"), "komorebi-qc audit --demo --offset 2.5"),
        (("--align", "call-end"), "komorebi-qc audit --demo (audit measures the alignment itself)"),
    ],
)
def test_next_command_after_an_unmeasured_alignment(
    options: tuple[str, ...], command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An audit takes an offset as well. It has no option for the call end alone, and the line reports that."""
    monkeypatch.chdir(tmp_path)
    assert command in run("process", "--demo", *options).stdout


def test_next_command_names_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the libraries of an audit the line names the extra."""
    monkeypatch.setitem(sys.modules, "papermill", None)
    assert "komorebi-qc audit --demo (needs the desk extra)" in run("diagnose", "--demo").stdout


def test_a_result_that_warns_says_how_to_see_it(sample: Capture) -> None:
    """A wrong reported end is a warning: the measured one is used. Its sentence is on one line; a command follows."""
    files = ("--connect", sample.call, "--recording", sample.recording, "--call-end", "02:00")
    done = run("diagnose", *files, COLUMNS="80")
    assert done.returncode == 0
    assert done.stdout.startswith("warn  aligned: ")
    assert "To look into it: komorebi-qc audit" in done.stdout
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("warn  call_end_error"))
    found = json.loads(run("diagnose", *files, "--json").stdout)
    assert next(f["text"] for f in found["findings"] if f["name"] == "call_end_error") in line


def test_the_plot_s_place_is_printed(sample: Capture, tmp_path: Path) -> None:
    """--plot says where it wrote."""
    plot = tmp_path / "plot.png"
    files = ("--connect", sample.call, "--recording", sample.recording, "--call-end", sample.call_end)
    assert f"The plot is in {plot}." in run("diagnose", *files, "--plot", plot).stdout
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_a_quick_diagnosis(sample: Capture) -> None:
    """It has the diagnosis's fields and one more, and names what it left out. Options for whole files are refused."""
    files = ("--connect", sample.call, "--recording", sample.recording, "--call-end", sample.call_end)
    done = run("diagnose", *files, "--quick")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("pass  aligned: ")
    assert "All of the call was measured: the call of 20 s is too short for a quick look." in done.stdout
    assert "Left out: levels of both files; " in done.stdout
    quick, whole = (json.loads(run("diagnose", *files, *more, "--json").stdout) for more in (("--quick",), ()))
    assert set(quick) == {*whole, "quick"}
    assert quick["sync"]["offset_s"] == whole["sync"]["offset_s"]
    for more in (("--offset", 2.5), ("--plot", "a.png"), ("--transcript", sample.call)):
        refused = run("diagnose", *files, "--quick", *more)
        assert (refused.returncode, f"{more[0]} can't be used with --quick" in refused.stderr) == (2, True)


def test_a_recording_in_aws_takes_the_call_end_from_its_item() -> None:
    """Without --call-end the item's is used; without either the sentence names both."""
    with sample_on_embedded_aws() as (recording_id, call_end):
        environ = dict(os.environ)
        table = Settings.from_environment(environ).table()
        for command in ("diagnose", "process"):
            done = run(command, recording_id, **environ)
            assert done.returncode == 0, done.stderr
            assert f"komorebi-qc audit {recording_id} --call-end {call_end}" in done.stdout
        remove = {"UpdateExpression": "REMOVE callEndingTimestamp", "Key": {"videoID": {"S": recording_id}}}
        table.client.update_item(TableName=table.name, **remove)
        missing = run("diagnose", recording_id, **environ)
        assert missing.returncode == 2
        assert "--call-end is missing, and the item" in missing.stderr
        nobody = run("diagnose", "nobody", "--call-end", "10", **environ)
        assert (nobody.returncode, "has no item with videoID nobody" in nobody.stderr) == (1, True)


def test_a_limit_changes_what_fails(sample: Capture, tmp_path: Path) -> None:
    """Set on the command line or in the environment, the former wins; the result's JSON says what was changed."""
    files = ("--connect", sample.call, "--recording", sample.recording, "--call-end", sample.call_end, "--json")
    strict = run(
        "diagnose", *files, "--limit", "call_agent_snr=70:60", "--limit", "drift=off", KOMOREBI_LIMITS="drift=0"
    )
    found = json.loads(strict.stdout)
    assert strict.returncode == 3
    by_name = {f["name"]: f for f in found["findings"]}
    assert by_name["call_agent_snr"]["status"] == "fail"
    assert (by_name["call_agent_snr"]["limit"], by_name["call_agent_snr"]["limit_name"]) == (70.0, "call_agent_snr")
    assert by_name["call_customer_snr"]["status"] == "pass"
    assert by_name["drift"]["status"] == "pass"
    assert {name for name, row in found["limits"].items() if row["changed"]} == {"drift", "call_agent_snr"}
    assert found["limits"]["call_agent_snr"]["default"] == {"warn": [20.0, None], "fail": None}
    done = process(sample, tmp_path / "out.mp4", "--json", KOMOREBI_LIMITS="call_residual=0:0")
    assert done.returncode == 3
    kept = json.loads((tmp_path / "out.qc.json").read_text())
    assert [name for name, row in kept["limits"].items() if row["changed"]] == ["call_residual"]
    assert next(f for f in kept["findings"] if f["name"] == "call_residual")["status"] == "fail"


def test_a_slip_in_a_limit_is_found_before_any_work(sample: Capture, tmp_path: Path) -> None:
    """One sentence that guesses the mistake, exit code 2, no output."""
    wrong = process(sample, tmp_path / "out.mp4", "--limit", "drfit=50")
    assert (wrong.returncode, wrong.stderr) == (2, "error: there is no limit 'drfit': did you mean drift?\n")
    unset = process(sample, tmp_path / "out.mp4", KOMOREBI_LIMITS="drift=much")
    assert unset.returncode == 2
    assert "KOMOREBI_LIMITS: drift takes a number, in ppm" in unset.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("columns", ["80", "120"])
def test_limits_are_listed(columns: str) -> None:
    """Each with its present value, unit and source; in no more columns than there are, and for scripts as JSON."""
    done = run("limits", "--limit", "call_snr=15", COLUMNS=columns, KOMOREBI_LIMITS="drift=50:200")
    assert done.returncode == 0
    assert "warns beyond +-50 ppm, fails beyond +-200 ppm" in " ".join(done.stdout.split())
    assert "changed; by default warns below 20 dB" in " ".join(done.stdout.split())
    assert "ITU-R BT.1359-1" in done.stdout
    listed = json.loads(run("limits", "--json").stdout)["limits"]
    assert set(listed) <= set(done.stdout.split())
    assert not any(row["changed"] for row in listed.values())
