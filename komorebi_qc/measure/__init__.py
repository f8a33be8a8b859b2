"""Measurements of levels, waveforms, seams and the written file."""
