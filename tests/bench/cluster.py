"""A Dask cluster of simulated machines with 100 Mbit/s each, and one S3 server for all of them.

    .venv/bin/python tests/bench/cluster.py [--calls 200] [--machines 8] [--mbit 100] [--minutes 0.5 0.75 1]
                                            [--folder FOLDER]

Needs root, for the network namespaces. `komorebi-qc batch --dask` diagnoses recordings of the table three times:
without a disturbance; with a scheduler that is killed and started again; with a machine whose processes are killed.
Prints who waits for what, and whether anything is lost or twice. Exit status 1 if a must is missed.

All machines share this one's cores, so a wall time says little. Bytes and processor time don't depend on that.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bench import storage
from bench.cluster_net import HUB, Watch, address, hub_name, machine_name, namespaces, received_bytes, tree, within
from bench.inputs import call_end, input_folder, make_inputs
from bench.measuring import OWN_TOOL, ROOT, BenchError, bare_environ, say
from bench.s3_counts import read_counts

sys.path += [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "support")]
from certificates import make_certificates
from parts import MissingPartError, need_root, program
from servers import HOST, ServerError, free_ports, moto, seaweed, stand_ins
from stack import CONNECT, INPUT, OUTPUT

from komorebi_qc.batch.dataset.dataset import open_dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

PORT = 8786
MOVING = ("done_at", "took_s", "peak_memory_mb")
WARM_UP = 16
FAULTS = ("undisturbed", "machine lost", "scheduler restarted")
ENDED_WELL = (0, 3)
LOST_MACHINE = 0
LINK_TOLERANCE = 1.05


@dataclass(slots=True)
class Cluster:
    """A scheduler within the hub, and a worker with its nanny on each machine. A program that ends is started again.

    Attributes:
        base: of the namespaces' names.
        count: of the machines.
        folder: for logs.
        environ: of all processes.
        tls: the arguments for encryption.
        watch: is shown every process.
        running: the first process of each program.
        lost: the programs that aren't started again.
    """

    base: str
    count: int
    folder: Path
    environ: dict[str, str]
    tls: tuple[str, ...]
    watch: Watch
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)

    def keep(self) -> None:
        """Start the programs that don't run, as a service manager does."""
        for name in ("scheduler", *(f"machine {n}" for n in range(self.count))):
            if name not in self.lost and (name not in self.running or self.running[name].poll() is not None):
                self._start(name)

    def kill(self, name: str, *, for_good: bool) -> None:
        """Kill a program and all below it, as a machine that loses its power does."""
        if for_good:
            self.lost.add(name)
        for pid in tree(self.running[name].pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.running[name].wait()

    def end(self) -> None:
        """End all programs."""
        for name in list(self.running):
            self.kill(name, for_good=True)

    def _start(self, name: str) -> None:
        number = int(name.rsplit(maxsplit=1)[-1]) if name.startswith("machine") else None
        dask = [sys.executable, "-m", "dask"]
        if number is None:
            argv = [*dask, "scheduler", "--protocol", "tls", "--host", HUB, "--port", str(PORT), "--no-dashboard"]
        else:
            own = ("--host", address(number), "--nthreads", "1", "--memory-limit", "0", "--no-dashboard")
            local = ("--local-directory", str(self.folder / f"local-{number}"))
            argv = [*dask, "worker", f"tls://{HUB}:{PORT}", *own, *local]
            argv = within(machine_name(self.base, number), argv)
        with (self.folder / f"{name.replace(' ', '-')}.log").open("ab") as log:
            process = subprocess.Popen([*argv, *self.tls], env=self.environ, cwd=self.folder, stdout=log, stderr=log)
        self.running[name] = process
        self.watch.roots.append((name, process.pid))


@dataclass(frozen=True, slots=True)
class Outcome:
    """One batch.

    Attributes:
        rows: of its dataset, without columns that differ between any two runs.
        codes: exit codes of its command, one for each time that it was given.
        counts: of its last command.
        took_s: how long all recordings took, together.
        received: bytes that went to each machine.
        requests: of the buckets of recordings, by kind.
        sent_bytes: of these buckets.
        supervisor_s: CPU of the command.
        wall_s: from its start to its end.
    """

    rows: list[dict[str, Any]]
    codes: list[int]
    counts: dict[str, Any]
    took_s: float
    received: list[int]
    requests: dict[str, int]
    sent_bytes: int
    supervisor_s: float
    wall_s: float


@dataclass(frozen=True, slots=True)
class Site:
    """All that the batches share.

    Attributes:
        cluster: the machines.
        folder: for manifests.
        environ: of the command.
        metrics_port: of the S3 server.
    """

    cluster: Cluster
    folder: Path
    environ: dict[str, str]
    metrics_port: int

    def batch(self, name: str, calls: Sequence[tuple[str, str]], fault: str, whole_bytes: int) -> Outcome:
        """Diagnose recordings on the cluster, with a disturbance after a third of the bytes."""
        manifest, dataset = self.folder / "calls.csv", f"s3://{OUTPUT}/{name}"
        manifest.write_text("\n".join(["recording_id,call_end", *(",".join(call) for call in calls)]) + "\n")
        command = [OWN_TOOL, "batch", str(manifest), "--out", dataset, "--dask", f"tls://{HUB}:{PORT}", "--json"]
        before, counts = received_bytes(self.cluster.count), read_counts(HOST, self.metrics_port)
        began, codes, supervisor_s, printed = time.monotonic(), list[int](), 0.0, ""
        for _ in range(3):
            with tempfile.TemporaryFile("w+") as out, (self.folder / f"{name}.log").open("ab") as log:
                run = subprocess.Popen(command, env=self.environ, stdout=out, stderr=log)
                while True:
                    pid, status, used = os.wait4(run.pid, os.WNOHANG)
                    if pid:
                        break
                    going = sum(received_bytes(self.cluster.count)) - sum(before)
                    if fault != FAULTS[0] and whole_bytes and going > whole_bytes / 3:
                        self._disturb(fault)
                        fault = FAULTS[0]
                    self.cluster.keep()
                    time.sleep(0.2)
                run.returncode = os.waitstatus_to_exitcode(status)
                codes.append(run.returncode)
                supervisor_s += used.ru_utime + used.ru_stime
                out.seek(0)
                printed = out.read()
            if codes[-1] in ENDED_WELL:
                break
            say(f"{name}: the batch ended with {codes[-1]}; it is repeated")
        wall_s = time.monotonic() - began
        self.cluster.watch.look()
        rows = open_dataset(dataset).read().to_pylist()
        requests, sent = read_counts(HOST, self.metrics_port).since(counts).of((CONNECT, INPUT))
        received = [b - a for a, b in zip(before, received_bytes(self.cluster.count), strict=True)]
        took_s = sum(row["took_s"] or 0.0 for row in rows)
        say(f"{name}: {len(rows)} rows, {sum(received) / 1e6:.0f} MB, {wall_s:.0f} s")
        return Outcome(
            [{name: value for name, value in row.items() if name not in MOVING} for row in rows],
            *(codes, json.loads(printed or "{}"), took_s, received, dict(requests), sent, supervisor_s, wall_s),
        )

    def _disturb(self, fault: str) -> None:
        if fault == FAULTS[1]:
            self.cluster.kill(f"machine {LOST_MACHINE}", for_good=True)
        else:
            self.cluster.kill("scheduler", for_good=False)
        say(f"{fault}: killed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--machines", type=int, default=8)
    parser.add_argument("--mbit", type=int, default=100, help="of each machine's link, in both directions")
    parser.add_argument("--minutes", type=float, nargs="+", default=[0.5, 0.75, 1.0], help="lengths of the recordings")
    parser.add_argument("--folder", type=Path, default=ROOT / "bench-output" / "process", help="the recordings")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    wanted = parser.parse_args(arguments)
    try:
        if wanted.inside:
            return inside(wanted)
        need_root("make network namespaces")
        program("ip", "iproute2"), program("tc", "iproute2")
        stand_ins()
        make_inputs(dict.fromkeys(wanted.minutes, ()), wanted.folder)
        base = f"kq{os.getpid()}"
        given = list(sys.argv[1:] if arguments is None else arguments)
        with namespaces(base, wanted.machines, wanted.mbit):
            again = [sys.executable, str(Path(__file__).resolve()), *given, "--inside", base]
            return subprocess.run(within(hub_name(base), again), check=False).returncode
    except (BenchError, MissingPartError, ServerError, subprocess.CalledProcessError) as error:
        say(str(error))
        return 2


def inside(wanted: argparse.Namespace) -> int:
    """All runs, within the hub."""
    with tempfile.TemporaryDirectory(dir=wanted.folder, prefix="cluster-") as name, ExitStack() as stack:
        folder = Path(name)
        (metrics_port,) = free_ports(1)
        s3 = stack.enter_context(seaweed(folder / "seaweed", bind="0.0.0.0", metrics_port=metrics_port))  # noqa: S104
        aws = stack.enter_context(moto(folder / "moto", bind="0.0.0.0"))  # noqa: S104  within the namespace
        place = storage.prepare(s3, s3, aws)
        far = {"AWS_ENDPOINT_URL": f"http://{HUB}:{aws.port}", "AWS_ENDPOINT_URL_S3": f"http://{HUB}:{s3.port}"}
        (folder / "tmp").mkdir()
        tls = make_certificates(folder)
        names = dict(zip(("CA_FILE", "CLIENT__CERT", "CLIENT__KEY"), tls[1::2], strict=True))
        settings = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": path for name, path in names.items()}
        environ = bare_environ(folder / "tmp", {**place.environ, **far, **settings})
        os.environ.update({**place.environ, **far})
        stack.enter_context(place.buckets(CONNECT, INPUT, OUTPUT))
        kinds = islice(cycle(wanted.minutes), wanted.calls)
        calls = [(f"call-{number:04}", minutes) for number, minutes in enumerate(kinds)]
        for one, minutes in calls:
            place.put(one, input_folder(wanted.folder, minutes))
        say(f"{len(calls)} recordings are on S3")
        listed = [(one, call_end(minutes)) for one, minutes in calls]
        watch = stack.enter_context(Watch(wanted.machines))
        watch.roots += [("S3", s3.pid), ("table", aws.pid)]
        cluster = Cluster(wanted.inside, wanted.machines, folder, environ, tls, watch)
        stack.callback(cluster.end)
        cluster.keep()
        site = Site(cluster, folder, environ, metrics_port)
        warm = site.batch("warm-up", listed[:WARM_UP], FAULTS[0], 0)
        watch.peak_bytes, before = [0] * wanted.machines, sums(watch, wanted.machines)
        found = {FAULTS[0]: site.batch("undisturbed", listed, FAULTS[0], 0)}
        used = {name: value - before[name] for name, value in sums(watch, wanted.machines).items()}
        peaks, whole = list(watch.peak_bytes), sum(found[FAULTS[0]].received)
        found[FAULTS[2]] = site.batch("scheduler", listed, FAULTS[2], whole)
        found[FAULTS[1]] = site.batch("machine", listed, FAULTS[1], whole)
        for log in folder.glob("*.log"):
            (wanted.folder / f"cluster-{log.name}").write_bytes(log.read_bytes()[-200_000:])
        return report(wanted, found, warm, used, peaks)


def sums(watch: Watch, machines: int) -> dict[str, float]:
    """CPU seconds of each role so far, and of each machine's processes for recordings."""
    names = [f"machine {n}" for n in range(machines)]
    work, dask = watch.total(*names, work=True), watch.total(*names, work=False)
    out = {"work": work.cpu_s, "main": work.main_cpu_s, "queued": work.queued_s, "dask": dask.cpu_s}
    out |= {name: watch.total(name).cpu_s for name in ("scheduler", "S3", "table")}
    return out | {f"work of {name}": watch.total(name, work=True).cpu_s for name in names}


def report(
    wanted: argparse.Namespace,
    found: dict[str, Outcome],
    warm: Outcome,
    used: dict[str, float],
    peaks: Sequence[int],
) -> int:
    """Print the tables; the exit status."""
    whole, calls, rate = found[FAULTS[0]], wanted.calls, wanted.mbit * 1e6 / 8
    per_call = whole.sent_bytes / calls
    network_s, cpu_s = sum(whole.received) / calls / rate, used["work"] / calls
    print(f"### {calls} recordings on {wanted.machines} machines with {wanted.mbit} Mbit/s each\n")
    print("| of one recording, without a disturbance | measured |\n| --- | --- |")
    requests = ", ".join(f"{count / calls:.1f} {kind}" for kind, count in sorted(whole.requests.items()))
    supervisor_ms = (whole.supervisor_s - warm.supervisor_s) / (calls - WARM_UP) * 1e3
    waits_s = max(whole.took_s - used["main"] - used["queued"], 0.0)
    for what, text in {
        "bytes of its files that S3 sent, MB": f"{per_call / 1e6:.2f}",
        "bytes to its machine, MB": f"{sum(whole.received) / calls / 1e6:.2f}",
        f"seconds of a link at {wanted.mbit} Mbit/s": f"{network_s:.3f}",
        "CPU seconds of its process": f"{cpu_s:.3f}",
        "requests to S3": requests,
        "CPU of Dask on its machine (nanny and worker), ms": f"{used['dask'] / calls * 1e3:.1f}",
        "CPU of the scheduler, ms": f"{used['scheduler'] / calls * 1e3:.1f}",
        "CPU of the supervisor beyond its start, ms": f"{supervisor_ms:.1f}",
        "CPU of the S3 server, ms": f"{used['S3'] / calls * 1e3:.1f}",
        "CPU of the table, ms": f"{used['table'] / calls * 1e3:.1f}",
    }.items():
        print(f"| {what} | {text} |")
    print("\n| time that the recordings took, all together | s | share |\n| --- | --- | --- |")
    for what, seconds in (
        ("computing", used["main"]),
        ("waiting for one of this machine's cores", used["queued"]),
        ("waiting for S3, the table and the link", waits_s),
    ):
        print(f"| {what} | {seconds:.1f} | {seconds / max(whole.took_s, 1e-9):.0%} |")
    print(f"\n| machine | MB received | busiest second, Mbit/s | CPU of recordings, s |\n{'| --- ' * 4}|")
    for n, (size, peak) in enumerate(zip(whole.received, peaks, strict=True)):
        print(f"| {n} | {size / 1e6:.0f} | {peak * 8 / 1e6:.0f} | {used[f'work of machine {n}']:.1f} |")
    print(f"\n| batch | exit codes | rows | equal | recordings fetched again | wall, s |\n{'| --- ' * 6}|")
    missed = []
    for name, one in found.items():
        again = (one.sent_bytes - whole.sent_bytes) / per_call
        same = one.rows == whole.rows
        print(
            f"| {name} | {', '.join(map(str, one.codes))} | {len(one.rows)} | {'yes' if same else 'NO'} | "
            f"{again:.1f} | {one.wall_s:.0f} |"
        )
        in_flight = 2 * wanted.machines
        missed += [f"{name}: {text}" for text in faults(one, whole, calls, again, in_flight)]
    if any(peak > rate * LINK_TOLERANCE for peak in peaks):
        missed.append("a link carried more than its rate")
    print("\nEvery must is met." if not missed else "\nMISSED:\n\n" + "\n".join(f"- {text}" for text in missed))
    return 1 if missed else 0


def faults(one: Outcome, whole: Outcome, calls: int, again: float, in_flight: int) -> list[str]:
    """The musts that a batch misses."""
    ids = [row["recording_id"] for row in one.rows]
    musts = {
        f"{calls - len(set(ids))} recordings are lost": len(set(ids)) == calls,
        f"{len(ids) - len(set(ids))} rows are twice": len(set(ids)) == len(ids),
        f"the dataset differs from the undisturbed one in {differing(one.rows, whole.rows)}": one.rows == whole.rows,
        f"the command had to be repeated: {one.codes}": len(one.codes) == 1,
        f"the counts are {one.counts.get('counts')}": sum(one.counts.get("counts", {}).values()) == calls,
        f"{again:.1f} recordings were fetched again; {in_flight} were with the cluster": again <= in_flight,
        "recordings failed": not any(row["error_class"] for row in one.rows),
    }
    return [text for text, is_met in musts.items() if not is_met]


def differing(one: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]]) -> str:
    """The columns in which rows of the same recordings differ, with an example of each."""
    known = {row["recording_id"]: row for row in other}
    found = {
        name: f"{name} ({row['recording_id']}: {value!r}, not {known[row['recording_id']][name]!r})"
        for row in one
        if row["recording_id"] in known
        for name, value in row.items()
        if value != known[row["recording_id"]][name]
    }
    return ", ".join(found.values()) or "its rows"


if __name__ == "__main__":
    sys.exit(main())
