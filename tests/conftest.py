"""Fixtures for all tests: the shipped captures and small made media. In CI no test may be skipped."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from aws_fixtures import World, running_world
from captures import CAPTURES, Capture
from measure import unavailable

from komorebi_qc.core.source import Source

# With this library, jsonschema compiles 39 grammars for the formats of addresses, which no test checks. That takes
# seconds in each process.
with pytest.MonkeyPatch.context() as without_grammars:
    without_grammars.setitem(sys.modules, "rfc3987_syntax", None)
    import jsonschema  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


@pytest.fixture(params=sorted(CAPTURES))
def capture(request: pytest.FixtureRequest) -> Capture:
    """Each of the shipped captures in turn."""
    return CAPTURES[request.param]


@pytest.fixture
def sample() -> Capture:
    """The sample call: H.264 and Opus in a fragmented MP4."""
    return CAPTURES["sample"]


@pytest.fixture
def source() -> Iterator[Callable[[Path], Source]]:
    """Opens files as sources, and closes them after the test."""
    files = []

    def open_source(path: Path) -> Source:
        file = path.open("rb")
        files.append(file)
        return Source(str(path), file, path.stat().st_size)

    yield open_source
    for file in files:
        file.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],  # noqa: ARG001  the hook's signature
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that skips has failed: CI installs what every test needs."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and nothing may be in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    """One embedded AWS for the module."""
    with running_world() as world:
        yield world


@pytest.fixture
def world(running: World) -> World:
    """An empty AWS with its buckets, table and queues."""
    running.fresh()
    return running


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample call's report, with video and audio tracks beside it; its reported end is wrong. For all modules."""
    from report_pages import sample_report  # noqa: PLC0415  most test processes need no report

    return sample_report(tmp_path_factory.mktemp("report"))[1]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless, closed at the end."""
    chromium = shutil.which("chromium")
    if chromium is None:
        unavailable("Chromium isn't installed (apt-get install chromium)")
    if find_spec("playwright") is None:
        unavailable("playwright isn't installed (run `make setup`)")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  a test extra

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            yield started
        finally:
            started.close()
