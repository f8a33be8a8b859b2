"""Lags of windows to one piecewise-linear alignment."""
