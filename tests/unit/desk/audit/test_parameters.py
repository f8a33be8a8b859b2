"""Notebooks by name, and their parameters."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.audit.parameters import check_parameters, find_notebook, share_parameters

if TYPE_CHECKING:
    from pathlib import Path


def test_each_notebook_gets_the_parameters_that_it_has() -> None:
    """A parameter of one notebook goes to that one; an unknown parameter is refused."""
    paths = [find_notebook("process_recording"), find_notebook("sync_diagnostics")]
    (_, first), (_, second) = share_parameters(paths, {"window_at": "0:30"})
    assert (first, second) == ({}, {"window_at": "0:30"})
    with pytest.raises(InputError, match="no parameter zzzz"):
        share_parameters(paths, {"zzzz": "1"})


def test_parameters_are_checked_before_the_run() -> None:
    """Names that the notebook has, in its types; papermill would only warn."""
    path = find_notebook("dead_letters")
    assert check_parameters(path, {"redrive": "yes", "only": "a,b"}) == {"redrive": True, "only": "a,b"}
    assert check_parameters(find_notebook("fleet_report"), {"worst": "5"}) == {"worst": 5}
    with pytest.raises(InputError, match="no parameter redriv: did you mean redrive"):
        check_parameters(path, {"redriv": "yes"})
    with pytest.raises(InputError, match="it takes a bool"):
        check_parameters(path, {"redrive": "maybe"})
    with pytest.raises(InputError, match="no parameter zzzz: its parameters are only, queue, redrive"):
        check_parameters(path, {"zzzz": "1"})
    with pytest.raises(InputError, match="set by the audit itself"):
        check_parameters(find_notebook("sync_diagnostics"), {"connect": "a.wav"})
    with pytest.raises(InputError, match=r"process_recording.ipynb has no parameter foo: it has no parameters to set"):
        check_parameters(find_notebook("process_recording"), {"foo": "1"})


def test_an_unknown_notebook_is_refused(tmp_path: Path) -> None:
    """By name, and as a path."""
    with pytest.raises(InputError, match="there is no notebook 'sync'"):
        find_notebook("sync")
    with pytest.raises(InputError, match="there is no notebook"):
        find_notebook(str(tmp_path / "gone.ipynb"))


@pytest.mark.parametrize("name", ["process_recording", "sync_diagnostics", "dead_letters", "fleet_report"])
def test_a_notebook_is_a_valid_file(name: str) -> None:
    """An audit runs the repository's notebooks."""
    nbformat: Any = import_module("nbformat")
    nbformat.validate(nbformat.read(str(find_notebook(name)), as_version=4))
