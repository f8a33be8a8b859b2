"""One recording's work: its task, the process that does it, and its row."""
