"""One audit with notebooks that fail in different ways, run once for all tests of this folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from captures import CAPTURES
from desk import made_notebook
from jupyter_home import jupyter_environment

from komorebi_qc.desk.audit import AuditJob, audit
from komorebi_qc.desk.session import AuditRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from komorebi_qc.desk.audit import AuditStatus

SAMPLE = CAPTURES["sample"]


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Jupyter without this user's home."""
    with pytest.MonkeyPatch.context() as patch:
        for name, text in jupyter_environment(tmp_path_factory.mktemp("home")).items():
            if os.environ.get(name) != text:
                patch.setenv(name, text)
        yield


@pytest.fixture(scope="session")
def failed_audit(tmp_path_factory: pytest.TempPathFactory, jupyter: None) -> tuple[AuditStatus, Path]:  # noqa: ARG001
    """The status and the folder of an audit with a bad, a killed, an exiting and a good notebook."""
    folder = tmp_path_factory.mktemp("audit")
    notebooks = (
        made_notebook(folder / "bad.ipynb", "1 + 1", "raise ValueError('<no & such>')", "2 + 2"),
        made_notebook(folder / "killed.ipynb", "1 + 1", "import os; os.kill(os.getpid(), 9)", "2 + 2"),
        made_notebook(folder / "exits.ipynb", "import sys; sys.exit()", "2 + 2"),
        made_notebook(folder / "good.ipynb", "1 + 1"),
    )
    request = AuditRequest(str(SAMPLE.call), str(SAMPLE.recording), call_end=SAMPLE.call_end)
    job = AuditJob(request, str(folder / "out"), tuple(map(str, notebooks)))
    return audit(job), folder / "out"
