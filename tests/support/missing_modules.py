"""A Python without the modules that Windows or macOS don't have, for this package's own modules and processes.

Other packages keep all modules: they have separate releases for each system.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

WINDOWS = {
    "modules": ["fcntl", "grp", "pwd", "resource", "termios"],
    "os": ["O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "fork", "geteuid", "getuid", "killpg", "mkfifo",
           "sched_getaffinity", "setsid", "sysconf"],
    "select": ["POLLHUP", "POLLIN", "poll"],
    "signal": ["SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "alarm", "setitimer"],
}  # fmt: skip
MACOS = {"modules": list[str](), "os": ["sched_getaffinity"], "select": list[str](), "signal": list[str]()}

_SITECUSTOMIZE = """
import builtins, types
LACKS = {lacks!r}
true_import, proxies = builtins.__import__, {{}}

def without(module):
    if module.__name__ not in proxies:
        proxy = types.ModuleType(module.__name__, module.__doc__)
        for name, value in vars(module).items():
            if name not in LACKS[module.__name__]:
                setattr(proxy, name, value)
        proxies[module.__name__] = proxy
    return proxies[module.__name__]

def limited_import(name, globals=None, locals=None, fromlist=(), level=0):
    importer = (globals or {{}}).get("__name__", "")
    is_ours = importer.partition(".")[0] == "komorebi_qc" or (globals or {{}}).get("__package__", "") == "komorebi_qc"
    if is_ours and level == 0 and name in LACKS["modules"]:
        raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
    found = true_import(name, globals, locals, fromlist, level)
    if is_ours and level == 0 and name in LACKS:
        found = without(found)
        for wanted in fromlist or ():
            if not hasattr(found, wanted):
                raise ImportError(f"cannot import name {{wanted!r}} from {{name!r}}")
    return found

builtins.__import__ = limited_import
"""


def environment_without(folder: Path, lacks: dict[str, list[str]]) -> dict[str, str]:
    """The variables with which every Python process lacks these modules and attributes.

    Args:
        folder: the folder that the start-up module is written to.
        lacks: names of modules under ``modules``, and of attributes under their module's name.
    """
    (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE.format(lacks=lacks), encoding="utf-8")
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))
    return {"PYTHONPATH": path}
