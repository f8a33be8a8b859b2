"""The notebooks: thin, clean in the repository, and what they call shows what it promises, without Jupyter as well."""

from __future__ import annotations

import ast
import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from desk import NOTEBOOKS, ROOT, sample_case, wrong_case

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk import dead_letters, notebook
from komorebi_qc.desk.case import AuditRequest, load
from komorebi_qc.pipeline.process import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from komorebi_qc.desk.case import AuditSession
    from komorebi_qc.desk.notebook_output import Shown

BIN = Path(sys.executable).parent
FORBIDDEN = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.If,
    ast.Try,
    ast.With,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
SHOWS: tuple[Callable[[AuditSession], Shown], ...] = (
    notebook.verdict,
    notebook.steps,
    notebook.item_read,
    notebook.call_audio,
    notebook.agent_recording,
    notebook.picture_and_sound,
    notebook.after_call,
    notebook.joined,
    notebook.before_after,
    notebook.seams,
    notebook.published,
    notebook.item_written,
    notebook.waveforms,
    notebook.lags,
    notebook.correlation,
    notebook.side_lags,
    notebook.spectrograms,
    notebook.levels,
    notebook.findings,
    notebook.player,
)
NEEDS_A_RESULT = (
    notebook.after_call,
    notebook.before_after,
    notebook.seams,
    notebook.published,
    notebook.item_written,
    notebook.spectrograms,
)
BROWSER = "/usr/bin/chromium"


def cells(path: Path, kind: str = "code") -> list[dict[str, Any]]:
    """A notebook's cells of one kind, as they lie in the file."""
    found: dict[str, Any] = json.loads(path.read_text())
    return [cell for cell in found["cells"] if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    """A cell's text."""
    return "".join(cell["source"])


# --- what lies in the repository


def test_there_are_four() -> None:
    """One for a recording's steps, one for its sync, one for the dead letters, one for the fleet."""
    names = ["dead_letters", "fleet_report", "process_recording", "sync_diagnostics"]
    assert [path.stem for path in NOTEBOOKS] == names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_thin(path: Path) -> None:
    """Parameters, then one call a cell: nothing is defined, repeated or decided in it."""
    for cell in cells(path)[1:]:
        tree = ast.parse(source(cell))
        assert not [node for node in ast.walk(tree) if isinstance(node, FORBIDDEN)], source(cell)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        assert len(calls) == 1, source(cell)
        assert not any(isinstance(node, ast.Import) for node in ast.walk(tree))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_lies_stripped(path: Path) -> None:
    """No outputs, counts or run's metadata are in the repository."""
    for cell in cells(path):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        assert set(cell["metadata"]) <= {"tags"}
    assert set(json.loads(path.read_text())["metadata"]) <= {"kernelspec", "language_info"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_parameters_are_typed_and_documented(path: Path) -> None:
    """Each is one that papermill understands: a plain type, a default, and what it means."""
    first = cells(path)[0]
    assert first["metadata"]["tags"] == ["parameters"]
    written = ast.parse(source(first)).body
    assert all(isinstance(node, ast.AnnAssign) for node in written)
    papermill: Any = import_module("papermill")
    known = papermill.inspect_notebook(str(path))
    assert len(known) == len(written)
    for told in known.values():
        assert told["inferred_type_name"] in {"str", "int", "float", "bool"}
        assert len(told["help"]) > 5
        assert told["default"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_explained(path: Path) -> None:
    """It has a title, and a heading before what is shown."""
    texts = [source(cell) for cell in cells(path, "markdown")]
    assert texts[0].startswith("# ")
    assert all(text.startswith("#") for text in texts)


def test_the_nine_steps_have_their_headings() -> None:
    """Each of the pipeline's steps is shown under its own name."""
    text = "\n".join(source(cell) for cell in cells(ROOT / "notebooks" / "process_recording.ipynb", "markdown"))
    found = re.findall(r"^## Step (\d): (.+)$", text, re.MULTILINE)
    assert found == [(str(number), name) for number, name in enumerate(STEPS, 1)]


# --- what cells call, without Jupyter


@pytest.mark.parametrize("show", SHOWS, ids=lambda show: show.__name__)
def test_what_a_cell_shows_needs_nothing_else(show: Callable[[AuditSession], Shown]) -> None:
    """HTML and words; pictures and sounds lie in it, described; nothing is fetched, no number is a NaN."""
    shown = show(sample_case())
    bundle = shown._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert repr(shown) == shown.text
    assert shown.text.strip()
    assert not re.search(r"\b(nan|None|inf)\b", shown.text)
    addresses = re.findall(r'<(?:img|audio|video|source)[^>]* src="([^"]{0,40})', shown.html)
    assert all(address.startswith("data:") for address in addresses)
    assert all('alt="' in tag for tag in re.findall(r"<img[^>]{0,400}", shown.html))


@pytest.mark.parametrize("show", SHOWS, ids=lambda show: show.__name__)
def test_a_pair_that_does_not_match_is_shown_too(show: Callable[[AuditSession], Shown]) -> None:
    """Where nothing was made, each cell says so or shows what there is; none fails."""
    shown = show(wrong_case())
    assert shown.text.strip()
    if show in NEEDS_A_RESULT:
        assert "Nothing was made" in shown.text


def test_a_step_shows_what_it_is_for() -> None:
    """Codecs, time stamps, the cut, and what would be written, in words that can be compared."""
    case = sample_case()
    found = case.examined
    assert "PCM_S16LE, 8000 Hz, 2 channels" in notebook.call_audio(case).text
    recording = notebook.agent_recording(case).text
    assert "H264" in recording
    assert "OPUS" in recording
    assert "sound lost" in recording
    ends = found.alignment.to_recording(found.diagnosis.call.audio.span.end_s)  # type: ignore[union-attr]
    assert clock_text(ends) in notebook.after_call(case).text
    assert notebook.seams(case).html.count("<audio") == 2 * len(found.timeline.seams_s)
    assert notebook.seams(case).html.count("<video") == min(len(found.timeline.seams_s), notebook.MOST_FILMS)
    written = notebook.item_written(case).text
    assert f"qcOffsetSeconds: {found.document['alignment']['offset_s']}" in written
    assert found.video.name in notebook.published(case).text


def test_every_finding_is_explained() -> None:
    """Each of the document's findings stands in the table with its sentence, value and judge."""
    case = sample_case()
    told = notebook.findings(case).text
    for finding in case.examined.document["findings"]:
        assert finding["text"] in told
        assert f"{finding['value']} {finding['unit']}".strip() in told


def test_a_chosen_window_is_shown() -> None:
    """The moment and the channel of the parameters decide which; what is none is refused."""
    case = sample_case()
    assert "the agent's window at 00:00:12.000" in notebook.correlation(case, "12", "agent").text
    assert "the customer's window at 00:00:05.500" in notebook.correlation(case, "5.5", "customer").text
    with pytest.raises(InputError, match="isn't a time"):
        notebook.correlation(case, "soon")
    with pytest.raises(InputError, match="lies outside the call"):
        notebook.correlation(case, "59:00")
    with pytest.raises(InputError, match="none of customer, agent"):
        notebook.correlation(case, "12", "both")


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"connect": "a.wav"}, "recording is missing"),
        ({"recording": "a.webm"}, "connect is missing"),
        ({"connect": "a.wav", "recording": "a.webm"}, "call_end is missing"),
        ({"connect": "a.wav", "recording": "a.webm", "call_end": 59}, "write it in quotes"),
        ({"recording_id": "x", "connect": "a.wav"}, "name one or the other"),
        ({"recording_id": "../x", "call_end": "59"}, "isn't a recording ID"),
        ({"recording_id": "x", "call_end": "soon"}, "isn't a time"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(wish: dict[str, Any], words: str) -> None:
    """Before any work, in a sentence."""
    with pytest.raises(InputError, match=words):
        AuditRequest(**wish)


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    """What one process keeps, another shows alike; what others may have written is not read."""
    case = sample_case()
    case.save(tmp_path / "kept")
    again = load(tmp_path / "kept")
    assert notebook.findings(again).html == notebook.findings(case).html
    assert notebook.open_recording(examined=str(tmp_path / "kept")).examined.document == case.examined.document
    (tmp_path / "kept").chmod(0o777)
    with pytest.raises(InputError, match="others may write"):
        load(tmp_path / "kept")
    with pytest.raises(InputError, match="can't be read"):
        load(tmp_path / "nowhere")


def test_dead_letters_are_grouped_and_stay() -> None:
    """Causes with their recordings, what a redrive would do, and nothing sent unless it is told to."""
    desk = dead_letters.open_letters()
    assert "6 messages were set aside" in dead_letters.overview(desk).text
    causes = dead_letters.causes(desk).text
    assert "MissingMediaError: 2 dead letters, no further try can help" in causes
    assert causes.count("isn't there") == 1
    plan = dead_letters.redrive_plan(desk).text
    assert "would send 6 messages" in plan
    assert "processed since" in plan
    assert "the table has no usable item" in plan
    assert "bodies" in dead_letters.letters(desk).text
    assert "Nothing was sent" in dead_letters.redrive(desk).text
    assert desk.dead.counts().visible == 6
    first = desk.found.letters[0].recording_id
    only = dead_letters.redrive_plan(desk, f"{first}, nobody").text
    assert "would send 1 message to" in only
    sent = dead_letters.redrive(desk, really=True, only=f"{first}, nobody").text
    assert "Sent again: 1 message" in sent
    assert "no dead letter of nobody" in sent
    assert desk.queue is not None
    assert (desk.dead.counts().visible, desk.queue.counts().visible) == (5, 1)
    with pytest.raises(InputError, match="without quotes"):
        dead_letters.redrive(desk, really="yes")  # type: ignore[arg-type]
    dead_letters.redrive(desk, really=True)
    assert desk.queue.counts().visible == 6


@pytest.mark.parametrize("queue", ["dead", "", 3])
def test_a_queue_that_is_none_is_refused(queue: Any) -> None:
    """Neither a word nor an address: in a sentence."""
    with pytest.raises(InputError, match="the address of a dead-letter queue"):
        dead_letters.open_letters(queue)


# --- in a kernel, and in JupyterLab


@pytest.fixture
def jupyter_home(tmp_path: Path) -> dict[str, str]:
    """An environment whose Jupyter keeps nothing in this user's home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "KOMOREBI_", "JUPYTER"))}
    places = {f"JUPYTER_{name}_DIR": str(tmp_path / f".{name}") for name in ("DATA", "CONFIG", "RUNTIME")}
    return {**kept, **places, "IPYTHONDIR": str(tmp_path / ".ipython")}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_through_papermill(path: Path, tmp_path: Path, jupyter_home: dict[str, str]) -> None:
    """On its own defaults, the sample call and made letters, with every cell done and none failing."""
    made = tmp_path / path.name
    command = [str(BIN / "papermill"), "--no-progress-bar", "--cwd", str(tmp_path), str(path), str(made)]
    done = subprocess.run(command, env=jupyter_home, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    assert "unknown parameter" not in done.stderr
    shown = [cell for cell in cells(made)[2:] if "injected-parameters" not in cell["metadata"].get("tags", [])]
    assert all(cell["execution_count"] for cell in shown)
    assert all(cell["outputs"] and "text/html" in cell["outputs"][-1]["data"] for cell in shown)


@contextmanager
def lab(folder: Path, environ: dict[str, str]) -> Iterator[str]:
    """JupyterLab on a free port of the loopback interface; its address, with the token."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(BIN / "jupyter"), "lab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--port-retries=0"]
    command += ["--IdentityProvider.token=secret", f"--notebook-dir={folder}", "--allow-root"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with (
        (folder / "lab.log").open("w") as log,
        subprocess.Popen(command, env=environ, stdout=log, stderr=log) as server,
    ):
        try:
            for _ in range(200):
                with socket.socket() as tried:
                    if tried.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/lab/tree/{{}}?token=secret"
        finally:
            server.terminate()


@pytest.mark.browser
def test_the_player_plays_in_jupyterlab(tmp_path: Path, jupyter_home: dict[str, str]) -> None:
    """A browser opens the notebook, runs all cells, and finds the player with its video ready."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout  # noqa: PLC0415  only here
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only here

    if not Path(BROWSER).exists():
        pytest.skip("needs Chromium")
    (tmp_path / "sync_diagnostics.ipynb").write_bytes((ROOT / "notebooks" / "sync_diagnostics.ipynb").read_bytes())
    with lab(tmp_path, jupyter_home) as address, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address.format("sync_diagnostics.ipynb"), timeout=120_000)
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=120_000)
        # Before its kernel is there, JupyterLab asks which one to take.
        page.wait_for_function(
            "async () => (await (await fetch('/api/sessions')).json()).some(s => s.kernel.execution_state === 'idle')",
            timeout=60_000,
        )
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=60_000)
        # On a busy machine JupyterLab may lose what it is asked before its line to the kernel stands.
        for patience_s in (40, 60, 60):
            page.keyboard.press("Escape")
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            with suppress(PlaywrightTimeout):
                page.wait_for_selector("#komorebi-report button", timeout=1000 * patience_s, state="attached")
                break
        page.wait_for_selector("#komorebi-report button", timeout=1000, state="attached")
        page.wait_for_function(
            "() => { const v = document.querySelector('#komorebi-report video'); return v && v.readyState > 0 }",
            timeout=30_000,
        )
        length_s = page.evaluate("document.querySelector('#komorebi-report video').duration")
        has_script = page.evaluate("Boolean(window.komorebi)")
        browser.close()
    assert length_s == pytest.approx(sample_case().examined.document["durations"]["output_s"], abs=0.1)
    assert has_script
    assert errors == []


def test_every_cell_calls_what_is_tested_here() -> None:
    """No function of a notebook goes untested: all that cells call is in `SHOWS`, or opens what is shown."""
    called = set()
    for name in ("process_recording", "sync_diagnostics"):
        for cell in cells(ROOT / "notebooks" / f"{name}.ipynb")[2:]:
            called.add(re.findall(r"desk\.(\w+)\(", source(cell))[0])
    assert called == {show.__name__ for show in SHOWS}
