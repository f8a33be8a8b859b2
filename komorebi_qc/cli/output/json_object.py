"""JSON for scripts: one object on standard output. Loads no library for terminals."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NoReturn


def print_json(value: Any) -> None:
    """Print one JSON object."""
    try:
        print(json.dumps(value, indent=1), flush=True)  # noqa: T201  this is the output
    except BrokenPipeError:
        end_in_silence()


def end_in_silence() -> NoReturn:
    """End with 0 because the reader of the output (`| head`) is gone."""
    discard_output()
    raise SystemExit(0)


def discard_output() -> None:
    """Let standard output take the rest without effect. Python would complain again when it flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
