"""Lags of the call against the recording: coarse by features, fine by phase, then one path through the candidates."""
