"""One recording's work: what it depends on, the process that does it, and the row that it leaves."""
