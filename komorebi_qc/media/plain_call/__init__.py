"""Call audio as Connect writes it, read sample for sample."""
