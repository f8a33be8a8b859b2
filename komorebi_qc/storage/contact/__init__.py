"""Contact records from Amazon Connect's API, and from exported files in S3."""
