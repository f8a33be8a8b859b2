"""The places that a worker process may reach: folders to write in, and hosts to connect to.

Two walls, because each has gaps. The kernel's (`komorebi_qc.isolation.landlock`) also holds for code in C, but knows
ports only. Python's own (an audit hook) knows hosts, but not the calls of code in C. A process that needs no network
gets a network of its own as well, with nothing in it, if this user may make one.
"""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import json
import os
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.isolation import landlock

if TYPE_CHECKING:
    from collections.abc import Callable

_DNS = 53
_NEW_NETWORK, _NEW_USER = 0x40000000, 0x10000000
_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_SENDS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_PROGRAMS = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system")


@dataclass(frozen=True, slots=True)
class Confinement:
    """All that a process may reach, besides reading this machine's files.

    Attributes:
        writable: folders in which it may write, besides its temporary files.
        hosts: names, with all names below them, and addresses that it may connect to.
        ports: the TCP ports there.
        may_execute: whether it may start programs.
    """

    writable: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    may_execute: bool = False

    def to_json(self) -> str:
        """The confinement as an argument of the process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Confinement:
        """The confinement that `to_json` wrote."""
        found = json.loads(text)
        writable, hosts, ports = (tuple(found[name]) for name in ("writable", "hosts", "ports"))
        return cls(writable, hosts, ports, may_execute=bool(found["may_execute"]))

    def allows(self, host: str) -> bool:
        """Whether a name or an address may be connected to."""
        name = host.rstrip(".").lower()
        return any(name == one or (name.endswith(f".{one}") and not _is_address(one)) for one in self.hosts)

    def enter(self) -> None:
        """Confine this process for good. Call it before another thread starts.

        A wall that this system doesn't have is left out.
        """
        if not self.hosts:
            _leave_the_network()
        folders = [Path(one) for one in (*self.writable, os.environ.get("TMPDIR", "")) if one and Path(one).exists()]
        ports = (*self.ports, _DNS) if self.hosts else ()
        with suppress(OSError):  # such as inside of a container that forbids the call
            landlock.restrict([*folders, Path(os.devnull)], ports, may_execute=self.may_execute)
        sys.addaudithook(self._hook())

    def _hook(self) -> Callable[[str, tuple[Any, ...]], None]:
        """Refuse connections of Python's own code to other hosts, and programs."""
        resolved: set[str] = set()
        resolve = socket.getaddrinfo

        def getaddrinfo(host: Any, *more: Any, **named: Any) -> Any:
            found = resolve(host, *more, **named)  # the hook has allowed the name
            resolved.update(str(one[4][0]) for one in found)
            return found

        socket.getaddrinfo = getaddrinfo

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event in _LOOKUPS:
                host = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
                if host is not None and not self.allows(str(host)):
                    raise PermissionError(errno.EACCES, f"this process may not connect to {str(host)[:200]!r}")
            elif event in _SENDS and isinstance(arguments[1], tuple):
                host = str(arguments[1][0])
                if host not in resolved and not self.allows(host):
                    raise PermissionError(errno.EACCES, f"this process may not connect to {host[:200]!r}")
            elif event == "socket.bind" and isinstance(arguments[1], tuple):
                raise PermissionError(errno.EACCES, "this process may not listen for connections")
            elif event in _PROGRAMS and not self.may_execute:
                raise PermissionError(errno.EACCES, "this process may not start programs")

        return hook


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(text)
        return True
    return False


def _leave_the_network() -> None:
    """Move into a network with nothing in it, on Linux; also UDP and code in C can't leave it."""
    if sys.platform != "linux" or not hasattr(os, "getuid"):
        return
    user, group = os.getuid(), os.getgid()
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    if unshare(_NEW_NETWORK) == 0:  # root
        return
    if unshare(_NEW_USER | _NEW_NETWORK) == 0:
        with suppress(OSError):  # the same user inside; otherwise its files would seem to be of nobody
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
