"""The command line, run in this process or as the installed command."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

from komorebi_qc.cli.main import main

CLI = Path(sys.executable).with_name("komorebi-qc")


def environment(**environ: str) -> dict[str, str]:
    """This process's environment without AWS and without settings, and with `environ`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "KOMOREBI_")) and "BUCKET" not in k}
    return {**kept, "COLUMNS": "200", **environ}


def run(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process, which spares the start of another one."""
    out, err = io.StringIO(), io.StringIO()
    words = ["komorebi-qc", *map(str, arguments)]
    before, words_before = dict(os.environ), sys.argv
    code: object = None
    os.environ.clear()
    os.environ.update(environment(**environ))
    sys.argv = words
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.argv = words_before
        os.environ.clear()
        os.environ.update(before)
    return subprocess.CompletedProcess(words, int(str(code or 0)), out.getvalue(), err.getvalue())


def run_installed(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a separate process."""
    return subprocess.run(
        [str(CLI), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment(**environ),
        check=False,
        timeout=120,
    )
