"""Checks every output of a notebook's cells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komorebi_qc.desk.notebooks.notebook_output import NotebookOutput


def check_output(output: NotebookOutput) -> None:
    """The output is self-contained and described, and no number is missing."""
    assert output.text.strip()
    assert not re.search(r"\b(nan|None(?! of)|inf)\b", output.text)
    addresses = re.findall(r'<(?:img|audio|video|source)[^>]* src="([^"]{0,40})', output.html)
    assert all(address.startswith("data:") for address in addresses)
    assert all('alt="' in tag for tag in re.findall(r"<img[^>]{0,400}", output.html))
