"""Findings about the words of a call."""
