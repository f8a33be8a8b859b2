"""Batches: thousands of recordings diagnosed, processed or audited into a dataset."""
