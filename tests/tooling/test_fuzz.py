# ruff: noqa: S311  no secrets
"""The fuzzer: its mutators keep structure, its watch sees forbidden acts, and a finding is written down once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import analyst_targets
import mutate_ebml
import mutate_mp4
import mutate_text
import mutate_wav
import pytest
import text_targets
import watch
from fuzz import found_since, is_own_growth
from loop import Run
from targets import Target
from watch import FindingError, Watch

from komorebi_qc.core.analyst.correction import read_correction
from komorebi_qc.core.errors import InputError
from komorebi_qc.core.notes import read_notes
from komorebi_qc.core.splice import splice
from komorebi_qc.transcript.read import read_transcript

if TYPE_CHECKING:
    from collections.abc import Callable

MEDIA = Path(__file__).parents[1] / "media"
WAV, MP4, EBML = ((MEDIA / name).read_bytes()[:200_000] for name in ("call.wav", "vp9.mp4", "vp8.webm"))
WATCH = Watch()


def test_a_file_that_is_read_and_written_is_the_same() -> None:
    """So a change is the mutator's. EBML's sizes may take more bytes, and nothing else differs."""
    assert mutate_wav.chunks(bytes(mutate_wav.written(mutate_wav.chunks(WAV)))) == mutate_wav.chunks(WAV)
    assert b"".join(box.written() for box in mutate_mp4.parsed(MP4)) == MP4
    elements = mutate_ebml.parsed(EBML)
    again = mutate_ebml.parsed(b"".join(one.written() for one in elements))
    assert [one.name for top in again for one in top.all()] == [one.name for top in elements for one in top.all()]
    assert [one.content for top in again for one in top.all()] == [one.content for top in elements for one in top.all()]


@pytest.mark.parametrize(
    ("mutate", "seed"),
    [
        (mutate_wav.mutate, WAV),
        (mutate_mp4.mutate, MP4),
        (mutate_ebml.mutate, EBML),
        (mutate_text.mutate_json, text_targets.ANALYSES[0]),
        (mutate_text.mutate_csv, text_targets.MANIFESTS[0]),
        (mutate_text.mutate_subtitles, analyst_targets.SUBTITLES[0]),
    ],
)
def test_changes_differ_and_can_be_made_again(mutate: Callable[[bytes, Random], bytes], seed: bytes) -> None:
    """The same random numbers make the same change, and nearly every change is another one."""
    made = [mutate(seed, Random(number)) for number in range(30)]
    assert made == [mutate(seed, Random(number)) for number in range(30)]
    assert len(set(made) - {seed}) > 15
    for one in made[:10]:
        for _ in range(3):
            one = mutate(one, Random(1))  # noqa: PLW2901  a change of a change


@pytest.mark.parametrize("name", ["MESSAGES", "ITEMS", "MANIFESTS", "JSON_LINES", "ROWS", "PARAMETERS", "ANALYSES"])
def test_the_seeds_of_texts_hold_all_properties(name: str, tmp_path: Path) -> None:
    """And so do a few changes of each."""
    checks = {
        "MESSAGES": text_targets.check_message,
        "ITEMS": text_targets.check_item,
        "MANIFESTS": text_targets.check_csv_manifest,
        "JSON_LINES": text_targets.check_json_manifest,
        "ROWS": text_targets.check_row,
        "PARAMETERS": text_targets.check_parameters,
        "ANALYSES": text_targets.check_analysis,
    }
    mutate = mutate_text.mutate_csv if name == "MANIFESTS" else mutate_text.mutate_json
    for seed in getattr(text_targets, name):
        for number in range(12):
            checks[name](mutate(seed, Random(number)) if number else seed, tmp_path)


@pytest.mark.parametrize("name", ["TRANSCRIPTS", "SUBTITLES", "CORRECTIONS", "NOTES"])
def test_the_seeds_of_an_analysts_files_hold_all_properties(name: str, tmp_path: Path) -> None:
    """They are accepted, and a few changes of each hold the properties too."""
    check = {
        "TRANSCRIPTS": analyst_targets.check_transcript,
        "SUBTITLES": analyst_targets.check_transcript,
        "CORRECTIONS": analyst_targets.check_correction,
        "NOTES": analyst_targets.check_notes,
    }[name]
    read = {
        "TRANSCRIPTS": read_transcript,
        "SUBTITLES": read_transcript,
        "CORRECTIONS": read_correction,
        "NOTES": read_notes,
    }[name]
    mutate = mutate_text.mutate_subtitles if name == "SUBTITLES" else mutate_text.mutate_json
    for seed in getattr(analyst_targets, name):
        read(seed, "seed")
        for number in range(12):
            check(mutate(seed, Random(number)) if number else seed, tmp_path)


def test_captions_with_the_suspended_words_are_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So are captions with mark-up of their own."""
    real = splice
    with monkeypatch.context() as patch:
        patch.setattr(analyst_targets, "splice", lambda *given, **options: real(*given, **{**options, "masked": ()}))
        with pytest.raises(FindingError, match="suspended span has the words"):
            analyst_targets.check_transcript(analyst_targets.SUBTITLES[1], tmp_path)
    monkeypatch.setattr(analyst_targets, "captions_webvtt", lambda _: "WEBVTT\n\n1\n00:01 --> 00:02\n<b>x</b>\n")
    with pytest.raises(FindingError, match="a cue isn't one"):
        analyst_targets.check_transcript(analyst_targets.SUBTITLES[0], tmp_path)


def _ended(printed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], 71, "", printed)


def test_the_fuzzers_own_growth_is_no_finding(tmp_path: Path) -> None:
    """If its memory ends the process, the input decides: it is checked again, in a process of its own."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), "TMPDIR": str(tmp_path)}
    running, artefact = tmp_path / "analysis.running", tmp_path / "analysis-oom-1"
    for path in (running, artefact):
        path.write_bytes(text_targets.ANALYSES[0])
    assert not is_own_growth("analysis", running, _ended("libFuzzer: deadly signal"), environment)
    assert artefact.is_file()
    assert is_own_growth("analysis", running, _ended("libFuzzer: out-of-memory"), environment)
    assert not artefact.exists()
    running.unlink()
    assert not is_own_growth("analysis", running, _ended("libFuzzer: out-of-memory"), environment)


def test_findings_of_earlier_runs_arent_counted(tmp_path: Path) -> None:
    """They stay in the folder, with their tracebacks."""
    (tmp_path / "wav-old").write_bytes(b"")
    os.utime(tmp_path / "wav-old", (1_000_000, 1_000_000))
    for name in ("wav-new", "wav-new.txt", "wav-slow-unit-1", "mp4-new"):
        (tmp_path / name).write_bytes(b"")
    assert found_since(tmp_path, "wav", time.time()) == ("wav-new",)


def _connect() -> None:
    with socket.create_server(("127.0.0.1", 0)):
        pass


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda folder: (folder.parent / "elsewhere").write_text("x"), "elsewhere"),
        (lambda folder: (folder.parent / "made").mkdir(), "made"),
        (lambda _folder: _connect(), "socket.bind"),
        (lambda _folder: subprocess.run(["true"], check=True), "subprocess.Popen"),
        (lambda _folder: _burn(), "of processor time"),
    ],
)
def test_the_watch_sees_what_is_forbidden(
    act: Callable[[Path], object], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file, a connection or a program outside of the folder, and too much time."""
    monkeypatch.setattr(watch, "BASE_S", 0.2)
    folder = tmp_path / "own"
    folder.mkdir()
    with pytest.raises(FindingError, match=words), WATCH.of(folder, 10):
        act(folder)
    with WATCH.of(folder, 10):
        (folder / "allowed").write_text("x")


def _burn() -> None:
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass


def test_the_watch_sees_memory() -> None:
    """In a process of its own, whose peak is known."""
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from pathlib import Path; from watch import Watch, FindingError\n"
        "w = Watch()\n"
        "with w.of(Path('/nowhere'), 10): bytearray(b'x') * 50_000_000\n"
        "try:\n"
        "    with w.of(Path('/nowhere'), 10): bytearray(b'x') * 450_000_000\n"
        "except FindingError as error: print(error)\n"
    )
    argv = [sys.executable, "-c", script, str(Path(watch.__file__).parent)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "MB for 10 bytes (bound: 400 MB)" in done.stdout


def test_a_finding_is_written_down_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its input and its traceback. An expected refusal is a finding of a check that doesn't catch it."""

    def check(data: bytes, _folder: Path) -> None:
        if data.startswith(b"bad"):
            raise ZeroDivisionError
        if data == b"refused":
            raise InputError("no")

    run = Run("some", Target([], lambda data, _rng: data, check), tmp_path, tmp_path / "work", WATCH)
    for data in (b"good", b"bad 1", b"bad 2", b"refused"):
        run.once(data)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len([name for name in names if name.endswith(".txt")]) == 2
    assert (run.executions, len(run.found)) == (4, 2)
    assert capsys.readouterr().err.count("FINDING some-") == 2
    assert not (tmp_path / "work").exists()
