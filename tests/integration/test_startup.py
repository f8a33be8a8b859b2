"""The time at which libraries load: help needs no codec, importing the function needs no client."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

LAMBDA = Path(__file__).parents[2] / "lambda"
HEAVY = {
    *("PIL", "av", "matplotlib", "moviepy", "numpy", "scipy", "soxr"),
    *("aws_xray_sdk.core", "aws_lambda_powertools", "boto3", "botocore", "moto", "requests", "s3transfer", "urllib3"),
    *("duckdb", "jupyterlab", "nbformat", "pandas", "papermill", "pyarrow", "pydantic"),
    *("asyncio", "http.client", "rich.progress"),
}
"""Modules that take more than a few milliseconds, and modules that import those."""
OWN_AND_HEAVY = {f"komorebi_qc.{name}" for name in ("console", "demo", "jobs", "limits", "operate", "pipeline", "view")}
FUNCTION = {
    "AC_AUDIO_BUCKET_NAME": "calls",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_SECRET_ACCESS_KEY": "none",
    "INPUT_BUCKET_NAME": "recordings",
    "OUTPUT_BUCKET_NAME": "unified",
}
IN_LAMBDA = {**FUNCTION, "AWS_LAMBDA_FUNCTION_NAME": "komorebi", "LAMBDA_TASK_ROOT": str(LAMBDA)}

HELP = """
import contextlib, io, json, sys
from typer.main import get_command
from komorebi_qc.cli.main import app, main

def names(command, path=()):
    yield path
    for name, one in getattr(command, "commands", {}).items():
        yield from names(one, (*path, name))

found = {}
for path in names(get_command(app)):
    sys.argv = ["komorebi-qc", *path, "--help"]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main()
    found[" ".join(path)] = (printed.getvalue(), list(sys.modules))
print(json.dumps(found))
"""
COMMAND = """
import sys
from komorebi_qc.cli.main import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""
IMPORT = "import sys; import app; print(*sys.modules)"
SERVICES = """
import json, pathlib, sys
opened = []

def hook(event, arguments):
    if event == "open" and "service-2.json" in str(arguments[0]):
        opened.append(pathlib.Path(arguments[0]).parts[-3])

sys.addaudithook(hook)
import app
at_import = list(opened)
from komorebi_qc.queue.handler import WorkerContext
app.handler({"Records": []}, WorkerContext("request-1"))
print(json.dumps([at_import, opened]))
"""


def python(program: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a separate process in the function's folder, without this run's AWS variables."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "KOMOREBI_", "LAMBDA_", "POWERTOOLS_"))}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=LAMBDA,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


def test_help_loads_nothing_heavy() -> None:
    """Each command's help is printed without importing the modules that do its work."""
    found = json.loads(python(HELP).stdout)
    assert {"", "process", "diagnose", "audit", "clip", "dlq", "dlq redrive", "worker"} <= set(found)
    for command, (printed, modules) in found.items():
        assert f"Usage: komorebi-qc {command}".rstrip() in printed
        assert set(modules) & (HEAVY | OWN_AND_HEAVY) == set(), command


def test_an_answer_to_a_script_needs_no_terminal_library() -> None:
    """Printing JSON loads neither rich nor anything heavy."""
    done = python(COMMAND, "limits", "--json")
    assert json.loads(done.stdout)["limits"]
    assert set(done.stderr.split()) & (HEAVY | {"rich.console", "rich.table"}) == set()


@pytest.mark.parametrize("environ", [{}, IN_LAMBDA], ids=["elsewhere", "in_lambda"])
def test_the_function_imports_no_codec_and_no_client(environ: dict[str, str]) -> None:
    """Before the first event there is the log, the batch and the settings; in Lambda the tracer as well."""
    loaded = set(python(IMPORT, **environ).stdout.split())
    # Powertools registers itself with botocore, whose package alone has only its version; a batch may be asynchronous.
    assert loaded & HEAVY <= {"aws_lambda_powertools", "aws_xray_sdk.core", "asyncio", "botocore"}
    assert not {name for name in loaded if name.startswith(("botocore.", "rich", "typer", "komorebi_qc.desk"))}
    assert "komorebi_qc.pipeline.process" not in loaded
    assert ("aws_xray_sdk.core" in loaded) is bool(environ)


@pytest.mark.parametrize("environ", [FUNCTION, IN_LAMBDA], ids=["elsewhere", "in_lambda"])
def test_the_first_event_reads_three_services_descriptions(environ: dict[str, str]) -> None:
    """They are the item's, the media's and the queue's, and before an event comes no description is read."""
    at_import, in_the_end = json.loads(python(SERVICES, **environ).stdout)
    assert at_import == []
    assert sorted(in_the_end) == ["dynamodb", "s3", "sqs"]


@pytest.mark.parametrize("is_in_lambda", [True, False])
def test_it_is_traced_in_lambda_alone(*, is_in_lambda: bool) -> None:
    """X-Ray's daemon gets the handler's subsegment of the invocation's trace, and elsewhere nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        trace = {
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
            "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        }
        python(SERVICES, **(IN_LAMBDA if is_in_lambda else FUNCTION), **trace)
        daemon.setblocking(False)  # noqa: FBT003  it takes no keywords; what was sent on this machine has come by now
        sent = []
        while True:
            try:
                sent.append(daemon.recv(1 << 16))
            except BlockingIOError:
                break
    found = [json.loads(datagram.partition(b"\n")[2]) for datagram in sent]
    expected = [("## handler", "1-5759e988-bd862e3fe1be46a994272793")] if is_in_lambda else []
    assert [(one["name"], one["trace_id"]) for one in found] == expected
