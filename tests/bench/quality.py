"""PESQ-NB (ITU-T P.862) of the call's channels in an output against the call audio.

    .venv/bin/python tests/bench/quality.py CONNECT OUTPUT BEGINS_S

P.862 is made for passages of 8 to 30 seconds, so windows of 10 s are taken all over the call, except
those in which a channel is silent. Prints each channel's mean, its worst window and the number of windows, as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 8_000
WINDOW_S, WINDOWS = 10, 24
SPOKEN = 0.005
"""Of full scale, root mean square: a window below it has almost no speech."""
CHANNELS = ("customer", "agent")


def decoded(path: str) -> NDArray[np.float32]:
    """A file's audio from second 0 on, ``(n, 2)``, at 8 kHz."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-copyts", "-i", path, "-vn", "-ac", "2"]
    command += ["-af", f"aresample={RATE}:async=1:first_pts=0", "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4").reshape(-1, 2)


def scores(call: NDArray[np.float32], output: NDArray[np.float32]) -> dict[str, dict[str, float]]:
    """Each channel's mean and worst score and the number of its windows; both sides begin with the call.

    Raises:
        ValueError: if a channel has no speech in any window.
    """
    pesq: Any = import_module("pesq")
    size = WINDOW_S * RATE
    last = min(len(call), len(output)) - size
    starts = np.unique(np.linspace(0, max(last, 0), WINDOWS).astype(int))
    found = {}
    for channel, name in enumerate(CHANNELS):
        own = []
        for start in starts:
            one, other = (side[start : start + size, channel] for side in (call, output))
            if np.sqrt(np.mean(np.square(one))) >= SPOKEN:
                own.append(float(pesq.pesq(RATE, one[: len(other)], other[: len(one)], "nb")))
        if not own:
            raise ValueError(f"the call's {name} channel has no speech to compare")
        found[name] = {"mean": float(np.mean(own)), "worst": min(own), "windows": len(own)}
    return found


if __name__ == "__main__":
    connect, output, begins_s = sys.argv[1:]
    print(json.dumps(scores(decoded(connect), decoded(output)[round(float(begins_s) * RATE) :])))
