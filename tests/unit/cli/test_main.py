"""The command line's entry: help, version, exit codes, errors, pipes and completion."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from captures import CAPTURES
from command import CLI, environment, run, run_installed

from komorebi_qc.cli.exit_code import EPILOG, ExitCode
from komorebi_qc.core.errors import StorageError

SAMPLE = CAPTURES["sample"]
COMMANDS = ("process", "diagnose", "limits", "audit", "clip", "batch", "rerun", "fleet", "worker", "status", "submit",
            "dlq", "demo", "doctor")  # fmt: skip


def test_version_and_help() -> None:
    """Both print and stop; -h is --help, and the module is the command."""
    version = run_installed("--version").stdout
    assert version.strip().count(".") == 2
    module = [sys.executable, "-m", "komorebi_qc", "--version"]
    assert subprocess.run(module, capture_output=True, text=True, check=True, timeout=60).stdout == version
    done = run("-h")
    assert (done.returncode, done.stdout) == (0, run("--help").stdout)
    assert [name for name in COMMANDS if name not in done.stdout] == []
    assert run("dlq", "list", "-h").returncode == 0


def test_help_names_every_exit_code() -> None:
    """The text below the help and the codes agree."""
    assert [code for code in ExitCode if f"{code.value} " not in EPILOG] == []


@pytest.mark.parametrize(("verdict", "code"), [("pass", 0), ("warn", 0), ("fail", 3), (None, 0)])
def test_verdict_gives_the_exit_code(verdict: str | None, code: int) -> None:
    """Only a failed finding has a code of its own."""
    assert ExitCode.of_verdict(verdict) == code


def test_metavars_have_one_style() -> None:
    """Capitals are to be replaced, small letters are typed: no option shows Python's or the parser's own type names."""
    shown = "".join(run(*words.split(), "--help").stdout for words in (*COMMANDS, "dlq show", "dlq redrive"))
    assert [word for word in ("TEXT", "<int>", "INTEGER", "FLOAT", "PATH", "[auto", "<float>") if word in shown] == []
    assert "--call-end" in shown


def test_completion_is_there() -> None:
    """The shell gets a script, and the script gets the commands."""
    source = run("--show-completion", _KOMOREBI_QC_COMPLETE="source_bash")
    assert "_KOMOREBI_QC_COMPLETE" in source.stdout
    words = {"_KOMOREBI_QC_COMPLETE": "complete_bash", "COMP_WORDS": "komorebi-qc di", "COMP_CWORD": "1"}
    assert run(**words).stdout.split() == ["diagnose"]


def test_usage_errors_give_exit_code_2() -> None:
    """An unknown option or a word that is no number is a usage error."""
    assert run("process", "--nonsense").returncode == 2
    assert run("process", "--offset", "soon").returncode == 2
    assert run("nonsense").returncode == 2


def test_missing_settings_are_named_together() -> None:
    """Each variable that is missing is named, in one sentence."""
    for words in (("process", "some-id", "--call-end", "10"), ("diagnose", "some-id"), ("worker", "--once")):
        done = run(*words)
        assert done.returncode == 2
        for name in ("AC_AUDIO_BUCKET_NAME", "INPUT_BUCKET_NAME", "OUTPUT_BUCKET_NAME"):
            assert name in done.stderr
        assert done.stderr.count("error:") == 1


def test_errors_are_json_where_json_was_asked_for(tmp_path: Path) -> None:
    """A script learns the kind of error, and whether a retry can help."""
    files = ("--connect", SAMPLE.call, "--recording", SAMPLE.recording, "--call-end", SAMPLE.call_end)
    done = run("process", *files, "--out", tmp_path / "no" / "out.mp4", "--json")
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 2
    assert (error["kind"], error["worth_a_retry"]) == ("InputError", False)


def test_passing_error_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that a retry may help gives exit code 1, and JSON marks it."""

    def raising() -> None:
        raise StorageError("the queue doesn't respond")

    settings = "komorebi_qc.wiring.settings.Settings.from_environment"
    monkeypatch.setattr(settings, lambda _environ: raising())
    done = run("dlq", "list", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["worth_a_retry"] is True


def test_interrupted_command_gives_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C anywhere in a command ends it with 130 and one word, without a traceback."""

    def interrupted(_environ: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("komorebi_qc.wiring.settings.Settings.from_environment", interrupted)
    for words in (("dlq", "list"), ("status", "some-id"), ("worker",), ("submit", "some-id")):
        done = run(*words)
        assert (done.returncode, done.stderr.strip()) == (130, "stopped")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("words", [("limits",), ("limits", "--json"), ("--version",), ("process", "--json")])
def test_full_disk_is_one_sentence(words: tuple[str, ...]) -> None:
    """Output that can't be written gives exit code 1 and no traceback."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [str(CLI), *words], stdout=full, stderr=subprocess.PIPE, env=environment(), check=False, timeout=60
        )
    assert done.returncode == 1
    assert done.stderr == b"error: the output can't be written: No space left on device\n"


def test_an_error_of_another_file_is_no_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unforeseen error of the system keeps its traceback."""

    def broken(_environ: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "some file")

    monkeypatch.setattr("komorebi_qc.wiring.settings.Settings.from_environment", broken)
    with pytest.raises(OSError, match="some file"):
        run("dlq", "list")


@pytest.mark.parametrize("words", [("limits",), ("limits", "--json")])
def test_closed_pipe_is_no_error(words: tuple[str, ...]) -> None:
    """A reader that ends early, like `head`, isn't a failure, and nothing is printed about it."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [str(CLI), *words], stdout=write, stderr=subprocess.PIPE, env=environment(), check=False, timeout=60
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
