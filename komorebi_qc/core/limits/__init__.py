"""Limits: the table of allowed ranges with their sources, and how settings change it."""

from komorebi_qc.core.limits.limit import EVERYTHING, UNDETERMINED, Limit, Range, beyond
from komorebi_qc.core.limits.limits import DEFAULT, Limits
from komorebi_qc.core.limits.table import LIMITS, RENAMED

__all__ = ["DEFAULT", "EVERYTHING", "LIMITS", "RENAMED", "UNDETERMINED", "Limit", "Limits", "Range", "beyond"]
