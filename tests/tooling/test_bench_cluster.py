"""The cluster bench names everything that a disturbance loses, doubles or changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from bench import cluster
from bench.cluster import Outcome, differing, faults
from bench.cluster_net import Used, Watch, tree
from bench.s3_counts import S3Counts, parsed

METRICS = """
# TYPE SeaweedFS_s3_request_total counter
SeaweedFS_s3_request_total{bucket="calls",code="200",type="GET"} 2
SeaweedFS_s3_request_total{bucket="calls",code="206",type="GET"} 30
SeaweedFS_s3_request_total{bucket="rows",code="200",type="PUT"} 1e+03
SeaweedFS_s3_bucket_traffic_sent_bytes_total{bucket="calls"} 1.5e+06
"""


def _row(name: str, **more: Any) -> dict[str, Any]:
    return {"recording_id": name, "error_class": None, "offset_s": 1.0, **more}


WHOLE = Outcome([_row("a"), _row("b")], [0], {"counts": {"pass": 2}}, 2.0, [5, 5], {}, 10, 1.0, 1.0)


def test_requests_are_counted_by_kind() -> None:
    """Ranges are apart from other reads, and the counts before are left out."""
    found = parsed(METRICS)
    assert found.of(["calls"]) == (Counter({"GET range": 30, "GET or HEAD": 2}), 1_500_000)
    before = S3Counts(Counter({("calls", "GET range"): 10}), Counter({"calls": 500_000}))
    assert found.since(before).of(["calls", "rows"]) == (
        Counter({"GET range": 20, "GET or HEAD": 2, "PUT": 1000}),
        1_000_000,
    )


def test_an_undisturbed_dataset_misses_nothing() -> None:
    """The same rows by one command are what every must asks for."""
    assert faults(WHOLE, WHOLE, 2, 0.0, 16) == []


def test_every_miss_is_named() -> None:
    """Lost rows, doubled rows, other values, repeated commands and repeated work have a sentence each."""
    broken = replace(WHOLE, rows=[_row("a", offset_s=2.0), _row("a")], codes=[1, 0], counts={"counts": {"pass": 1}})
    found = faults(broken, WHOLE, 2, 17.0, 16)
    assert [text.split(" ")[0] for text in found] == ["1", "1", "the", "the", "the", "17.0"]
    assert "offset_s (a: 2.0, not 1.0)" in found[2]
    assert faults(replace(WHOLE, rows=[_row("a", error_class="Crash"), _row("b")]), WHOLE, 2, 0.0, 16)[-1] == (
        "recordings failed"
    )
    assert differing(WHOLE.rows[:1], WHOLE.rows) == "its rows"


def test_use_is_summed_by_role() -> None:
    """A machine's processes for recordings are apart from Dask's."""
    watch = Watch(1)
    watch.used = {
        (1, "a"): Used("machine 0", is_work=True, cpu_s=3.0, main_cpu_s=2.0, queued_s=1.0),
        (2, "b"): Used("machine 0", is_work=False, cpu_s=0.5),
        (3, "c"): Used("scheduler", is_work=False, cpu_s=0.25),
    }
    found = cluster.sums(watch, 1)
    assert (found["work"], found["main"], found["queued"], found["dask"], found["scheduler"]) == (3, 2, 1, 0.5, 0.25)


def test_a_process_that_has_ended_is_alone_in_its_tree() -> None:
    """Between two looks a process may end."""
    assert tree(2**22 + 1) == [2**22 + 1]
