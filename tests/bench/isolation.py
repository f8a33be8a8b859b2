"""The price of a process for each recording: in the worker, and in the Lambda function if it forked.

    python tests/bench/isolation.py             prints a Markdown table; takes half a minute

The sample call is processed in this process, in a forked child of it, and in the worker's process, new and in use. All
run on one processor, as a function of 1,769 MB has it. Memory is what a process has for itself (private pages).
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.demo.sample_call import AGENT_RECORDING, CALL_AUDIO, reported_call_end
from komorebi_qc.isolation.resource_limits import ResourceLimits
from komorebi_qc.isolation.worker_process import WorkerProcess
from komorebi_qc.pipeline.local import process_files
from komorebi_qc.storage.local import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 5
WORK = "isolation:carry_out"


def processed() -> float:
    """Process the sample call; the private megabytes of this process at the end."""
    with tempfile.TemporaryDirectory() as folder:
        files = LocalFiles(CALL_AUDIO, AGENT_RECORDING, Path(folder, "unified"), Path(folder, "thumbnail.png"))
        process_files(files, parse_call_end(reported_call_end()))
    return private_mb()


def carry_out(task: str) -> float:
    """The work of the worker's process."""
    return processed() if task == "process" else private_mb()


def private_mb() -> float:
    """Memory that this process shares with no other."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024 / 1e6


def forked(work: Callable[[], float]) -> float:
    """Do work in a forked child, and return its answer."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(theirs, str(work()).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as answer:
        text = answer.read()
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the child failed")
    return float(text)


def measured(work: Callable[[], float]) -> tuple[float, float]:
    """The least seconds of some runs, because other programs only add to them, and the megabytes."""
    runs = []
    for _ in range(RUNS):
        began = time.perf_counter()
        memory_mb = work()
        runs.append((time.perf_counter() - began, memory_mb))
    return min(s for s, _ in runs), max(mb for _, mb in runs)


def anew(task: str) -> float:
    """Do work in a new process of the worker."""
    with closing(WorkerProcess(ResourceLimits(), WORK)) as worker:
        return float(worker.run(task))


def main() -> None:
    """Measure, and print the table."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    processed()  # loads everything
    rows = [
        ("nothing, in a forked child", *measured(lambda: forked(private_mb))),
        ("nothing, in a new worker process", *measured(lambda: anew("nothing"))),
        ("the sample call, in this process", *measured(processed)),
        ("the sample call, in a forked child", *measured(lambda: forked(processed))),
        ("the sample call, in a new worker process", *measured(lambda: anew("process"))),
    ]
    with closing(WorkerProcess(ResourceLimits(), WORK)) as worker:
        worker.run("process")
        rows.append(("the sample call, in a worker process in use", *measured(lambda: float(worker.run("process")))))
    print(f"| work | seconds, least of {RUNS} | private memory, MB |\n| --- | --- | --- |")
    for name, seconds, memory_mb in rows:
        print(f"| {name} | {seconds:.3f} | {memory_mb:.0f} |")


if __name__ == "__main__":
    main()
