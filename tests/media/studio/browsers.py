"""Debian's Chromium (by Playwright) and Firefox (by WebDriver BiDi, which it speaks itself), on a display of their own.

Playwright can't drive Debian's Firefox, for it brings a patched one of its own; geckodriver isn't packaged. Firefox
serves WebDriver BiDi without either: a WebSocket, and JSON over it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from media.studio.machine import SIZE, children, stop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--auto-accept-this-tab-capture",
    "--auto-select-desktop-capture-source=Entire screen",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--ozone-platform=x11",
]
FIREFOX_SETTINGS: dict[str, bool | int | str] = {
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": False,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.getdisplaymedia.enabled": True,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "browser.aboutwelcome.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:9/",
    "toolkit.telemetry.enabled": False,
    "extensions.update.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
}
START_S, ANSWER_S = 120, 120


class Browser(Protocol):
    """A browser with one page, which records."""

    def open(self, address: str) -> None:
        """Go to the page."""

    def perform(self, plan: dict[str, Any]) -> None:
        """Start the plan as if the user had clicked, and return at once."""

    def hide(self) -> None:
        """Open another tab in front of the page."""

    def processes(self) -> list[int]:
        """Every process of the browser."""


class Chromium:
    """Debian's Chromium."""

    def __init__(self, context: Any, scratch: Path) -> None:
        self._context, self._scratch = context, scratch
        self._page = context.pages[0] if context.pages else context.new_page()

    def open(self, address: str) -> None:
        """Go to the page."""
        self._page.goto(address, timeout=START_S * 1000)

    def perform(self, plan: dict[str, Any]) -> None:
        """Start the plan as if the user had clicked, and return at once."""
        self._page.evaluate("p => { document.getElementById('start').onclick = () => void perform(p); }", plan)
        self._page.click("#start")

    def hide(self) -> None:
        """Open another tab in front of the page."""
        self._context.new_page().bring_to_front()

    def processes(self) -> list[int]:
        """Every process of the browser."""
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                with suppress(OSError):
                    words = (folder / "cmdline").read_bytes().decode(errors="replace")
                    if f"--user-data-dir={self._scratch}" in words and "--type=" not in words:
                        return children(int(folder.name))
        return []


@contextmanager
def chromium(program: str, scratch: Path, machine: Mapping[str, str], microphone: Path | None) -> Iterator[Chromium]:
    """A fresh Chromium, with a file as its microphone."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  its absence matters only here

    flags = [*CHROMIUM_FLAGS, f"--window-size={SIZE[0]},{SIZE[1]}", "--window-position=0,0"]
    if microphone:
        flags += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={microphone}%noloop"]
    with sync_playwright() as play:
        context = play.chromium.launch_persistent_context(
            str(scratch / "chromium"),
            executable_path=program,
            headless=False,
            args=flags,
            timeout=START_S * 1000,
            no_viewport=True,
            env={**os.environ, **machine},
        )
        context.grant_permissions(["microphone"])
        try:
            yield Chromium(context, scratch / "chromium")
        finally:
            context.close()


class Firefox:
    """Debian's Firefox, over WebDriver BiDi."""

    def __init__(self, socket: Any, process: subprocess.Popen[Any]) -> None:
        self._socket, self._process, self._number = socket, process, 0
        self.ask("session.new", {"capabilities": {}})
        self._page = self.ask("browsingContext.getTree", {})["contexts"][0]["context"]

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The answer to one command.

        Raises:
            RuntimeError: if the browser answers with an error.
        """
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            answer: dict[str, Any] = json.loads(self._socket.recv())
            if answer.get("id") == self._number:
                if answer["type"] == "error":
                    raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, address: str) -> None:
        """Go to the page."""
        self.ask("browsingContext.navigate", {"context": self._page, "url": address, "wait": "complete"})

    def perform(self, plan: dict[str, Any]) -> None:
        """Start the plan as if the user had clicked, and return at once."""
        self.ask(
            "script.evaluate",
            {
                "expression": f"void perform({json.dumps(plan)})",
                "target": {"context": self._page},
                "awaitPromise": False,
                "userActivation": True,
            },
        )

    def hide(self) -> None:
        """Open another tab in front of the page."""
        self.ask("browsingContext.create", {"type": "tab", "background": False})

    def processes(self) -> list[int]:
        """Every process of the browser."""
        return children(self._process.pid)


@contextmanager
def firefox(program: str, scratch: Path, machine: Mapping[str, str]) -> Iterator[Firefox]:
    """A fresh Firefox."""
    import websocket  # noqa: PLC0415  its absence matters only here

    profile = scratch / "firefox"
    profile.mkdir()
    lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in FIREFOX_SETTINGS.items()]
    (profile / "user.js").write_text("\n".join(lines) + "\n")
    process = subprocess.Popen(
        [program, "--no-remote", "--profile", str(profile), "--remote-debugging-port=0", "--kiosk", "about:blank"],
        env={**os.environ, "HOME": str(scratch), **machine},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        address = _bidi_address(process)
        socket = websocket.create_connection(f"{address}/session", timeout=ANSWER_S, suppress_origin=True)
        try:
            yield Firefox(socket, process)
        finally:
            socket.close()
    finally:
        for pid in children(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        stop(process)


def _bidi_address(process: subprocess.Popen[Any]) -> str:
    deadline = time.monotonic() + START_S
    if process.stderr is None:
        raise RuntimeError("Firefox was started without its messages")
    for line in process.stderr:
        found = re.search(r"WebDriver BiDi listening on (ws://\S+)", line)
        if found:
            return found.group(1)
        if time.monotonic() > deadline:
            break
    raise RuntimeError("Firefox doesn't offer WebDriver BiDi")
