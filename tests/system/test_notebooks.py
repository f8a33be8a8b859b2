"""The notebooks: short cells, clean in the repository, run by papermill and in JupyterLab."""

from __future__ import annotations

import ast
import json
import re
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from captures import CAPTURES
from child_process import child_process
from desk import NOTEBOOKS, ROOT, sample_session
from jupyter_home import jupyter_environment

from komorebi_qc.desk.examination_progress import DRY_NAMES
from komorebi_qc.desk.notebooks import process_recording, sync_diagnostics
from komorebi_qc.pipeline.process import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

BIN = Path(sys.executable).parent
SAMPLE = CAPTURES["sample"]
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


def cells(path: Path, kind: str = "code") -> list[dict[str, Any]]:
    """A notebook's cells of one kind."""
    content: dict[str, Any] = json.loads(path.read_text())
    return [cell for cell in content["cells"] if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    """A cell's text."""
    return "".join(cell["source"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_cell_is_one_call(path: Path) -> None:
    """After the parameters, each cell is one call: no definition, loop or condition."""
    for cell in cells(path)[1:]:
        tree = ast.parse(source(cell))
        assert not [node for node in ast.walk(tree) if isinstance(node, FORBIDDEN)], source(cell)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        assert len(calls) == 1, source(cell)
        assert not any(isinstance(node, ast.Import) for node in ast.walk(tree))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    """No outputs, counts or metadata of a run are in the repository."""
    for cell in cells(path):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        assert set(cell["metadata"]) <= {"tags"}
    assert set(json.loads(path.read_text())["metadata"]) <= {"kernelspec", "language_info"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_parameters_are_typed_and_documented(path: Path) -> None:
    """Papermill reads a plain type, a default and a help text of each."""
    first = cells(path)[0]
    assert first["metadata"]["tags"] == ["parameters"]
    written = ast.parse(source(first)).body
    assert all(isinstance(node, ast.AnnAssign) for node in written)
    papermill: Any = import_module("papermill")
    known = papermill.inspect_notebook(str(path))
    assert len(known) == len(written)
    for parameter in known.values():
        assert parameter["inferred_type_name"] in {"str", "int", "float", "bool"}
        assert len(parameter["help"]) > 5
        assert parameter["default"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_headings(path: Path) -> None:
    """It has a title, and every text begins with a heading."""
    texts = [source(cell) for cell in cells(path, "markdown")]
    assert texts[0].startswith("# ")
    assert all(text.startswith("#") for text in texts)


def test_the_nine_steps_have_their_headings() -> None:
    """Each of the pipeline's steps is shown under its own name; nothing is published or marked in a notebook."""
    text = "\n".join(source(cell) for cell in cells(ROOT / "notebooks" / "process_recording.ipynb", "markdown"))
    found = re.findall(r"^## Step (\d): (.+)$", text, re.MULTILINE)
    assert found == [(str(number), DRY_NAMES.get(name, name)) for number, name in enumerate(STEPS, 1)]


@pytest.mark.parametrize("module", [process_recording, sync_diagnostics], ids=lambda module: module.__name__)
def test_every_function_is_a_cell(module: Any) -> None:
    """A notebook calls every function of its module, and no other."""
    name = module.__name__.rpartition(".")[2]
    called = [re.findall(r"show\.(\w+)\(", source(cell))[0] for cell in cells(ROOT / "notebooks" / f"{name}.ipynb")[2:]]
    assert sorted(called) == sorted(module.__all__)


def papermill(path: Path, folder: Path, *parameters: str) -> subprocess.CompletedProcess[str]:
    """Run a notebook by papermill's command, into `folder`."""
    command = [str(BIN / "papermill"), "--no-progress-bar", "--cwd", str(folder), str(path), str(folder / path.name)]
    environ = jupyter_environment(folder)
    return subprocess.run(
        [*command, *parameters], env=environ, capture_output=True, text=True, check=False, timeout=250
    )


@pytest.mark.parametrize("name", ["dead_letters", "fleet_report"])
def test_a_notebook_runs_on_its_defaults(name: str, tmp_path: Path) -> None:
    """Every cell ran and has an output. The audit's test runs the other two notebooks."""
    done = papermill(ROOT / "notebooks" / f"{name}.ipynb", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "unknown parameter" not in done.stderr
    shown = cells(tmp_path / f"{name}.ipynb")[2:]
    assert all(cell["execution_count"] for cell in shown)
    assert all(cell["outputs"] and "text/html" in cell["outputs"][-1]["data"] for cell in shown)


def test_papermill_takes_numbers(tmp_path: Path) -> None:
    """`-p call_end 22` arrives as a number and opens the recording; a later cell refuses a moment in one sentence."""
    files = ("-p", "connect", str(SAMPLE.call), "-p", "recording", str(SAMPLE.recording), "-p", "out", str(tmp_path))
    path = ROOT / "notebooks" / "sync_diagnostics.ipynb"
    done = papermill(path, tmp_path, *files, "-p", "call_end", "22", "-p", "window_at", "5000")
    assert done.returncode != 0
    assert (tmp_path / "recording.qc.json").is_file()
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("InputError: 5000.000 s is outside the call"), done.stderr[-2000:]
    assert "Traceback" not in done.stderr.partition("Exception encountered at")[2]


@contextmanager
def lab(folder: Path, environ: dict[str, str]) -> Iterator[str]:
    """JupyterLab on a free port of the loopback interface; its address, with the token."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(BIN / "jupyter"), "lab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--port-retries=0"]
    command += ["--IdentityProvider.token=secret", f"--notebook-dir={folder}", "--allow-root"]
    settings = ROOT / ".ci" / "jupyter"  # as `make lab` does
    environ = {**environ, "JUPYTER_CONFIG_PATH": str(settings), "JUPYTER_PATH": str(settings / "data")}
    with (
        (folder / "lab.log").open("w") as log,
        child_process(command, env=environ, stdout=log, stderr=log) as server,
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
            with suppress(subprocess.TimeoutExpired):  # it waits for a kernel that doesn't end
                server.wait(20)


@pytest.mark.browser
def test_the_player_plays_in_jupyterlab(tmp_path: Path, browser: Browser) -> None:
    """A browser opens the notebook without any notification, runs all cells, and finds the player with its video."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout  # noqa: PLC0415  only here

    (tmp_path / "sync_diagnostics.ipynb").write_bytes((ROOT / "notebooks" / "sync_diagnostics.ipynb").read_bytes())
    with (
        lab(tmp_path, jupyter_environment(tmp_path)) as address,
        closing(browser.new_page(viewport={"width": 1400, "height": 1000})) as page,
    ):
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        # A slow kernel opens a dialog at any time, and can open the next one before the first is gone.
        accept = page.locator(".jp-Dialog .jp-mod-accept")

        def accept_dialog() -> None:
            accept.first.click()

        page.add_locator_handler(accept, accept_dialog, no_wait_after=True)
        page.goto(address.format("sync_diagnostics.ipynb"), timeout=60_000)
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
        # Without a kernel, JupyterLab opens a dialog to select one.
        page.wait_for_function(
            "async () => (await (await fetch('/api/sessions')).json()).some(s => s.kernel.execution_state === 'idle')",
            timeout=40_000,
        )
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=20_000)
        # A busy machine may lose a command that comes before the connection to the kernel.
        for patience_s in (30, 40, 40):
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
        # The widgets are live: a move of the alignment is measured again.
        page.locator(".widget-html-content").filter(has_text="(+0.0 ms)").wait_for(timeout=30_000)
        move = page.locator(".widget-hslider").filter(has_text="Move by").locator("[role=slider]").first
        move.focus()
        page.keyboard.press("ArrowRight")
        page.locator(".widget-html-content").filter(has_text="(+0.5 ms)").wait_for(timeout=30_000)
        length_s = page.evaluate("document.querySelector('#komorebi-report video').duration")
        has_script = page.evaluate("Boolean(window.komorebi)")
        notifications = page.locator(".Toastify__toast").count()
    assert length_s == pytest.approx(sample_session().examined.document["durations"]["output_s"], abs=0.1)
    assert has_script
    assert notifications == 0
    assert errors == []


@pytest.mark.browser
def test_an_untrusted_notebook_is_readable_in_jupyterlab(tmp_path: Path, browser: Browser) -> None:
    """An executed notebook that nobody signed shows its pictures, tables and a chosen window; no script of it runs."""
    done = papermill(ROOT / "notebooks" / "sync_diagnostics.ipynb", tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    written = (tmp_path / "sync_diagnostics.ipynb").read_text()
    assert "widget-view" not in written
    assert len(written) < 3_000_000
    with (
        lab(tmp_path, jupyter_environment(tmp_path)) as address,
        closing(browser.new_page(viewport={"width": 1400, "height": 1000})) as page,
    ):
        page.goto(address.format("sync_diagnostics.ipynb"), timeout=60_000)
        hint = page.get_by_text("Open this notebook in JupyterLab and run it to choose the window")
        hint.wait_for(timeout=60_000)
        pictures = page.evaluate("[...document.querySelectorAll('.jp-OutputArea img')].map((one) => one.naturalWidth)")
        assert len(pictures) > 6
        assert all(pictures)
        assert "own_cells.windows_table(recording_session)" in written  # JupyterLab draws a cell when it is in sight
        assert page.evaluate("window.komorebi === undefined")
