"""The command line, run in the tests' own process."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from komorebi_qc.cli import main as cli


@dataclass
class Shell:
    """Runs the command line; `out` and `err` keep the last run's output."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""

    def run(self, *arguments: object) -> int:
        """The exit code."""
        self.monkeypatch.setattr(sys, "argv", ["komorebi-qc", *map(str, arguments)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        self.out, self.err = self.capsys.readouterr()
        return int(ended.value.code or 0)

    def json(self, *arguments: object) -> tuple[int, Any]:
        """The exit code and the one object that was printed."""
        code = self.run(*arguments, "--json")
        return code, json.loads(self.out)
