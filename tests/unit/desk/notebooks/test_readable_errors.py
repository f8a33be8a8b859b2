"""Errors of a cell in one sentence."""

from __future__ import annotations

import pytest

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.notebooks.readable_errors import readable_errors


@readable_errors
def half(number: int) -> int:
    """Half of an even number."""
    if number % 2:
        raise InputError(f"{number} is odd")
    return number // (2 if number else 0)


def test_an_input_error_is_one_line() -> None:
    """IPython prints the lines of `_render_traceback_` instead of a traceback."""
    assert half(4) == 2
    with pytest.raises(InputError) as raised:
        half(3)
    assert raised.value._render_traceback_() == ["InputError: 3 is odd"]  # type: ignore[attr-defined]


def test_a_defect_keeps_its_traceback() -> None:
    """Any other exception is left unchanged."""
    with pytest.raises(ZeroDivisionError) as raised:
        half(0)
    assert not hasattr(raised.value, "_render_traceback_")
