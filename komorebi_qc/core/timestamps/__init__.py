"""Timestamps of a recording: the timing of its tracks, and the steps that last."""
