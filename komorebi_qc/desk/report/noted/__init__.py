"""Notes in the report: the list of those that there are, and the form for another."""
