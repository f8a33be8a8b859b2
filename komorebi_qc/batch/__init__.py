"""Thousands of recordings: a manifest in, a Parquet dataset out, and what was done already isn't done again."""
