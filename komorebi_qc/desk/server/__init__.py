"""A small server on this machine's own address: lists reports, serves them, saves notes, and runs our commands."""
