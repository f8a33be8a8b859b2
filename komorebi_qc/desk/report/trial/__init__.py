"""Trying another place of the call in the report: candidates, audio on each clock, and the panel."""
