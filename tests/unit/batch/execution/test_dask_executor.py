"""The addresses of schedulers that a batch accepts; tests/system/test_dask_cluster.py has the work on a cluster."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import dask.config
import pytest
from batch_desk import LIMITS

from komorebi_qc.batch.execution.dask_executor import DaskExecutor
from komorebi_qc.core.errors import InputError, StorageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "address", ["foo", "host:8786", "tcp://host", "tcp://:8786", "tcp://host:x", "http://host:1", ""]
)
def test_a_malformed_address_is_refused(address: str) -> None:
    """Before any connection is made."""
    with pytest.raises(InputError, match="isn't a scheduler's address"):
        DaskExecutor(address, LIMITS)


def test_a_silent_server_is_not_a_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that accepts connections and sends nothing is an error after the timeout."""
    monkeypatch.setattr("komorebi_qc.batch.execution.dask_executor.TIMEOUT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StorageError, match="no Dask scheduler answers"):
            DaskExecutor(address, LIMITS)


@pytest.mark.parametrize(
    "address", ["tcp://10.0.0.1:8786", "tcp://scheduler:8786", "ws://192.0.2.1:1", "ucx://h:1", "tcp://[2001:db8::1]:1"]
)
def test_an_unencrypted_scheduler_elsewhere_is_refused(address: str) -> None:
    """Before any connection is made: anybody who reaches such a scheduler can run code on its workers."""
    with pytest.raises(InputError, match=r"isn't encrypted.*--protocol tls"):
        DaskExecutor(address, LIMITS)


def test_an_encrypted_scheduler_needs_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them, or with a file that can't be read, the error names the settings or the file."""
    with pytest.raises(InputError, match=r"no certificate is configured.*TLS__CA_FILE"):
        DaskExecutor("tls://192.0.2.1:8786", LIMITS)
    settings = dask.config.config["distributed"]["comm"]["tls"]
    node = str(tmp_path / "node.pem")
    monkeypatch.setitem(settings, "ca-file", str(tmp_path / "ca.pem"))
    monkeypatch.setitem(settings, "client", {"cert": node, "key": node})
    with pytest.raises(InputError, match="can't be read"):
        DaskExecutor("tls://192.0.2.1:8786", LIMITS)
