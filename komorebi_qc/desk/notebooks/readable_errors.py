"""Errors of a cell in one sentence.

A wrong parameter or a missing file is the reader's to correct: the traceback through this package wouldn't help, and it
would push the sentence out of view. Errors of any other kind keep their traceback.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from komorebi_qc.core.errors import KomorebiError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def readable_errors(function: Callable[P, R]) -> Callable[P, R]:
    """A function of a cell, whose `KomorebiError` IPython prints as a single line."""

    @wraps(function)
    def call(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            return function(*arguments, **options)
        except KomorebiError as error:
            line = f"{type(error).__name__}: {error}"
            vars(error)["_render_traceback_"] = lambda: [line]  # IPython asks the exception for its own lines
            raise

    return call
