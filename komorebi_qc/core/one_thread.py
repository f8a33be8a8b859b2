"""One thread for the linear algebra behind NumPy.

OpenBLAS divides even a small product among all cores, and its threads then spin for a while. In the sync measurement of
an hour they take a quarter of the CPU time, and nothing is done sooner.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Environment variables of the libraries that NumPy may be built with, read when it is first imported."""


def use_one_thread(environ: MutableMapping[str, str] | None = None) -> None:
    """Set the variables that aren't set. A program calls it before anything imports NumPy.

    Args:
        environ: None for the process's own environment, which its children inherit.
    """
    wanted = os.environ if environ is None else environ
    for name, value in ONE_THREAD.items():
        wanted.setdefault(name, value)
