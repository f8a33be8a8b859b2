"""An environment whose Jupyter writes nothing into this user's home."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def jupyter_environment(folder: Path) -> dict[str, str]:
    """This process's environment without AWS settings, and with Jupyter's folders inside `folder`."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "KOMOREBI_", "JUPYTER"))}
    folders = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("DATA", "CONFIG", "RUNTIME")}
    return {**kept, **folders, "IPYTHONDIR": str(folder / "ipython"), "COLUMNS": "200"}
