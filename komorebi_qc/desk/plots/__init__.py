"""Plots: each function takes and returns an `ax`."""
