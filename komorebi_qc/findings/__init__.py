"""Measurements compared with limits: findings, and the document `qc.json`."""
