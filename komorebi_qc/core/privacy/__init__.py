"""Time of a call that was not to be recorded, and its masks."""
