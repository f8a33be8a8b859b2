"""The function AWS Lambda calls with events of the queue: `app.handler`."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from komorebi_qc.handler import handle
from komorebi_qc.settings import Settings, WiredPipeline


@cache
def _pipeline() -> WiredPipeline:
    """Wired once, when the first event comes."""
    return Settings.from_environment(os.environ).pipeline()


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """Process an SQS event; what failed is listed for the queue to offer again."""
    return handle(event, _pipeline().process, request_id=getattr(context, "aws_request_id", None))
