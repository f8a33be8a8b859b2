"""Messages in, dead letters out: SQS, the handler, the worker, operations."""
