"""Findings about a recording that was joined of several files."""
