"""The function that AWS Lambda calls with events of the queue: `app.handler`."""

from __future__ import annotations

import logging
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer, single_metric
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.queue.handler import MessageStaysError, WorkerContext, check_event, handle_record
from komorebi_qc.wiring import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from komorebi_qc.queue.arrivals import Arrivals
    from komorebi_qc.queue.done_event import DoneEvents
    from komorebi_qc.queue.handler import MessageQueues, Pipeline
    from komorebi_qc.queue.report import Report

    Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

SERVICE, NAMESPACE = "komorebi-qc", "KomorebiQC"
LOG = Logger(service=SERVICE, stream=sys.stderr, utc=True)
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:  # elsewhere the caller decides where the package's warnings go
    logging.getLogger("komorebi_qc")  # only registered loggers are found, and the modules that warn load later
    copy_config_to_registered_loggers(LOG, include={"komorebi_qc"})
METRICS = Metrics(namespace=NAMESPACE, service=SERVICE)
BATCH = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@cache
def _wired() -> tuple[Pipeline, MessageQueues, Arrivals | None, DoneEvents | None]:
    """Made once, when the first event comes."""
    settings = Settings.from_environment(os.environ)
    return settings.pipeline(), settings.message_queues(), settings.arrivals(), settings.done_events()


def _traced(function: Handler) -> Handler:
    if "LAMBDA_TASK_ROOT" not in os.environ:  # outside of Lambda nothing is traced, and X-Ray's SDK would make a client
        return function
    tracer = Tracer(service=SERVICE, auto_patch=False)
    return tracer.capture_lambda_handler(function, capture_response=False)


@LOG.inject_lambda_context(clear_state=True)
@_traced
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process an SQS event; returns the messages that must be delivered again."""
    pipeline, queues, arrivals, done = _wired()
    if isinstance(context, WorkerContext) and context.pipeline is not None:
        pipeline = context.pipeline

    def one(record: SQSRecord) -> None:
        report = handle_record(
            record.raw_event,
            pipeline,
            queues,
            remaining_s=lambda: context.get_remaining_time_in_millis() / 1000,
            request_id=context.aws_request_id,
            arrivals=arrivals,
            on_recording_id=lambda recording_id: LOG.append_keys(recordingID=recording_id),
        )
        log = {"INFO": LOG.info, "WARNING": LOG.warning, "ERROR": LOG.error}[report.level]
        log(report.outcome, extra=report.fields(with_keys=LOG.log_level <= logging.DEBUG))
        if done is not None and report.outcome == "done" and report.recording_id is not None:
            try:
                done.send(report.recording_id, report.result)
            except KomorebiError as error:  # the recording is published, and a retry would only skip it
                LOG.warning("no event was sent: %s", error)
        LOG.remove_keys(["recordingID"])
        if isinstance(context, WorkerContext):
            context.reports.append(report)  # the worker has its own counts, and no metrics
        else:
            _measure(report)
        if report.is_batch_item_failure:
            raise MessageStaysError(report.message_id)

    checked = check_event(event)
    if not checked["Records"]:
        return {"batchItemFailures": []}
    return dict(process_partial_response(checked, one, BATCH, context))


def _measure(report: Report) -> None:
    for metric in report.metrics():
        unit = MetricUnit(metric.unit)
        if metric.by:
            with single_metric(metric.name, unit, metric.value, namespace=NAMESPACE) as metrics:
                for name, value in {"service": SERVICE, **metric.by}.items():
                    metrics.add_dimension(name, value)
        else:
            METRICS.add_metric(metric.name, unit, metric.value)
    METRICS.flush_metrics()
