"""The analyst's commands, as a person or a script runs them; their work is tested with `audit` and `clip`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import av
import pytest
from captures import CAPTURES
from desk import wrong_call
from shell import Shell

from komorebi_qc.desk.audit import run as audits
from komorebi_qc.desk.audit.status import AuditStatus

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
    assert f"{out}: 1 s, from 00:00:04.500 to 00:00:05.500 of the unified recording" in shell.out
    assert "9/9 render the clip" in shell.err
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.width == 320
    assert list(tmp_path.iterdir()) == [out]


def test_a_clip_as_json(shell: Shell, tmp_path: Path) -> None:
    """One JSON object, and no progress."""
    out = tmp_path / "clip.mp4"
    assert shell.run("clip", "--demo", "--at", 3, "--seconds", 1, "--out", out, "--size", "320x240", "--json") == 0, (
        shell.err
    )
    assert json.loads(shell.out) == {"clip": str(out), "from_output_s": 2.5, "to_output_s": 3.5, "refused": None}
    assert shell.err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("audit", *FILES, *END), "--out is missing"),
        (
            ("audit", "--out", "x"),
            "--connect and --recording are missing: name both files, or a recording ID, or --demo",
        ),
        (("audit", *FILES[:2], *END, "--out", "x"), "--recording is missing"),
        (("audit", *FILES, "--out", "x"), "--call-end is missing"),
        (("audit", "one", *FILES, *END, "--out", "x"), "name one or the other"),
        (("audit", "--demo", *FILES, "--out", "x"), "name no recording beside it"),
        (("audit", *FILES, *END, "--out", "x", "--param", "window_at"), "isn't NAME=VALUE"),
        (("audit", *FILES, *END, "--out", "x", "--param", "windw_at=3"), "no parameter windw_at"),
        (("audit", *FILES, *END, "--out", "x", "--notebook", "none"), "there is no notebook 'none'"),
        (("audit", *FILES, *END, "--out", "x", "--limit", "nothing=3"), "nothing"),
        (("audit", *FILES, "--call-end", "soon", "--out", "x"), "isn't a time"),
        (("clip", *FILES, *END), "--at and --out are missing: the moment in the middle (57:01) and the clip's file"),
        (("clip", "--demo", "--at", "10"), "error: --out is missing: the clip's file (clip.mp4)"),
        (("clip", "--demo", "--out", "a.mp4"), "error: --at is missing: the moment in the middle (57:01)"),
        (("clip", "--demo", "--at", "-5", "--out", "a.mp4"), "--at -5 is negative"),
        (("clip", "--demo", "--at", "5", "--out", "a.mp4/"), "a.mp4/ ends in a slash, as a folder does: name a file"),
        (("clip", *FILES, *END, "--at", "soon", "--out", "a.mp4"), "--at 'soon' isn't a time"),
        (("clip", *FILES, *END, "--at", "3", "--out", "a.mp4", "--size", "big"), "write it as 1280x720"),
        (("clip", *FILES, *END, "--at", "3", "--out", "a.mp4", "--sound", "loud"), "name one of output, sides"),
        (("clip", *FILES, *END, "--at", "3", "--out", "a.mp4", "--seconds", "0"), "the length must be 0.2"),
    ],
)
def test_bad_usage_is_one_sentence(
    arguments: tuple[str, ...], words: str, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, the fault and the remedy, before anything is written."""
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

    def made(job: audits.AuditJob, _progress: object, _on_examined: object) -> AuditStatus:
        assert dict(job.parameters) == {"window_at": "1=2"}
        return AuditStatus(state=state, verdict=verdict)

    monkeypatch.setattr(audits, "audit", made)
    arguments = ("audit", *FILES, *END, "--out", tmp_path, "--param", "window_at=1=2")
    assert shell.run(*arguments) == code
    assert "report.html" in shell.out
    assert shell.run(*arguments, "--json") == code
    assert json.loads(shell.out)["state"] == state


def test_a_clip_of_a_wrong_pair_publishes_nothing(shell: Shell, tmp_path: Path) -> None:
    """The sentence has the reason, and no words of a run that publishes."""
    out = tmp_path / "clip.mp4"
    files = ("--connect", wrong_call(tmp_path), "--recording", SAMPLE.recording, *END)
    assert shell.run("clip", *files, "--at", 5, "--seconds", 1, "--out", out, "--size", "320x240") == 0, shell.err
    assert "There is no unified recording: the call audio and the recording belong to different calls (" in shell.out
    assert shell.out.endswith("). The clip shows both sides.\n")
    assert "published" not in shell.out


def test_clip_beyond_the_end_fails_before_it_renders(shell: Shell, tmp_path: Path) -> None:
    """The sentence names the length; no step begins and nothing is written."""
    out = tmp_path / "clip.mp4"
    for arguments in (("--demo",), (*FILES, *END)):
        assert shell.run("clip", *arguments, "--at", "30.8", "--out", out) == 2
        assert "00:00:30.800 is after the end: the unified recording is 00:00:30." in shell.err
        assert "1/9" not in shell.err
    assert list(tmp_path.iterdir()) == []


def test_sample_has_a_folder_of_its_own(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`audit --demo` needs no --out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(audits, "audit", lambda job, *_: AuditStatus(state="done", recording=job.out))
    assert shell.run("audit", "--demo", "--json") == 0
    assert json.loads(shell.out)["recording"] == "demo-output/audit"
    assert (tmp_path / "demo-output").is_dir()
