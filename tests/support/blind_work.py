"""Misbehaving work in a process that can't see its memory in /proc, as on macOS."""

from __future__ import annotations

from pathlib import Path

from misbehaving_work import misbehave

from komorebi_qc.isolation import resource_limits

__all__ = ["misbehave"]

resource_limits.PROC = Path("/nowhere")
