"""The analysis in sentences."""
