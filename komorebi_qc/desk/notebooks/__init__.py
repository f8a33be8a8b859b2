"""The functions that the notebooks call, one call a cell. Each returns a `NotebookOutput`, which Jupyter displays."""

from komorebi_qc.desk.notebooks.recording import open_recording

__all__ = ["open_recording"]
