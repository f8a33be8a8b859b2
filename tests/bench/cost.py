"""A recording's time and cost on Lambda's memory sizes: from S3 to S3 under the share of a core that each size gets.

    .venv/bin/python tests/bench/cost.py [--minutes 10 60] [--runs 3]

Lambda gives 1/1,769 of a vCPU for each MB of memory. The tool runs in a control group with that quota (Linux, as root),
with its offset measured as the function does; SeaweedFS and moto run outside of the group, on the same cores, and
nothing slows the network down. Requests to S3 are counted in the tool itself. Prints Markdown; docs/operator/cost.md
has the table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import sleep
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench import storage
from bench.inputs import call_end, input_folder
from bench.measuring import ROOT, BenchError, machine, measured, say
from bench.process import make_inputs
from bench.sides import FINDINGS_FAIL

sys.path.append(str(ROOT / "tests" / "e2e"))
from stack import CONNECT, INPUT, OUTPUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.storage import Place

SIZES_MB = (512, 1024, 1769, 3538)
WHOLE_CORE_MB = 1769
"""AWS Lambda Developer Guide, "Configure Lambda function memory"."""
USD_PER_GB_S = 0.0000166667
"""x86, us-east-1, first tier."""
PERIOD_US = 100_000
COUNTING = """
import atexit, collections, os, sys
from komorebi_qc.wiring import clients as settings
asked = collections.Counter()
made = settings.aws_client
def counted(service):
    client = made(service)
    client.meta.events.register(f"before-call.{service}", lambda model, **_: asked.update([f"{service} {model.name}"]))
    return client
settings.aws_client = counted
@atexit.register
def tell():
    with open(os.environ["BENCH_COUNTS"], "w") as file:
        file.writelines(f"{name}={count}\\n" for name, count in sorted(asked.items()))
from komorebi_qc.cli.main import main
main()
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """One recording at one size.

    Attributes:
        size_mb: of the function.
        minutes: of the recording.
        wall_s: the median run's.
        cpu_s: the median run's.
        memory_mb: the greatest peak.
        asked: requests by service and name.
    """

    size_mb: int
    minutes: float
    wall_s: float
    cpu_s: float
    memory_mb: float
    asked: dict[str, int]

    @property
    def gb_s(self) -> float:
        """The billed GB-seconds; Lambda counts memory in GiB."""
        return self.wall_s * self.size_mb / 1024


@contextmanager
def quota(cores: float) -> Iterator[str]:
    """A control group that gets this many cores' time; yields the shell command that joins it.

    Raises:
        BenchError: if this machine has no such control group.
    """
    first, second = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
    try:
        folder = Path(tempfile.mkdtemp(prefix="komorebi-bench-", dir=first if first.is_dir() else second))
    except OSError as error:
        raise BenchError(f"no control group can be made ({error.strerror}): run it as root, on Linux") from error
    try:
        allowed = round(cores * PERIOD_US)
        if first.is_dir():
            (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (folder / "cpu.cfs_quota_us").write_text(str(allowed))
        else:
            (folder / "cpu.max").write_text(f"{allowed} {PERIOD_US}")
        yield f"echo $$ > {folder}/cgroup.procs"
    finally:
        for _ in range(50):  # its processes have ended, and may not be gone yet
            with suppress(OSError):
                folder.rmdir()
                break
            sleep(0.1)


def one(place: Place, size_mb: int, minutes: float, runs: int, folder: Path) -> Cost:
    """Run one recording `runs` times at one size."""
    walls, cpus, peak, asked = [], [], 0.0, {}
    words = ["process", f"cost-{minutes:g}", "--align", "auto", "--call-end", call_end(minutes), "--json"]
    counts = folder / "counts"
    for _ in range(runs):
        with quota(size_mb / WHOLE_CORE_MB) as joins, place.buckets(OUTPUT):
            command = ["sh", "-c", f'{joins}; exec "$@"', "sh", sys.executable, "-c", COUNTING, *words]
            used = measured(
                command, folder / "tmp", more={**place.environ, "BENCH_COUNTS": str(counts)}, good=(0, FINDINGS_FAIL)
            )
        walls.append(used.wall_s)
        cpus.append(used.cpu_s)
        peak = max(peak, used.memory_mb)
        asked = {name: int(n) for name, n in (line.split("=") for line in counts.read_text().splitlines())}
        say(f"{size_mb} MB, {minutes:g} min: {used.wall_s:.1f} s, CPU {used.cpu_s:.1f} s, {used.memory_mb:.0f} MB")
    return Cost(size_mb, minutes, median(walls), median(cpus), peak, asked)


def report(costs: Sequence[Cost]) -> str:
    """The tables, in Markdown."""
    head = ["memory, MB", "vCPUs", "minutes", "wall, s", "CPU, s", "peak memory, MB", "GB-s", "GB-s an hour"]
    lines = [f"| {' | '.join(head)} | USD per 1,000 hours |", "|---" * 9 + "|"]
    for c in costs:
        hourly = c.gb_s * 60 / c.minutes
        lines.append(
            f"| {c.size_mb} | {c.size_mb / WHOLE_CORE_MB:.2f} | {c.minutes:g} | {c.wall_s:.1f} | {c.cpu_s:.1f} | "
            f"{c.memory_mb:.0f} | {c.gb_s:.1f} | {hourly:.1f} | {hourly * 1000 * USD_PER_GB_S:.2f} |"
        )
    lines.append("")
    for minutes in sorted({c.minutes for c in costs}):
        asked = next(c.asked for c in costs if c.minutes == minutes)
        lines.append(f"- {minutes:g} minutes: " + ", ".join(f"{n} {name}" for name, n in asked.items()))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[10.0, 60.0], help="the recordings' lengths")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES_MB, help="of the function, in MB")
    parser.add_argument("--runs", type=int, default=3, help="of each; the table has the medians")
    parser.add_argument("--folder", type=Path, default=ROOT / "bench-output" / "process")
    wanted = parser.parse_args(arguments)
    try:
        for minutes in wanted.minutes:
            make_inputs(["call-end"], minutes, wanted.folder)
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=wanted.folder, prefix="run-")))
            (folder / "tmp").mkdir()
            place = stack.enter_context(storage.placed(folder, is_limited=False))
            stack.enter_context(place.buckets(CONNECT, INPUT))
            for minutes in wanted.minutes:
                place.put(f"cost-{minutes:g}", input_folder(wanted.folder, minutes))
            costs = [
                one(place, size, minutes, wanted.runs, folder) for minutes in wanted.minutes for size in wanted.sizes
            ]
    except BenchError as error:
        say(str(error))
        return 2
    print(f"{machine()}\n\n{report(costs)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
