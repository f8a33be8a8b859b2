"""The public interface, as a program outside of the package uses it."""

from __future__ import annotations

import ast
import doctest
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from analyses import analysis, as_json, times, turn

import komorebi_qc
from komorebi_qc import api
from komorebi_qc.core.errors import InputError
from komorebi_qc.findings import legacy
from komorebi_qc.pipeline.options import Options

if TYPE_CHECKING:
    from captures import Capture

    from komorebi_qc.core.progress import Progress
    from komorebi_qc.desk.audit import AuditJob

PACKAGE = Path(komorebi_qc.__file__).parent
HEAVY = ("av", "numpy", "boto3", "matplotlib", "rich", "typer", "soxr", "duckdb", "pyarrow")


def test_importing_the_package_loads_nothing_heavy() -> None:
    """A program that imports the package waits for no library until it uses a name."""
    code = f"import sys, komorebi_qc; print([name for name in {HEAVY!r} if name in sys.modules], komorebi_qc.__all__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[] ")
    used = "import sys, komorebi_qc; komorebi_qc.Options; print('numpy' in sys.modules, 'av' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", used], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_every_public_name_is_there_and_described() -> None:
    """Each name loads, has a docstring, and is the same object at its second use."""
    for name in komorebi_qc.__all__:
        found = getattr(komorebi_qc, name)
        assert found is getattr(komorebi_qc, name)
        assert (found.__doc__ or "").strip(), name
    assert set(komorebi_qc.__all__) <= set(dir(komorebi_qc))
    with pytest.raises(AttributeError, match="nothing"):
        komorebi_qc.nothing  # type: ignore[attr-defined]  # noqa: B018  the access itself is tested


def test_the_types_have_the_same_names() -> None:
    """`__init__.pyi` names the same objects as `__init__.py` loads."""
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text())
    typed = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(str(name) for name in typed) == sorted(komorebi_qc.__all__)
    for name, home in typed.items():
        module, _, attribute = home.rpartition(".")
        assert getattr(sys.modules[module], attribute) is getattr(komorebi_qc, str(name))


@pytest.mark.parametrize("function", ["diagnose", "process"])
def test_the_example_of_a_function_runs(function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The docstring's example prints what it says, on the sample call."""
    monkeypatch.chdir(tmp_path)
    run_examples(getattr(api, function), function)


@pytest.mark.skipif(find_spec("papermill") is None, reason="needs the extra desk")
def test_the_example_of_the_audit_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The docstring's example writes a report of the sample call."""
    monkeypatch.chdir(tmp_path)
    run_examples(api.audit, "audit")


def test_the_example_of_the_package_runs() -> None:
    """The package's own docstring has an example too."""
    run_examples(komorebi_qc, "komorebi_qc")


def test_the_example_of_upgrade_runs() -> None:
    """An old document is upgraded as the docstring shows."""
    run_examples(legacy.upgrade, "upgrade")


def run_examples(documented: object, name: str) -> None:
    """Run the examples of a docstring."""
    found = doctest.DocTestFinder(recurse=False).find(documented, name, globs={"upgrade": legacy.upgrade})
    examples = [test for test in found if test.examples]
    assert examples
    for test in examples:
        result = doctest.DocTestRunner(verbose=False).run(test)
        assert result.failed == 0, name


def test_an_audit_masks_whatever_the_environment_says(
    sample: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of the shell that switches the masks off is one for the command line."""
    jobs: list[AuditJob] = []

    def run(job: AuditJob, _progress: Progress) -> None:
        jobs.append(job)

    monkeypatch.setattr("komorebi_qc.desk.audit.audit", run)
    komorebi_qc.audit(connect=sample.call, recording=sample.recording, call_end=sample.call_end, out=str(tmp_path))
    of_the_shell = Options(mask="none", mask_margin_s=0.0, outside_call="own")
    masked = jobs[0].masks.of(of_the_shell)
    usual = Options()
    assert (masked.mask, masked.mask_margin_s, masked.outside_call) == ("picture", 0.5, usual.outside_call)


def test_an_audit_without_its_libraries_says_what_to_install(
    tmp_path: Path, sample: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the missing library and the line that installs it."""
    monkeypatch.setitem(sys.modules, "komorebi_qc.desk.audit", None)
    with pytest.raises(komorebi_qc.InputError, match=r"an audit needs .*\[desk\]"):
        komorebi_qc.audit(connect=sample.call, recording=sample.recording, call_end=sample.call_end, out=str(tmp_path))


def test_a_manual_alignment_is_used(tmp_path: Path, sample: Capture) -> None:
    """The caller's alignment replaces the measurement, and a thumbnail is written if it is named."""
    outcome = komorebi_qc.process(
        connect=sample.call,
        recording=str(sample.recording),
        call_end=komorebi_qc.CallEnd(22.0, 1.0),
        out=tmp_path / "unified",
        thumbnail=tmp_path / "first.png",
        alignment=komorebi_qc.Alignment(1.5),
    )
    assert outcome.placement.source == "manual"
    assert outcome.document["alignment"]["offset_s"] == 1.5
    assert Path(outcome.published.video) == tmp_path / "unified.mp4"
    assert (tmp_path / "first.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"call_end": "noon"}, "'noon' isn't a time"),
        ({"call_end": -1}, "negative"),
        ({"connect": "nowhere.wav"}, r"nowhere\.wav"),
        ({"out": "unified.avi"}, r"extension \.avi"),
    ],
)
def test_bad_arguments_are_refused(
    change: dict[str, object], words: str, tmp_path: Path, sample: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad argument is an `InputError` that names it, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    arguments = {
        "connect": sample.call,
        "recording": sample.recording,
        "call_end": sample.call_end,
        "out": "unified.mp4",
        **change,
    }
    with pytest.raises(komorebi_qc.InputError, match=words):
        komorebi_qc.process(**arguments)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_an_analysis_is_read_with_the_files(sample: Capture, tmp_path: Path) -> None:
    """A diagnosis has its redactions, and one that can't be read is refused before anything is written."""
    path = tmp_path / "analysis.json"
    path.write_bytes(as_json(analysis(turn(13_000, 17_000, "", times(14_000, 16_000)))))
    found = komorebi_qc.diagnose(
        connect=sample.call, recording=sample.recording, call_end=sample.call_end, analysis=path
    )
    assert [(one["call_from_s"], one["call_to_s"]) for one in found.to_dict()["redactions"]] == [(14.0, 16.0)]
    path.write_bytes(b"{}")
    files: dict[str, Any] = {"connect": sample.call, "recording": sample.recording, "call_end": sample.call_end}
    files["analysis"] = path
    for attempt in (komorebi_qc.diagnose, partial(komorebi_qc.process, out=tmp_path / "out.mp4")):
        with pytest.raises(InputError, match="known form"):
            attempt(**files)
    assert not (tmp_path / "out.mp4").exists()
