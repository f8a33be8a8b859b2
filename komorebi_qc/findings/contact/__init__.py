"""Findings about a contact's record."""
