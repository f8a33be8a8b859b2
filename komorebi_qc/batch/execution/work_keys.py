"""Hashes of everything that a row depends on. They show whether its work has to be repeated."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from komorebi_qc import __version__
from komorebi_qc.batch.dataset.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.isolation.resource_limits import ResourceLimits


def inputs_key(call: str, call_etag: str, recording: str, recording_etag: str, call_end: str, *analyses: str) -> str:
    """Hash of the inputs alone: their places, their contents, the reported call end, and the call's analyses."""
    return _hash(call, call_etag, recording, recording_etag, call_end, *analyses)


def work_key(inputs: str, action: str, limits: Limits, *others: str) -> str:
    """Hash of everything: the inputs' key, the action, the limits, both versions, and `others`."""
    return _hash(inputs, action, limits.to_dict(), __version__, SCHEMA_VERSION, *others)


def limited_key(key: str, limits: ResourceLimits) -> str:
    """Hash of a work key with the limits that stopped the work: with other limits it is attempted again."""
    return _hash(key, limits.time_s, limits.memory_mb)


def _hash(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
