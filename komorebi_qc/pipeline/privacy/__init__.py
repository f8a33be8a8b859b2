"""Inputs as people may see and play them: without what was not to be recorded."""
