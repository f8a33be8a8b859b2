"""Unified recordings: Amazon Connect's call audio with the agent recording's video, in sync.

The public interface has three functions: `diagnose` measures a pair of files, `process` writes the unified recording,
and `audit` writes a report for an analyst. Their options, results and errors are here too.

Importing this package loads none of its libraries; the first use of a name does.

Examples:
    >>> import komorebi_qc
    >>> from komorebi_qc.demo.sample_call import AGENT_RECORDING, CALL_AUDIO
    >>> komorebi_qc.diagnose(connect=CALL_AUDIO, recording=AGENT_RECORDING, call_end="00:00:22").verdict
    'pass'
"""

__version__ = "0.2.0"

_HOMES = {
    "Alignment": "komorebi_qc.core.timebase",
    "AuditStatus": "komorebi_qc.desk.audit.status",
    "CallEnd": "komorebi_qc.core.timebase",
    "Diagnosis": "komorebi_qc.pipeline.diagnose",
    "Finding": "komorebi_qc.core.finding",
    "InputError": "komorebi_qc.core.errors",
    "Jump": "komorebi_qc.core.timebase",
    "KomorebiError": "komorebi_qc.core.errors",
    "Limits": "komorebi_qc.core.limits",
    "Options": "komorebi_qc.pipeline.options",
    "Outcome": "komorebi_qc.pipeline.outcome",
    "PassingError": "komorebi_qc.core.errors",
    "PermanentError": "komorebi_qc.core.errors",
    "Progress": "komorebi_qc.core.progress",
    "WrongPairError": "komorebi_qc.core.errors",
    "audit": "komorebi_qc.api",
    "diagnose": "komorebi_qc.api",
    "process": "komorebi_qc.api",
    "upgrade": "komorebi_qc.findings.legacy",
}
"""The module of each public name. `__init__.pyi` has the same names with their types."""

__all__ = [*_HOMES]  # noqa: PLE0604  only texts


def __getattr__(name: str) -> object:
    """Load a public name at its first use.

    Raises:
        AttributeError: the package has no such name.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  only a first use needs it

    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    """All names, loaded or not."""
    return sorted({*globals(), *_HOMES})
