"""What a row was made from, as two hashes: they tell whether its work has to be done again."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from komorebi_qc import __version__
from komorebi_qc.batch.dataset.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from komorebi_qc.batch.execution.worker_process import ResourceLimits
    from komorebi_qc.core.limits import Limits


def inputs_key(call: str, call_etag: str, recording: str, recording_etag: str, call_end: str) -> str:
    """Of the inputs alone: where they lie, what they hold, and the told call end."""
    return _hash(call, call_etag, recording, recording_etag, call_end)


def work_key(inputs: str, do: str, limits: Limits, *others: str) -> str:
    """Of all that the row depends on: inputs, kind of work, limits and both versions; `others` as well."""
    return _hash(inputs, do, limits.to_dict(), __version__, SCHEMA_VERSION, *others)


def bounded_key(key: str, bounds: ResourceLimits) -> str:
    """Of a row that ended at a limit of time or memory: by other bounds it is tried again."""
    return _hash(key, bounds.time_s, bounds.memory_mb)


def _hash(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
