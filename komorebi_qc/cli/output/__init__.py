"""Text for people: results on standard output, progress and errors on standard error."""
