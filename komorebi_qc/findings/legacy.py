"""Readers for documents of schema 1: `upgrade` turns them into schema 2. Pure.

Schema 2.0 renamed keys, values and names once. `KEYS`, `VALUES` and `NAMES` are the only tables of it; the readers of
datasets and item attributes use them too. Numbers never change, and sentences keep their old words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.limits import RENAMED
from komorebi_qc.findings.qc_document import SCHEMA

KEYS = {
    "call_end.told_s": "call_end.reported_s",
    "call_end.resolution_s": "call_end.reported_resolution_s",
    "findings[].judged_by": "findings[].limit_name",
    "sync.customer_steps": "sync.customer_leg_delay_changes",
    "sync.customer_steps[].customer_alone_tells": "sync.customer_leg_delay_changes[].customer_evidence_only",
    "sync.jumps[].customer_alone_tells": "sync.jumps[].customer_evidence_only",
    "sync.rivals": "sync.alternative_offsets",
}
"""Renamed keys: paths in schema 1, and in schema 2."""
VALUES = {
    "alignment.source": {"told": "call_end", "given": "manual"},
    "limits.*.direction": {"told only": "informational"},
}
"""Renamed values, by the path of their key."""
NAMES = RENAMED
"""Renamed findings and limits."""
ATTRIBUTES = {"qcInputs": "qcInputsFingerprint"}
"""Renamed attributes of an item in the table."""

_LEAVES = {old: new.rpartition(".")[2] for old, new in KEYS.items()}


def upgrade(document: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a `qc.json`, or the output of `diagnose --json` or `process --json`, to the present schema.

    A document of schema 2 comes back equal; schema 2.1 only adds to 2.0. So does the document of a failed command,
    which has only an ``error``: it is the same in all schemas. The argument isn't changed.

    Args:
        document: as it was read from JSON.

    Raises:
        InputError: it isn't a JSON object, has no list of findings, or has a later schema than this version reads.

    Examples:
        >>> upgrade({"schema": "1.1", "call_end": {"told_s": 90.0, "resolution_s": 1.0}, "findings": []})
        {'schema': '2.4', 'call_end': {'reported_s': 90.0, 'reported_resolution_s': 1.0}, 'findings': []}
    """
    if not isinstance(document, Mapping):
        raise InputError(f"the document is of type {type(document).__name__}: pass the JSON object of a qc.json")
    if set(document) == {"error"}:
        return dict(document)
    schema = document.get("schema", "1.0")
    major = str(schema).partition(".")[0]
    present = SCHEMA.partition(".")[0]
    if major not in ("1", present):
        raise InputError(f"the document has schema {schema!r}; this version reads schemas 1 and 2: update komorebi-qc")
    if not isinstance(document.get("findings"), list):
        raise InputError("the document has no list of findings: pass the JSON object of a qc.json")
    if major == present:
        return dict(document)
    # A diagnosis of schema 1 had no schema number; its first key is the version.
    return {"schema": SCHEMA, **{key: value for key, value in _upgraded(dict(document), "").items() if key != "schema"}}


def _upgraded(value: Any, path: str) -> Any:
    """A part of a document at its path in schema 1, upgraded."""
    if isinstance(value, dict):
        return {_key(path, key): _upgraded(inner, _inner(path, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_upgraded(item, f"{path}[]") for item in value]
    if path in ("findings[].name", "findings[].judged_by"):
        return NAMES.get(value, value)
    return VALUES.get(path, {}).get(value, value) if isinstance(value, str) else value


def _key(path: str, key: str) -> str:
    """The present name of a key; the keys of `limits` are names of limits."""
    return NAMES.get(key, key) if path == "limits" else _LEAVES.get(_inner(path, key), key)


def _inner(path: str, key: str) -> str:
    """The path of a key in schema 1; all limits share one path."""
    return f"{path}.{'*' if path == 'limits' else key}" if path else key
