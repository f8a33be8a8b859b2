"""From a person's arguments to a run: on two local files, on the sample call, or on a recording in AWS by its ID.

The first use of a name loads its module: a diagnosis doesn't need the libraries of a correction.
"""

# A function has the name of its module, which would replace a function that is loaded later.
from komorebi_qc.jobs.given_alignment import given_alignment, read_correction_file
from komorebi_qc.jobs.speech_model import speech_model

_HOMES = {
    "OUT": "komorebi_qc.jobs.selection",
    "WORKER_LIMITS": "komorebi_qc.jobs.processing",
    "CorrectionRequest": "komorebi_qc.jobs.correcting",
    "CorrectionResult": "komorebi_qc.jobs.correcting",
    "MaskRequest": "komorebi_qc.pipeline.options",
    "ProcessRequest": "komorebi_qc.jobs.processing",
    "Selection": "komorebi_qc.jobs.selection",
    "check_moment": "komorebi_qc.jobs.diagnosing",
    "check_plot": "komorebi_qc.jobs.diagnosing",
    "correct": "komorebi_qc.jobs.correcting",
    "demo_output": "komorebi_qc.jobs.selection",
    "diagnose_selection": "komorebi_qc.jobs.diagnosing",
    "process_by_id": "komorebi_qc.jobs.processing",
    "process_files": "komorebi_qc.jobs.processing",
    "process_selection": "komorebi_qc.jobs.processing",
    "quick_diagnose_selection": "komorebi_qc.jobs.diagnosing",
    "release_held": "komorebi_qc.jobs.processing",
    "run_worker": "komorebi_qc.jobs.processing",
}
"""The module of each other name. `__init__.pyi` has all names with their types."""

__all__ = [*_HOMES, "given_alignment", "read_correction_file", "speech_model"]  # noqa: PLE0604  only texts


def __getattr__(name: str) -> object:
    """Load a name at its first use.

    Raises:
        AttributeError: the package has no such name.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  only a first use needs it

    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found
