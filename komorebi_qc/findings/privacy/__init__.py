"""Findings about the spans that were not to be recorded, and about their masks."""
