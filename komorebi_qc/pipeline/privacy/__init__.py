"""Inputs as people may see and play them: masked in the spans that were not to be recorded."""
