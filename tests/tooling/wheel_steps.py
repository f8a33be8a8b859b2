"""The steps that each environment of `wheel.py` runs: the commands that its extra brings, on the sample call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

EXTRAS = ("", "demo", "view", "fleet", "cluster", "desk", "sign")
"""The extras for users; the empty one is the base."""

_ON_DASK = """
import subprocess, sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        argv = ["komorebi-qc", "batch", "list.csv", "--out", "quality", "--dask", cluster.scheduler_address]
        sys.exit(subprocess.run(argv).returncode)
"""
_KEY = """
import pathlib
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
pathlib.Path("key.pem").write_bytes(key)
"""
_LIST = """
import pathlib, sys
pathlib.Path("list.csv").write_text("connect,recording,call_end\\n{},{},00:00:22\\n".format(*sys.argv[1:]))
pathlib.Path("on_dask.py").write_text({script!r})
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and the proof that it worked.

    Attributes:
        name: For the report.
        argv: A program of the environment, and its arguments.
        code: The expected exit code.
        prints: A pattern that the output holds.
        makes: Files that it leaves.
    """

    name: str
    argv: tuple[str, ...]
    code: int = 0
    prints: str = ""
    makes: tuple[str, ...] = ()


def steps(extra: str, environment: Path, version: str) -> list[Step]:
    """The steps for one environment.

    Args:
        extra: The extra in it; empty for the base.
        environment: The environment's folder; the sample call is inside the package there.
        version: The version that the package must have.
    """
    (sample,) = environment.glob("lib/python3*/site-packages/komorebi_qc/demo/sample")
    connect, recording = str(sample / "call.wav"), str(sample / "recording.mp4")
    pair = ("--connect", connect, "--recording", recording, "--call-end", "00:00:22")
    inside = f"import komorebi_qc; assert komorebi_qc.__file__.startswith({str(environment)!r}), komorebi_qc.__file__"
    base = [
        Step("installed", ("python", "-c", inside)),
        Step("--version", ("komorebi-qc", "--version"), prints=rf"(^| ){version}( |$)".replace(".", r"\.")),
        Step("--help", ("komorebi-qc", "--help"), prints="diagnose"),
        Step("doctor", ("komorebi-qc", "doctor"), prints=rf"Extras .*\b{extra} yes\b" if extra else r"FFmpeg +\d"),
        Step("diagnose", ("komorebi-qc", "diagnose", *pair, "--json"), prints='"status": "aligned"'),
        Step(
            "process", ("komorebi-qc", "process", *pair, "--out", "unified"), makes=("unified.mp4", "unified.qc.json")
        ),
        Step("verify", ("komorebi-qc", "verify", "unified.qc.json"), prints="4 of 4 unchanged"),
    ]
    listed = Step("list", ("python", "-c", _LIST.replace("{script!r}", repr(_ON_DASK)), connect, recording))
    batch = Step("batch", ("komorebi-qc", "batch", "list.csv", "--out", "quality"), prints="1 recording")
    own = {
        "": [
            _refused("demo", ("demo",), "demo"),
            _refused("--plot", ("diagnose", *pair, "--plot", "figure.png"), "view"),
            _refused("batch", ("batch", "list.csv", "--out", "quality"), "fleet"),
            _refused("fleet", ("fleet", "quality", "--out", "fleet.html"), "fleet"),
            _refused("audit", ("audit", *pair, "--out", "audit"), "desk"),
            _refused("clip", ("clip", *pair, "--at", "5", "--out", "clip.mp4"), "desk"),
        ],
        "demo": [Step("demo", ("komorebi-qc", "demo", "--out", "demo"), makes=("demo/recording.mp4", "demo/qc.json"))],
        "view": [Step("--plot", ("komorebi-qc", "diagnose", *pair, "--plot", "figure.png"), makes=("figure.png",))],
        "fleet": [
            listed,
            batch,
            Step("fleet", ("komorebi-qc", "fleet", "quality", "--out", "fleet.html"), makes=("fleet.html",)),
            _refused("audit", ("audit", *pair, "--out", "audit"), "desk"),
        ],
        "cluster": [listed, Step("batch --dask", ("python", "on_dask.py"), prints="1 recording")],
        "desk": [
            Step("audit", ("komorebi-qc", "audit", *pair, "--out", "audit"), makes=("audit/report.html",)),
            Step("clip", ("komorebi-qc", "clip", *pair, "--at", "5", "--out", "clip.mp4"), makes=("clip.mp4",)),
            Step("jupyter lab", ("jupyter", "lab", "--version"), prints=r"\d"),
        ],
        "sign": [
            Step("key", ("python", "-c", _KEY), makes=("key.pem",)),
            Step("--key", ("komorebi-qc", "verify", ".", "--key", "key.pem"), code=3, prints="isn't signed"),
        ],
    }
    return base + own[extra]


def _refused(name: str, words: tuple[str, ...], extra: str) -> Step:
    """A command whose extra isn't there: it ends with exit code 2 and the lines that install the extra."""
    return Step(f"no {name}", ("komorebi-qc", *words), code=2, prints=rf'pip install -e "\.\[{extra}\]"')
