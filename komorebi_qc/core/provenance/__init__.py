"""Provenance: digests of inputs and outputs, and the seal of qc.json."""
