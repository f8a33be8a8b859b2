"""A short video around a moment: the agent's screen, moving waveforms of all tracks, the playhead and a time code."""

from komorebi_qc.desk.clip.job import SOUNDS, ClipJob
from komorebi_qc.desk.clip.write import refuse_output, write_clip

__all__ = ["SOUNDS", "ClipJob", "refuse_output", "write_clip"]
