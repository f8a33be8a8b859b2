"""The handler under Lambda's runtime interface emulator, in good days and in bad ones.

Each case checks the needs of the recording's viewers: a message is only reported as done when the recording is
published whole; a failure leaves no partial result and no file behind; and the next call works.
"""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emulator import INPUT, OUTPUT, World, gate
from emulator import run as run_function
from parts import ROOT, MissingPartError, Report, emulator, need_root, runtime_client
from servers import moto

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping

    from emulator import Answer, Function, Gate, Order

# Lambda's own; here a separate file system of the function, which hides this folder's other files. It must not hide
# the repository.
SCRATCH = "/var/tmp" if ROOT.is_relative_to("/tmp") else "/tmp"  # noqa: S108
MEGABYTE = 1 << 20
PLENTY = 2048 * MEGABYTE
WRITES = rf"(PUT|POST|DELETE) /{OUTPUT}/"
TIME_OUT_S = 42
"""The half minute that the function keeps for itself, with less of which it stops, and time to come to the upload."""


@dataclass(frozen=True, slots=True)
class Stage:
    """All that a case needs.

    Attributes:
        world: buckets, table, queues.
        gate: on the function's way to S3.
        emulator: the program.
        client: the folder with the runtime's client.
    """

    world: World
    gate: Gate
    emulator: Path
    client: Path

    @contextmanager
    def function(
        self, *, scratch: str = f"size={PLENTY}", cgroup: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> Iterator[Function]:
        """The function of this work tree, under this Python."""
        environment = {
            **self.world.environment(),
            "AWS_ENDPOINT_URL_S3": self.gate.url,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "300",
            "LAMBDA_TASK_ROOT": str(ROOT / "lambda"),
            "PYTHONPATH": f"{self.client}:{ROOT / 'lambda'}:{ROOT}",
            "PYTHONDONTWRITEBYTECODE": "1",
            **(variables or {}),
        }
        joins = f"echo $$ > {cgroup}/cgroup.procs; " if cgroup else ""
        setup = f'{joins}mount -t tmpfs -o {scratch} tmpfs {SCRATCH}; exec "$@"'
        with run_function(
            setup,
            [sys.executable, "-m", "awslambdaric", "app.handler"],
            emulator=self.emulator,
            environment=environment,
            scratch=Path(SCRATCH),
        ) as function:
            yield function


def run(report: Report) -> None:
    """All cases, one after the other."""
    with ExitStack() as stack:
        stage: Stage | None = None
        with report.case("the parts are here") as case:
            need_root("make namespaces for the function")
            programs = emulator(), runtime_client()
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="komorebi-e2e-"))
            server = stack.enter_context(moto(Path(folder)))
            stage = Stage(World.on(server), stack.enter_context(gate(server)), *programs)
            case.note(programs[0].name)
        if stage is None:
            return
        good_days(report, stage)
        time_limits(report, stage)
        deaths(report, stage)
        shortages(report, stage)


def good_days(report: Report, stage: Stage) -> None:
    """Cold, warm, twice the same, and not configured."""
    with report.case("cold and warm calls publish the recording") as case, stage.function() as function:
        first, second = stage.world.record("good-1"), stage.world.record("good-2")
        cold = function.call(first.event())
        cold.check_done()
        case.note(first.check_done())
        warm = function.call(second.event())
        warm.check_done()
        second.check_done()
        check_clean(function)
        start = f"start {function.start_s():.2f} s, cold start to first answer {cold.seconds:.2f} s"
        case.note(f"{start}, warm {warm.seconds:.2f} s")
        before = second.objects()
        again = function.call(second.event())
        again.check_done()
        assert second.objects() == before, "a message that came twice changed the result"
        case.note(f"the same message again {again.seconds:.2f} s")
    with (
        report.case("without its settings it fails, and the message stays"),
        stage.function(variables={"OUTPUT_BUCKET_NAME": ""}) as function,
    ):
        order = stage.world.record("unset")
        answer = function.call(order.event())
        answer.check_not_done()
        assert "OUTPUT_BUCKET_NAME" in answer.text + function.tail(), "nothing names the variable that is missing"
        order.check_not_done()


def time_limits(report: Report, stage: Stage) -> None:
    """The function stops by itself; if it hangs, it is ended."""
    with (
        report.case("near its time limit it stops by itself") as case,
        stage.function(variables={"AWS_LAMBDA_FUNCTION_TIMEOUT": "20"}) as function,
    ):
        order = stage.world.record("short")
        event = order.event()
        answer = function.call(event)
        assert answer.failures() == [event["Records"][0]["messageId"]], f"not listed as failed: {answer.text[:300]}"
        order.check_not_done()
        check_clean(function)
        case.note(f"after {answer.seconds:.2f} s of 20")
    with (
        report.case("a call that hangs in an upload is ended, and the next one works") as case,
        stage.function(variables={"AWS_LAMBDA_FUNCTION_TIMEOUT": str(TIME_OUT_S)}) as function,
    ):
        order = stage.world.record("hangs")
        stage.gate.shut(WRITES)
        answer = function.call(order.event(), within_s=TIME_OUT_S + 30)
        hung = stage.gate.held.is_set()
        stage.gate.open()
        assert hung, f"it never came to an upload: {answer.text[:300]}"
        answer.check_not_done()
        assert TIME_OUT_S - 1 < answer.seconds < TIME_OUT_S + 10, f"ended after {answer.seconds:.1f} s"
        order.check_not_done()
        case.note(f"ended after {answer.seconds:.1f} s: {answer.text.strip()[:80]!r}")
        check_next_call(function, order)


def deaths(report: Report, stage: Stage) -> None:
    """SIGKILL before each request that matters."""
    with report.case("killed while it reads: the next call works") as case:
        case.note(killed_at(stage, "killed-reading", rf"GET /{INPUT}/", 0))
    writes = [line for line in stage.gate.requests if f" /{OUTPUT}/" in line and "good-1" in line]
    count = sum(line.startswith(("PUT", "POST", "DELETE")) for line in writes)
    with report.case("a result takes at least one request to publish") as case:
        assert count > 0, f"no request was seen: {writes}"
        case.note(f"{count} that write")
    for number in range(count):
        with report.case(f"killed before write {number + 1} of {count}: nothing is half there, the next call works"):
            killed_at(stage, f"killed-{number}", WRITES, number)


def killed_at(stage: Stage, recording_id: str, request: str, after: int) -> str:
    """Kill the function while a request is held back; then let it try again."""
    order = stage.world.record(recording_id)
    with stage.function() as function:
        stage.gate.shut(request, after=after)
        event = order.event()
        answer = call_and(function, lambda: function.call(event), when=stage.gate.held, act=function.kill)
        stage.gate.open()
        answer.check_not_done()
        order.check_not_done()
        check_next_call(function, order)
        return f"answered {answer.text.strip()[:100]!r}"


def call_and(
    function: Function, call: Callable[[], Answer], *, when: threading.Event, act: Callable[[], None]
) -> Answer:
    """Call, and do something in the middle of it."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(call)
        try:
            assert when.wait(60), f"the moment never came: {function.tail()}"
            act()
        except BaseException:
            function.process.kill()  # so that the call ends
            raise
        return answer.result(100)


def shortages(report: Report, stage: Stage) -> None:
    """Too little memory, too little room."""
    with report.case("out of memory: nothing is half there, the next call works") as case:
        order = stage.world.record("memory")
        with memory_group() as group, stage.function(cgroup=group.folder) as function:
            refused = function.call({"no": "event"})  # started, and nothing loaded yet
            refused.check_not_done()
            group.limit(group.used() + 16 * MEGABYTE)
            answer = function.call(order.event())
            assert group.kills() > 0, f"nothing was killed for memory: {answer.text[:300]}"
            answer.check_not_done()
            order.check_not_done()
            group.limit(PLENTY)
            check_next_call(function, order)
            case.note(f"answered {answer.text.strip()[:100]!r}")
    for words, scratch, cache_mb in (
        ("64 kB of it", "size=64k", "0"),
        ("none of it can be written", "ro", "0"),
        ("64 kB of it, and a cache that wants more", "size=64k", "100"),
    ):
        with (
            report.case(f"{SCRATCH}, {words}: the recording is still made") as case,
            stage.function(scratch=scratch, variables={"KOMOREBI_CACHE_MB": cache_mb}) as function,
        ):
            order = stage.world.record(f"room-{scratch.rpartition('=')[2]}-{cache_mb}")
            function.call(order.event()).check_done()
            case.note(order.check_done())
            check_clean(function)
    with (
        report.case(f"a cache in {SCRATCH}, which fills up in the middle: the recording is still made") as case,
        stage.function(scratch=f"size={24 * MEGABYTE}", variables={"KOMOREBI_CACHE_MB": "100"}) as function,
    ):
        order = stage.world.record("fills-up")
        event = order.event()
        stage.gate.shut(rf"GET /{INPUT}/", lets_ask=True)
        fillers = []

        def fill() -> None:
            fillers.append(function.fill())
            stage.gate.open()

        call_and(function, lambda: function.call(event), when=stage.gate.held, act=fill).check_done()
        case.note(order.check_done())
        fillers[0].unlink()
        check_clean(function)


def check_next_call(function: Function, order: Order) -> None:
    """See that the same recording is done at the next try, and that no file is left."""
    for _ in range(3):  # the emulator takes a moment to start the function again
        with suppress(AssertionError):
            answer = function.call(order.event())
            break
        time.sleep(1)
    else:
        answer = function.call(order.event())
    answer.check_done()
    order.check_done()
    check_clean(function)


def check_clean(function: Function) -> None:
    """See that the temporary folder is as it was found: empty."""
    left = function.leftovers()
    assert not left, f"left in {SCRATCH}: {left}"


@dataclass(frozen=True, slots=True)
class MemoryGroup:
    """A control group whose memory is counted, of either version.

    Attributes:
        folder: of the group.
        is_second: whether it is of version 2.
    """

    folder: Path
    is_second: bool

    def limit(self, size: int) -> None:
        """Limit the memory to `size` bytes."""
        (self.folder / ("memory.max" if self.is_second else "memory.limit_in_bytes")).write_text(str(size))

    def used(self) -> int:
        """Bytes in use, those that can be given back at once left out."""
        name = "memory.current" if self.is_second else "memory.usage_in_bytes"
        stat = dict(line.split() for line in (self.folder / "memory.stat").read_text().splitlines())
        cached = int(stat["inactive_file" if self.is_second else "total_inactive_file"])
        return int((self.folder / name).read_text()) - cached

    def kills(self) -> int:
        """How many processes were killed for want of memory."""
        name = "memory.events" if self.is_second else "memory.oom_control"
        found = dict(line.split() for line in (self.folder / name).read_text().splitlines())
        return int(found["oom_kill"])


@contextmanager
def memory_group() -> Iterator[MemoryGroup]:
    """A control group of our own, removed in the end.

    Raises:
        MissingPartError: if this machine has no such control group.
    """
    first, second = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    is_second = not first.is_dir()
    parent = second if is_second else first
    try:
        folder = Path(tempfile.mkdtemp(prefix="komorebi-e2e-", dir=parent))
    except OSError as error:
        raise MissingPartError(f"no control group can be made in {parent}: {error.strerror}") from error
    try:
        if not (folder / ("memory.max" if is_second else "memory.limit_in_bytes")).is_file():
            raise MissingPartError(f"{parent} doesn't count memory")
        yield MemoryGroup(folder, is_second)
    finally:
        for _ in range(50):  # its processes have been killed, and may not be gone yet
            with suppress(OSError):
                folder.rmdir()
                break
            time.sleep(0.1)
