"""`process` in nine steps, and `diagnose`, which writes nothing."""
