# The types of all names. `__init__.py` loads most of them at their first use.

from komorebi_qc.jobs.correcting import CorrectionRequest, CorrectionResult, correct
from komorebi_qc.jobs.diagnosing import check_moment, check_plot, diagnose_selection, quick_diagnose_selection
from komorebi_qc.jobs.given_alignment import given_alignment, read_correction_file
from komorebi_qc.jobs.processing import (
    WORKER_LIMITS,
    ProcessRequest,
    process_by_id,
    process_files,
    process_selection,
    release_held,
    run_worker,
)
from komorebi_qc.jobs.selection import OUT, Selection, demo_output
from komorebi_qc.jobs.speech_model import speech_model
from komorebi_qc.pipeline.options import MaskRequest

__all__ = [
    "OUT",
    "WORKER_LIMITS",
    "CorrectionRequest",
    "CorrectionResult",
    "MaskRequest",
    "ProcessRequest",
    "Selection",
    "check_moment",
    "check_plot",
    "correct",
    "demo_output",
    "diagnose_selection",
    "given_alignment",
    "process_by_id",
    "process_files",
    "process_selection",
    "quick_diagnose_selection",
    "read_correction_file",
    "release_held",
    "run_worker",
    "speech_model",
]
