"""The analyst's own commands: each has a module."""
