"""Which recordings a batch is about: read from a manifest, the table or a prefix, and validated."""
