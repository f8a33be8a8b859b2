"""Several files of one agent recording: each measured against the call, placed, and joined."""
