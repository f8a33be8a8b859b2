"""Media in S3: ranged reads, multipart uploads, and publications that can be undone."""
