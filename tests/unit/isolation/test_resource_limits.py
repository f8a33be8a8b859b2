"""How a process's use is measured, also on systems without /proc or the resource module."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from komorebi_qc.isolation import resource_limits
from komorebi_qc.isolation.resource_limits import (
    ResourceLimits,
    limit_memory,
    memory_note,
    peak_memory_mb,
    resident_mb,
)

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="compares with Linux's /proc")


def test_resident_memory_is_the_systems() -> None:
    """As in the process's status, in megabytes of 1e6 bytes; the peak is at least as high."""
    lines = Path("/proc/self/status").read_text().splitlines()
    status = {line.partition(":")[0]: line.partition(":")[2] for line in lines}
    now_mb, peak_mb = resident_mb(os.getpid()), peak_memory_mb()
    assert now_mb is not None
    assert peak_mb is not None
    assert now_mb == pytest.approx(int(status["VmRSS"].split()[0]) * 1024 / 1e6, rel=0.1)
    assert peak_mb == pytest.approx(int(status["VmHWM"].split()[0]) * 1024 / 1e6, rel=0.1)


def test_growth_is_measured() -> None:
    """By its size."""
    before = resident_mb(os.getpid())
    block = bytearray(b"x" * 50_000_000)
    after = resident_mb(os.getpid())
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(len(block) / 1e6, rel=0.25)


def test_without_proc_a_process_watches_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on macOS: a note says what isn't covered, and the peak is still measured."""
    assert memory_note() == ""
    monkeypatch.setattr(resource_limits, "PROC", tmp_path)
    assert resident_mb(os.getpid()) is None
    assert peak_memory_mb() is not None
    assert "watches its own peak" in memory_note()


def test_without_the_resource_module_memory_is_not_limited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on Windows: a note is printed, and the process runs without a limit."""
    monkeypatch.setattr(resource_limits, "PROC", tmp_path)
    monkeypatch.setattr(resource_limits, "resource", None)
    assert peak_memory_mb() is None
    assert "isn't enforced" in memory_note()
    limit_memory(ResourceLimits())


def test_a_process_that_is_gone_uses_no_memory() -> None:
    """Its use isn't known, and no error."""
    assert resident_mb(2**22 + 1) is None


def test_the_peak_is_not_the_parents() -> None:
    """A process that a large one starts reports its own memory."""
    block = bytearray(b"x" * 200_000_000)
    script = "from komorebi_qc.isolation.resource_limits import peak_memory_mb; print(peak_memory_mb())"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert len(block) / 1e6 > float(output) > 5


@pytest.mark.parametrize(("unit", "expected_mb"), [(1, 0.2), (1024, 204.8)])
def test_the_unit_of_the_peak_is_the_systems(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unit: int, expected_mb: float
) -> None:
    """Without /proc it is bytes on macOS, and kibibytes elsewhere."""

    class Usage:
        ru_maxrss = 200_000

    class Resource:
        RUSAGE_SELF = 0

        def getrusage(self, _who: int) -> Usage:
            return Usage()

    monkeypatch.setattr(resource_limits, "PROC", tmp_path)
    monkeypatch.setattr(resource_limits, "resource", Resource())
    monkeypatch.setattr(resource_limits, "MAXRSS_BYTES", unit)
    assert peak_memory_mb() == pytest.approx(expected_mb)
