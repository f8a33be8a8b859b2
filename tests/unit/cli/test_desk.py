"""The analyst's commands, as a person or a script runs them; what they do is tested with `audit` and `clip`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import av
import pytest
from captures import CAPTURES
from shell import Shell

from komorebi_qc.cli import desk as cli_desk
from komorebi_qc.cli import main as cli

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = CAPTURES["sample"]
FILES = ("--connect", str(SAMPLE.call), "--recording", str(SAMPLE.recording))
END = ("--call-end", SAMPLE.call_end)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A shell of 200 columns."""
    monkeypatch.setenv("COLUMNS", "200")
    return Shell(monkeypatch, capsys)


def test_a_clip_is_made_of_files(shell: Shell, tmp_path: Path) -> None:
    """From two files to a clip of the size asked for; standard output says what it holds."""
    out = tmp_path / "clip.mp4"
    code = shell.run(
        "clip", *FILES, *END, "--at", "00:05", "--seconds", 1, "--out", out, "--size", "320x240", "--sound", "sides"
    )
    assert code == 0, shell.err
    assert "1 s, from 4.500 s of the output" in shell.out
    assert "9/9 render the clip" in shell.err
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.width == 320
    assert list(tmp_path.iterdir()) == [out]


def test_a_clip_tells_a_script(shell: Shell, tmp_path: Path) -> None:
    """One JSON object, and no progress."""
    out = tmp_path / "clip.mp4"
    assert shell.run("clip", "--demo", "--at", 3, "--seconds", 1, "--out", out, "--size", "320x240", "--json") == 0, (
        shell.err
    )
    told = json.loads(shell.out)
    assert told == {"clip": str(out), "from_output_s": 2.5, "to_output_s": 3.5, "refused": None}
    assert shell.err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("audit", *FILES, *END), "--out is missing"),
        (("audit", "--out", "x"), "name the files, or give a recording ID, or --demo"),
        (("audit", *FILES[:2], *END, "--out", "x"), "--recording is missing"),
        (("audit", *FILES, "--out", "x"), "--call-end is missing"),
        (("audit", "one", *FILES, *END, "--out", "x"), "name one or the other"),
        (("audit", "--demo", *FILES, "--out", "x"), "name no recording beside it"),
        (("audit", *FILES, *END, "--out", "x", "--param", "window_at"), "is no NAME=VALUE"),
        (("audit", *FILES, *END, "--out", "x", "--param", "windw_at=3"), "no parameter windw_at"),
        (("audit", *FILES, *END, "--out", "x", "--notebook", "none"), "there is no notebook 'none'"),
        (("audit", *FILES, *END, "--out", "x", "--limit", "nothing=3"), "nothing"),
        (("audit", *FILES, "--call-end", "soon", "--out", "x"), "is no time"),
        (("clip", *FILES, *END), "--at and --out missing"),
        (("clip", *FILES, *END, "--at", "soon", "--out", "a.mp4"), "--at 'soon' is no time"),
        (("clip", *FILES, *END, "--at", "3", "--out", "a.mp4", "--size", "big"), "write it as 1280x720"),
        (("clip", *FILES, *END, "--at", "3", "--out", "a.mp4", "--sound", "loud"), "none of output, sides"),
        (("clip", *FILES, *END, "--at", "3", "--out", "a.mp4", "--seconds", "0"), "it takes from 0.2"),
    ],
)
def test_bad_usage_is_one_sentence(
    arguments: tuple[str, ...], words: str, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, what is wrong and what to do, before anything is written."""
    monkeypatch.chdir(tmp_path)
    assert shell.run(*arguments) == 2
    assert words in " ".join(shell.err.split())
    assert "Traceback" not in shell.err
    assert list(tmp_path.iterdir()) == []


def test_a_missing_library_is_named(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the sentence says how to get it."""
    monkeypatch.setitem(sys.modules, "papermill", None)
    assert shell.run("audit", *FILES, *END, "--out", tmp_path / "out") == 2
    assert 'an audit needs papermill, which isn\'t installed; install it with: pip install -e ".[desk]"' in " ".join(
        shell.err.split()
    )


@pytest.mark.parametrize(
    ("state", "verdict", "code"), [("done", "pass", 0), ("done", "warn", 0), ("done", "fail", 3), ("failed", "fail", 1)]
)
def test_exit_codes_follow_the_status(
    state: Any, verdict: str, code: int, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 done, 3 done with findings that fail, 1 where a notebook failed."""
    from komorebi_qc.desk import audit as audits  # noqa: PLC0415  beside what replaces a part of it

    def made(job: audits.AuditJob, _progress: object) -> audits.Status:
        assert dict(job.parameters) == {"window_at": "1=2"}
        return audits.Status(state=state, verdict=verdict)

    monkeypatch.setattr(audits, "audit", made)
    arguments = ("audit", *FILES, *END, "--out", tmp_path, "--param", "window_at=1=2")
    assert shell.run(*arguments) == code
    assert "report.html" in shell.out
    assert shell.run(*arguments, "--json") == code
    assert json.loads(shell.out)["state"] == state


def test_exit_codes_are_the_command_line_s() -> None:
    """The numbers here are those of every other command."""
    assert (cli_desk.DONE, cli_desk.FAILED, cli_desk.FINDINGS_FAIL) == (
        cli.Exit.DONE,
        cli.Exit.FAILED,
        cli.Exit.FINDINGS_FAIL,
    )
