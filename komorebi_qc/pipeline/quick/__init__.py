"""Diagnosis by a few pieces of a call."""
