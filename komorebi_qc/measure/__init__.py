"""Measurements of levels, seams and the produced file."""
