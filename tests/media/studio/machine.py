"""The machine that a browser runs on: a display, a sound server with a headset, and too little time for it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZE = (640, 360)
HEADSET, MICROPHONE = "headset", "microphone"
START_S = 15.0


def children(pid: int) -> list[int]:
    """A process and all that it started, directly or not."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                with suppress(OSError):
                    todo += [int(child) for child in (task / "children").read_text().split()]
    return found


def stop(process: subprocess.Popen[Any]) -> None:
    """End a program that was started here, and wait for it."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def display(size: tuple[int, int] = SIZE) -> Iterator[str]:
    """An X server without a screen; yields its name."""
    reader, writer = os.pipe()
    try:
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{size[0]}x{size[1]}x24", "-nolisten", "tcp"],
            pass_fds=[writer],
            stderr=subprocess.DEVNULL,
        )
    finally:
        os.close(writer)
    try:
        with os.fdopen(reader) as number:
            yield f":{number.readline().strip()}"
    finally:
        stop(server)


@contextmanager
def sound_server(folder: Path, rate: int) -> Iterator[str]:
    """PulseAudio with a headset: `headset` plays into the void, `microphone` is what `play` plays. Yields its address.

    Raises:
        RuntimeError: if it doesn't start.
    """
    folder.mkdir()
    (folder / "daemon.conf").write_text(f"default-sample-rate = {rate}\nalternate-sample-rate = {rate}\n")
    socket = folder / "native"
    sinks = [f"module-null-sink sink_name={name} rate={rate} channels=2" for name in (HEADSET, MICROPHONE)]
    loaded = [
        f"module-native-protocol-unix auth-anonymous=1 socket={socket}",
        *sinks,
        f"module-remap-source master={MICROPHONE}.monitor source_name=mic source_properties=device.description=Mic",
    ]
    server = subprocess.Popen(
        [
            *("pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes"),
            *("--log-target=stderr", "--log-level=error"),
            *(word for module in loaded for word in ("-L", module)),
        ],
        env={**os.environ, "HOME": str(folder), "PULSE_RUNTIME_PATH": str(folder), "PULSE_CONFIG_PATH": str(folder)},
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + START_S
        while not socket.exists():
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError("PulseAudio doesn't start")
            time.sleep(0.05)
        address = f"unix:{socket}"
        for kind, name in (("sink", HEADSET), ("source", "mic")):
            subprocess.run(["pactl", "-s", address, f"set-default-{kind}", name], check=True)
        yield address
    finally:
        stop(server)


def play(address: str, file: Path) -> subprocess.Popen[bytes]:
    """Play a file into the microphone."""
    return subprocess.Popen(["paplay", "-s", address, "-d", MICROPHONE, "--latency-msec=50", str(file)])


@contextmanager
def starved(processes: Callable[[], list[int]], share: float, seed: int) -> Iterator[None]:
    """The processes get only `share` of the time: every few seconds they stop for a moment, as if others had it."""
    rng, over = random.Random(seed), threading.Event()  # noqa: S311  not for secrets

    def send(pids: list[int], what: signal.Signals) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, what)

    def work() -> None:
        while not over.is_set():
            pids = processes()
            for _ in range(2):  # then look for new processes
                slice_s = rng.uniform(2.0, 5.0)
                send(pids, signal.SIGSTOP)
                over.wait(slice_s * (1 - share))
                send(pids, signal.SIGCONT)
                if over.wait(slice_s * share):
                    break

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
