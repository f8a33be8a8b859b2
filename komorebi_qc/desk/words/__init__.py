"""Sentences for an analyst: placement, clock rates, belonging, and the stretches of both files. Pure."""
