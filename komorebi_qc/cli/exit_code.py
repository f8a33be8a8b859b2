"""The exit codes, the same for every command."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    FINDINGS_FAIL = 3
    PART_FAILED = 4
    STOPPED = 130

    @classmethod
    def of_verdict(cls, verdict: str | None) -> ExitCode:
        """The code for a recording whose findings have this verdict."""
        return cls.FINDINGS_FAIL if verdict == "fail" else cls.DONE


EPILOG = (
    "Exit codes: 0 done; 1 failed, refused or held; 2 usage or bad input; 3 done, with findings that fail, "
    "files that changed, or something left to erase; 4 part of a batch failed; 130 stopped by Ctrl-C."
)
